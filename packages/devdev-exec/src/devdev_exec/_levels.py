"""The levels of containment, by name."""

from typing import Literal, get_args

Level = Literal["none", "landlock", "namespaces"]
"""How a program is contained; each stops more than the one before."""

LEVELS: tuple[Level, ...] = get_args(Level)
