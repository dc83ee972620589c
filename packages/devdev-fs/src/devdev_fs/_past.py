"""The past of a filesystem as a value: what its journal holds, step by step.

A snapshot has it in this form. The versions of inodes in it never change.
"""

from typing import NamedTuple

from devdev_fs._image import Image
from devdev_fs._inode import Inode
from devdev_fs._types import Ino

TEXT_MAX = 1024
"""Longest label and name of an actor, in bytes of UTF-8."""


class Kept(NamedTuple):
    """A checkpoint was made."""

    number: int
    label: str
    time_ns: int
    image: Image


class Begun(NamedTuple):
    """A span comes to its first change that is known; the next step is that."""

    number: int
    actor: str
    time_ns: int
    is_partial: bool
    undoes: int


class Touch(NamedTuple):
    """A span touched an inode."""

    span: int
    """Its number; 0 if it was dropped, and the touch before needs to know."""
    ino: Ino
    before: Inode | None
    """What the inode was then; None if the span made it."""


Step = Kept | Begun | Touch


class Past:
    """All that is known of how a filesystem came to be what it is.

    It stays in its process: no record, as what goes over the wire is.
    """

    __slots__ = ("dropped", "next_number", "steps")

    def __init__(self, next_number: int, dropped: int, steps: list[Step]) -> None:
        self.next_number = next_number
        """The number that the next span or checkpoint gets."""
        self.dropped = dropped
        """How many were dropped to make room."""
        self.steps = steps
        """Oldest first."""

    @property
    def checkpoints(self) -> list[Kept]:
        """The checkpoints, oldest first."""
        return [step for step in self.steps if isinstance(step, Kept)]
