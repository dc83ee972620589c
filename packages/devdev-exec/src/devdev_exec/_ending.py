"""How a command ended, as its supervisor tells it."""

import json
from collections.abc import Sequence

from devdev_exec._errors import ExecError
from devdev_exec._result import ExecResult
from devdev_exec._wire import Cause


def decode_ending(argv: Sequence[str], payload: bytes) -> ExecResult:
    """The result in the payload of an ENDED frame, without output.

    Raises:
        ExecError: The command was ended for no reason of its own.
    """
    fields = json.loads(payload)
    cause = fields.pop("cause")
    if cause == Cause.STOPPED:
        raise ExecError(
            f"{argv[0]!r} was ended because the launcher was closed or its helper "
            "process died"
        )
    return ExecResult(
        argv=tuple(argv),
        timed_out=cause == Cause.TIMEOUT,
        output=b"",
        stderr=b"",
        dropped_bytes=0,
        **fields,
    )


def supervisor_died(argv: Sequence[str]) -> ExecError:
    """Why there is no result of a command whose supervisor is gone."""
    return ExecError(f"{argv[0]!r} was ended because the process standing over it died")
