"""Where a state is kept, and how: plain values."""

import os
from dataclasses import dataclass

DEFAULT_INTERVAL = 5.0
"""Seconds between two saves that nobody asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateOptions:
    """Where the state of a filesystem is kept, and how.

    Raises:
        ValueError: an interval that is not above 0.
    """

    directory: str | os.PathLike[str]
    """Made if missing; else it must be empty, or have a state, which then goes on."""
    interval: float = DEFAULT_INTERVAL
    """Seconds between two saves that nobody asked for."""
    recover: bool = False
    """Begin with the last good save if there are damaged ones, and set those aside."""

    def __post_init__(self) -> None:
        if not self.interval > 0:
            raise ValueError(f"interval={self.interval!r}: must be seconds above 0")
