"""A directory of the host and what is in it, reached without following any link.

Programs may change the tree while it is looked at, swap directories for links too. So
everything goes through descriptors of directories (openat(2) and the like), each
opened from the one above it with O_NOFOLLOW, and known by what fstat(2) says.
"""

import sys

if sys.platform == "win32":
    raise ImportError("Windows has no descriptors of directories")

import errno
import os
import secrets
import stat
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devdev_mount._copy._state import HostId, Mark, Node, beside, mark_of

_KEPT_OPEN = 128
_CHAIN = 32
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HANDLE = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC


class HostChanged(Exception):
    """A program changed what was to be changed. Look at the directory again."""


class HostTree:
    """The directory, and descriptors of some directories in it.

    Args:
        path: where it is.
        root: its node, whose numbers on the host are set here.
    """

    def __init__(self, path: str, root: Node) -> None:
        self.path = path
        self.root = root
        self.fd = os.open(path, _DIRECTORY)
        info = os.fstat(self.fd)
        root.mark = mark_of(info)
        root.host = root.mark.host
        self.device = info.st_dev
        self.places: dict[Node, tuple[Node, bytes]] = {}
        """Where directories are that are not where their nodes say."""
        self._open: OrderedDict[Node, int] = OrderedDict()
        self._lent: dict[Node, int] = {}
        """The modes of directories that were opened up for their owner."""
        self._stage = b".devdev-%s-" % secrets.token_hex(8).encode()
        """How names in the root begin that are only there during a push."""
        self._staged = 0
        self._may_all = os.geteuid() == 0

    def close(self) -> None:
        """Close all descriptors."""
        while self._open:
            os.close(self._open.popitem()[1])
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    # --- directories -------------------------------------------------------------

    def directory(self, node: Node) -> int:
        """A descriptor of a directory; it is good until the next but one is asked for.

        Raises:
            HostChanged: something else is there.
            OSError: it cannot be opened.
        """
        if node is self.root:
            return self.fd
        chain: list[Node] = []
        at = node
        while at is not self.root and at not in self._open:
            chain.append(at)
            at = self._place(at)[0]
        if at is not self.root:
            self._open.move_to_end(at)
        fd, is_ours = (self.fd if at is self.root else self._open[at]), False
        for depth, each in enumerate(reversed(chain), start=1):
            above = fd
            try:
                fd = self._enter(above, each)
            finally:
                if is_ours:
                    os.close(above)
            is_ours = len(chain) - depth >= _CHAIN
            if not is_ours:
                self._keep(each, fd)
        return fd

    def _place(self, node: Node) -> tuple[Node, bytes]:
        if node in self.places:
            return self.places[node]
        if not node.names:
            raise HostChanged(f"a directory is gone from {self.path}")
        return node.names[0]

    def _enter(self, above: int, node: Node) -> int:
        name = self._place(node)[1]
        try:
            fd = self._open_directory(above, name, node)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                problem = f"{self.path_to(node)} is no directory any more"
                raise HostChanged(problem) from exc
            raise
        info = os.fstat(fd)
        if (info.st_dev, info.st_ino) != node.host:
            os.close(fd)
            raise HostChanged(f"{self.path_to(node)} is another directory now")
        return fd

    def _open_directory(self, above: int, name: bytes, node: Node) -> int:
        if self._may_all:
            with suppress(PermissionError):
                return os.open(name, _DIRECTORY, dir_fd=above)
            self._may_all = False  # root without the capability
        info = os.stat(name, dir_fd=above, follow_symlinks=False)
        mode = stat.S_IMODE(info.st_mode)
        if stat.S_ISDIR(info.st_mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
            self.chmod_at(above, name, mode | stat.S_IRWXU)
            self._lent.setdefault(node, mode)
        return os.open(name, _DIRECTORY, dir_fd=above)

    def open_up(self) -> None:
        """Begin: let its owner into the root; `directory` does so with the others."""
        if self._may_all:
            return
        while self._open:
            os.close(self._open.popitem()[1])
        self.lend(self.root, stat.S_IMODE(os.fstat(self.fd).st_mode))

    def lend(self, node: Node, mode: int) -> bool:
        """Keep a directory, that is to have a mode, open for its owner for now.

        Returns:
            Whether there was need to; then `give_back` sets the mode.
        """
        if self._may_all or mode & stat.S_IRWXU == stat.S_IRWXU:
            return False
        os.fchmod(self.directory(node), mode | stat.S_IRWXU)
        self._lent[node] = mode
        return True

    def _keep(self, node: Node, fd: int) -> None:
        self._open[node] = fd
        if len(self._open) > _KEPT_OPEN:
            os.close(self._open.popitem(last=False)[1])

    def forget(self, node: Node) -> None:
        """Close what is open of a directory that goes."""
        self.places.pop(node, None)
        self._lent.pop(node, None)
        fd = self._open.pop(node, None)
        if fd is not None:
            os.close(fd)

    def give_back(self) -> dict[Node, Mark]:
        """Take back what permissions were lent; that moved these directories' ctime."""
        lent, self._lent = self._lent, {}
        marks: dict[Node, Mark] = {}
        for node in sorted(lent, key=self._depth, reverse=True):
            with suppress(HostChanged, FileNotFoundError):
                fd = self.directory(node)
                os.fchmod(fd, lent[node])
                marks[node] = mark_of(os.fstat(fd))
        return marks

    def _depth(self, node: Node) -> int:
        depth = 0
        while node is not self.root:
            node, depth = self._place(node)[0], depth + 1
        return depth

    def path_to(self, node: Node) -> str:
        """Where a directory is now, for people."""
        return "/" if node is self.root else self.path_in(*self._place(node))

    def path_in(self, directory: Node, name: bytes) -> str:
        """Where a name is now, for people."""
        names = [name]
        while directory is not self.root:
            directory, name = self._place(directory)
            names.append(name)
        return os.fsdecode(b"/" + b"/".join(reversed(names)))

    # --- names -------------------------------------------------------------------

    def lstat(self, directory: Node, name: bytes) -> os.stat_result | None:
        """What is under a name; None if there is nothing."""
        try:
            fd = self.directory(directory)
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def mark(self, node: Node) -> Mark | None:
        """What the host tells of a node now; None if it is gone."""
        if node is self.root:
            return mark_of(os.fstat(self.fd))
        info = self.lstat(*self._place(node))
        return None if info is None else mark_of(info)

    def has(self, directory: Node, name: bytes, node: Node) -> bool:
        """Whether a name means a node; its number alone, given again, does not tell."""
        try:
            info = self.lstat(directory, name)
        except HostChanged:
            return False
        return info is not None and (mark_of(info).host, stat.S_IFMT(info.st_mode)) == (
            node.host,
            node.kind,
        )

    def make_way(self, directory: Node, name: bytes) -> None:
        """Move aside what a program made, if there is anything; a pull finds it."""
        if self.lstat(directory, name) is None:
            return
        number = 1
        while self.lstat(directory, beside(name, number)) is not None:
            number += 1
        at = self.directory(directory)
        os.rename(name, beside(name, number), src_dir_fd=at, dst_dir_fd=at)

    def stage_name(self) -> bytes:
        """A name in the root for something that is on its way."""
        self._staged += 1
        return self._stage + b"%d" % self._staged

    def is_staged(self, name: bytes) -> bool:
        """Whether a name in the root is one of those."""
        return name.startswith(self._stage)

    def chmod_at(self, fd: int, name: bytes, mode: int) -> None:
        """Set permissions; never those of what a link leads to.

        Raises:
            OSError: ELOOP (a link).
        """
        if sys.platform != "linux":
            os.chmod(name, mode, dir_fd=fd, follow_symlinks=False)
            return
        handle = os.open(name, _HANDLE, dir_fd=fd)
        try:
            if stat.S_ISLNK(os.fstat(handle).st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
            os.chmod(f"/proc/self/fd/{handle}", mode)
        finally:
            os.close(handle)

    def stamp(self) -> int:
        """Now, by the clock that the host stamps ctimes with; touches the root."""
        info = os.fstat(self.fd)
        os.utime(self.fd, ns=(info.st_atime_ns, info.st_mtime_ns))
        return os.fstat(self.fd).st_ctime_ns

    # --- files -------------------------------------------------------------------

    @contextmanager
    def reached(self, directory: Node, name: bytes, node: Node) -> Iterator[str]:
        """A path to what is no file or directory, whatever its name comes to mean.

        Only Linux has such paths, and others ask for none.

        Raises:
            HostChanged: something else is there.
        """
        if sys.platform != "linux":
            yield ""
            return
        try:
            handle = os.open(name, _HANDLE, dir_fd=self.directory(directory))
        except FileNotFoundError as exc:
            raise HostChanged(f"{self.path_in(directory, name)} is gone") from exc
        try:
            if mark_of(os.fstat(handle)).host != node.host:
                problem = f"{self.path_in(directory, name)} is another one now"
                raise HostChanged(problem)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)

    @contextmanager
    def file(
        self, directory: Node, name: bytes, host: HostId | None, flags: int
    ) -> Iterator[int]:
        """A regular file, opened; as its owner, also without permission.

        Raises:
            HostChanged: something else is there.
            OSError: it cannot be opened.
        """
        at = self.directory(directory)
        try:
            fd = self._open_file(at, name, flags)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO):
                problem = f"{self.path_in(directory, name)} is no file any more"
                raise HostChanged(problem) from exc
            raise
        try:
            info = os.fstat(fd)
            is_it = host is None or (info.st_dev, info.st_ino) == host
            if not stat.S_ISREG(info.st_mode) or not is_it:
                problem = f"{self.path_in(directory, name)} is another file now"
                raise HostChanged(problem)
            yield fd
        finally:
            os.close(fd)

    def _open_file(self, at: int, name: bytes, flags: int) -> int:
        try:
            return os.open(name, flags | _FLAGS, 0o600, dir_fd=at)
        except PermissionError:
            info = os.stat(name, dir_fd=at, follow_symlinks=False)
            if not stat.S_ISREG(info.st_mode):
                raise
        mode = stat.S_IMODE(info.st_mode)
        self.chmod_at(at, name, mode | stat.S_IRUSR | stat.S_IWUSR)
        try:
            return os.open(name, flags | _FLAGS, dir_fd=at)
        finally:
            self.chmod_at(at, name, mode)
