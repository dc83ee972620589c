"""What changed in a filesystem between two looks, summed up by directory."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from devdev_mount import FsBase

_DEPTH = 2  # of the directories that changes are summed up by


class State(NamedTuple):
    """What of a path tells whether it changed."""

    ino: int
    mode: int
    size: int
    mtime_ns: int


Listing = dict[str, State]
"""Every path but the root's, directories with a slash at the end."""


class Changes(NamedTuple):
    """How many paths of a directory changed."""

    directory: str
    added: int
    changed: int
    removed: int


def list_paths(fs: FsBase) -> Listing:
    """Look at everything there is."""
    listing = {}
    for directory, subdirectories, others in fs.walk("/"):
        names = (*(f"{name}/" for name in subdirectories), *others)
        for name in names:
            path = f"{directory.rstrip('/')}/{name}"
            stat = fs.lstat(path.rstrip("/"))
            # A directory changes whenever a name in it does, which is listed itself.
            changing = (0, 0) if stat.is_dir else (stat.size, stat.mtime_ns)
            listing[path] = State(stat.ino, stat.mode, *changing)
    return listing


def compare(before: Listing, after: Listing) -> Iterator[Changes]:
    """The changes, by directory; each path counts once."""
    added = _count(after.keys() - before.keys())
    removed = _count(before.keys() - after.keys())
    both = before.keys() & after.keys()
    changed = _count(path for path in both if before[path] != after[path])
    for directory in sorted({*added, *removed, *changed}):
        yield Changes(
            directory, added[directory], changed[directory], removed[directory]
        )


def _count(paths: Iterable[str]) -> Counter[str]:
    return Counter(map(_group, paths))


def _group(path: str) -> str:
    """The directory that a path is summed up by, itself if it is one."""
    parts = path.split("/")[1:]
    directories = parts[:-1][:_DEPTH]
    return "".join(f"/{each}" for each in directories) + "/"
