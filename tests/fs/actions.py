"""What can be done to a filesystem, as values: for tables of cases."""

from collections.abc import Callable, Iterable
from operator import methodcaller

from devdev_fs import FsBase

Action = Callable[[FsBase], object]

do = methodcaller
"""A method of the filesystem, and its arguments."""

LINES = "".join(f"{number}\n" for number in range(1, 10))


def do_all(fs: FsBase, actions: Iterable[Action]) -> None:
    for act in actions:
        act(fs)


def save(path: str, text: str) -> Action:
    """As editors do: to a new file, which then takes the place of the old one."""

    def act(fs: FsBase) -> None:
        fs.write_text("/tmp", text)
        fs.rename("/tmp", path)

    return act


def replace(old: str, new: str, path: str = "/d/f") -> Action:
    """Put another text in the place of one that is in a file."""

    def act(fs: FsBase) -> None:
        content = fs.read_text(path)
        assert old in content
        fs.write_text(path, content.replace(old, new, 1))

    return act
