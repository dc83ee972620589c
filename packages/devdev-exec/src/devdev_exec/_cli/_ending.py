"""How a program ended, as the commands that run one tell it: exit codes and JSON."""

import json
import sys
from typing import Any

from devdev_exec._cli._errors import TIMED_OUT
from devdev_exec._result import ExecResult

JSON_HELP = """\
With --json the last line on standard error is an object with exit_code, signal,
timed_out, duration and cpu (seconds), max_memory and output_bytes, containment (the
level), span (of what it changed in the history; 0: nothing)"""


def finish(result: ExecResult, *, as_json: bool) -> int:
    """Tell how a program ended, and what it changed; the code to exit with."""
    tell_of_unkept(result)
    code = exit_code(result)
    if as_json:
        partial = result.is_changed_partial
        print_ending(result, changed=result.changed, changed_partial=partial)
    return code


def exit_code(result: ExecResult) -> int:
    """The code to exit with; what is not the program's own doing is said."""
    if result.timed_out or result.signal is not None:
        say(f"{result.argv[0]!r} {result.ending}")
    if result.timed_out:
        return TIMED_OUT
    if result.signal is not None:
        return 128 + result.signal
    assert result.exit_code is not None
    return result.exit_code


def print_ending(result: ExecResult, **more: Any) -> None:
    """Tell it as a line of JSON on standard error, which the program may use, too."""
    report = {
        "exit_code": result.exit_code,
        "signal": result.signal,
        "timed_out": result.timed_out,
        "duration": result.duration_s,
        "cpu": result.cpu_s,
        "max_memory": result.max_rss,
        "output_bytes": result.output_bytes,
        "containment": result.containment,
        "span": result.span,
        **more,
    }
    print(json.dumps(report), file=sys.stderr)


def tell_of_unkept(result: ExecResult) -> None:
    """Say what a copy could not show, or keep; and what the state lacks."""
    if result.unsaved:
        say(result.unsaved)
    for path, reason in result.unkept:
        say(f"not kept: {path!r}: {reason}")


def say(text: str) -> None:
    """Say it on standard error."""
    print(f"devdev: {text}", file=sys.stderr)
