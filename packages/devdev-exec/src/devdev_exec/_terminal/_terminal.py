"""What a program's output does to the screen; as xterm does it.

Colours and other attributes of characters are not kept.
"""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from devdev_exec._terminal._charsets import Charset, charset
from devdev_exec._terminal._grid import Grid
from devdev_exec._terminal._parser import Parser, only_shows
from devdev_exec._terminal._width import ZERO_WIDTH_JOINER, width

_TAB = 8
_NARROW_MAX = "\u02ff"  # up to here every character takes one column
_RUN = re.compile("[ -\u02ff\u2500-\u259f\ufffd]+|.")
_REPEAT_MAX = 10_000


@dataclass(slots=True)
class _Cursor:
    """What DECSC saves."""

    x: int = 0
    y: int = 0
    wraps: bool = False
    """The last column was written to: the next character goes to the next row."""
    has_origin: bool = False
    """Rows count from the upper margin (DECOM)."""
    charsets: tuple[Charset, Charset] = (None, None)
    """G0 and G1."""
    shift: int = 0


class Terminal:
    """A screen, the cursor, and what programs asked the terminal for.

    It belongs to one thread at a time.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._parser = Parser(self)
        self._size = (rows, columns)
        self.title = ""
        """What the program calls its window."""
        self.replies = bytearray()
        """What the terminal answers to the program; whoever sends it takes it away."""
        self._reset()

    def _reset(self) -> None:
        rows, columns = self._size
        self._grid = Grid(rows, columns)
        self._main: Grid | None = None  # while the alternate screen is shown
        self._main_cursor = _Cursor()
        self._cursor = _Cursor()
        self._saved = _Cursor()
        self._top, self._bottom = 0, rows
        self._tabs = set(range(_TAB, columns, _TAB))
        self._last = ""
        self._has_autowrap = True
        self._inserts = False
        self._has_newline_mode = False
        self.has_application_cursor = False
        """The program has asked for the other codes of cursor keys (DECCKM)."""
        self.is_cursor_visible = True
        """The program has not hidden the cursor (DECTCEM)."""

    @property
    def rows(self) -> tuple[str, ...]:
        """What the rows show, without blanks at their ends."""
        return self._grid.text()

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column, from 0."""
        return (self._cursor.y, self._cursor.x)

    @property
    def is_alternate(self) -> bool:
        """Whether the alternate screen is shown, as full-screen programs ask for."""
        return self._main is not None

    def feed(self, data: bytes) -> None:
        """Show the next bytes of output."""
        if self._parser.is_in_ground and (self._top, self._bottom) == (
            0,
            self._size[0],
        ):
            # Whatever is shown, and wherever the cursor is: twice as many lines as the
            # screen has scroll all of it away, and what was written before them.
            start = _start_of_last_lines(data, 2 * self._size[0])
            if start and only_shows(data[:start]):
                self._parser.reset()
                self.control("\r")
                data = data[start:]
        self._parser.feed(data)

    def resize(self, rows: int, columns: int) -> None:
        """Become another size. What is shown is not wrapped anew."""
        self._size = (rows, columns)
        moved = self._grid.resize(rows, columns, self._cursor.y)
        if self._main is not None:
            self._main.resize(rows, columns, min(self._main_cursor.y, rows - 1))
        self._top, self._bottom = 0, rows
        self._tabs = set(range(_TAB, columns, _TAB))
        self._move(self._cursor.y - moved, self._cursor.x)

    # --- characters ---------------------------------------------------------------

    def show(self, text: str) -> None:
        """Show characters at the cursor."""
        translation = self._cursor.charsets[self._cursor.shift]
        if translation is not None:
            text = text.translate(translation)
        self._last = text[-1]
        if max(text) <= _NARROW_MAX:
            self._show_narrow(text)
            return
        for run in _RUN.findall(text):
            if len(run) > 1 or run.isascii():
                self._show_narrow(run)
            elif (columns := width(run)) == 0 or self._joins_next():
                self._join(run)
            elif columns == 1:
                self._show_narrow(run)
            else:
                self._show_wide(run)

    def _show_narrow(self, text: str) -> None:
        """Show characters that take a column each."""
        cursor = self._cursor
        x, y, wraps = cursor.x, cursor.y, cursor.wraps
        columns = self._grid.columns
        position = 0
        while position < len(text):
            if wraps:
                x, y, wraps = 0, self._next_row(y), False
            piece = text[position : position + columns - x]
            position += len(piece)
            if position < len(text) and not self._has_autowrap:
                piece, position = piece[:-1] + text[-1], len(text)
            if self._inserts:
                self._grid.insert(y, x, len(piece))
            self._grid.put(y, x, list(piece))
            x += len(piece)
            if x == columns:
                x, wraps = columns - 1, self._has_autowrap
        cursor.x, cursor.y, cursor.wraps = x, y, wraps

    def _show_wide(self, character: str) -> None:
        columns = self._grid.columns
        if columns < 2:
            return
        cursor = self._cursor
        x, y = cursor.x, cursor.y
        if cursor.wraps or (x == columns - 1 and self._has_autowrap):
            x, y = 0, self._next_row(y)
        x = min(x, columns - 2)
        if self._inserts:
            self._grid.insert(y, x, 2)
        self._grid.put(y, x, [character, ""])
        is_full = x + 2 == columns
        cursor.x, cursor.y = columns - 1 if is_full else x + 2, y
        cursor.wraps = is_full and self._has_autowrap

    def _before_cursor(self) -> int | None:
        """Where the character before the cursor begins."""
        x = self._cursor.x if self._cursor.wraps else self._cursor.x - 1
        return None if x < 0 else self._grid.head(self._cursor.y, x)

    def _joins_next(self) -> bool:
        x = self._before_cursor()
        return x is not None and self._grid.rows[self._cursor.y][x].endswith(
            ZERO_WIDTH_JOINER
        )

    def _join(self, character: str) -> None:
        x = self._before_cursor()
        if x is not None:
            self._grid.join(self._cursor.y, x, character)

    def _next_row(self, y: int) -> int:
        """The row below, for which the screen scrolls if it is at the lower margin."""
        if y == self._bottom - 1:
            self._grid.scroll_up(self._top, self._bottom, 1)
            return y
        return min(y + 1, self._size[0] - 1)

    # --- the cursor ---------------------------------------------------------------

    def _move(self, y: int, x: int) -> None:
        rows, columns = self._size
        cursor = self._cursor
        cursor.y = max(0, min(y, rows - 1))
        cursor.x = max(0, min(x, columns - 1))
        cursor.wraps = False

    def _move_to(self, y: int, x: int) -> None:
        """Move to a position that a program names: origin mode counts."""
        if self._cursor.has_origin:
            y = max(self._top, min(y + self._top, self._bottom - 1))
        self._move(y, x)

    def _move_by(self, dy: int, dx: int) -> None:
        """Move, but not across a margin from within."""
        y, x = self._cursor.y, self._cursor.x
        low = self._top if y >= self._top else 0
        high = self._bottom if y < self._bottom else self._size[0]
        self._move(max(low, min(y + dy, high - 1)), x + dx)

    def _line_feed(self) -> None:
        y = self._next_row(self._cursor.y)
        x = 0 if self._has_newline_mode else self._cursor.x
        self._move(y, x)

    def _reverse_line_feed(self) -> None:
        if self._cursor.y == self._top:
            self._grid.scroll_down(self._top, self._bottom, 1)
            self._move(self._cursor.y, self._cursor.x)
        else:
            self._move(self._cursor.y - 1, self._cursor.x)

    def _tab(self, count: int) -> None:
        x = self._cursor.x
        for _ in range(min(count, self._size[1])):
            x = min((tab for tab in self._tabs if tab > x), default=self._size[1] - 1)
        self._move(self._cursor.y, x)

    def _tab_back(self, count: int) -> None:
        x = self._cursor.x
        for _ in range(min(count, self._size[1])):
            x = max((tab for tab in self._tabs if tab < x), default=0)
        self._move(self._cursor.y, x)

    # --- controls and escape sequences --------------------------------------------

    def control(self, code: str) -> None:
        """Obey a control character."""
        match code:
            case "\r":
                self._move(self._cursor.y, 0)
            case "\n" | "\v" | "\f":
                self._line_feed()
            case "\b":
                self._move(self._cursor.y, self._cursor.x - 1)
            case "\t":
                self._tab(1)
            case "\x0e" | "\x0f":
                self._cursor.shift = int(code == "\x0e")

    def escape(self, intermediates: str, final: str) -> None:
        """Obey an escape sequence."""
        match intermediates + final:
            case "7":
                self._saved = copy(self._cursor)
            case "8":
                self._restore_cursor(self._saved)
            case "D":
                self._move(self._next_row(self._cursor.y), self._cursor.x)
            case "E":
                self._move(self._next_row(self._cursor.y), 0)
            case "M":
                self._reverse_line_feed()
            case "H":
                self._tabs.add(self._cursor.x)
            case "c":
                self.title = ""
                self._reset()
            case "#8":
                self._top, self._bottom = 0, self._size[0]
                self._grid.fill("E")
                self._move(0, 0)
            case _ if intermediates in ("(", ")"):
                charsets = list(self._cursor.charsets)
                charsets[intermediates == ")"] = charset(final)
                self._cursor.charsets = (charsets[0], charsets[1])

    def osc(self, text: str) -> None:
        """Obey an operating system command: 0 and 2 set the title."""
        number, _, value = text.partition(";")
        if number in ("0", "2"):
            self.title = value

    def _restore_cursor(self, saved: _Cursor) -> None:
        rows, columns = self._size
        cursor = self._cursor = copy(saved)
        cursor.x, cursor.y = min(saved.x, columns - 1), min(saved.y, rows - 1)
        cursor.wraps = saved.wraps and cursor.x == columns - 1

    # --- control sequences --------------------------------------------------------

    def csi(self, private: str, numbers: list[int], function: str) -> None:
        """Obey a control sequence."""
        obey = _FUNCTIONS.get(private + function)
        if obey is not None:
            obey(self, numbers)

    def _erase_display(self, what: int) -> None:
        y, rows = self._cursor.y, self._size[0]
        if what == 0:
            self._erase_line(0)
            self._grid.erase_rows(y + 1, rows)
        elif what == 1:
            self._erase_line(1)
            self._grid.erase_rows(0, y)
        elif what == 2:
            self._grid.erase_rows(0, rows)

    def _erase_line(self, what: int) -> None:
        x, columns = self._cursor.x, self._size[1]
        start, end = {0: (x, columns), 1: (0, x + 1), 2: (0, columns)}.get(what, (0, 0))
        self._grid.erase(self._cursor.y, start, end)

    def _insert_lines(self, count: int) -> None:
        if self._top <= self._cursor.y < self._bottom:
            self._grid.scroll_down(self._cursor.y, self._bottom, count)
            self._move(self._cursor.y, 0)

    def _delete_lines(self, count: int) -> None:
        if self._top <= self._cursor.y < self._bottom:
            self._grid.scroll_up(self._cursor.y, self._bottom, count)
            self._move(self._cursor.y, 0)

    def _edit_cells(self, edit: Callable[[int, int, int], None], count: int) -> None:
        edit(self._cursor.y, self._cursor.x, count)
        self._move(self._cursor.y, self._cursor.x)

    def _erase_cells(self, count: int) -> None:
        x = self._cursor.x
        self._grid.erase(self._cursor.y, x, x + count)

    def _repeat(self, count: int) -> None:
        if self._last:
            self.show(self._last * min(count, _REPEAT_MAX))

    def _clear_tabs(self, what: int) -> None:
        if what == 0:
            self._tabs.discard(self._cursor.x)
        elif what == 3:
            self._tabs.clear()

    def _set_margins(self, numbers: list[int]) -> None:
        rows = self._size[0]
        top = _count(numbers) - 1
        bottom = min(_count(numbers, 1, default=rows), rows)
        if top < bottom - 1:
            self._top, self._bottom = top, bottom
            self._move_to(0, 0)

    def _set_modes(self, numbers: list[int], value: bool) -> None:
        if 4 in numbers:
            self._inserts = value
        if 20 in numbers:
            self._has_newline_mode = value

    def _set_private_modes(self, numbers: list[int], value: bool) -> None:
        for number in numbers:
            match number:
                case 1:
                    self.has_application_cursor = value
                case 6:
                    self._cursor.has_origin = value
                    self._move_to(0, 0)
                case 7:
                    self._has_autowrap = value
                    self._cursor.wraps = False
                case 25:
                    self.is_cursor_visible = value
                case 47 | 1047 | 1049:
                    self._show_alternate(value, with_cursor=number == 1049)
                case 1048 if value:
                    self._saved = copy(self._cursor)
                case 1048:
                    self._restore_cursor(self._saved)

    def _show_alternate(self, value: bool, *, with_cursor: bool) -> None:
        if value and self._main is None:
            if with_cursor:
                self._main_cursor = copy(self._cursor)
            self._main, self._grid = self._grid, Grid(*self._size)
        elif not value:
            if self._main is not None:
                self._grid, self._main = self._main, None
            if with_cursor:
                self._restore_cursor(self._main_cursor)

    def _soft_reset(self) -> None:
        self._top, self._bottom = 0, self._size[0]
        self._inserts = False
        self._has_autowrap = True
        self.has_application_cursor = False
        self.is_cursor_visible = True
        self._saved = _Cursor()
        self._cursor = _Cursor(x=self._cursor.x, y=self._cursor.y)

    def _report_status(self, what: int) -> None:
        if what == 5:
            self.replies += b"\x1b[0n"
        elif what == 6:
            y = self._cursor.y - (self._top if self._cursor.has_origin else 0)
            self.replies += b"\x1b[%d;%dR" % (y + 1, self._cursor.x + 1)

    def _report_size(self, what: int) -> None:
        if what == 18:
            self.replies += b"\x1b[8;%d;%dt" % self._size


