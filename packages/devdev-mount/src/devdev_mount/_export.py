"""A tree of a filesystem onto the host, all of it or nothing."""

import os
import sys

from devdev_fs import FsBase

from devdev_mount._errors import MountError
from devdev_mount._reports import ExportProgress, ExportReport


def export_tree(
    fs: FsBase,
    target: str | os.PathLike[str],
    source: str = "/",
    *,
    replace: bool = False,
    progress: ExportProgress | None = None,
) -> ExportReport:
    """Write what is at `source`, as of this moment, to `target` on the host.

    It is written beside `target` and then renamed, so `target` is at no time there in
    part, and if the export fails or is killed it is what it was. What a killed one
    leaves beside it, named `.devdev-export-*`, the next export there removes.

    Modes, times, symbolic links, hard links, FIFOs, holes, and extended attributes
    (`user.` and ACLs) are kept; the owner is whoever exports. Sockets and device nodes
    are passed over and named in the report.

    Args:
        fs: where from; others may go on changing it.
        target: a name on the host that is free, or an empty directory.
        source: what is written: a directory, a file or a link.
        replace: put it in the place of what is there, and remove that.
        progress: is told how far it is.

    Raises:
        FileExistsError: `target` is there and not empty, or no directory.
        FileNotFoundError: the directory that `target` is to be in is missing.
        OSError: the host refuses something: ENOSPC, EACCES; with `replace`, EINVAL or
            ENOSYS: its filesystem cannot exchange two names (renameat2(2)).
        FsError: ENOENT (`source`).
        MountError: on Windows.
    """
    if sys.platform == "win32":
        raise MountError("to export takes a POSIX host")
    from devdev_mount._exporting import export

    return export(fs, os.path.abspath(target), source, replace, progress)
