"""The running Python as something to work on: its library, and how to run it moved."""

import importlib
import os
import sys
import sysconfig
from pathlib import Path

_TEST_MODULES = (
    "test_json",
    "test_glob",
    "test_filecmp",
    "test_fileinput",
    "test_dbm_dumb",
)
"""Of Python's own tests: quick, and all but the first are about files.

None minds who owns a file: that depends on the user and on the mount."""

DOCTEST_MODULES = (
    *("collections", "difflib", "fractions", "heapq"),
    *("json", "json.encoder", "pickle", "statistics"),
)
"""What has tests in its documentation, for a Python without its package `test`."""


class RunningPython:
    """The interpreter beneath any virtual environment, and its library.

    Args:
        home: where in the workspace what belongs to it is to be, as in a prefix.
    """

    def __init__(self, home: str) -> None:
        self.executable = getattr(sys, "_base_executable", None) or sys.executable
        self.library = sysconfig.get_path("stdlib")
        self.relative_library = f"{sys.platlibdir}/{Path(self.library).name}"
        self._home = home

    @property
    def no_part_of_library(self) -> tuple[str, ...]:
        """Names of what lies in its directory and is not of it, or is compiled."""
        built = sysconfig.get_config_var("LIBPL") or ""  # with libpython.a
        names = ("site-packages", "dist-packages", "__pycache__")
        return (*names, os.path.basename(built)) if built else names

    def variables(self, root: Path) -> dict[str, str]:
        """What makes it use the copy of its library, below the mount `root`."""
        return {"PYTHONHOME": f"{root}{self._home}"}

    @property
    def has_sqlite(self) -> bool:
        """Whether its module sqlite3 can be used: it may lack what that builds on."""
        try:
            importlib.import_module("_sqlite3")
        except ImportError:
            return False
        return True

    def find_tests(self) -> list[str]:
        """Those of its own tests that are installed, as modules; none at times."""
        package = Path(self.library, "test")
        return [
            f"test.{name}"
            for name in _TEST_MODULES
            if (package / name).is_dir() or (package / f"{name}.py").is_file()
        ]
