"""`Transaction`: what a program did on a fork, to be committed or dropped.

A fork is mounted by the same server, and a program of it finds it at the workspace's
own path, in a mount namespace of its own. Nobody else sees it there.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from devdev_mount import (
    Closing,
    Conflict,
    Difference,
    FsBase,
    FsError,
    MergeConflict,
    MountError,
    PullReport,
    PushReport,
    SavedState,
    ServedMount,
    StateError,
)

from devdev_exec._errors import ExecError, SpawnError
from devdev_exec._result import ExecResult

CommitPolicy = Literal["on_success", "always", "never"]
"""When a transaction is committed: if its program exits with 0, whatever becomes of
the program, or not at all."""


class ForkPlace:
    """Where a fork is shown, and where its programs find it.

    Args:
        fs: the fork.
        mount: its mount.
        path: where programs find it.
    """

    is_kept = False

    def __init__(self, fs: FsBase, mount: ServedMount, path: Path) -> None:
        self.fs = fs
        self.path = path
        self.driver = mount.driver
        self._mount = mount

    @property
    def shown(self) -> tuple[str, str] | None:
        """What has to be shown elsewhere, and where; None if nothing has."""
        if self._mount.path == self.path:
            return None
        return os.fspath(self._mount.path), os.fspath(self.path)

    def attribute(self, pid: int, span: int) -> None:
        """See `Served.attribute`."""
        self._mount.attribute(pid, span)

    def push(self) -> PushReport:
        """See `Served.push`."""
        return self._mount.push()

    def pull(self, actor: str | None = None) -> PullReport:
        """See `Served.pull`."""
        return self._mount.pull(actor)

    def save(self, actor: str = "", *, history: bool = True) -> SavedState:
        """A fork is not kept."""
        raise StateError("the state of a fork is not kept")


@dataclass(kw_only=True, slots=True)
class Origin:
    """What forks are made of, and merged into: a workspace, as far as needed here."""

    fs: FsBase
    path: Path
    """Where it is shown."""
    mount: Callable[[FsBase], ServedMount]
    """Shows a fork of it somewhere."""
    exec_at: Callable[[ForkPlace], Callable[..., ExecResult]]
    """`Workspace.exec` on a fork."""
    save: Callable[[ExecResult, str], ExecResult]
    """Saves its state, if that is kept, for an actor; the result says if it fails."""
    has_namespaces: bool = True
    """False once it is known that programs get no mount namespace here."""


class Trial:
    """A fork of a workspace that programs run on.

    Args:
        origin: the workspace.
        require_same_path: whether programs must find the fork at the workspace's path.

    Raises:
        MountError: it cannot be shown.
    """

    def __init__(self, origin: Origin, *, require_same_path: bool) -> None:
        self._origin = origin
        self._require_same_path = require_same_path
        self.path_is_same = False
        """Whether the last program found it at the workspace's path."""
        with ExitStack() as undo:
            self.base = origin.fs.fork()
            """The state that it began with."""
            undo.callback(_let_go, self.base)
            self.fs = self.base.fork()
            """The fork."""
            undo.callback(_let_go, self.fs)
            self._mount = origin.mount(self.fs)
            undo.callback(_let_go, self._mount)
            self._undo = undo.pop_all()

    def exec(self, argv: Sequence[str], **options: Any) -> ExecResult:
        """Run a program on it; see `Workspace.exec`.

        Raises:
            ExecError: it cannot be at the workspace's path, and must.
        """
        if self._origin.has_namespaces or self._require_same_path:
            try:
                result = self._exec_at(self._origin.path, argv, options)
            except SpawnError as error:
                if not error.no_namespace:
                    raise
                self._origin.has_namespaces = False
                if self._require_same_path:
                    raise
            else:
                self.path_is_same = True
                return result
        self.path_is_same = False
        return self._exec_at(self._mount.path, argv, options)

    def _exec_at(
        self, path: Path, argv: Sequence[str], options: dict[str, Any]
    ) -> ExecResult:
        place = ForkPlace(self.fs, self._mount, path)
        return self._origin.exec_at(place)(argv, **options)

    def finish(self, result: ExecResult, actor: str) -> "Transaction":
        """End its mount, so that the fork has everything, and leave the rest to this.

        Raises:
            MountError: it is still mounted.
        """
        self._mount.close()
        self._undo.pop_all()
        return Transaction(self._origin, self, replace(result, span=0), actor)

    def drop(self) -> None:
        """Let go of it and of all that was changed on it; again is nothing."""
        self._undo.close()


