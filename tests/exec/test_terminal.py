"""What is drawn of a program's output is what xterm and tmux draw."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec._terminal import Terminal
from hypothesis import given
from hypothesis import strategies as st

from tests.exec.tmux import Tmux

if sys.platform != "linux":
    pytest.skip("tmux is asked on Linux only", allow_module_level=True)

ROWS, COLUMNS = 24, 80
RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.bytes"))


def numbered(count: int) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in range(count))


FULL = b"".join(b"%d" % (row % 10) * COLUMNS for row in range(ROWS))

LIKE_TMUX = {
    "text": b"hello\r\nworld",
    "wrapping": b"x" * 200,
    "a full row": b"x" * COLUMNS,
    "a line feed after a full row": b"x" * COLUMNS + b"\r\ny",
    "tab stops": b"a\tb\tc\r\n\x1b[3g\x1b[1;5H\x1bH\r\tX\x1b[Zx",
    "scrolling": numbered(50),
    "scrolling of many lines": b"\x1b[7;9Hab" + numbered(2000),
    "many lines that wrap": b"".join(b"%d" % n * 30 + b"\r\n" for n in range(100, 200)),
    "many lines in colour": b"\x1b[7;9Hab" + numbered(999).replace(b" ", b"\x1b[31m "),
    "many lines after shift out": b"\x1b)0\x0e" + numbered(99) + b"\x0f" + numbered(99),
    "many lines on the alternate screen": b"one\x1b[?1049h"
    + numbered(99)
    + b"\x1b[?1049l",
    "margins": b"\x1b[5;10r\x1b[10;1H" + numbered(9) + b"\x1b[r\x1b[20;3Hend",
    "many lines in margins": b"top\x1b[5;10r" + numbered(200),
    "reverse line feed": b"a\r\nb\x1b[H\x1bMtop\x1b[3;6r\x1b[3;1H\x1bM\x1bMzz",
    "lines in and out": numbered(20) + b"\x1b[5;3H\x1b[2L\x1b[10;1H\x1b[3M",
    "lines in margins": numbered(20) + b"\x1b[3;9r\x1b[5;3H\x1b[2L\x1b[7;1H\x1b[9M",
    "characters in and out": b"abcdefghij\x1b[1;4H\x1b[3@XY\x1b[2P\x1b[1;1H\x1b[2X",
    "insert mode": b"abcdef\x1b[1;3H\x1b[4hXYZ\x1b[4l!",
    "wide": "\u65e5\u672c\u8a9e\r\nabc\u65e5\u672c\x1b[2;5HX".encode(),
    "wide at the end of a row": ("a" * 79 + "\u65e5\u672c").encode(),
    "combining": "e\u0301a\u0308 n\u0303".encode(),
    "emoji": "\U0001f600 x \U0001f44d y".encode(),
    "joined emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467 x".encode(),
    "Hangul": "\ud55c\uad6d\uc5b4 \uac01".encode(),
    "origin mode": b"\x1b[5;10r\x1b[?6h\x1b[1;1Htop\x1b[99;1Hbot\x1b[?6l\x1b[1;1Habs",
    "saved cursors": b"\x1b[5;5H\x1b7\x1b[9;9Hx\x1b8y\x1b[s\x1b[1;1Hz\x1b[uw",
    "47": b"main\x1b[?47halt\x1b[?47l after",
    "1047": b"main\x1b[?1047h\x1b[Halt\x1b[?1047l after",
    "1049": b"main\x1b[?1049h\x1b[Halt\x1b[?1049l after",
    "within 1049": b"main\x1b[?1049h\x1b[Halt screen",
    "line drawing": b"\x1b(0lqqk\r\nx  x\r\nmqqj\x1b(B and \x1b)0\x0eqqq\x0fqqq",
    "repeated": b"ab\x1b[5bc",
    "strings": b"a\x1bPq#0;2~~@@\x1b\\b\x1b_apc\x1b\\c\x1b^pm\x1b\\d\x1bktitle\x1b\\e",
    "titles": b"a\x1b]0;one\x07b\x1b]2;two\x1b\\c\x1b]52;c;eA==\x07d",
    "colours": b"\x1b[38:2::1:2:3ma\x1b[38;2;1;2;3mb\x1b[1;31mc\x1b[0md",
    "erased display": FULL + b"\x1b[10;10H\x1b[J\x1b[5;5H\x1b[1J",
    "erased all": FULL + b"\x1b[10;10H\x1b[2Jx",
    "erased lines": FULL + b"\x1b[3;9H\x1b[K\x1b[5;9H\x1b[1K\x1b[7;9H\x1b[2K",
    "DECALN": b"\x1b#8\x1b[3;3Hx",
    "without wrapping": b"\x1b[?7l" + b"0123456789" * 9 + b"\x1b[?7hz",
    "scrolled by command": numbered(20) + b"\x1b[3S\x1b[1T",
    "moves": b"\x1b[5;5Ha\x1b[2Eb\x1b[3Fc\x1b[8Gd\x1b[3de\x1b[4`f",
    "controls in sequences": b"abc\x1b[2\r;3Hx\x1b[3\x18Cy\x1b[\x1b[2;2Hz",
    "NEL and IND": b"ab\x1bEcd\x1bDef",
    "RIS": b"abc\x1b[5;5H\x1bcx",
    "DECSTR": b"\x1b[5;10r\x1b[?6h\x1b[4h\x1b[!pabc",
    "other controls": b"a\x00b\x01c\x7fd\x0be\x0cf",
    "positions out of range": b"\x1b[0;0Ha\x1b[999;999Hb\x1b[1;9999Hc",
    "moves at margins": b"\x1b[5;10r\x1b[7;1H\x1b[9Aa\x1b[9Bb\x1b[3;1H\x1b[9Ac\x1b[9Bd",
    "unknown": b"a\x1b[?9999hb\x1b[5;6zc\x1b%Gd\x1b[>4;2me\x1b[=1uf",
    **{path.stem: path.read_bytes() for path in RECORDINGS},
}

LIKE_XTERM = {
    "half a wide character": ("\u65e5\u672c\x1b[1;2HX", " X\u672c"),
    "a wide character deleted by half": ("\u65e5\u672cab\x1b[1;2H\x1b[P", " \u672cab"),
    "forward tabs": ("\x1b[2Ia", " " * 16 + "a"),
    "moves to the right": ("\x1b[3aa", "   a"),
    "backspace at the end of a row": ("x" * 80 + "\by", "x" * 78 + "yx"),
    "repeated across rows": ("a" * 79 + "b\x1b[2b", "a" * 79 + "b\nbb"),
    "not UTF-8": (b"a\xffb\xe2\x82c", "a\ufffdb\ufffdc"),
}


@pytest.fixture(scope="module")
def tmux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    tmux = Tmux(tmp_path_factory.mktemp("tmux"), ROWS, COLUMNS)
    yield tmux
    tmux.close()


def drawn(data: bytes) -> Terminal:
    terminal = Terminal(ROWS, COLUMNS)
    terminal.feed(data)
    return terminal


def test_there_are_recordings() -> None:
    assert {"boxes", "less", "repl", "top", "vim"} <= {path.stem for path in RECORDINGS}


@pytest.mark.parametrize("data", LIKE_TMUX.values(), ids=LIKE_TMUX)
def test_it_is_drawn_as_tmux_draws_it(tmux: Tmux, data: bytes) -> None:
    terminal = drawn(data)
    shown = tmux.show(data)
    assert list(terminal.rows) == shown.rows
    row, column = shown.cursor  # tmux counts on after the last column
    assert terminal.cursor == (row, min(column, COLUMNS - 1))
    assert terminal.is_alternate == shown.is_alternate


@pytest.mark.parametrize(("data", "expected"), LIKE_XTERM.values(), ids=LIKE_XTERM)
def test_it_is_drawn_as_xterm_does_where_tmux_differs(
    data: str | bytes, expected: str
) -> None:
    terminal = drawn(data.encode() if isinstance(data, str) else data)
    assert "\n".join(terminal.rows).rstrip("\n") == expected


def test_titles_modes_and_answers() -> None:
    terminal = drawn(b"\x1b]0;one\x07\x1b]2;two \xe6\x97\xa5\x1b\\\x1b]1;icon\x07")
    assert terminal.title == "two \u65e5"
    assert terminal.is_cursor_visible
    assert not terminal.has_application_cursor
    terminal.feed(b"\x1b[?1;25l\x1b[?1h\x1b[3;7H\x1b[6n\x1b[5n\x1b[c\x1b[18t")
    assert not terminal.is_cursor_visible
    assert terminal.has_application_cursor
    answers = b"\x1b[3;7R\x1b[0n\x1b[?1;2c\x1b[8;24;80t"
    assert bytes(terminal.replies) == answers


def test_a_smaller_screen_keeps_what_is_around_the_cursor() -> None:
    terminal = drawn(numbered(10) + b"end")
    terminal.resize(4, 5)
    assert terminal.cursor == (3, 3)
    terminal.resize(6, 20)
    assert terminal.rows == ("line", "line", "line", "end", "", "")
    assert terminal.cursor == (3, 3)


def test_the_main_screen_is_resized_too() -> None:
    terminal = drawn(numbered(30) + b"\x1b[?1049h\x1b[Hfull screen")
    terminal.resize(3, 40)
    terminal.feed(b"\x1b[?1049l")
    assert len(terminal.rows) == 3
    assert not terminal.is_alternate


SEQUENCES = (
    *(b"\x1b[", b"\x1b]", b"\x1bP", b"\r\n", b"99", b"abcdefgh" * 3, b"\x1b[?1049h"),
    *(
        b"\x1b[?1049l",
        "\u65e5".encode(),
        b"\x1b[3;5r",
        b"\x1b[@",
        b"\x1b[P",
        b"\x1b[2L",
    ),
    *(b"\x1b[M", b"\x1b[?6h", b"\x1b[4h", b"\x1b[1;99999999999999H"),
)
PIECES = st.sampled_from([*SEQUENCES, *(bytes([byte]) for byte in range(256))])


@given(st.lists(PIECES, max_size=60), st.integers(1, 6), st.integers(1, 12))
def test_bytes_of_any_kind_in_pieces_of_any_size_draw_the_same(
    pieces: list[bytes], rows: int, columns: int
) -> None:
    whole, parts = Terminal(rows, columns), Terminal(rows, columns)
    whole.feed(b"".join(pieces))
    for piece in pieces:
        parts.feed(piece)
    assert whole.rows == parts.rows
    assert whole.cursor == parts.cursor
    row, column = whole.cursor
    assert len(whole.rows) == rows
    assert 0 <= row < rows
    assert 0 <= column < columns
    whole.resize(columns, rows)
    whole.feed(b"x")
    assert len(whole.rows) == columns
