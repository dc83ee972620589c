"""Who acts: the span that a thread's (or task's) changes of a filesystem belong to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ACTING: ContextVar[tuple[tuple[object, int], ...]] = ContextVar(
    "devdev_fs_acting", default=()
)
"""Filesystems and spans, the innermost first."""


def span_of(fs: object) -> int:
    """The number of the span that acts on the filesystem; 0 for none."""
    for owner, span in _ACTING.get():
        if owner is fs:
            return span
    return 0


@contextmanager
def acting(fs: object, span: int) -> Iterator[None]:
    """Let what this thread (or task) does to the filesystem belong to the span."""
    token = _ACTING.set(((fs, span), *_ACTING.get()))
    try:
        yield
    finally:
        _ACTING.reset(token)
