"""Whose workspaces a call is about.

Over standard input and output there is one caller. Over HTTP each token is a caller of
its own, with workspaces of its own, and sees nothing of the others.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from threading import Lock, Thread
from typing import Protocol

from anyio import CapacityLimiter

from devdev_mcp._state import ServerState

ANYBODY = ""
"""The one caller where no token is asked for."""


CALLER = "devdev_caller"
"""The key of an HTTP request's state under which its caller is."""


CALLS_AT_ONCE = 16
"""Calls of one caller that are worked on; more wait, and those of others do not."""


class Turns:
    """Keeps one caller from taking all threads."""

    def __init__(self) -> None:
        self._limiters: dict[str, CapacityLimiter] = {}

    def of(self, caller: str) -> CapacityLimiter:
        """What the threads of this caller's calls are counted by."""
        if caller not in self._limiters:
            self._limiters[caller] = CapacityLimiter(CALLS_AT_ONCE)
        return self._limiters[caller]


class Callers(Protocol):
    """Knows the workspaces of each caller."""

    are_many: bool
    """Whether there may be several."""

    turns: Turns
    """How much each may do at once."""

    def of(self, caller: str) -> ServerState:
        """The workspaces of a caller."""
        ...

    def close(self) -> None:
        """Close all of them."""
        ...


class OneCaller:
    """A caller who has begun before anything was asked."""

    are_many = False

    def __init__(self, state: ServerState) -> None:
        self.turns = Turns()
        self._state = state

    def of(self, caller: str) -> ServerState:
        """The one there is."""
        return self._state

    def close(self) -> None:
        """Close its workspaces."""
        self._state.close()


class ManyCallers:
    """Callers whose workspaces begin with their first call.

    Args:
        begin: makes the workspaces of a caller.
    """

    are_many = True

    def __init__(self, begin: Callable[[str], ServerState]) -> None:
        self.turns = Turns()
        self._begin = begin
        self._lock = Lock()
        self._states: dict[str, ServerState] = {}

    def of(self, caller: str) -> ServerState:
        """The workspaces of a caller."""
        with self._lock:
            if caller not in self._states:
                self._states[caller] = self._begin(caller)
            return self._states[caller]

    def close(self) -> None:
        """Close those of all, side by side."""
        with self._lock:
            states = list(self._states.values())
        threads = [Thread(target=state.close, daemon=True) for state in states]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def caller_of(authorization: str, tokens: Sequence[str]) -> str | None:
    """The caller that an Authorization header shows; None for nobody who is known.

    A caller is called by a digest of the token, which is not kept anywhere else.
    """
    if not tokens:
        return ANYBODY
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    # All are compared, so that the time tells nothing.
    known = [hmac.compare_digest(given.encode(), token.encode()) for token in tokens]
    return hashlib.sha256(given.encode()).hexdigest()[:16] if any(known) else None
