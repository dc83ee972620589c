"""How the process that contains a program is started: its command and environment."""

import os
import sys
from collections.abc import Mapping

from devdev_exec._levels import Level

PREFIX = "DEVDEV_PROGRAM_"
"""Before the name of each variable of the program, as `_stage` has it."""

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Loads modules of this package without the package itself, which has much more.
_BOOTSTRAP = """\
import sys
for name, path in (("", ""), ("._containment", "/_containment")):
    package = sys.modules["devdev_exec" + name] = type(sys)("devdev_exec" + name)
    package.__path__ = [sys.argv[1] + path]
from devdev_exec._containment._stage import main
main(sys.argv[2:])
"""

# Without it, a Python that was built with shared libraries may not start.
_OF_PYTHON = "LD_LIBRARY_PATH"


def stage_command(report: str, level: Level, options: list[str]) -> list[str]:
    """What contains a program; to be followed by the program and its arguments.

    Args:
        report: the path to report to.
        level: how to contain it.
        options: as `_stage` has them.
    """
    python = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP, _HERE]
    return [*python, report, level, *options, "--"]


def stage_variables(
    variables: Mapping[str, str], host: Mapping[str, str]
) -> dict[str, str]:
    """The environment of what contains a program that gets `variables`."""
    own = {_OF_PYTHON: host[_OF_PYTHON]} if _OF_PYTHON in host else {}
    return own | {f"{PREFIX}{name}": value for name, value in variables.items()}
