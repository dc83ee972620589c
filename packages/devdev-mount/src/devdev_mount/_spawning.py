"""Keeps the subprocess module from starting programs in ways that hang on a mount.

With vfork(2) and posix_spawn(3) the parent holds the interpreter's lock until the
new program is loaded. If it lies on a mount that this very process serves, loading
waits for an answer that needs the same lock. fork(2) has no such wait.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# Switches that the subprocess module documents, "Disabling use of vfork() or
# posix_spawn()".
_SWITCHES = ("_USE_VFORK", "_USE_POSIX_SPAWN")

_lock = Lock()
_users = 0
_saved: dict[str, bool] = {}


@contextmanager
def spawning_by_fork() -> Iterator[None]:
    """While at least one such context is open, the module starts programs by fork."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            for switch in _SWITCHES:
                _saved[switch] = getattr(subprocess, switch)
                setattr(subprocess, switch, False)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                for switch, value in _saved.items():
                    setattr(subprocess, switch, value)
