"""Work done in a directory: what is timed, and what its requests are counted of."""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from measuring import Group, Row, once
from mount_contenders import Place

TOOL = 1.5
"""How many times a tmpfs's time a real tool may take."""
METADATA = 8.0
"""The same for one that does little but make and remove files."""
CACHED = 1.25
"""For what the kernel answers by itself: the same, but for noise."""

Do = Callable[[Path], object]


def nothing(top: Path) -> None:
    """No preparation."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One row: what is done in the directory of a contender."""

    name: str
    run: Do
    unit: str = "us"
    count: int = 1
    """What the time is divided by."""
    before: Do = nothing
    """Prepares it, without being timed."""
    is_ground: bool = False
    """See `Row`."""
    bar: float | None = None
    """The most that it may take, in times of a tmpfs."""
    lead: float = 1.0
    """The least that fusepy is to take, in times of the fuse driver."""

    @property
    def per_millisecond(self) -> float:
        """How many of its units there are in a millisecond."""
        return {"us": 1e3, "ms": 1.0}[self.unit.split()[0]]


@dataclass(frozen=True)
class Desk:
    """A directory for one round of a contender's work."""

    place: Place
    top: Path


def take(work: Work, desk: Desk) -> float:
    """The time of it, in its unit."""

    def whole() -> None:
        work.run(desk.top)
        desk.place.settle()

    with chdir(desk.top):
        work.before(desk.top)
        desk.place.settle()
        return once(whole) * work.per_millisecond / work.count


def desk(place: Place, name: str) -> Desk:
    """An empty directory in a contender; one of the round before is removed."""
    top = place.path / name
    if top.exists():
        shutil.rmtree(top)
    top.mkdir()
    place.settle()
    return Desk(place, top)


def group(
    title: str, places: Mapping[str, Place], works: Sequence[Work]
) -> Group[Desk]:
    """The work as rows; the contenders as columns."""
    return Group(
        title=title,
        contenders={
            name: partial(desk, place, "work") for name, place in places.items()
        },
        rows=[
            Row(
                name=work.name,
                unit=work.unit,
                sample=partial(take, work),
                is_ground=work.is_ground,
            )
            for work in works
        ],
    )
