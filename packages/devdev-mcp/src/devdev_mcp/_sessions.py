"""Commands of a workspace: each is a session, which goes on when nobody waits for it.

A bounded number runs at a time, and the output of the last ones that ended is kept.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock, Thread

from devdev_exec import (
    Containment,
    Environment,
    ExecError,
    ExecResult,
    FsError,
    MountError,
    Output,
    Session,
)

from devdev_mcp._errors import Refusal, ToolFailure
from devdev_mcp._space import Space, actor_name

MAX_RUNNING = 32
MAX_ENDED = 16

_CONTAINED_AT = "/workspace"  # as `Containment` has it
_LAST_LINE = 200  # bytes of output to show while it runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What to run."""

    argv: Sequence[str]
    text: str
    """As it was given, for people."""
    cwd: str
    env: Mapping[str, str]
    stdin: str
    tty: bool
    timeout: float
    """Seconds."""
    open_input: bool
    """Whether more input may come; otherwise it finds end of file."""


UNCONTAINED = Containment(level="none", network=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What commands may not go beyond, whatever a client asks for."""

    containment: Containment = UNCONTAINED
    max_seconds: float = 24 * 3600.0


UNBOUNDED = Bounds()


@dataclass(slots=True)
class Running:
    """A command on its way, and how far it was shown."""

    id: str
    space: Space
    command: Command
    session: Session
    began: float = field(default_factory=time.monotonic)
    cursor: int = 0
    """Where its output goes on that was not shown yet."""
    stderr_cursor: int = 0
    ended: ExecResult | None = None

    def wait(self, seconds: float, text: str = "") -> Refusal | None:
        """Wait for its end, or for a text in its output, but not for longer.

        A refusal is returned, to cross threads as a value.
        """
        try:
            if text:
                waited = self.session.wait_for(
                    text, timeout=seconds, from_cursor=self.cursor
                )
                seconds = 0 if waited.happened != "exit" else 1
            self.ended = self.session.wait(seconds)
        except (FsError, ExecError, MountError) as refusal:
            return refusal
        return None

    def send(self, text: str, keys: Sequence[str], timeout: float) -> None:
        """Type something.

        Raises:
            ExecError: it has ended or does not read, or there is no such key.
        """
        if text:
            self.session.write(text, timeout=timeout)
        if keys:
            self.session.send_keys(*keys)

    def take(self) -> tuple[Output, Output]:
        """What it wrote since this was asked last: output and errors."""
        output = self.session.read(self.cursor)
        stderr = self.session.read(self.stderr_cursor, stream="stderr")
        self.cursor, self.stderr_cursor = output.next, stderr.next
        return output, stderr

    @property
    def seconds(self) -> float:
        """How long it runs, or ran."""
        if self.ended is not None:
            return self.ended.duration_s
        return time.monotonic() - self.began

    def progress(self) -> str:
        """How far it is: its last line of output."""
        tail = self.session.read(-_LAST_LINE)
        last = tail.data.decode(errors="replace").strip().rpartition("\n")[2]
        return f"{tail.next} bytes of output: {last}" if last else "no output yet"


class SessionTable:
    """The commands of all workspaces of a caller.

    Args:
        bounds: what holds for each of them.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._lock = Lock()
        self._numbers = count(1)
        self._known: dict[str, Running] = {}

    def start(self, space: Space, command: Command) -> Running:
        """Start a command.

        Raises:
            ToolFailure: EXEC_UNAVAILABLE, TOO_MANY.
            FsError, ExecError, MountError: as `Workspace.start`.
        """
        workspace = space.workspace
        if workspace.path is None:
            hint = f"The file tools work. {space.why_unmounted}"
            message = "no program can run, because nothing is mounted"
            raise ToolFailure("EXEC_UNAVAILABLE", message, hint=hint)
        self._make_room()
        session = workspace.start(
            command.argv,
            cwd=space.inside(command.cwd),
            pty=command.tty,
            timeout=min(command.timeout, self.bounds.max_seconds),
            containment=self.bounds.containment,
            environment=Environment(
                variables={"WORKSPACE": self._seen_at(workspace.path), **command.env}
            ),
            actor=actor_name(f"exec_command {command.text}"),
        )
        running = Running(f"{space.id}.{next(self._numbers)}", space, command, session)
        with self._lock:
            self._known[running.id] = running
        with suppress(ExecError):  # it has ended without reading
            running.send(command.stdin, (), min(command.timeout, 1))
        if not command.open_input:
            session.close_input()
        return running

    def _seen_at(self, path: Path) -> str:
        """Where a command sees its workspace."""
        is_elsewhere = self.bounds.containment.level == "namespaces"
        return _CONTAINED_AT if is_elsewhere else str(path)

    def _make_room(self) -> None:
        with self._lock:
            ended = [each for each in self._known.values() if _is_over(each)]
            if len(self._known) - len(ended) >= MAX_RUNNING:
                message = f"{MAX_RUNNING} commands are running, which is the limit"
                hint = "exec_list names them; end one with exec_signal."
                raise ToolFailure("TOO_MANY", message, hint=hint, retryable=True)
            for old in ended[: len(ended) - MAX_ENDED + 1]:
                self._known.pop(old.id)
                old.session.close()

    def get(self, name: str) -> Running:
        """The command of that id.

        Raises:
            ToolFailure: NO_SESSION.
        """
        with self._lock:
            running = self._known.get(name)
        if running is None:
            ids = ", ".join(each.id for each in self.all()) or "none"
            message = f"there is no session {name!r}; it has ended or its workspace has"
            raise ToolFailure("NO_SESSION", message, hint=f"Known are: {ids}.")
        return running

    def all(self) -> list[Running]:
        """What runs, and what ended of late."""
        with self._lock:
            return list(self._known.values())

    def forget(self, running: Running) -> None:
        """Let go of one: with all that it started it is ended."""
        with self._lock:
            self._known.pop(running.id, None)
        running.session.close()

    def forget_all_of(self, space: Space) -> None:
        """Let go of those of a workspace that is being closed."""
        with self._lock:
            for each in [each for each in self._known.values() if each.space is space]:
                del self._known[each.id]

    @contextmanager
    def ended_if_abandoned(self, running: Running) -> Iterator[None]:
        """End it if the call that it belongs to is cancelled."""
        try:
            yield
        except BaseException:
            # Closing waits for the processes to end, which a cancelled call cannot.
            Thread(target=self.forget, args=(running,), daemon=True).start()
            raise


def _is_over(running: Running) -> bool:
    return not running.session.is_running
