"""Rows on a deep tree of small files."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial

from contenders import Contender
from measuring import Group, Row, each, once, steps
from reasons import reasons_for
from tree import Tree, content


class Work:
    """What the rows do: the arguments of every call, made once for all contenders.

    What can be cut short comes in a shuffled order, so that the first calls stand
    for all; renames and removals each have their own half of the files.
    """

    def __init__(self, files: int, seconds: float) -> None:
        self.tree = Tree(files)
        self.seconds = seconds

    @cached_property
    def directories(self) -> list[tuple[str]]:
        return [(path,) for path in self.tree.directories]

    @cached_property
    def shuffled_directories(self) -> list[tuple[str]]:
        return [(path,) for path in self.tree.shuffled_directories]

    @cached_property
    def contents(self) -> list[tuple[str, bytes]]:
        paths = enumerate(self.tree.paths)
        return [(path, content(number)) for number, path in paths]

    @cached_property
    def files(self) -> list[tuple[str]]:
        return [(path,) for path in self.tree.shuffled]

    @cached_property
    def renames(self) -> list[tuple[str, str]]:
        half = self.tree.shuffled[: self.tree.files // 2]
        return [(path, f"{path}.new") for path in half]

    @cached_property
    def removals(self) -> list[tuple[str]]:
        return self.files[self.tree.files // 2 :]


def mkdir(work: Work, fs: Contender) -> float:
    return each(fs.mkdir, work.directories)


def create(work: Work, fs: Contender) -> float:
    return each(fs.create, work.contents)


def read(work: Work, fs: Contender) -> float:
    return each(fs.read, work.files, work.seconds)


def stat(work: Work, fs: Contender) -> float:
    return each(fs.stat, work.files, work.seconds)


def list_each(work: Work, fs: Contender) -> float:
    return each(fs.listdir, work.shuffled_directories, work.seconds)


def walk(work: Work, fs: Contender) -> float:
    return steps(partial(fs.walk, "/tree"), work.seconds)


def copy(work: Work, fs: Contender) -> float:
    milliseconds = once(partial(fs.copy_tree, work.tree.branch, "/copy"))
    return milliseconds * 1e3 / work.tree.branch_files


def rename(work: Work, fs: Contender) -> float:
    return each(fs.rename, work.renames, work.seconds)


def remove(work: Work, fs: Contender) -> float:
    return each(fs.remove, work.removals, work.seconds)


def group(
    makers: Mapping[str, Callable[[], Contender]], files: int, seconds: float
) -> Group[Contender]:
    """Rows on `files` files; a row is cut after `seconds` where it can be."""
    work = Work(files, seconds)
    a_file, a_directory = "us a file", "us a directory"
    rows = [
        ("mkdir", a_directory, mkdir),
        ("create", a_file, create),
        ("read", a_file, read),
        ("stat", a_file, stat),
        ("list", a_directory, list_each),
        ("walk", a_directory, walk),
        ("copy", a_file, copy),
        ("rename", a_file, rename),
        ("remove", a_file, remove),
    ]
    return Group(
        title=f"{files:,} small files",
        contenders=makers,
        rows=[
            Row(
                name=name,
                unit=unit,
                sample=partial(sample, work),
                is_ground=name in ("mkdir", "create"),
                reasons=reasons_for(name),
            )
            for name, unit, sample in rows
        ],
    )
