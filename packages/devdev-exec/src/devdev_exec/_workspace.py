"""`Workspace`: a filesystem, its mount, and programs that run in it.

Two processes belong to a mounted workspace: the server that owns the filesystem
(`serve`), and the launcher's helper that starts programs. Both end when this
process does.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from devdev_mount import (
    DEFAULT_MAX_BYTES,
    DEFAULT_MAX_INODES,
    Attached,
    DriverName,
    DriverUnavailable,
    Fs,
    ImportReport,
    Keeper,
    MountOptions,
    Progress,
    PullReport,
    PushReport,
    SavedState,
    Served,
    StateError,
    StateOptions,
    attach,
    import_tree,
    serve,
)
from devdev_mount.testing import ManualClock

from devdev_exec._launcher import checked_argv
from devdev_exec._launching import Launching
from devdev_exec._race import DEFAULT_PARALLEL, Race, run_race
from devdev_exec._result import ExecResult
from devdev_exec._runner import Runner, actor_of
from devdev_exec._running import save_after
from devdev_exec._transaction import (
    Check,
    CommitPolicy,
    ForkPlace,
    Origin,
    Transaction,
    run_transaction,
)

DriverChoice = DriverName | Literal["auto"]
"""How a workspace is shown; "auto" copies where nothing can be mounted."""


class Workspace(Runner):
    """An in-memory filesystem, mounted at a host path, with programs run in it.

    Usable from many threads, several programs at once. Close it, or use `with`:
    then programs, mount and content are gone, so take a `snapshot` before; or give it
    a directory for its `state`, in which the content outlives this process, however
    that ends.

    A program in it runs as this user, with the host and the network in view, unless
    `exec` is told to contain it: a workspace by itself is no jail.

    Where nothing can be mounted, as in most containers, it is copied to a directory of
    the host. `exec` keeps the two in step, so programs find and leave the same. But
    they run one at a time, and who uses `path` besides has to `push` and `pull`.

    Args:
        snapshot: what to begin with (`snapshot`'s bytes); None is empty.
        mount: False keeps the filesystem in this process, where no program sees it
            and `exec` is refused; nothing of the host is needed then.
        mountpoint: an empty directory to mount at; None makes a private one.
        options: how it is mounted.
        driver: "fuse" mounts it, "libfuse" does over that library, "copy" copies it;
            "auto" is "fuse", or "copy" if, and only if, it cannot be mounted.
        max_bytes: quota on content, if there is no snapshot to take it from.
        max_inodes: quota on inodes, likewise.
        umask: taken off the modes of what is made, by programs and through `fs`.
        clock: where its clock begins and how it steps, for tests; with `mount=False` it
            is the clock itself. None is the system's.
        state: a directory of the host to keep the content in, with quotas and history
            (docs/durability.md). One that has a state goes on with it, and `snapshot`
            and quotas are for one that is empty or missing.

    Raises:
        DriverUnavailable: nothing can be mounted here; says what is missing.
        MountError: the mount failed.
        SnapshotError: `snapshot` is none.
        StateInUse: another process keeps its state there.
        StateDamaged: a save there is not what was written; says what can be had.
        StateError: no state can be kept there.
        ValueError: there is no such driver.
    """

    def __init__(
        self,
        *,
        snapshot: bytes | None = None,
        mount: bool = True,
        mountpoint: str | os.PathLike[str] | None = None,
        options: MountOptions | None = None,
        driver: DriverChoice = "auto",
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_inodes: int = DEFAULT_MAX_INODES,
        umask: int = 0o022,
        clock: ManualClock | None = None,
        state: str | os.PathLike[str] | StateOptions | None = None,
    ) -> None:
        self._options = options
        self._served: Served | Attached | None = None
        self._keeper: Keeper | None = None
        self._origin: Origin | None = None
        if state is not None and not isinstance(state, StateOptions):
            state = StateOptions(directory=state)
        launching = Launching()
        if mount:
            serve_by = partial(
                serve,
                mountpoint,
                snapshot=snapshot,
                options=options,
                max_bytes=max_bytes,
                max_inodes=max_inodes,
                umask=umask,
                clock=clock,
                state=state,
            )
            served = self._served = _serve(driver, serve_by)
            super().__init__(served.fs, served, launching=launching, umask=umask)
        else:
            fs = Fs(
                clock=clock, max_bytes=max_bytes, max_inodes=max_inodes, umask=umask
            )
            if snapshot is not None:
                fs.load(snapshot)
            if state is not None:
                self._keeper = Keeper(state, fs)
                fs = self._keeper.fs
            super().__init__(fs, None, launching=launching, umask=umask)

    @classmethod
    def attach(
        cls,
        place: str | os.PathLike[str],
        *,
        actor: str | None = None,
        umask: int = 0o022,
    ) -> Self:
        """Use a workspace that another process of this user has, as one of several.

        Programs are this process's and end with it; the workspace goes on when this
        one is closed. Of what is copied rather than mounted, only the owner runs
        programs.

        Args:
            place: where it is shown, as `devdev mounts` lists it.
            actor: whom the history names for what is changed by `fs`; what a command
                changes is the command's, as ever.
            umask: taken off the modes of what programs make.

        Raises:
            MountError, ServerDied, FsError, DriverUnavailable: as
                `devdev_mount.attach`.
        """
        workspace = cls(mount=False, umask=umask)
        workspace._place = workspace._served = attach(place, actor=actor)
        workspace.fs = workspace._served.fs
        return workspace

    # --- transactions ------------------------------------------------------------

    def run_transaction(
        self,
        argv: Sequence[str],
        *,
        commit: CommitPolicy = "on_success",
        require_same_path: bool = False,
        actor: str | None = None,
        **options: Any,
    ) -> Transaction:
        """Run a program on a fork, and bring in what it changed, or not.

        The program finds the fork where the workspace is, by a mount namespace of its
        own; nobody else sees it. Where the host does not permit that, it is run where
        the fork is mounted, and `path_is_same` of what is returned is False.

        What it changed is merged with what others changed meanwhile, as one span of
        the history. Conflicts are data: then nothing is changed, and the fork is kept
        until the transaction is closed.

        Args:
            argv: as of `exec`.
            commit: "on_success" is with exit code 0, "always" whatever becomes of the
                program; "never" is for a look at what it would change.
            require_same_path: refuse to run it elsewhere.
            actor: as of `exec`.
            options: further arguments of `exec`.

        Raises:
            SpawnError: with `require_same_path`, this host permits no mount namespace.
            Exception: as `exec`. Nothing was changed.
        """
        return run_transaction(
            self._forks(),
            argv,
            commit=commit,
            require_same_path=require_same_path,
            actor=actor_of(checked_argv(argv)) if actor is None else actor,
            options=options,
        )

    def race(
        self,
        attempts: Sequence[Sequence[str]],
        *,
        check: Check | None = None,
        parallel: int = DEFAULT_PARALLEL,
        require_same_path: bool = False,
        actor: str | None = None,
        **options: Any,
    ) -> Race:
        """Run programs, each on a fork of its own, and keep the first that passes.

        The others are ended, and what they changed is dropped; so is that of those
        that fail. What the winner changed is committed as by `run_transaction`.

        Args:
            attempts: programs and arguments, as of `exec`; they are begun in order.
            check: what decides whether one that exits with 0 may win: a program, which
                is run on its fork and must exit with 0 too; or a function of the fork
                and the result, called in another thread. None lets all pass.
            parallel: the most that run at a time.
            require_same_path: as of `run_transaction`.
            actor: as of `exec`; None is the winner's command.
            options: further arguments of `exec`, but `cancellation`.

        Raises:
            ExecError: there is no attempt, or nothing is mounted.
            Exception: what `check` raises.
        """
        names = [actor_of(checked_argv(argv)) for argv in attempts]
        return run_race(
            self._forks(),
            attempts,
            actors=names if actor is None else [actor] * len(names),
            check=check,
            parallel=parallel,
            require_same_path=require_same_path,
            options=options,
        )

    def _forks(self) -> Origin:
        """What transactions need of this workspace."""
        served = self._place_to_run()
        if self._origin is None:
            assert self._served is not None
            self._origin = Origin(
                fs=self.fs,
                path=served.path,
                mount=partial(self._served.mount, options=self._options),
                exec_at=self._exec_at,
                save=lambda result, actor: save_after(result, served, actor),
            )
        return self._origin

    def _exec_at(self, place: ForkPlace) -> Callable[..., ExecResult]:
        """`exec` on a fork."""
        runner = Runner(
            place.fs,
            place,
            launching=self._launching,
            umask=self._umask,
            shown=place.shown,
        )
        return runner.exec

    # --- the directory -----------------------------------------------------------

    def push(self) -> PushReport:
        """Show at `path` what changed in the filesystem.

        Only the copy driver has something to do, and only for who looks at `path`
        without `exec`.

        Raises:
            MountError: the host refused something; it says what, where and why.
            FsError, OSError, MergeConflict: as `pull`, which comes first if programs
                changed the same things.
        """
        return PushReport() if self._served is None else self._served.push()

    def pull(self, actor: str | None = None) -> PullReport:
        """Bring into the filesystem what was changed at `path`; see `push`.

        Args:
            actor: whom the history names for it; None is nobody.

        Raises:
            FsError: ENOSPC, EFBIG: with the path. Make room and pull again.
            OSError: something in the directory cannot be read.
            MergeConflict: others kept changing the same things; pull again.
            MountError: programs kept changing the directory while it was read.
        """
        return PullReport() if self._served is None else self._served.pull(actor)

    # --- state -------------------------------------------------------------------

    @property
    def state(self) -> SavedState | None:
        """What is saved in the directory of its state; None if there is none."""
        if self._keeper is not None:
            return self._keeper.saved
        return None if self._served is None else self._served.saved()

    def save(self) -> SavedState:
        """Save the content and the history now; it is on disk when this returns.

        Without it, the content is saved after each command that changed something and
        every few seconds, and the history at the end.

        Raises:
            StateError: it cannot be saved, and the next save tries again; or no state
                is kept.
        """
        if self._keeper is not None:
            return self._keeper.save(history=True)
        if self._served is None:
            raise StateError("no state is kept: the workspace has no directory for it")
        return self._served.save()

    def snapshot(self) -> bytes:
        """The whole content as bytes; the same state gives the same bytes."""
        return self.fs.dump()

    def restore(self, snapshot: bytes) -> None:
        """Become what `snapshot` gave; programs and the mount see it at once.

        Raises:
            SnapshotError: it is no snapshot. Nothing was changed.
        """
        self.fs.load(snapshot)

    def import_tree(
        self,
        source: str | os.PathLike[str],
        destination: str = "/",
        *,
        exclude: Iterable[str] = (),
        gitignore: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Copy what is in a host directory into the workspace, all or nothing.

        Modes, times, links and extended attributes are kept; nothing is overwritten.

        Args:
            source: the directory on the host.
            destination: a directory of the workspace, made if missing.
            exclude: names of what is left out, wherever they are.
            gitignore: leave out what git ignores.
            progress: is told how far it is.

        Raises:
            OSError: `source` is no directory, or something in it cannot be read.
            FsError: EEXIST, ENOTDIR (`destination`), ENOSPC.
        """
        if self._served is not None:
            return self._served.import_tree(
                source,
                destination,
                exclude=exclude,
                gitignore=gitignore,
                progress=progress,
            )
        return import_tree(
            self.fs,
            source,
            destination,
            exclude=exclude,
            gitignore=gitignore,
            progress=progress,
        )

    # --- the end -----------------------------------------------------------------

    def close(self) -> None:
        """End programs, mount and filesystem, within bounds; again is nothing.

        What was attached to goes on, but for the programs run from here.

        Raises:
            StateError: the state cannot be saved. The content is there still; a second
                `close` gives up what is not saved.
        """
        try:
            self._launching.close()
            for session in self.sessions():
                session.close()
        finally:
            for each in (self._served, self._keeper):
                if each is not None:
                    each.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        finally:
            self.close()


def _serve(driver: DriverChoice, serve_by: Callable[..., Served]) -> Served:
    """Serve it with that driver; copied, with "auto", if it cannot be mounted.

    Raises:
        DriverUnavailable: with "auto", it cannot be copied either; why not mounted.
    """
    if driver != "auto":
        return serve_by(driver=driver)
    try:
        return serve_by(driver="fuse")
    except DriverUnavailable as reason:
        try:
            return serve_by(driver="copy")
        except DriverUnavailable:
            raise reason from None
