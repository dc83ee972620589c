"""`devdev shell`, as a person uses it: in tmux, with editors, pagers and REPLs."""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_exec import Workspace

from tests.exec.cli import DEVDEV, devdev, error_line
from tests.processes import Mark, wait_until

if sys.platform == "win32":
    pytest.skip("there is no tmux", allow_module_level=True)

pytestmark = [
    pytest.mark.fuse,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is missing"),
]

PATIENCE = 15.0
PROMPT = "host>>"
PS1 = r"PS1=in\$ "
INSIDE = "in#" if os.geteuid() == 0 else "in$"
"""The prompt that this gives, which is not what is typed."""


class Tmux:
    """A terminal of 80 by 24 in which a plain shell runs, as a person has one."""

    def __init__(self, mark: Mark) -> None:
        self._socket = f"devdev-{uuid.uuid4().hex[:12]}"
        variables = {"PS1": f"{PROMPT} ", "TERM": "xterm-256color", **mark.variables}
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
        self._environment = {**environment, "TMPDIR": os.environ["TMPDIR"]}
        shell = ("bash", "--norc", "--noprofile")
        self("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", *shell)

    def __call__(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self._socket, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
            env=self._environment,
        ).stdout

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, text: str) -> None:
        try:
            wait_until(lambda: text in self.screen(), f"{text!r}", PATIENCE)
        except AssertionError as error:
            error.add_note(self.screen())
            raise

    def wait_for_prompt(self, prompt: str = PROMPT) -> None:
        """Wait until it is all there is in the last line."""
        wait_until(
            lambda: self.screen().rstrip().split("\n")[-1] == prompt, prompt, PATIENCE
        )

    def keys(self, *names: str) -> None:
        self("send-keys", *names)

    def type(self, text: str) -> None:
        """Type a line."""
        self("send-keys", "-l", text)
        self.keys("Enter")

    def shell(self, *arguments: str | Path) -> None:
        """Start `devdev shell`."""
        self.type(shlex.join([*DEVDEV, "shell", *map(str, arguments)]))

    def end(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self("kill-server")


@pytest.fixture
def tmux(mark: Mark) -> Iterator[Tmux]:
    tmux = Tmux(mark)
    try:
        tmux.wait_for(PROMPT)
        yield tmux
    finally:
        tmux.end()


def is_usual(tmux: Tmux, label: str) -> None:
    """The shell of the host has a terminal that echoes, line by line."""
    tmux.type(f"stty -a | tr ' ' '\\n' | grep -x -e -icanon -e -echo; echo {label}-$?")
    tmux.wait_for(f"{label}-1")


def test_a_shell_its_exit_code_and_what_it_left(tmux: Tmux, tmp_path: Path) -> None:
    saved = tmp_path / "after.snap"
    tmux.shell("--snapshot-out", saved, "--env", PS1, "--", "bash", "--norc")
    tmux.wait_for(INSIDE)
    tmux.type("echo made > file; stty size; tty; exit 7")
    tmux.wait_for("24 80")
    tmux.wait_for_prompt()
    tmux.type("echo code=$?")
    tmux.wait_for("code=7")
    is_usual(tmux, "after")
    assert devdev("snapshot", "cat", saved, "/file").stdout == b"made\n"


def test_an_editor_writes_a_file_and_gives_the_screen_back(tmux: Tmux) -> None:
    if shutil.which("vim") is None:
        pytest.skip("vim is missing")
    with Workspace() as ws:
        tmux.shell("--attach", str(ws.path), "--", "vim", "-u", "NONE", "notes")
        tmux.wait_for('"notes" [New')
        tmux("send-keys", "-l", "ifirst line")
        tmux.keys("Enter")
        tmux("send-keys", "-l", "second")
        tmux.keys("Escape")
        tmux.wait_for("second")
        tmux("resize-window", "-x", "100", "-y", "30")
        tmux.type(":set lines? columns?")
        tmux.wait_for("columns=100")
        tmux.type(":wq")
        tmux.wait_for_prompt()
        assert ws.fs.read_text("/notes") == "first line\nsecond\n"
        is_usual(tmux, "after")


def test_a_pager_and_a_repl_take_keys(tmux: Tmux) -> None:
    with Workspace() as ws:
        ws.fs.write_text("/text", "".join(f"line {n}\n" for n in range(500)))
        path = str(Path(sys.executable).parent)
        tmux.shell("--attach", str(ws.path), "--env", PS1, "--", "bash", "--norc")
        tmux.wait_for(INSIDE)
        if shutil.which("less"):
            tmux.type("less text")
            tmux.wait_for("line 20")
            tmux.keys("G")
            tmux.wait_for("line 499")
            tmux.keys("q")
        tmux.type(f"{path}/python -q")
        tmux.wait_for(">>>")
        tmux.type("6 * 7")
        tmux.wait_for("42")
        tmux.keys("C-d")
        tmux.wait_for(INSIDE)
        tmux.type("exit")
        tmux.wait_for_prompt()


def test_a_debugger_runs_and_stops_a_program(tmux: Tmux) -> None:
    for program in ("gcc", "gdb"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing")
    with Workspace() as ws:
        ws.fs.write_text(
            "/a.c", "int twice(int x) { return x * 2; }\nint main() { twice(21); }\n"
        )
        assert ws.exec(["gcc", "-g", "-o", "a", "a.c"]).exit_code == 0
        tmux.shell("--attach", str(ws.path), "--", "gdb", "-q", "-nx", "a")
        tmux.wait_for("(gdb)")
        tmux.type("break twice")
        tmux.wait_for("Breakpoint 1 at")
        tmux.type("run")
        tmux.wait_for("twice (x=21)")
        tmux.type("continue")
        tmux.wait_for("exited normally")
        tmux.type("quit")
        tmux.wait_for_prompt()
        is_usual(tmux, "after")


def test_ctrl_c_and_ctrl_z_reach_the_program(tmux: Tmux) -> None:
    tmux.shell("--env", PS1, "--", "bash", "--norc")
    tmux.wait_for(INSIDE)
    tmux.type("sleep 1000")
    tmux.keys("C-c")
    tmux.type("echo interrupted=$?")
    tmux.wait_for("interrupted=130")
    tmux.type("sleep 1000")
    tmux.keys("C-z")
    tmux.wait_for("Stopped")
    tmux.type("fg")
    tmux.keys("C-c")
    tmux.type("echo again=$?")
    tmux.wait_for("again=130")
    tmux.type("exit 3")
    tmux.wait_for_prompt()
    tmux.type("echo code=$?")
    tmux.wait_for("code=3")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_terminal_is_put_back_whatever_ends_it(
    tmux: Tmux, number: signal.Signals
) -> None:
    program = "printf '\\033[?1049h\\033[?25lfull %s' screen; exec sleep 1000"
    tmux.shell("--", "sh", "-c", program)
    tmux.wait_for("full screen")
    pane = tmux("display-message", "-p", "#{pane_pid}").strip()
    (pid,) = Path(f"/proc/{pane}/task/{pane}/children").read_text().split()
    os.kill(int(pid), number)
    wait_until(lambda: "full screen" not in tmux.screen(), "the usual screen")
    wait_until(
        lambda: tmux("display-message", "-p", "#{cursor_flag}").strip() == "1",
        "the cursor",
    )
    is_usual(tmux, "after")


def test_it_can_be_stopped_and_goes_on(tmux: Tmux) -> None:
    tmux.shell("--env", PS1, "--", "bash", "--norc")
    tmux.wait_for(INSIDE)
    pane = tmux("display-message", "-p", "#{pane_pid}").strip()
    (pid,) = Path(f"/proc/{pane}/task/{pane}/children").read_text().split()
    os.kill(int(pid), signal.SIGTSTP)
    tmux.wait_for("Stopped")
    is_usual(tmux, "stopped")
    tmux.type("fg")
    tmux.type("stty -a | tr ' ' '\\n' | grep -x -e icanon; echo on")
    tmux.wait_for("on")
    tmux.type("exit 5")
    tmux.wait_for_prompt()
    tmux.type("echo code=$?")
    tmux.wait_for("code=5")


def test_without_a_terminal_it_says_what_to_do() -> None:
    result = devdev("shell")
    assert result.returncode == 1
    assert "devdev exec" in error_line(result)


def test_what_cannot_be_run_is_told_on_a_usual_terminal(tmux: Tmux) -> None:
    tmux.shell("--", "no-such-program")
    tmux.wait_for("devdev: error: ")
    tmux.wait_for_prompt()
    tmux.type("echo code=$?")
    tmux.wait_for("code=127")
    is_usual(tmux, "after")
