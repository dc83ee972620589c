"""A started program, seen from the process that started it (Linux).

Nothing here waits: every descriptor is non-blocking, and what is not there yet
comes with a later call.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import contextlib
import os
import select
import termios

from devdev_exec._wire import Kind

_READ_SIZE = 64 * 1024

_END_OF_FILE = b"\x04"  # Control-D, where the terminal names no other key


class Program:
    """A process and the descriptors it is reached by."""

    def __init__(
        self,
        *,
        pid: int,
        status: int,
        output: int,
        stderr: int | None = None,
        input: int | None = None,
        terminal: int | None = None,
        is_typed: bool = False,
    ) -> None:
        """Take over the descriptors.

        Args:
            pid: The process, a child of this one.
            status: A pipe that ends empty when the program runs, or else says
                what failed.
            output: Its standard output, or the master side of its terminal.
            stderr: Its standard error, unless that is the terminal.
            input: Where what it reads is written: a pipe, or the master side of
                its terminal; None if it reads nothing.
            terminal: The slave side of its terminal. While it is open here, the
                master side reports no hang-up, and the terminal can be asked
                whether it holds input that nobody has read.
            is_typed: `input` is its terminal.
        """
        self.pid = pid
        self.failure = b""
        """What kept the program from running."""
        self.streams = {output: Kind.OUTPUT}
        """The descriptors of its output that have not ended."""
        if stderr is not None:
            self.streams[stderr] = Kind.STDERR
        self._status: int | None = status
        self._master = output
        self._input = input
        self._terminal = terminal
        self._is_typed = is_typed
        self._pending = bytearray()
        self._input_ends = False
        for fd in (status, output, stderr, input):
            if fd is not None:
                os.set_blocking(fd, False)

    @property
    def status(self) -> int | None:
        """The status pipe, until it is known whether the program runs."""
        return self._status

    @property
    def writable(self) -> int | None:
        """The descriptor of its standard input, if something is to be done there."""
        return self._input if self._pending or self._input_ends else None

    @property
    def backlog(self) -> int:
        """How many bytes of input it has not taken."""
        return len(self._pending)

    @property
    def offers_end_of_file(self) -> bool:
        """Whether it has a terminal, at which nobody types, or no more."""
        is_typed = self._is_typed and self._input is not None
        return self._terminal is not None and not is_typed

    def read_status(self) -> None:
        """Learn whether the program runs."""
        if self._status is None:
            return
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._status, _READ_SIZE)
            self.failure += data
            if not data:
                os.close(self._status)
                self._status = None

    def read(self, fd: int) -> bytes:
        """Return what has been written to one of `streams`, up to a limit."""
        data = bytearray()
        while len(data) < _READ_SIZE:  # a terminal gives 4 KiB at a time
            try:
                piece = os.read(fd, _READ_SIZE)
            except BlockingIOError:
                break
            except OSError:  # EIO: the terminal was hung up
                piece = b""
            if not piece:
                del self.streams[fd]
                os.close(fd)
                break
            data += piece
        return bytes(data)

    def add_input(self, data: bytes) -> None:
        """Add to what the program will read from its standard input."""
        if self._input is not None:
            self._pending += data

    def end_input(self) -> None:
        """Let the program find end of file after what was added."""
        self._input_ends = True

    def write_input(self) -> None:
        """Move input to the program; close its standard input after the last."""
        assert self._input is not None
        try:
            if self._pending:
                del self._pending[: os.write(self._input, self._pending)]
        except BlockingIOError:
            return
        except OSError:  # EPIPE, or EIO of a terminal: nobody reads it
            self._pending.clear()
            self._input_ends = True
        if self._input_ends and not self._pending:
            os.close(self._input)
            self._input = None

    def offer_end_of_file(self) -> None:
        """See to it that whoever reads the terminal finds end of file.

        Typing it once is not enough: each ends one read(2), and a program that
        changes the terminal's mode discards it or takes it for a NUL. So it is
        typed whenever the terminal has no unread input. A terminal in canonical
        mode does not echo it.
        """
        if not self.offers_end_of_file or self._status is not None:
            return
        assert self._terminal is not None
        if self._master not in self.streams or _is_readable(self._terminal):
            return
        with contextlib.suppress(OSError, termios.error):  # full, or hung up
            key = termios.tcgetattr(self._terminal)[6][termios.VEOF]
            os.write(self._master, _END_OF_FILE if key == b"\0" else key)

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size, which SIGWINCH tells its programs."""
        if self._terminal is not None:
            termios.tcsetwinsize(self._terminal, (rows, columns))


def _is_readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
