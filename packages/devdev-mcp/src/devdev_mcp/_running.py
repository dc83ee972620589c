"""One command on its way: watched while it runs, ended when nobody waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devdev_exec import (
    Cancellation,
    Environment,
    ExecError,
    ExecResult,
    FsError,
    MountError,
)

from devdev_mcp._errors import Refusal, ToolFailure
from devdev_mcp._space import Space

_LAST_LINE = 200  # bytes of output to show while it runs


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What to run."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    stdin: str
    tty: bool
    timeout: float
    """Seconds."""


@dataclass(slots=True)
class Running:
    """A command that a worker thread waits for, and others ask about."""

    space: Space
    command: Command
    _cancellation: Cancellation = field(default_factory=Cancellation)
    _bytes: int = 0
    _tail: bytes = b""

    def run(self) -> ExecResult | Refusal | ToolFailure:
        """Run it to its end; a refusal is returned, to cross threads as a value."""
        try:
            return self._run()
        except (FsError, ExecError, MountError, ToolFailure) as refusal:
            return refusal

    def _run(self) -> ExecResult:
        workspace = self.space.workspace
        if workspace.path is None:
            hint = f"The file tools work. {self.space.why_unmounted}"
            message = "no program can run, because nothing is mounted"
            raise ToolFailure("EXEC_UNAVAILABLE", message, hint=hint)
        command = self.command
        return workspace.exec(
            command.argv,
            cwd=self.space.inside(command.cwd),
            pty=command.tty,
            stdin=command.stdin.encode(),
            timeout=command.timeout,
            environment=Environment(
                variables={"WORKSPACE": str(workspace.path), **command.env}
            ),
            on_output=self._watch,
            on_stderr=self._watch,
            cancellation=self._cancellation,
        )

    def _watch(self, output: bytes) -> None:
        self._bytes += len(output)
        self._tail = (self._tail + output)[-_LAST_LINE:]

    def cancel(self) -> None:
        """Have it ended, if it still runs."""
        self._cancellation.cancel()

    def progress(self) -> str:
        """How far it is: its last line of output."""
        last = self._tail.decode(errors="replace").strip().rpartition("\n")[2]
        return f"{self._bytes} bytes of output: {last}" if last else "no output yet"
