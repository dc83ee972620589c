"""History and digests: what they cost should not grow with the tree.

Each row works on ten changes in a tree; the columns are trees of three sizes.
"""

from collections.abc import Callable
from functools import cache, partial
from itertools import count

from devdev_fs import Fs
from measuring import Group, Row, once
from tree import Tree, content

CHANGES = 10


class Grown:
    """A filesystem that holds a tree of a given size."""

    def __init__(self, files: int) -> None:
        self.fs = Fs()
        self._tree = Tree(files)
        self._numbers = count()
        for directory in self._tree.directories:
            self.fs.mkdir(directory)
        for number, path in enumerate(self._tree.paths):
            self.fs.write_bytes(path, content(number))

    @property
    def changed(self) -> list[str]:
        """The ten files, far apart."""
        return self._tree.shuffled[:CHANGES]

    def change(self) -> None:
        """Give them a content that they did not have."""
        for path in self.changed:
            self.fs.write_bytes(path, b"version %d" % next(self._numbers))


def checkpoint(grown: Grown) -> float:
    grown.change()
    return once(grown.fs.checkpoint)


def fork(grown: Grown) -> float:
    grown.change()
    return once(grown.fs.fork)


def change(grown: Grown) -> float:
    """The changes themselves, of what a checkpoint shares."""
    grown.fs.checkpoint()
    return once(grown.change)


def diff(grown: Grown) -> float:
    point = grown.fs.checkpoint()
    grown.change()
    taken = once(partial(grown.fs.diff, point))
    assert sorted(found.path for found in grown.fs.diff(point)) == sorted(grown.changed)
    return taken


def undo(grown: Grown) -> float:
    before = grown.fs.checkpoint()
    with grown.fs.actor("benchmark") as span:
        grown.change()
    taken = once(partial(grown.fs.undo, span))
    assert not grown.fs.diff(before)
    return taken


def tree_digest(grown: Grown) -> float:
    grown.fs.tree_digest()
    grown.change()
    return once(grown.fs.tree_digest)


def image_digest(grown: Grown) -> float:
    grown.fs.image_digest()
    grown.change()
    return once(grown.fs.image_digest)


SAMPLES: tuple[Callable[[Grown], float], ...] = (
    checkpoint,
    fork,
    change,
    diff,
    undo,
    tree_digest,
    image_digest,
)


def group(files: int) -> Group[Grown]:
    """Rows measured on a hundredth, a tenth and all of `files`.

    A tree is made once: what the rows change of it leaves it of the same shape.
    """
    made = cache(Grown)
    sizes = [max(files // part, CHANGES) for part in (100, 10, 1)]
    return Group(
        title=f"{CHANGES} changes",
        contenders={f"{size:,} files": partial(made, size) for size in sizes},
        rows=[
            Row(name=sample.__name__, unit="ms", sample=sample) for sample in SAMPLES
        ],
    )
