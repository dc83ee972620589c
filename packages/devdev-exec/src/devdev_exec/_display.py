"""The screen of a program, drawn from its output when somebody looks."""

import re
from dataclasses import dataclass
from threading import Lock

from devdev_exec._log import OutputLog
from devdev_exec._pty import WindowSize
from devdev_exec._terminal import Terminal

_LAG_MAX = 1024 * 1024  # bytes that may wait to be drawn, so that looking is quick
_PIECE = 128 * 1024  # more than what comes at a time
_QUERY = re.compile(rb"\x1b\[[>?=]?[0-9;]*[cnt]")
_QUERY_MAX = (
    32  # bytes; where a query begins in one piece of output and ends in another
)


@dataclass(frozen=True, slots=True)
class Screen:
    """What a person would see of a terminal."""

    rows: tuple[str, ...]
    """Each row's text, without blanks at its end; one for each row of the terminal."""

    cursor: tuple[int, int]
    """Row and column, from 0. After the last column was written to, it is there."""

    is_cursor_visible: bool
    """The program has not hidden the cursor."""

    title: str
    """What the program calls its window."""

    is_alternate: bool
    """The alternate screen is shown, as full-screen programs ask for."""

    size: WindowSize

    @property
    def text(self) -> str:
        """The rows as lines, without empty ones at the end."""
        return "\n".join(self.rows).rstrip("\n")


class Display:
    """A terminal that shows what is in a log. Any thread may call any method."""

    def __init__(self, log: OutputLog, size: WindowSize) -> None:
        self._log = log
        self._lock = Lock()
        self._terminal = Terminal(size.rows, size.columns)
        self._position = 0
        self._last_bytes = b""
        self._size = size

    @property
    def size(self) -> WindowSize:
        """The size of the terminal."""
        return self._size

    def advance(self, data: bytes) -> bytes:
        """Note what is about to be appended to the log.

        Returns:
            What the terminal answers to it.
        """
        recent = self._last_bytes + data
        self._last_bytes = recent[-_QUERY_MAX:]
        lag = min(_LAG_MAX, self._log.limit)
        with self._lock:
            if _QUERY.search(recent) or len(data) >= lag:
                self._draw(self._log.end)
                self._terminal.feed(data)
                self._position += len(data)
            elif self._log.end + len(data) - self._position > lag:
                # The log may drop it for this. In large pieces it is drawn faster.
                self._draw(min(self._position + _PIECE, self._log.end))
            answer = bytes(self._terminal.replies)
            self._terminal.replies.clear()
            return answer

    def _draw(self, end: int) -> None:
        while self._position < end:
            size = min(_PIECE, end - self._position)
            piece = self._log.read(self._position, size)
            self._terminal.feed(piece.data)
            self._position = piece.next

    def resize(self, size: WindowSize) -> None:
        """Become another size, after what was written so far."""
        with self._lock:
            self._draw(self._log.end)
            self._terminal.resize(size.rows, size.columns)
            self._size = size

    def screen(self) -> Screen:
        """What is shown now."""
        with self._lock:
            self._draw(self._log.end)
            terminal = self._terminal
            return Screen(
                rows=terminal.rows,
                cursor=terminal.cursor,
                is_cursor_visible=terminal.is_cursor_visible,
                title=terminal.title,
                is_alternate=terminal.is_alternate,
                size=self._size,
            )

    def has_application_cursor(self) -> bool:
        """Whether cursor keys are to send their other codes."""
        with self._lock:
            self._draw(self._log.end)
            return self._terminal.has_application_cursor
