"""What every kind of session has: all that does not wait."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from devdev_exec._awaiting import (
    OutputSearch,
    Pattern,
    ScreenSearch,
    Search,
    Sending,
    Wait,
    Waited,
)
from devdev_exec._display import Display, Screen
from devdev_exec._errors import ExecError
from devdev_exec._keys import key_bytes
from devdev_exec._link import Link
from devdev_exec._log import Output
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult
from devdev_exec._timeouts import END_TIMEOUT
from devdev_exec._wire import Kind, Target, encode

DEFAULT_WAIT = 30.0
"""Seconds that a session's methods wait unless the caller says otherwise."""

_FINISH_TIMEOUT = 30.0  # for the filesystem to tell what the program changed


class SessionBase:
    """A program that goes on, and what can be known of it and done to it at once.

    Args:
        link: the program.
        actor: whom the history names for what it changes.
        changed: tells the paths that it changed so far.
        on_close: is called when this is closed.
    """

    def __init__(
        self,
        link: Link,
        *,
        actor: str,
        changed: Callable[[], tuple[str, ...]],
        on_close: Callable[[], object],
    ) -> None:
        self._link = link
        self._changed = changed
        self._on_close = on_close
        self._cursor = 0
        self.actor = actor
        """Whom the history names for what it changes."""

    def __repr__(self) -> str:
        state = "runs" if self.is_running else "is over"
        return f"<{type(self).__name__} {self.argv[0]!r} (pid {self.pid}) {state}>"

    @property
    def argv(self) -> tuple[str, ...]:
        """The program and its arguments."""
        return tuple(self._link.request.argv)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._link.pid

    @property
    def size(self) -> WindowSize | None:
        """The size of its terminal; None if it has none."""
        return None if self._link.display is None else self._link.display.size

    @property
    def is_running(self) -> bool:
        """Whether it, or something that it started, may still run."""
        return not self._link.is_over

    # --- what goes in ------------------------------------------------------------

    def close_input(self) -> None:
        """Let it find end of file after what was written, at every read."""
        self._link.send(Kind.INPUT_END)

    def resize(self, rows: int, columns: int) -> None:
        """Give its terminal another size; SIGWINCH tells the program.

        Raises:
            ExecError: it has no terminal.
            ValueError: a number outside 1 to 65535.
        """
        self._display()
        self._link.resize(WindowSize(rows, columns))

    def signal(
        self, number: int, to: Literal["process", "group", "tree"] = "process"
    ) -> None:
        """Send a signal; nothing if the one it is for has ended.

        Args:
            number: the signal.
            to: the program; its process group; or it and all that descends from it.
                What runs in the foreground of its terminal gets what is typed: "C-c".

        Raises:
            ValueError: there is no such signal, or no such receiver.
        """
        fields = {"signal": _checked_signal(number), "to": Target(to)}
        self._link.send(Kind.SIGNAL, encode(fields))

    # --- what came out -----------------------------------------------------------

    def read(
        self,
        cursor: int = 0,
        limit: int | None = None,
        *,
        stream: Literal["output", "stderr"] = "output",
    ) -> Output:
        """What it wrote, from a byte on, as far as it has come and is kept.

        Does not wait, and takes nothing away. Go on with the `next` of what this gives.

        Args:
            cursor: the number of the first byte, from 0; negative ones count from the
                end.
            limit: the most bytes to give.
            stream: standard error is apart with `pty=False` only.
        """
        log = self._link.stderr if stream == "stderr" else self._link.output
        return log.read(cursor, limit)

    def screen(self) -> Screen:
        """What a person would see of its terminal now; also after its end.

        Full-screen programs, wide and combining characters, line drawing, scrolling and
        the alternate screen are shown as xterm and tmux do; colours are not.

        Raises:
            ExecError: it has no terminal.
        """
        return self._display().screen()

    # --- for those who wait ------------------------------------------------------

    def _input(self, data: bytes | str, timeout: float) -> Sending:
        text = data.encode() if isinstance(data, str) else bytes(data)
        return Sending(self._link, text, timeout)

    def _keys(self, names: tuple[str, ...]) -> bytes:
        is_application = self._display().has_application_cursor()
        keys = [key_bytes(name, application_cursor=is_application) for name in names]
        return b"".join(keys)

    def _happening(
        self,
        pattern: Pattern | None,
        quiet: float | None,
        timeout: float,
        from_cursor: int | None,
        on_screen: bool,
    ) -> Wait:
        search: Search | None = None
        if pattern is not None and on_screen:
            search = ScreenSearch(self._display(), self._link.output, pattern)
        elif pattern is not None:
            start = self._cursor if from_cursor is None else from_cursor
            search = OutputSearch(self._link.output, pattern, start)
        return Wait(self._link, timeout=timeout, search=search, quiet=quiet)

    def _note(self, waited: Waited) -> Waited:
        if waited.happened in ("match", "quiet"):
            self._cursor = waited.cursor
        return waited

    def _result(self, waited: Waited) -> ExecResult | None:
        link = self._link
        if waited.happened != "exit":
            return None
        if link.failure is not None:
            raise link.failure
        assert link.result is not None
        output, stderr = link.output.read(0), link.stderr.read(0)
        return replace(
            link.result,
            output=output.data,
            stderr=stderr.data,
            dropped_bytes=output.dropped + stderr.dropped,
        )

    def _paths(self) -> tuple[str, ...]:
        result = self._link.result
        if self._link.is_over and result is not None:
            return result.changed
        return self._changed()

    def _ending(self) -> Wait:
        """Have it ended."""
        if not self._link.is_over:
            self._link.send(Kind.CLOSE)
        return Wait(self._link, timeout=END_TIMEOUT + _FINISH_TIMEOUT)

    def _display(self) -> Display:
        if self._link.display is None:
            raise ExecError(f"{self.argv[0]!r} has no terminal: it runs with pty=False")
        return self._link.display


def _checked_signal(number: int) -> int:
    if not 0 < number < 65:
        raise ValueError(f"there is no signal {number!r}")
    return int(number)
