"""`Workspace`: a filesystem, its mount, and programs that run in it.

Two processes belong to a mounted workspace: the server that owns the filesystem
(`serve`), and the launcher's helper that starts programs. Both end when this
process does.
"""

import asyncio
import math
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import partial
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack

from devdev_mount import (
    DEFAULT_MAX_BYTES,
    DEFAULT_MAX_INODES,
    Attached,
    DriverName,
    DriverUnavailable,
    Fs,
    FsBase,
    ImportReport,
    Keeper,
    MountOptions,
    Progress,
    PullReport,
    PushReport,
    SavedState,
    ScratchDirectory,
    Served,
    StateError,
    StateOptions,
    attach,
    import_tree,
    serve,
)
from devdev_mount.testing import ManualClock

from devdev_exec._asyncsession import AsyncSession
from devdev_exec._call import OutputHandler
from devdev_exec._cancellation import Cancellation
from devdev_exec._containment import UNCONTAINED, Contained, Containment
from devdev_exec._env import Environment
from devdev_exec._errors import ExecCancelled, ExecError
from devdev_exec._launcher import (
    DEFAULT_MAX_OUTPUT,
    DEFAULT_TIMEOUT,
    DEFAULT_WINDOW_SIZE,
    Launcher,
    checked_argv,
    checked_timeout,
)
from devdev_exec._link import Link
from devdev_exec._pty import DEFAULT_TERM, WindowSize
from devdev_exec._race import DEFAULT_PARALLEL, Race, run_race
from devdev_exec._result import ExecResult
from devdev_exec._running import (
    Place,
    Running,
    abandoning,
    begin_running,
    run_to_end,
    save_after,
)
from devdev_exec._session import Session
from devdev_exec._timeouts import TURN_TIMEOUT
from devdev_exec._transaction import (
    Check,
    CommitPolicy,
    ForkPlace,
    Origin,
    Transaction,
    run_transaction,
)

HOME = "/home"
"""Where programs have their HOME: a directory of the workspace."""

DriverChoice = DriverName | Literal["auto"]
"""How a workspace is shown; "auto" copies where nothing can be mounted."""

_TURN_INTERVAL = 0.05  # between two looks whether to wait on for the other program
_ACTOR_MAX = 1000  # bytes, of the history's 1024


class StartOptions(TypedDict, total=False):
    """The arguments of `Workspace.start`."""

    cwd: str
    pty: bool
    size: WindowSize
    term: str
    timeout: float | None
    environment: Environment | None
    containment: Containment
    max_output: int
    actor: str | None


