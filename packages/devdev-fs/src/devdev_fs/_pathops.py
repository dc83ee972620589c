"""The operations by path: every public method that takes one, declared once."""

from abc import ABC, abstractmethod

from devdev_fs import _paths
from devdev_fs._openfile import OpenFile
from devdev_fs._paths import Listing, Path
from devdev_fs._runner import Operation, P, T
from devdev_fs._types import READ_MAX, RenameFlags, SetAttr, Stat


class PathOps(ABC):
    """Operations by path, with POSIX semantics, as root would.

    Paths are `str` (UTF-8, other bytes as surrogates: PEP 383) or `bytes`. One that
    does not begin with a slash begins at the root all the same. Every method is one
    critical section: nobody sees it half-done, and refused it changes nothing.
    """

    @abstractmethod
    def run(self, op: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation in one critical section; the other methods are made of it.

        The operations are this package's own; `devdev_fs.wire` carries them elsewhere.
        """

    # --- files -------------------------------------------------------------------

    def read_bytes(self, path: Path, max_size: int = READ_MAX) -> bytes:
        """The whole content of a file, if it has no more than `max_size` bytes.

        Raises:
            FsError: as a walk (`InodeOps.resolve`), EISDIR, EINVAL (no regular file),
                EFBIG (it has more, or more than 0x7ffff000, which are mostly a hole).
        """
        return self.run(_paths.read_bytes, path, max_size)

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Make `data` the whole content of a file, which is made if missing.

        The inode and its mode stay. The old content is there until all of the new
        one is: ENOSPC loses nothing.

        Raises:
            FsError: as a walk, EISDIR, EINVAL (no regular file), ENOSPC.
        """
        self.run(_paths.write_bytes, path, data)

    def read_text(self, path: Path, encoding: str = "utf-8") -> str:
        """The whole content of a file as text; newlines stay as they are.

        Raises:
            FsError: as `read_bytes`.
            UnicodeDecodeError: the content is not of this encoding.
        """
        return self.read_bytes(path).decode(encoding)

    def write_text(self, path: Path, text: str, encoding: str = "utf-8") -> None:
        """Make `text` the whole content of a file, as `write_bytes`.

        Raises:
            FsError: as `write_bytes`.
        """
        self.write_bytes(path, text.encode(encoding))

    def append(self, path: Path, data: bytes) -> None:
        """Add `data` at the end of a file, which is made if missing.

        Raises:
            FsError: as a walk, EISDIR, EINVAL (no regular file), EFBIG, ENOSPC.
        """
        self.run(_paths.append, path, data)

    def copy(self, source: Path, destination: Path) -> None:
        """Copy a file or a whole directory; content is shared, so it costs no time.

        A file that is there gets the new content and keeps its mode; a new one gets
        the source's. A directory must not be there. Hard links within it become
        links among the copies. Links in `source`'s last component are followed.

        Raises:
            FsError: as a walk, EINVAL (neither file nor directory, onto itself, or
                a directory below itself), EISDIR, EEXIST, ENOSPC.
        """
        self.run(_paths.copy, source, destination)

    def open(self, path: Path, mode: str = "r") -> OpenFile:
        """Open a file, in bytes; it stays usable when its name goes.

        Args:
            path: where it is.
            mode: "r", "w" (truncates or makes it), "a" (writes at the end, wherever
                that is then), "x" (makes it), each also with "+".

        Raises:
            FsError: as a walk, EEXIST ("x", which follows no link in the last
                component), EISDIR, EINVAL (no regular file), ENOSPC.
            ValueError: another mode.
        """
        return OpenFile.open(self.run, path, mode)

    # --- names -------------------------------------------------------------------

    def mkdir(
        self,
        path: Path,
        mode: int = 0o777,
        *,
        parents: bool = False,
        exist_ok: bool = False,
    ) -> None:
        """Make a directory; `parents` makes those above it too, all or none.

        Raises:
            FsError: as a walk, EEXIST (with `exist_ok`: unless it is a directory),
                EINVAL (`..` behind what is missing), ENOSPC.
        """
        self.run(_paths.mkdir, path, mode, parents, exist_ok)

    def remove(self, path: Path) -> None:
        """Remove a file, link or other non-directory; a link itself, not its target.

        Raises:
            FsError: as a walk, EBUSY (the root), EINVAL (`.` or `..` at the end),
                ENOTDIR (a slash behind it), ENOENT, EISDIR.
        """
        self.run(_paths.remove, path)

    def rmdir(self, path: Path) -> None:
        """Remove an empty directory.

        Raises:
            FsError: as a walk, EBUSY (the root), EINVAL (`.` or `..` at the end),
                ENOENT, ENOTDIR (a link to a directory too), ENOTEMPTY.
        """
        self.run(_paths.rmdir, path)

    def remove_tree(self, path: Path) -> int:
        """Remove whatever is there, with all below it; returns how many names.

        A link is removed, not what it leads to.

        Raises:
            FsError: as a walk, EBUSY (the root), EINVAL (`.` or `..` at the end),
                ENOTDIR (a slash behind a link or file), ENOENT.
        """
        return self.run(_paths.remove_tree, path)

    def rename(
        self,
        source: Path,
        destination: Path,
        flags: RenameFlags = RenameFlags.NONE,
    ) -> None:
        """Move a name, in one step, replacing what `destination` was.

        Raises:
            FsError: as a walk, EBUSY (the root), EINVAL (`.` or `..` at the end),
                ENOTDIR (a slash behind a link or file), ENOENT, and as
                `InodeOps.rename`.
        """
        self.run(_paths.rename, source, destination, flags)

    def symlink(self, target: Path, path: Path) -> None:
        """Make `path` a symbolic link to `target`, which need not be there.

        Raises:
            FsError: as a walk, EEXIST, ENOENT (a slash behind `path`), and as
                `InodeOps.symlink`.
        """
        self.run(_paths.symlink, target, path)

    def link(self, source: Path, destination: Path) -> None:
        """Give what is at `source` (a link itself too) a second name.

        Raises:
            FsError: as a walk, EEXIST, ENOENT (a slash behind `destination`), EPERM
                (a directory).
        """
        self.run(_paths.link, source, destination)

    def readlink(self, path: Path) -> str:
        """The target of a symbolic link, as it was given.

        Raises:
            FsError: as a walk, EINVAL (no symbolic link).
        """
        return self.run(_paths.readlink, path)

    def realpath(self, path: Path) -> str:
        """The absolute path without links, `.` and `..`; it must be there.

        Raises:
            FsError: as a walk.
        """
        return self.run(_paths.realpath, path)

    # --- attributes --------------------------------------------------------------

    def stat(self, path: Path) -> Stat:
        """The attributes of what `path` leads to.

        Raises:
            FsError: as a walk.
        """
        return self.run(_paths.stat, path, True)

    def lstat(self, path: Path) -> Stat:
        """The attributes of what is at `path`; of a link itself.

        Raises:
            FsError: as a walk.
        """
        return self.run(_paths.stat, path, False)

    def setattr(self, path: Path, change: SetAttr, *, follow: bool = True) -> Stat:
        """Change several attributes in one step; see `InodeOps.setattr`.

        Raises:
            FsError: as a walk, and as `InodeOps.setattr`.
        """
        return self.run(_paths.setattr, path, change, follow)

    def chmod(self, path: Path, mode: int) -> None:
        """Set the permission bits.

        Raises:
            FsError: as a walk.
        """
        self.setattr(path, SetAttr(mode=mode))

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file, or extend it with a hole.

        Raises:
            FsError: as a walk, EISDIR, EINVAL (no regular file, or negative), EFBIG.
        """
        self.setattr(path, SetAttr(size=size))

    def touch(self, path: Path) -> None:
        """Set the times to now, or make an empty file.

        Raises:
            FsError: as a walk, ENOSPC.
        """
        self.run(_paths.touch, path)

    def exists(self, path: Path) -> bool:
        """Whether `path` leads to something; a dangling or looping link does not.

        Raises:
            FsError: EINVAL, ENAMETOOLONG.
        """
        return self.run(_paths.exists, path)

    # --- many at once ------------------------------------------------------------

    def listdir(self, path: Path = "/") -> list[str]:
        """The names in a directory, sorted by their bytes.

        As readdir(3) it moves the atime; what looks at a whole tree does not.

        Raises:
            FsError: as a walk, ENOTDIR.
        """
        return self.run(_paths.listdir, path)

    def scandir(self, path: Path = "/") -> list[tuple[str, Stat]]:
        """What is in a directory: each name and its attributes, sorted by name.

        As `listdir` and `lstat` of each, but of one instant.

        Raises:
            FsError: as a walk, ENOTDIR.
        """
        return self.run(_paths.scandir, path)

    def walk(self, top: Path = "/") -> Listing:
        """Every directory below `top`: its path, its directories, its other names.

        As os.walk, top down, but a list made in one instant, and sorted. Links to
        directories are among the other names and not followed.

        Raises:
            FsError: as a walk, ENOTDIR.
        """
        return self.run(_paths.walk_tree, top)

    def glob(self, pattern: Path) -> list[str]:
        """The paths that match, sorted; none is an empty list.

        `*`, `?` and `[...]` match within a name, one that begins with a dot too;
        `**` matches any number of directories, and follows no links.
        """
        return self.run(_paths.glob, pattern)
