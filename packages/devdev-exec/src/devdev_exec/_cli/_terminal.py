"""The user's own terminal, while a program has it: raw, and as before afterwards."""

import sys

if sys.platform == "win32":
    raise ImportError("the terminals are those of POSIX")

import os
import signal
import subprocess
import termios
import tty
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

# What a full-screen program that was cut off may have left on: the other screen, a
# hidden cursor, pasting in brackets, reports of the mouse, application keys, colours.
_RESET = (
    b"\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"
    b"\x1b[?1l\x1b>\x1b[0m\r\n"
)

# Restores the terminal if nobody is left to do it: its input ends without a line.
_GUARD = """
trap '' INT QUIT HUP TERM TSTP TTOU TTIN
read -r line && exit
stty "$1" <&1 && printf '%b' "$2"
"""


class RawTerminal:
    """The terminal in raw mode: every key is a byte, and nothing is echoed.

    It is put back at the end, also when this process is stopped meanwhile (SIGTSTP),
    and by a process that waits for it when this one is killed.

    Args:
        fd: the terminal.
        on_resize: is called in a signal handler when it has another size.

    Raises:
        OSError, termios.error: it is none.
    """

    def __init__(self, fd: int, on_resize: Callable[[], object]) -> None:
        self._fd = fd
        self._on_resize = on_resize
        self._attributes = termios.tcgetattr(fd)
        self._guard: subprocess.Popen[bytes] | None = None
        self.is_whole = False
        """Whether the program ended by itself, and left the screen as it wants it."""

    def _start_guard(self) -> None:
        saved = subprocess.run(
            ["stty", "-g"], stdin=self._fd, stdout=subprocess.PIPE, check=True
        )
        reset = "".join(f"\\{byte:04o}" for byte in _RESET)
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", saved.stdout.decode().strip(), reset],
            stdin=subprocess.PIPE,
            stdout=self._fd,
            # No signal for our process group reaches it, and no terminal stops it.
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        self._start_guard()
        signal.signal(signal.SIGWINCH, self._resized)
        signal.signal(signal.SIGTSTP, self._stop)
        self._make_raw()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._restore()
            if not self.is_whole:
                os.write(self._fd, _RESET)
        except termios.error:
            pass  # the terminal has gone
        finally:
            signal.signal(signal.SIGWINCH, signal.SIG_DFL)
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            if self._guard is not None and self._guard.stdin is not None:
                self._guard.communicate(b"\n")

    def _make_raw(self) -> None:
        tty.setraw(self._fd, termios.TCSADRAIN)  # what is typed already is kept

    def _restore(self) -> None:
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._attributes)

    def _resized(self, number: int, frame: FrameType | None) -> None:
        self._on_resize()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Stop as the signal asks, with the terminal as it was; then go on."""
        self._restore()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._make_raw()
        self._on_resize()