def _let_go(what: FsBase | ServedMount) -> None:
    """Close it, with all that is in it; if the server has ended, that is done."""
    with suppress(MountError):
        try:
            what.close()
        except (OSError, MergeConflict):  # a copy that cannot be pulled
            what.close()


class Transaction(Closing):
    """What became of a program on a fork; close it, or use `with`.

    As long as it is not committed, `fs` has what the program changed, and it can be
    committed still. To commit it closes it.
    """

    def __init__(
        self, origin: Origin, trial: Trial, result: ExecResult, actor: str
    ) -> None:
        self.result = result
        """How the program ended, and what it wrote and changed."""
        self.fs = trial.fs
        """The fork, with what the program changed."""
        self.path_is_same = trial.path_is_same
        """Whether the program found the fork at the workspace's own path."""
        self.is_committed = False
        """Whether what the program changed is in the workspace."""
        self.conflicts: tuple[Conflict, ...] = ()
        """Why it could not be committed: what others changed differently meanwhile."""
        self.refusal: FsError | None = None
        """Why it could not be committed though nobody was in the way: ENOSPC."""
        self._origin = origin
        self._base = trial.base
        self._actor = actor
        self._lock = Lock()
        self._is_closed = False

    @property
    def span(self) -> int:
        """The span of the workspace's history that has all of it, for `fs.undo`.

        It is 0 if nothing is committed, or was changed.
        """
        return self.result.span

    def diff(self) -> list[Difference]:
        """What the program changed, against the state that it began with.

        Raises:
            ExecError: it is closed.
        """
        self._check_open()
        return self.fs.diff(self._base)

    def diff_text(self) -> bytes:
        """The same as a unified diff, which `git apply` and `patch -p1` take.

        Raises:
            ExecError: it is closed.
        """
        self._check_open()
        return self.fs.diff_text(self._base)

    def commit(
        self, on_conflict: Literal["data", "ours", "theirs", "markers"] = "data"
    ) -> bool:
        """Bring what the program changed into the workspace, all or nothing.

        All of it is one span, which `fs.undo` takes back. Again is nothing.

        Args:
            on_conflict: what to do where others changed the same things meanwhile:
                "data" puts that into `conflicts`, and changes nothing; the others are
                as of `FsBase.merge`, the workspace being "ours".

        Returns:
            Whether it is committed; if not, `conflicts` or `refusal` say why.

        Raises:
            ExecError: it is closed.
        """
        with self._lock:
            if self.is_committed:
                return True
            self._check_open()
            self.conflicts, self.refusal = (), None
            fs = self._origin.fs
            try:
                with fs.actor(self._actor):
                    merged = fs.merge(self._base, self.fs, on_conflict)
            except FsError as error:
                self.refusal = error
                return False
            self.conflicts = tuple(merged.conflicts)
            if merged.conflicts and on_conflict == "data":
                return False
            self.is_committed = True
            result = replace(self.result, span=merged.span)
            self.result = self._origin.save(result, self._actor)
            self._drop()
            return True

    def _check_open(self) -> None:
        if self._is_closed:
            raise ExecError("the transaction is closed: its fork is gone")

    def close(self) -> None:
        """Drop what is not committed; again is nothing."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            _let_go(self.fs)
            _let_go(self._base)


def run_transaction(
    origin: Origin,
    argv: Sequence[str],
    *,
    commit: CommitPolicy,
    require_same_path: bool,
    actor: str,
    options: dict[str, Any],
) -> Transaction:
    """See `Workspace.run_transaction`."""
    trial = Trial(origin, require_same_path=require_same_path)
    with ExitStack() as failed:
        failed.callback(trial.drop)
        result = trial.exec(argv, **options)
        transaction = trial.finish(result, actor)
        failed.callback(transaction.close)
        if commit == "always" or (commit == "on_success" and result.ok):
            transaction.commit()
        failed.pop_all()
    return transaction


Check = Sequence[str] | Callable[[FsBase, ExecResult], bool]
"""What decides whether an attempt of a race may win: a program that is run on its fork
and must exit with 0, or a function of the fork and the attempt's result."""
