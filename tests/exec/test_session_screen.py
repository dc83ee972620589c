"""What a person sees of a program that goes on, and the keys they press."""

import shutil
import sys
from collections.abc import Iterator

import pytest
from devdev_exec import ExecError, WindowSize, Workspace

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse

LIMIT = 10.0

KEYS = {
    "C-c": "^C",
    "C-a": "^A",
    "C-Space": "^@",
    "C-[": "^[",
    "C-?": "^?",
    "M-x": "^[x",
    "C-M-x": "^[^X",
    "S-x": "X",
    "Tab": "^I",
    "S-Tab": "^[[Z",
    "Escape": "^[",
    "Backspace": "^?",
    "C-Backspace": "^H",
    "Up": "^[[A",
    "C-Left": "^[[1;5D",
    "S-M-End": "^[[1;4F",
    "F1": "^[OP",
    "S-F1": "^[[1;2P",
    "F5": "^[[15~",
    "C-F12": "^[[24;5~",
    "Delete": "^[[3~",
    "PageUp": "^[[5~",
    "-": "-",
    "C--": None,
    "\u00fc": "M-CM-<",
    "Return": None,
    "": None,
}


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with Workspace(driver="fuse") as ws:
        ws.start(["true"]).close()  # what all sessions share is there from now on
        yield ws


def test_keys_are_told_apart(ws: Workspace) -> None:
    """As cat -A shows them."""
    with ws.start(["sh", "-c", "stty raw -echo; echo ready; cat -A"]) as session:
        session.wait_for("ready", timeout=LIMIT)
        for name, shown in KEYS.items():
            if shown is None:
                with pytest.raises(ExecError, match="key"):
                    session.send_keys(name)
            else:
                start = session.read(-1).next
                session.send_keys(name, "Enter", "C-j")
                waited = session.wait_for("^M$\n", from_cursor=start, timeout=LIMIT)
                assert session.read(start, waited.cursor - start).data == (
                    f"{shown}^M$\n".encode()
                ), name


def test_application_cursor_mode_is_honoured(ws: Workspace) -> None:
    script = r"printf '\033[?1h'; stty raw -echo; echo ready; cat -v"
    with ws.start(["sh", "-c", script]) as session:
        session.wait_for("ready", timeout=LIMIT)
        session.send_keys("Up", "Home", "C-Up", "Enter")
        waited = session.wait_for("^[OA^[OH^[[1;5A^M", timeout=LIMIT)
        assert waited.happened == "match"


def test_the_screen_has_cursor_title_and_alternate_screen(ws: Workspace) -> None:
    script = r"""
        printf 'below\033[?1049h\033]2;a title\033\\\033[3;5Hover\033[?25l'; read x
        printf '\033[?1049l\033[?25h'; read x
    """
    with ws.start(["sh", "-c", script], size=WindowSize(5, 20)) as session:
        assert session.wait_for("over", on_screen=True, timeout=LIMIT).happened
        session.wait_quiet(0.05, timeout=LIMIT)
        screen = session.screen()
        assert screen.rows == ("", "", "    over", "", "")
        assert (screen.cursor, screen.is_cursor_visible) == ((2, 8), False)
        assert (screen.title, screen.is_alternate) == ("a title", True)
        assert screen.size == session.size == WindowSize(5, 20)
        session.send_keys("Enter")
        session.wait_for("below", on_screen=True, timeout=LIMIT)
        session.resize(3, 30)
        screen = session.screen()
        assert (screen.text, screen.is_alternate) == ("below", False)
        assert screen.size == WindowSize(3, 30)


def test_the_terminal_answers_what_programs_ask_it(ws: Workspace) -> None:
    script = r"stty raw -echo; printf 'ab\033[6n'; head -c 6 | cat -v"
    with ws.start(["sh", "-c", script]) as session:
        assert session.wait_for("^[[1;3R", timeout=LIMIT).happened == "match"


def test_what_is_not_kept_was_drawn(ws: Workspace) -> None:
    script = r"printf '\033[1;1H\033[2;5r\033[2;1H'; seq 1 60000; printf done"
    with ws.start(["sh", "-c", script], max_output=1000) as session:
        session.wait(LIMIT)
        assert session.read().dropped > 300_000
        rows = session.screen().rows
        assert rows[:5] == ("", "59998", "59999", "60000", "done")


def test_without_a_terminal_there_is_no_screen(ws: Workspace) -> None:
    with ws.start(["cat"], pty=False) as session:
        assert session.size is None
        for use in (session.screen, lambda: session.send_keys("a")):
            with pytest.raises(ExecError, match="has no terminal"):
                use()
        with pytest.raises(ExecError, match="has no terminal"):
            session.resize(1, 1)


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
def test_an_editor_is_used_as_a_person_does(ws: Workspace) -> None:
    ws.fs.write_text("/poem", "roses are red\nviolets are blue\n")
    with ws.start(["vim", "-u", "NONE", "-N", "poem"]) as vim:
        assert vim.wait_for("violets", on_screen=True, timeout=LIMIT).match
        assert vim.screen().is_alternate
        vim.send_keys("Down", "c", "w")
        vim.write("skies")
        vim.send_keys("Escape")
        assert vim.wait_for("skies are", on_screen=True, timeout=LIMIT).match
        vim.write(":wq\r")
        result = vim.wait(LIMIT)
        assert result is not None
        assert result.ok
        assert "/poem" in result.changed
        assert not vim.screen().is_alternate
    assert ws.fs.read_text("/poem") == "roses are red\nskies are blue\n"
