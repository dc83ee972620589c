"""`devdev doctor`: what this machine offers, what is missing, how to get it."""

import argparse
import json
import sys

from devdev_exec import __version__
from devdev_exec._cli._checks import CHECKS, Check, Finding, Status
from devdev_exec._cli._errors import FAILED
from devdev_exec._cli._style import Style

_DESCRIPTION = """\
Look at what this machine offers, try it, and say how to get what is missing. The
exit code is 0 if the main job (`devdev demo`) can run here, otherwise 1."""

_WIDTH = 16  # of the names


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev doctor` can be given."""
    parser.usage = "devdev doctor [--json]"
    parser.description = _DESCRIPTION
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what `devdev doctor` is for; return its exit code."""
    return _report_json() if args.json else _report_text()


def _report_json() -> int:
    entries = []
    for group, checks in CHECKS.items():
        for check in checks:
            finding = check.look()
            entry: dict[str, object] = {
                "group": group,
                "name": check.name,
                "required": check.required,
                "status": finding.status,
                "detail": finding.detail,
                "hint": finding.hint,
            }
            entries.append(entry)
    is_fit = all(each["status"] == "ok" for each in entries if each["required"])
    report = {"version": __version__, "ok": is_fit, "checks": entries}
    print(json.dumps(report, indent=2))
    return 0 if is_fit else FAILED


def _report_text() -> int:
    style = Style(sys.stdout)
    print(f"devdev {__version__}")
    unfit = []
    for group, checks in CHECKS.items():
        print(f"\n{style('bold', group)}", flush=True)
        for check in checks:
            finding = check.look()
            _print(style, check, finding)
            if check.required and finding.status is not Status.OK:
                unfit.append(check.name)
    if unfit:
        print(f"\n{style('red', 'The main job cannot run here:')} {', '.join(unfit)}.")
        return FAILED
    print(f"\n{style('green', 'The main job can run here:')} devdev demo")
    return 0


def _print(style: Style, check: Check, finding: Finding) -> None:
    if finding.status is Status.OK:
        word, colour = "ok", "green"
    elif check.required:
        word, colour = finding.status.value, "red"
    else:
        word, colour = finding.status.value, "yellow"
    status = style(colour, f"{word:<8}")
    print(f"  {status} {check.name:<{_WIDTH}} {finding.detail}", flush=True)
    if finding.hint:
        print(f"  {'':<8} {'':<{_WIDTH}} {style('bold', finding.hint)}", flush=True)
