"""A program that is to be contained: what to start for it, and what came of that."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from devdev_mount import Closing

from devdev_exec._containment._options import (
    WORKSPACE,
    landlock_options,
    limit_options,
    namespaces_options,
)
from devdev_exec._containment._policy import Containment
from devdev_exec._containment._probe import best_level, bubblewrap, is_root
from devdev_exec._containment._report import Report
from devdev_exec._containment._starting import stage_command, stage_variables
from devdev_exec._errors import ContainmentError
from devdev_exec._levels import Level
from devdev_exec._result import ExecResult

_START_TIMEOUT = 10.0

UNCONTAINED = Containment(level="none")


class Contained(Closing):
    """A program with a policy; close it, or use `with`, when the program has ended.

    Args:
        program: it and its arguments.
        policy: how it is contained.
        workspace: where the host has the workspace.
        scratch: gives a directory of the host for temporary files, which is asked for
            where the host's own are out of reach.

    Raises:
        ContainmentError: the host offers less than the policy requires, or has no way
            to hold root to a limit.
    """

    def __init__(
        self,
        program: list[str],
        policy: Containment,
        *,
        workspace: str,
        scratch: Callable[[], str],
    ) -> None:
        if policy.limits.processes is not None and is_root():
            raise ContainmentError(
                "the kernel holds root to no limit of processes; run as another user"
            )
        self.level: Level = best_level(policy)
        """The level that is reached."""
        self._program = program
        self._policy = policy
        self._workspace = workspace
        self._scratch = scratch() if self.level == "landlock" else None
        is_plain = self.level == "none" and not policy.limits.by_rlimit()
        self._report = None if is_plain else Report()

    @property
    def root(self) -> str:
        """Where the program sees the root of the workspace."""
        return WORKSPACE if self.level == "namespaces" else self._workspace

    def command(self, directory: str) -> list[str]:
        """What to start in place of the program.

        Args:
            directory: where to start it: a directory of the workspace, on the host.
        """
        if self._report is None:
            return self._program
        options = limit_options(self._policy)
        if self._scratch is not None:
            write = (self._workspace, self._scratch)
            options += landlock_options(self._policy, write=write)
        elif self.level == "namespaces":
            options += namespaces_options(
                self._policy,
                bubblewrap(),
                is_root=is_root(),
                workspace=self._workspace,
                inside=directory.removeprefix(self._workspace),
            )
        return [*stage_command(self._report.path, self.level, options), *self._program]

    def variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment to start it with, for the program to get `variables`."""
        if self._scratch is not None:
            variables = {"TMPDIR": self._scratch, **variables}
        if self._report is None:
            return dict(variables)
        return stage_variables(variables, os.environ)

    def wait_started(self) -> None:
        """Wait until the program is about to run.

        Raises:
            SpawnError, ContainmentError: it was not run.
        """
        if self._report is not None:
            self._report.wait_started(self.level, _START_TIMEOUT)

    def settle(self, result: ExecResult) -> ExecResult:
        """What became of the program, from the result of what was started for it.

        Raises:
            SpawnError, ContainmentError: it was not run.
        """
        if self._report is None:
            return result
        written = result.stderr or result.output
        self._report.settle(self.level, result.exit_code, written)
        return replace(result, argv=tuple(self._program), containment=self.level)

    def close(self) -> None:
        """Free what it took. A second call does nothing."""
        if self._report is not None:
            self._report.close()
            self._report = None
