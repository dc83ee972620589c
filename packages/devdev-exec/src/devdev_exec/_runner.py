"""`Runner`: runs programs where a filesystem is shown."""

import math
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypedDict, Unpack

from devdev_mount import Attached, FsBase

from devdev_exec._asyncsession import AsyncSession
from devdev_exec._awaiting import made_in_thread
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
from devdev_exec._launching import Launching
from devdev_exec._link import Link
from devdev_exec._pty import DEFAULT_TERM, WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._running import (
    Place,
    Running,
    abandoning,
    begin_running,
    run_to_end,
)
from devdev_exec._session import Session
from devdev_exec._timeouts import TURN_TIMEOUT

HOME = "/home"
"""Where programs have their HOME: a directory of the workspace."""

_TURN_INTERVAL = 0.05  # between two looks whether to wait on for the other program
_ACTOR_MAX = 1000  # bytes, of the history's 1024


class StartOptions(TypedDict, total=False):
    """The arguments of `Workspace.start`."""

    cwd: str
    pty: bool
    size: WindowSize
    term: str
    screen: bool
    timeout: float | None
    environment: Environment | None
    containment: Containment
    max_output: int
    actor: str | None


class Runner:
    """Runs programs where a filesystem is shown: a workspace, or a fork of one.

    Args:
        fs: the filesystem.
        place: where it is shown; None if it is not, and then no program runs.
        launching: what starts the programs.
        umask: taken off the modes of what they make.
        shown: what they are to find elsewhere than it is, and where.
    """

    def __init__(
        self,
        fs: FsBase,
        place: Place | None,
        *,
        launching: Launching,
        umask: int,
        shown: tuple[str, str] | None = None,
    ) -> None:
        self.fs = fs
        """The filesystem."""
        self._place = place
        self._launching = launching
        self._umask = umask
        self._shown = shown
        self._turn = Lock()
        self._sessions: dict[Link, Session] = {}
        self._sessions_lock = Lock()

    @property
    def path(self) -> Path | None:
        """Where it is on the host; None if it is not."""
        return None if self._place is None else self._place.path

    @property
    def driver(self) -> str:
        """What shows it: "fuse", "libfuse", "copy", or "memory" if nothing does."""
        return "memory" if self._place is None else self._place.driver

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
        launcher = self._launching.launcher()
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
                served, actor_of(program) if actor is None else actor
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
        screen: bool = True,
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
        files are. With `screen=False` its screen stays empty, and nothing answers what
        it asks its terminal: for who passes all on to a terminal of his own.

        Raises:
            FsError, SpawnError, ExecError, OSError, MergeConflict, MountError: as
                `exec`.
        """
        served = self._place_to_run()
        give_up = math.inf
        if timeout is not None:
            give_up = time.monotonic() + checked_timeout(timeout)
        program = checked_argv(argv)
        launcher = self._launching.launcher()
        name = actor_of(program) if actor is None else actor
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
                    draws=screen,
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
        with self._sessions_lock:
            self._sessions[link] = session
        try:
            contained.wait_started()
        except BaseException:
            session.close()
            raise
        if self._launching.is_closed:  # meanwhile
            session.close()
        return session

    async def start_async(
        self, argv: Sequence[str], **options: Unpack[StartOptions]
    ) -> AsyncSession:
        """Start a program that goes on, as `start` does, for tasks of asyncio.

        Arguments and errors are those of `start`, which runs in a thread. Cancelling
        it ends the program.
        """
        start = partial(self.start, argv, **options)
        session = await made_in_thread(start, Session.close)
        return session.as_async()

    def sessions(self) -> tuple[Session, ...]:
        """What was started and is not closed, oldest first."""
        with self._sessions_lock:
            return tuple(self._sessions.values())

    def _release_session(self, launcher: Launcher, link: Link) -> None:
        with self._sessions_lock:
            self._sessions.pop(link, None)
        launcher.release(link)

    def _contain(
        self, program: list[str], policy: Containment, served: Place
    ) -> Contained:
        return Contained(
            program, policy, workspace=str(served.path), scratch=self._launching.scratch
        )

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
            if self._launching.is_closed:
                raise ExecError("the workspace is closed")
            yield
        finally:
            self._turn.release()


def _end_session(
    running: Running, contained: Contained, turn: ExitStack, link: Link
) -> None:
    def complete(result: ExecResult | None) -> ExecResult | None:
        with abandoning(running):
            settled = None if result is None else contained.settle(result)
        return running.complete(settled)

    with turn:
        link.finish(complete)


def actor_of(argv: list[str]) -> str:
    """What the history calls a command: how it is typed, if that is not too long."""
    text = shlex.join(argv).encode("utf-8", "replace")
    if len(text) <= _ACTOR_MAX:
        return text.decode()
    return text[:_ACTOR_MAX].decode("utf-8", "ignore") + "..."
