"""What a forked child must not keep: descriptors that its parent is judged by.

A child that keeps /dev/fuse open makes visitors of the mount hang after the parent
is killed, and one that keeps a watcher's pipe open hides that the parent is gone.
Close-on-exec covers only children that go on to run another program.
"""

import os
from collections.abc import Callable

_callbacks: set[Callable[[], None]] = set()


def register(callback: Callable[[], None]) -> None:
    """Have `callback` called in every child that this process forks."""
    _callbacks.add(callback)


def unregister(callback: Callable[[], None]) -> None:
    """Undo `register`."""
    _callbacks.discard(callback)


def _in_child() -> None:
    for callback in list(_callbacks):
        callback()
    _callbacks.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_child)
