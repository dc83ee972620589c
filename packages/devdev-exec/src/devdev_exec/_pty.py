"""What is common to every kind of pseudo-terminal."""

from dataclasses import dataclass

DEFAULT_TERM = "xterm-256color"
"""The kind of terminal that a program that goes on is told it has."""

_LARGEST = 0xFFFF  # struct winsize holds unsigned shorts


@dataclass(frozen=True, slots=True)
class WindowSize:
    """The size of a terminal in character cells.

    Raises:
        ValueError: A number outside 1 to 65535.
    """

    rows: int = 24
    columns: int = 80

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("columns", self.columns)):
            if not 1 <= value <= _LARGEST:
                raise ValueError(
                    f"{name} of a window is 1 to {_LARGEST}, not {value!r}"
                )
