"""Turns the signals that ask for the end into an exception, so that `with` frees."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

if sys.platform == "win32":
    _SIGNALS = (signal.SIGINT, signal.SIGTERM)
else:
    _SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number
        """What a shell reports of a program that the signal ended."""


def raise_on_signals() -> None:
    """Have each of the signals raise `Interrupted`, unless it is ignored already."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


@contextmanager
def signals_raised() -> Iterator[None]:
    """`raise_on_signals` meanwhile; then they end this process, which holds nothing."""
    raise_on_signals()
    try:
        yield
    finally:
        for number in _SIGNALS:
            if signal.getsignal(number) is _interrupt:
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let nothing come between: for a bounded piece of work that must be whole."""
    handlers = {each: signal.signal(each, signal.SIG_IGN) for each in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    # Who asks twice does not want to wait: the second signal ends this process, and
    # then its mount, directories and programs are cleared away by their watchers.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(number)
