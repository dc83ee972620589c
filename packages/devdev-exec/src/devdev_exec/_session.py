"""`Session`: a program that goes on while its owner writes, reads and waits."""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Literal, Self

from devdev_exec._awaiting import (
    OutputSearch,
    Pattern,
    ScreenSearch,
    Search,
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


class Session:
    """A program that runs in a workspace, until it ends or is closed.

    Any thread may call any method. Close it, or use `with`: then the program has
    ended, with all that it started, and what was kept of its output is gone. A
    workspace closes its sessions.

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
        ending = "runs" if self.is_running else "is over"
        return f"<Session {self.argv[0]!r} (pid {self.pid}) {ending}>"

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

    # --- input -------------------------------------------------------------------

    def write(self, data: bytes | str, *, timeout: float = DEFAULT_WAIT) -> None:
        r"""Type at its terminal, or write to its standard input; text as UTF-8.

        A line is typed with `\r` or `\n` at its end. A terminal in canonical mode, as
        a shell's commands have it, takes 4095 bytes a line and discards the rest, see
        termios(3); pipes (`pty=False`) take bytes as they are.

        Returns before the program has read it; there may be 128 KiB on the way.

        Raises:
            ExecError: it has ended, or did not read in time.
        """
        text = data.encode() if isinstance(data, str) else bytes(data)
        self._link.write(text, timeout)

    def send_keys(self, *names: str) -> None:
        """Press keys: "Enter", "Up", "F1", "C-c", "M-x", "S-Tab", "C-Left", "q".

        A name is one character, or one of Enter, Tab, Escape, Backspace, Space, Up,
        Down, Left, Right, Home, End, Insert, Delete, PageUp, PageDown, F1 to F12; C-,
        M- and S- before it are Control, Meta (Alt) and Shift. They send what xterm
        sends.

        Raises:
            ExecError: there is no such key, or no terminal, or the program has ended.
        """
        is_application = self._display().has_application_cursor()
        keys = [key_bytes(name, application_cursor=is_application) for name in names]
        self.write(b"".join(keys))

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

    def _display(self) -> Display:
        if self._link.display is None:
            raise ExecError(f"{self.argv[0]!r} has no terminal: it runs with pty=False")
        return self._link.display

    # --- output ------------------------------------------------------------------

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

    # --- waiting -----------------------------------------------------------------

    def wait(self, timeout: float = DEFAULT_WAIT) -> ExecResult | None:
        """Wait for its end, and that of all it started; None if time is over first.

        The result has the output as far as it is kept.

        Raises:
            ExecError: it was ended for no reason of its own: the workspace was closed,
                or what stood over it died.
            FsError, OSError, MergeConflict, MountError: what it changed could not be
                told, as of `Workspace.exec`.
        """
        if Wait(self._link, timeout=timeout).block().happened != "exit":
            return None
        return self._result()

    def wait_for(
        self,
        pattern: Pattern | None = None,
        *,
        quiet: float | None = None,
        timeout: float = DEFAULT_WAIT,
        from_cursor: int | None = None,
        on_screen: bool = False,
    ) -> Waited:
        r"""Wait for something in its output, for quiet, or for its end.

        Args:
            pattern: what to look for in standard output: text as it is, or a compiled
                regular expression. It has to fit into 64 KiB, and is looked for in
                what is there so far: where more may follow, `\d+` matches the first
                digits that came.
            quiet: seconds without output that end the wait.
            timeout: seconds that end it in any case.
            on_screen: look for the pattern in what `screen` shows as text instead.
            from_cursor: where to begin to look; None is where the last match, or the
                last quiet, that was waited for ends.

        Returns:
            What happened.
        """
        search: Search | None = None
        if pattern is not None and on_screen:
            search = ScreenSearch(self._display(), self._link.output, pattern)
        elif pattern is not None:
            start = self._cursor if from_cursor is None else from_cursor
            search = OutputSearch(self._link.output, pattern, start)
        wait = Wait(self._link, timeout=timeout, search=search, quiet=quiet)
        return self._note(wait.block())

    def wait_quiet(self, seconds: float, *, timeout: float = DEFAULT_WAIT) -> Waited:
        """Wait until it has written nothing for some time, from now on, or ended."""
        return self.wait_for(quiet=seconds, timeout=timeout)

    def _note(self, waited: Waited) -> Waited:
        if waited.happened in ("match", "quiet"):
            self._cursor = waited.cursor
        return waited

    def _result(self) -> ExecResult:
        link = self._link
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

    # --- what it changed, and its end ----------------------------------------------

    def changed(self) -> tuple[str, ...]:
        """The paths of the workspace that it changed so far, sorted.

        Raises:
            ExecError: with the copy driver, before its end.
        """
        result = self._link.result
        if self._link.is_over and result is not None:
            return result.changed
        return self._changed()

    def close(self) -> None:
        """End it with all that it started, within bounds, and forget its output.

        They get SIGHUP and SIGTERM, and SIGKILL 0.25 s later. Again is nothing.
        """
        link = self._link
        if not link.is_over:
            link.send(Kind.CLOSE)
            Wait(link, timeout=END_TIMEOUT + _FINISH_TIMEOUT).block()
        self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _checked_signal(number: int) -> int:
    if not 0 < number < 65:
        raise ValueError(f"there is no signal {number!r}")
    return int(number)
