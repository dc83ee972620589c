"""The streams of the command line itself: standard input, and output as it comes."""

import os
import select
import sys
from typing import Protocol

from devdev_exec._cli._errors import CommandError, reason_of

INPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of standard input that can be passed to a program."""

STDOUT = 1
STDERR = 2


class Writer(Protocol):
    """Takes pieces of a stream."""

    def __call__(self, data: bytes) -> None:
        """Take the next piece."""
        ...

    def finish(self) -> None:
        """Take the end."""
        ...


class RawWriter:
    """Writes to a descriptor at once, and waits as long as that is slow."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            BrokenPipeError: nobody reads it.
            CommandError: it cannot be written.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:  # whoever has it too made it non-blocking
                select.select([], [self._fd], [])
            except BrokenPipeError:
                raise
            except OSError as error:
                raise CommandError(f"cannot write output: {reason_of(error)}") from None

    def finish(self) -> None:
        """Nothing is held back."""


class NewlineWriter(RawWriter):
    r"""Undoes what a terminal does to newlines: writes `\n` for each `\r\n`.

    The terminal puts one `\r` before every `\n` that a program writes, so this gives
    back what the program wrote.
    """

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._held = b""

    def __call__(self, data: bytes) -> None:
        r"""Write what is complete: a `\r` at the end waits for what comes next."""
        data = self._held + data
        self._held = b"\r" if data.endswith(b"\r") else b""
        complete = data[: len(data) - len(self._held)]
        super().__call__(complete.replace(b"\r\n", b"\n"))

    def finish(self) -> None:
        r"""Write the `\r` that was held back, if any."""
        held, self._held = self._held, b""
        super().__call__(held)


def terminal_writer() -> Writer:
    """A writer of what comes out of a pseudo-terminal to our standard output."""
    return RawWriter(STDOUT) if os.isatty(STDOUT) else NewlineWriter(STDOUT)


def read_input() -> bytes:
    """All of standard input, to its end.

    Raises:
        CommandError: it is longer than `INPUT_LIMIT`.
    """
    data = sys.stdin.buffer.read(INPUT_LIMIT + 1)
    if len(data) > INPUT_LIMIT:
        limit = INPUT_LIMIT // 1024**2
        raise CommandError(
            f"standard input is longer than {limit} MiB, and that is the most that "
            "--stdin passes on; put it into a directory and --import that"
        )
    return data
