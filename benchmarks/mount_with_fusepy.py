"""The store, mounted by fusepy's own API: what its users would write.

    python mount_with_fusepy.py MOUNTPOINT [lean]

It runs as fusepy's own examples do, with its defaults. "lean" is what is fastest: one
thread, writes of more than a page, and no extended attributes, so that the kernel
does not ask for any before a write. Neither has the kernel check permissions.
"""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import importlib
import os
from collections.abc import Iterator

from devdev_fs import Fs, Ino, SetAttr, Stat

Attributes = dict[str, int]


class Operations:
    """fusepy's callbacks: paths in, dictionaries out; a handle is an inode number."""

    use_ns = True

    def __init__(self, fs: Fs) -> None:
        self._fs = fs
        self._inodes = fs.inodes
        self._owner = {"st_uid": os.geteuid(), "st_gid": os.getegid()}

    def __call__(self, operation: str, *arguments: object) -> object:
        """How fusepy calls; it does so only for what is here."""
        return getattr(self, operation)(*arguments)

    def getattr(self, path: str, handle: int | None = None) -> Attributes:
        if handle is None:
            return self._shown(self._fs.lstat(path))
        return self._shown(self._inodes.getattr(Ino(handle)))

    def _shown(self, stat: Stat) -> Attributes:
        return {
            "st_mode": stat.mode,
            "st_ino": stat.ino,
            "st_nlink": stat.nlink,
            "st_size": stat.size,
            "st_blocks": stat.blocks,
            "st_atime": stat.atime_ns,
            "st_mtime": stat.mtime_ns,
            "st_ctime": stat.ctime_ns,
            **self._owner,
        }

    def readdir(self, path: str, handle: int) -> Iterator[str]:
        yield from (".", "..", *self._fs.listdir(path))

    def mkdir(self, path: str, mode: int) -> None:
        self._fs.mkdir(path)
        self._fs.chmod(path, mode & 0o7777)

    def rmdir(self, path: str) -> None:
        self._fs.rmdir(path)

    def unlink(self, path: str) -> None:
        self._fs.remove(path)

    def rename(self, old: str, new: str) -> None:
        self._fs.rename(old, new)

    def link(self, new: str, old: str) -> None:
        self._fs.link(old, new)

    def symlink(self, new: str, target: str) -> None:
        self._fs.symlink(target, new)

    def readlink(self, path: str) -> str:
        return self._fs.readlink(path)

    def chmod(self, path: str, mode: int) -> None:
        self._fs.setattr(path, SetAttr(mode=mode & 0o7777), follow=False)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self._fs.lstat(path)

    def utimens(self, path: str, times: tuple[int, int]) -> None:
        atime_ns, mtime_ns = times
        change = SetAttr(atime_ns=atime_ns, mtime_ns=mtime_ns)
        self._fs.setattr(path, change, follow=False)

    def statfs(self, path: str) -> Attributes:
        found = self._inodes.statvfs()
        return {
            "f_bsize": found.block_size,
            "f_frsize": found.block_size,
            "f_blocks": found.blocks,
            "f_bfree": found.blocks_free,
            "f_bavail": found.blocks_free,
            "f_files": found.inodes,
            "f_ffree": found.inodes_free,
            "f_namemax": found.name_max,
        }

    # --- open files --------------------------------------------------------------

    def create(self, path: str, mode: int) -> int:
        directory, _, name = path.rpartition("/")
        parent = self._fs.stat(directory or "/").ino
        made = self._inodes.create(parent, os.fsencode(name), mode & 0o7777)
        return self._pinned(made)

    def open(self, path: str, flags: int) -> int:
        return self._pinned(self._fs.stat(path))

    def _pinned(self, stat: Stat) -> int:
        self._inodes.pin(stat.ino)
        return stat.ino

    def release(self, path: str, handle: int) -> None:
        self._inodes.unpin(Ino(handle))

    def read(self, path: str, size: int, offset: int, handle: int) -> bytes:
        return self._inodes.read(Ino(handle), offset, size)

    def write(self, path: str, data: bytes, offset: int, handle: int) -> int:
        return self._inodes.write(Ino(handle), offset, data)

    def truncate(self, path: str, length: int, handle: int | None = None) -> None:
        if handle is None:
            self._fs.truncate(path, length)
        else:
            self._inodes.setattr(Ino(handle), SetAttr(size=length))


class WithAttributes(Operations):
    """The callbacks for extended attributes too."""

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        return self._inodes.getxattr(self._fs.lstat(path).ino, os.fsencode(name))

    def listxattr(self, path: str) -> list[str]:
        names = self._inodes.listxattr(self._fs.lstat(path).ino)
        return [os.fsdecode(name) for name in names]

    def setxattr(self, path: str, name: str, value: bytes, flags: int) -> None:
        ino = self._fs.lstat(path).ino
        self._inodes.setxattr(ino, os.fsencode(name), value)

    def removexattr(self, path: str, name: str) -> None:
        self._inodes.removexattr(self._fs.lstat(path).ino, os.fsencode(name))


def main() -> None:
    mountpoint, *how = sys.argv[1:]
    fuse = importlib.import_module("fuse")
    if how == ["lean"]:
        options = {"nothreads": True, "big_writes": True}
        fuse.FUSE(Operations(Fs()), mountpoint, foreground=True, **options)
    else:
        fuse.FUSE(WithAttributes(Fs()), mountpoint, foreground=True)


if __name__ == "__main__":
    main()