def _start_of_last_lines(data: bytes, count: int) -> int:
    """Where the last lines begin that end with CR and LF; 0 if there are no more."""
    end = len(data)
    for _ in range(count + 1):
        end = data.rfind(b"\r\n", 0, end)
        if end < 0:
            return 0
    return end + 2


def _count(numbers: list[int], index: int = 0, *, default: int = 1) -> int:
    """A parameter; left out or 0, it is `default`."""
    return (numbers[index] if index < len(numbers) else 0) or default


_Obey = Callable[[Terminal, list[int]], None]

_FUNCTIONS: dict[str, _Obey] = {
    "A": lambda t, n: t._move_by(-_count(n), 0),
    "B": lambda t, n: t._move_by(_count(n), 0),
    "C": lambda t, n: t._move_by(0, _count(n)),
    "D": lambda t, n: t._move_by(0, -_count(n)),
    "E": lambda t, n: t._move_by(_count(n), -t._cursor.x),
    "F": lambda t, n: t._move_by(-_count(n), -t._cursor.x),
    "G": lambda t, n: t._move(t._cursor.y, _count(n) - 1),
    "`": lambda t, n: t._move(t._cursor.y, _count(n) - 1),
    "H": lambda t, n: t._move_to(_count(n) - 1, _count(n, 1) - 1),
    "f": lambda t, n: t._move_to(_count(n) - 1, _count(n, 1) - 1),
    "d": lambda t, n: t._move_to(_count(n) - 1, t._cursor.x),
    "a": lambda t, n: t._move_by(0, _count(n)),
    "e": lambda t, n: t._move_by(_count(n), 0),
    "I": lambda t, n: t._tab(_count(n)),
    "Z": lambda t, n: t._tab_back(_count(n)),
    "g": lambda t, n: t._clear_tabs(n[0]),
    "J": lambda t, n: t._erase_display(n[0]),
    "K": lambda t, n: t._erase_line(n[0]),
    "L": lambda t, n: t._insert_lines(_count(n)),
    "M": lambda t, n: t._delete_lines(_count(n)),
    "@": lambda t, n: t._edit_cells(t._grid.insert, _count(n)),
    "P": lambda t, n: t._edit_cells(t._grid.delete, _count(n)),
    "X": lambda t, n: t._erase_cells(_count(n)),
    "S": lambda t, n: t._grid.scroll_up(t._top, t._bottom, _count(n)),
    "T": lambda t, n: t._grid.scroll_down(t._top, t._bottom, _count(n)),
    "b": lambda t, n: t._repeat(_count(n)),
    "r": lambda t, n: t._set_margins(n),
    "s": lambda t, n: t.escape("", "7"),
    "u": lambda t, n: t.escape("", "8"),
    "h": lambda t, n: t._set_modes(n, True),
    "l": lambda t, n: t._set_modes(n, False),
    "?h": lambda t, n: t._set_private_modes(n, True),
    "?l": lambda t, n: t._set_private_modes(n, False),
    "!p": lambda t, n: t._soft_reset(),
    "n": lambda t, n: t._report_status(n[0]),
    "c": lambda t, n: t.replies.extend(b"\x1b[?1;2c"),  # a VT100 with video option
    ">c": lambda t, n: t.replies.extend(b"\x1b[>0;0;0c"),
    "t": lambda t, n: t._report_size(n[0]),
}
"""Control sequences, by private character, intermediates and final character."""