class Workspace:
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
        self._umask = umask
        self._lock = Lock()
        self._turn = Lock()
        self._launcher: Launcher | None = None
        self._sessions: dict[Link, Session] = {}
        self._closed = False
        self._served: Served | Attached | None = None
        self._keeper: Keeper | None = None
        self._place: Place | None = None
        self._shown: tuple[str, str] | None = None
        self._options = options
        self._origin: Origin | None = None
        self._scratch: ScratchDirectory | None = None
        # What runs programs on a fork, a copy of this, is to use this one's.
        self._get_scratch = self._scratch_directory
        self.fs: FsBase
        """The filesystem."""
        if state is not None and not isinstance(state, StateOptions):
            state = StateOptions(directory=state)
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
            self._place = self._served = _serve(driver, serve_by)
            self.fs = self._served.fs
        else:
            fs = Fs(
                clock=clock, max_bytes=max_bytes, max_inodes=max_inodes, umask=umask
            )
            if snapshot is not None:
                fs.load(snapshot)
            if state is not None:
                self._keeper = Keeper(state, fs)
            self.fs = fs if self._keeper is None else self._keeper.fs

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

    @property
    def path(self) -> Path | None:
        """Where it is on the host; None if it is not."""
        return None if self._place is None else self._place.path

    @property
    def driver(self) -> str:
        """What shows it: "fuse", "libfuse", "copy", or "memory" if nothing does."""
        return "memory" if self._place is None else self._place.driver

    # --- programs ----------------------------------------------------------------

    def exec(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/",
        pty: bool = True,
        size: WindowSize = DEFAULT_WINDOW_SIZE,
        stdin: bytes = b"",
        timeout: float = DEFAULT_TIMEOUT,
        environment: Environment | None = None,
        containment: Containment = UNCONTAINED,
        max_output: int = DEFAULT_MAX_OUTPUT,
        actor: str | None = None,
        on_output: OutputHandler | None = None,
        on_stderr: OutputHandler | None = None,
        cancellation: Cancellation | None = None,
    ) -> ExecResult:
        r"""Run a program in the workspace and wait for its end.

        It sees a curated environment: HOME is a directory of the workspace, PATH
        the standard one, and of the host's variables only what `environment` names.
        Under a PTY (the default) output and errors come as one stream, with
        `\n` as `\r\n`. With the program everything that it started ends.

        What it changed, and all that it started, is a span of the history: it is in
        the result, in `fs.log()`, and can be taken back by `fs.undo`. Pages of a
        mapping count as far as the file is known to be the program's.

        Args:
            argv: program and arguments; looked up in PATH, or against `cwd`.
            cwd: a directory of the workspace, links in it resolved there.
            pty: False gives pipes: `output` and `stderr` apart, bytes as they are.
            size: of the terminal.
            stdin: what it reads; then, and without any, end of file.
            timeout: seconds for the whole call; then all of it is killed.
            environment: its variables; None is `Environment()`.
            containment: what keeps it from the rest of the host.
            max_output: bytes to keep of each stream; more is dropped from the middle.
            actor: whom the history names for what it changes; None is the command.
            on_output: is given each piece of output as it comes, in this thread.
            on_stderr: the same for errors, with `pty=False`.
            cancellation: lets another thread end the program.

        Raises:
            FsError: `cwd`: ENOENT, ENOTDIR, ELOOP.
            SpawnError: the program was not found or could not be started.
            ContainmentError: it was not run, as it could not be contained as required.
            ExecError: nothing is mounted, or what was attached to is a copy; a name or
                value is no good, or the workspace is closed.
            ExecCancelled: `cancellation` ended the program.
            FsError, OSError, MergeConflict, MountError: with the copy driver, as
                `pull`: what the program changed stays in the directory, and is brought
                in after the next one.
        """
        served = self._place_to_run()
        give_up = time.monotonic() + checked_timeout(timeout)
        program = checked_argv(argv)
        launcher = self._start_launcher()
        with (
            self._contain(program, containment, served) as contained,
            self._having_turn(give_up, cancellation),
        ):
            variables = (environment or Environment()).resolve(
                home=f"{contained.root}{HOME}", host=os.environ
            )
            directory = self._directory(served, cwd)
            run = partial(
                launcher.run,
                contained.command(directory),
                cwd=directory,
                env=contained.variables(variables),
                pty=pty,
                size=size,
                stdin=stdin,
                deadline=give_up,
                umask=self._umask,
                max_output=max_output,
                shown=self._shown,
                on_output=on_output,
                on_stderr=on_stderr,
                cancellation=cancellation,
            )
            running = begin_running(
                served, _actor_of(program) if actor is None else actor
            )
            return run_to_end(
                running, lambda on_start: contained.settle(run(on_start=on_start))
            )

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/",
        pty: bool = True,
        size: WindowSize = DEFAULT_WINDOW_SIZE,
        term: str = DEFAULT_TERM,
        timeout: float | None = None,
        environment: Environment | None = None,
        containment: Containment = UNCONTAINED,
        max_output: int = DEFAULT_MAX_OUTPUT,
        actor: str | None = None,
    ) -> Session:
        """Start a program that goes on, to be written to and waited for.

        It runs as with `exec`, but its input stays open. With the copy driver no other
        program runs until it has ended.

        Arguments that are not told of here are those of `exec`. With `pty=False` it
        gets pipes: for programs that talk to programs. TERM is `term`. It may run for
        `timeout` seconds; None is as long as the workspace is open. Of each stream,
        the last `max_output` bytes are kept, in a file without a name where temporary
        files are.

        Raises:
            FsError, SpawnError, ExecError, OSError, MergeConflict, MountError: as
                `exec`.
        """
        served = self._place_to_run()
        give_up = math.inf
        if timeout is not None:
            give_up = time.monotonic() + checked_timeout(timeout)
        program = checked_argv(argv)
        launcher = self._start_launcher()
        name = _actor_of(program) if actor is None else actor
        turn_by = min(give_up, time.monotonic() + TURN_TIMEOUT)
        with ExitStack() as failed:
            turn = failed.enter_context(ExitStack())
            contained = self._contain(program, containment, served)
            turn.enter_context(contained)
            variables = (environment or Environment()).resolve(
                home=f"{contained.root}{HOME}",
                host=os.environ,
                term=term if pty else None,
            )
            turn.enter_context(self._having_turn(turn_by, None))
            directory = self._directory(served, cwd)
            running = begin_running(served, name)
            with abandoning(running):
                link = launcher.start(
                    contained.command(directory),
                    cwd=directory,
                    env=contained.variables(variables),
                    pty=pty,
                    size=size,
                    deadline=give_up,
                    umask=self._umask,
                    max_output=max_output,
                    on_start=running.on_start,
                    on_end=partial(_end_session, running, contained, turn),
                )
            failed.pop_all()  # the session's end gives the turn back
        session = Session(
            link,
            actor=name,
            changed=running.changed,
            on_close=partial(self._release_session, launcher, link),
        )
        with self._lock:
            self._sessions[link] = session
        try:
            contained.wait_started()
        except ExecError:
            session.close()
            raise
        if self._closed:  # meanwhile
            session.close()
        return session

    async def start_async(
        self, argv: Sequence[str], **options: Unpack[StartOptions]
    ) -> AsyncSession:
        """Start a program that goes on, as `start` does, for tasks of asyncio.

        Arguments and errors are those of `start`, which runs in a thread.
        """
        session = await asyncio.to_thread(self.start, argv, **options)
        return session.as_async()

    def sessions(self) -> tuple[Session, ...]:
        """What was started and is not closed, oldest first."""
        with self._lock:
            return tuple(self._sessions.values())

    def _release_session(self, launcher: Launcher, link: Link) -> None:
        with self._lock:
            self._sessions.pop(link, None)
        launcher.release(link)

    def _contain(
        self, program: list[str], policy: Containment, served: Place
    ) -> Contained:
        return Contained(
            program, policy, workspace=str(served.path), scratch=self._get_scratch
        )

    def _scratch_directory(self) -> str:
        """Where contained programs have their temporary files."""
        with self._lock:
            if self._closed:
                raise ExecError("the workspace is closed")
            if self._scratch is None:
                self._scratch = ScratchDirectory()
            return self._scratch.path

    def _place_to_run(self) -> Place:
        served = self._place
        if served is None:
            message = "nothing is mounted (mount=False), so no program can run in it"
            raise ExecError(message)
        if isinstance(served, Attached) and served.driver == "copy":
            message = f"{served.path} is a copy, in which only its owner runs programs"
            raise ExecError(message)
        return served

    def _directory(self, served: Place, cwd: str) -> str:
        """Where a directory of the workspace is on the host; HOME is made."""
        self.fs.mkdir(HOME, parents=True, exist_ok=True)
        # A slash at the end lets only a directory pass.
        return f"{served.path}{self.fs.realpath(f'{cwd}/').rstrip('/')}"

    @contextmanager
    def _having_turn(
        self, give_up: float, cancellation: Cancellation | None
    ) -> Iterator[None]:
        """Where a directory is copied, wait until no other program uses it."""
        if self.driver != "copy":
            yield
            return
        while not self._turn.acquire(timeout=_TURN_INTERVAL):
            if cancellation is not None and cancellation.is_cancelled:
                raise ExecCancelled("the call was cancelled")
            if time.monotonic() >= give_up:
                raise ExecError(
                    "the time was over before another program ended: with the copy "
                    "driver they run one at a time"
                )
        try:
            if self._closed:
                raise ExecError("the workspace is closed")
            yield
        finally:
            self._turn.release()

    def _start_launcher(self) -> Launcher:
        with self._lock:
            if self._closed:
                raise ExecError("the workspace is closed")
            if self._launcher is None:
                self._launcher = Launcher()
            return self._launcher

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
            actor=_actor_of(checked_argv(argv)) if actor is None else actor,
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
        names = [_actor_of(checked_argv(argv)) for argv in attempts]
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
        launcher = self._start_launcher()
        runner = copy(self)
        runner.fs, runner._turn, runner._launcher = place.fs, Lock(), launcher
        runner._place, runner._shown = place, place.shown
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
        with self._lock:
            self._closed = True
        try:
            if self._launcher is not None:
                self._launcher.close()
            for session in self.sessions():
                session.close()
        finally:
            try:
                if self._scratch is not None:
                    self._scratch.close()
                    self._scratch = None
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


def _end_session(
    running: Running, contained: Contained, turn: ExitStack, link: Link
) -> None:
    def complete(result: ExecResult | None) -> ExecResult | None:
        with abandoning(running):
            settled = None if result is None else contained.settle(result)
        return running.complete(settled)

    with turn:
        link.finish(complete)


def _actor_of(argv: list[str]) -> str:
    """What the history calls a command: how it is typed, if that is not too long."""
    text = shlex.join(argv).encode("utf-8", "replace")
    if len(text) <= _ACTOR_MAX:
        return text.decode()
    return text[:_ACTOR_MAX].decode("utf-8", "ignore") + "..."
