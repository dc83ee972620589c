"""What `devdev demo` has real programs do in a workspace."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from devdev_exec._cli import _demo_files as files
from devdev_exec._cli._programs import SEARCH_PATH, find_program, how_to_install
from devdev_exec._cli._pythons import DOCTEST_MODULES, RunningPython
from devdev_exec._cli._steps import Step, StepFailed, Steps
from devdev_exec._result import ExecResult
from devdev_exec._workspace import HOME, Workspace

TREE = "/python"
"""What is imported, and made a git repository."""

_CLONE = "/clone"
_TEMPORARY = "/tmp"
_TALLY = "/tally"
_DATABASES = "/databases"
_ROWS = 5000
_TIMEOUT = 600.0
_JOURNALS = {"delete": "rollback journal", "wal": "write-ahead log"}


class Jobs:
    """Runs programs in one workspace, each as a step or a part of one."""

    def __init__(self, workspace: Workspace, steps: Steps) -> None:
        self.fs = workspace.fs
        self.steps = steps
        self._workspace = workspace
        assert workspace.path is not None
        self.root = workspace.path

    def run(
        self,
        step: Step,
        argv: list[str],
        *,
        cwd: str = "/",
        variables: dict[str, str] | None = None,
    ) -> str:
        """Run a program under a terminal; return what it wrote.

        Raises:
            StepFailed: it did not succeed.
        """
        result = self._workspace.exec(
            argv,
            cwd=cwd,
            timeout=_TIMEOUT,
            # A Python may need it to find its own libraries.
            inherit=("LD_LIBRARY_PATH",),
            variables={"TMPDIR": f"{self.root}{_TEMPORARY}", **(variables or {})},
            search_path=SEARCH_PATH,
            on_output=step.note_output,
        )
        step.add_output(argv, result)
        if not result.ok:
            raise StepFailed(f"{PurePosixPath(argv[0]).name} {result.ending}", result)
        return result.output.decode("utf-8", "replace").replace("\r\n", "\n")
