"""What the copy driver costs: bringing changes into a directory, and back."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from time import perf_counter

from devdev_mount import Served, serve
from measuring import Group, Row, once
from tree import Tree, content

CHANGES = 10


class Copied:
    """A tree of files that a directory shows."""

    def __init__(self, served: Served, files: int) -> None:
        self.served = served
        self._tree = Tree(files)
        self._version = 0
        for directory in self._tree.directories:
            served.fs.mkdir(directory)
        for number, path in enumerate(self._tree.paths):
            served.fs.write_bytes(path, content(number))

    def next_version(self) -> tuple[list[str], bytes]:
        """Files to change, far apart, and what they did not hold before."""
        self._version += 1
        return self._tree.shuffled[:CHANGES], b"version %d" % self._version


def show_all(copied: Copied) -> float:
    """Show the tree in one more directory, from nothing."""
    with TemporaryDirectory(dir="/dev/shm") as where:
        start = perf_counter()
        mounted = copied.served.mount(None, where, driver="copy")
        mounted.push()
        taken = perf_counter() - start
        mounted.close()
    return taken * 1e3


def push_nothing(copied: Copied) -> float:
    return once(copied.served.push)


def push_changes(copied: Copied) -> float:
    paths, data = copied.next_version()
    for path in paths:
        copied.served.fs.write_bytes(path, data)
    return once(copied.served.push)


def pull_nothing(copied: Copied) -> float:
    return once(copied.served.pull)


def pull_changes(copied: Copied) -> float:
    paths, data = copied.next_version()
    for path in paths:
        (copied.served.path / path.lstrip("/")).write_bytes(data)
    taken = once(copied.served.pull)
    assert all(copied.served.fs.read_bytes(path) == data for path in paths)
    return taken


SAMPLES: tuple[Callable[[Copied], float], ...] = (
    show_all,
    push_nothing,
    push_changes,
    pull_nothing,
    pull_changes,
)


@contextmanager
def group(files: int) -> Iterator[Group[Copied]]:
    """Rows measured on a hundredth, a tenth and all of `files`."""
    with ExitStack() as undo:

        def made(size: int) -> Copied:
            where = undo.enter_context(TemporaryDirectory(dir="/dev/shm"))
            return Copied(undo.enter_context(serve(where, driver="copy")), size)

        sizes = [max(files // part, CHANGES) for part in (100, 10, 1)]
        kept = {f"{size:,} files": made(size) for size in sizes}
        yield Group(
            title=f"the copy driver, {CHANGES} changes",
            # Each is made once: what the rows change leaves it of the same shape.
            contenders={name: partial(kept.__getitem__, name) for name in kept},
            rows=[
                Row(name=sample.__name__, unit="ms", sample=sample)
                for sample in SAMPLES
            ],
        )
