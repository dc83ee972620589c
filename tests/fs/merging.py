"""A tree, two sides of it, and what they do."""

from devdev_fs import (
    PAGE_SIZE,
    Conflict,
    FsBase,
    Merge,
    SetAttr,
)

from tests.fs.actions import LINES, Action, do, do_all
from tests.fs.checks import ino_of


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub/deep", parents=True)
    fs.mkdir("/e")
    fs.write_text("/d/f", LINES)
    fs.write_text("/d/sub/g", "other\n")
    fs.link("/d/sub/g", "/g")
    fs.write_bytes("/binary", b"\0" * PAGE_SIZE + b"x")
    fs.symlink("d/f", "/link")


def merge(
    fs: FsBase, ours: list[Action], theirs: list[Action], on_conflict: str = "data"
) -> Merge:
    """Make the tree, let the two sides act, and merge theirs into `fs`."""
    make_tree(fs)
    base = fs.checkpoint()
    with fs.fork() as fork:
        do_all(fork, theirs)
        do_all(fs, ours)
        merged = fs.merge(base, fork, on_conflict=on_conflict)  # type: ignore[arg-type]
    fs.check_invariants()
    return merged


def told(conflicts: list[Conflict]) -> list[tuple[str, str]]:
    return [(conflict.kind.name, conflict.path) for conflict in conflicts]


def owner(path: str, **change: int) -> Action:
    return do("setattr", path, SetAttr(**change), follow=False)


def xattr(path: str, name: bytes, value: bytes | None) -> Action:
    def act(fs: FsBase) -> None:
        ino = ino_of(fs, path)
        if value is None:
            fs.inodes.removexattr(ino, name)
        else:
            fs.inodes.setxattr(ino, name, value)

    return act


def link_to(target: str) -> list[Action]:
    return [do("remove", "/link"), do("symlink", target, "/link")]
