"""Writes a part of a workspace to the host, to a name that is not there yet.

It is written under another name beside it, which is renamed when all is there.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from typing import BinaryIO, Literal

from devdev_exec import FsBase

from devdev_mcp._errors import ToolFailure
from devdev_mcp._hostpaths import host_path

ExportFormat = Literal["dir", "tar", "zip", "patch"]


def export(
    fs: FsBase, path: str, form: ExportFormat, since: int, fd: int, name: str
) -> int:
    """Export `path` as `name` in the directory that `fd` is open on.

    Args:
        fs: what to export from.
        path: what to export.
        form: as what; a patch is of all that differs from `since`.
        since: a checkpoint.
        fd: a directory of the host.
        name: what it is to be called there.

    Returns:
        How many bytes were written.

    Raises:
        ToolFailure: EEXIST.
        OSError: the host refuses it.
        FsError: as a walk.
    """
    target = host_path(fd, name)
    temporary = host_path(fd, f".{name}.{secrets.token_hex(4)}")
    try:
        if form == "dir":
            size = _write_tree(fs, path, temporary)
        else:
            size = _write_file(temporary, _writer(fs, path, form, since))
        _take_name(temporary, target, is_directory=form == "dir")
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise
    return size


def _writer(
    fs: FsBase, path: str, form: ExportFormat, since: int
) -> Callable[[BinaryIO], object]:
    match form:
        case "tar":
            return lambda file: fs.write_tar(file, path)
        case "zip":
            return lambda file: fs.write_zip(file, path)
        case _:
            return lambda file: file.write(fs.diff_text(since))


def _write_file(target: str, write: Callable[[BinaryIO], object]) -> int:
    with open(target, "xb") as file:
        write(file)
        return file.tell()


def _write_tree(fs: FsBase, top: str, target: str) -> int:
    """Write a directory with all in it; only names that nobody else has yet."""
    size = 0
    os.mkdir(target, 0o700)
    modes = []
    for path, _, others in fs.walk(top):
        below = path.removeprefix(top.rstrip("/")).lstrip("/")
        here = os.path.join(target, below)
        if below:
            os.mkdir(here, 0o700)
        modes.append((here, fs.lstat(path).perm))
        for name in others:
            size += _write_leaf(fs, f"{path.rstrip('/')}/{name}", f"{here}/{name}")
    for here, mode in reversed(modes):
        os.chmod(here, mode)
    return size


def _write_leaf(fs: FsBase, path: str, target: str) -> int:
    stat = fs.lstat(path)
    if stat.is_symlink:
        os.symlink(fs.readlink(path), target)
        return 0
    if not stat.is_file:  # sockets and the like mean nothing there
        return 0
    size = _write_file(target, lambda file: file.write(fs.read_bytes(path)))
    os.chmod(target, stat.perm & 0o777)
    os.utime(target, ns=(stat.atime_ns, stat.mtime_ns))
    return size


def _take_name(temporary: str, target: str, is_directory: bool) -> None:
    """Give it the name that it is to have, unless somebody else has it."""
    try:
        if is_directory:
            os.mkdir(target)  # rename(2) replaces an empty directory
            os.rename(temporary, target)
        elif sys.platform != "win32":
            os.link(temporary, target, follow_symlinks=False)
            os.unlink(temporary)
    except FileExistsError:
        hint = "Choose another destination; nothing is overwritten on the host."
        raise ToolFailure("EEXIST", "it exists", hint=hint) from None
