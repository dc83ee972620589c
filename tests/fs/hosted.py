"""Files of a filesystem as real ones, and back: for tools that know nothing of it."""

import os
from pathlib import Path

from devdev_fs import FsBase

Files = dict[bytes, tuple[bytes, bool]]
"""By path: content or target, and whether its owner may execute it."""

_EXECUTABLE = 0o100


def write_files(fs: FsBase, top: Path) -> None:
    """Regular files and links, and the directories above them."""
    for directory, _, names in fs.walk():
        for name in names:
            _write(fs, f"{directory.rstrip('/')}/{name}", top)


def _write(fs: FsBase, path: str, top: Path) -> None:
    stat = fs.lstat(path)
    there = Path(f"{top}{path}")
    there.parent.mkdir(parents=True, exist_ok=True)
    if stat.is_symlink:
        there.symlink_to(fs.readlink(path))
    elif stat.is_file:
        there.write_bytes(fs.read_bytes(path))
        there.chmod(0o755 if stat.mode & _EXECUTABLE else 0o644)


def read_files(top: Path) -> Files:
    """What `write_files` wrote, or whoever else."""
    found: Files = {}
    for directory, directories, names in os.walk(os.fsencode(top)):
        for name in (*names, *directories):
            path = os.path.join(directory, name)
            key = os.path.relpath(path, os.fsencode(top))
            if os.path.islink(path):
                found[key] = os.readlink(path), False
            elif name in names:
                is_executable = bool(os.stat(path).st_mode & _EXECUTABLE)
                found[key] = Path(os.fsdecode(path)).read_bytes(), is_executable
    return found


def change_places(before: Files, after: Files) -> bool:
    """Whether a file is where a directory was, or the other way round."""
    return bool(_above(before) & after.keys() or _above(after) & before.keys())


def _above(files: Files) -> set[bytes]:
    return {
        path[:at]
        for path in files
        for at in range(len(path))
        if path[at : at + 1] == b"/"
    }
