"""The `copy` driver, and one directory that it keeps in step with a filesystem."""

import sys

if sys.platform == "win32":
    raise ImportError("the copy driver is for POSIX hosts")

import os
from contextlib import ExitStack, nullcontext, suppress
from threading import RLock

from devdev_fs import ROOT_INO, Fs, FsError, Ino, Kind, MergeConflict

from devdev_mount import _removal
from devdev_mount._copy._apply import Applied, apply
from devdev_mount._copy._host import HostChanged, HostTree
from devdev_mount._copy._keeper import Keeper
from devdev_mount._copy._lost import forget_lost, set_aside
from devdev_mount._copy._mirror import DirtyInodes
from devdev_mount._copy._publish import Published, publish
from devdev_mount._copy._push import Push
from devdev_mount._copy._scan import Scan, scan
from devdev_mount._copy._state import Node, Table
from devdev_mount._copy._tries import Tries
from devdev_mount._driver import MountOptions
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._private import make_directory
from devdev_mount._reports import PullReport, PushReport


class CopyDriver:
    """Shows a filesystem as a directory of the host, without mounting anything."""

    name = "copy"

    def check(self, options: MountOptions) -> None:
        """Refuse what a plain directory cannot be.

        Raises:
            DriverUnavailable: `read_only`.
        """
        if options.read_only:
            raise DriverUnavailable(
                "the copy driver cannot refuse writes (read_only): its directory is "
                "one of the host's, use the fuse driver"
            )

    def private(self, undo: ExitStack) -> str:
        """A directory of its own; see `Driver.private`."""
        return make_directory(undo)

    def resolve(self, mountpoint: str | os.PathLike[str]) -> str:
        """The absolute path, without symbolic links, of an empty directory.

        Raises:
            MountError: it is none.
        """
        try:
            resolved = os.path.realpath(mountpoint, strict=True)
            is_empty = not os.listdir(resolved)
        except OSError as exc:
            raise MountError(f"cannot copy to {mountpoint}: {exc.strerror}") from exc
        if not is_empty:
            raise MountError(f"{resolved} is not empty: what is in it would mix")
        return resolved

    def start(
        self,
        fs: Fs,
        mountpoint: str,
        options: MountOptions,
        *,
        is_private: bool,
        spin_s: float = 0.0,
        lifeline: int | None = None,
    ) -> "CopySession":
        """Show `fs`; return when all of it is there.

        Raises:
            MountError: it cannot be shown there.
        """
        return CopySession(fs, mountpoint, options, is_private=is_private)


class CopySession:
    """A directory that shows a filesystem as it was when last pushed.

    Call `push` before programs use the directory and `pull` after that. Both cost
    what changed, and a look at each file. Thread-safe; one is done at a time.

    The filesystem is in `path`. If the directory is private, that is one in it, so
    that the root's permissions are the filesystem's while nobody else gets in.

    Args:
        fs: the filesystem.
        directory: an empty directory.
        options: how to show it.
        is_private: whether it is this session's own, to be removed at the end.

    Raises:
        MountError: it cannot be shown there.
    """

    def __init__(
        self, fs: Fs, directory: str, options: MountOptions, *, is_private: bool
    ) -> None:
        self._fs = fs
        self._options = options
        self._directory = directory
        self._is_private = is_private
        self._lock = RLock()
        self._dirty = DirtyInodes()
        self._stamp = 0
        self._is_incomplete = False
        """Whether a push failed in its midst: what is shown is no state of any time."""
        self._is_behind = False
        """Whether what is shown is not the base, since a pull brought in more."""
        self._is_stopping = False
        with ExitStack() as undo:
            undo.callback(_removal.empty, directory)
            self._keeper = Keeper(directory) if is_private else None
            if self._keeper is not None:
                undo.callback(self._keeper.dismiss)
                self._keeper.wait_ready()
            self.path = directory
            """Where the filesystem is to be seen."""
            if is_private:
                os.chmod(directory, 0o711 if options.allow_other else 0o700)
                self.path = os.path.join(directory, "files")
                os.mkdir(self.path, 0o700)
            root = fs.inodes.getattr(ROOT_INO)
            self._table = Table(Node(Kind.DIRECTORY, ROOT_INO, root.btime_ns))
            self._host = HostTree(self.path, self._table.root)
            undo.callback(self._host.close)
            self._table.add(self._table.root)
            attachment = fs.attach(self._dirty)
            undo.callback(attachment.detach)
            self._dirty.add([ROOT_INO])
            self._base = fs.fork()
            self.push()
            self._attachment = attachment
            undo.pop_all()

    @property
    def is_alive(self) -> bool:
        """Whether it still shows it."""
        return self._host.fd >= 0

    @property
    def requests(self) -> dict[str, int]:
        """Nothing: no kernel asks; see `Session.requests`."""
        return {}

    def attribute(self, pid: int, span: int) -> None:
        """Nothing: what is pulled belongs to who pulls; see `Session.attribute`."""

    def environment(self, span: int) -> dict[str, str]:
        """Nothing; see `Session.environment`."""
        return {}

    # --- to the directory --------------------------------------------------------

    def push(self) -> PushReport:
        """Show in the directory what changed in the filesystem; see `Mount.push`."""
        with self._lock:
            return self._show(Tries(self.path))

    def _show(self, tries: Tries) -> PushReport:
        while True:
            try:
                return self._push()
            except HostChanged as exc:
                tries.failed(exc)
                if not (self._is_incomplete or self._is_behind):
                    self._pull(None, tries)
                    continue
                # There is no base to merge with: keep what programs made, and push.
                with suppress(HostChanged):
                    if not self._is_incomplete:
                        set_aside(self._host, self._table, self._dirty.peek())
                self._is_incomplete = True
                self._dirty.add(forget_lost(self._host, self._table))

    def _push(self) -> PushReport:
        dirty = self._dirty.take()
        if not dirty:
            self._is_behind = False
            return PushReport()
        image = self._fs.fork()
        push = Push(
            self._host,
            self._table,
            image,
            dirty,
            self._options,
            is_private=self._is_private and not self._options.allow_other,
        )
        verify, self._is_incomplete = not self._is_incomplete, True
        try:
            report = push.run(verify=verify)
        except BaseException:
            self._dirty.add(push.unfinished)
            self._is_incomplete = not verify or push.has_begun
            raise
        self._is_incomplete = self._is_behind = False
        self._base = image
        self._stamp = self._pass_stamp()
        return report

    # --- from the directory ------------------------------------------------------

    def pull(self, actor: str | None = None) -> PullReport:
        """Bring in what programs changed in the directory; see `Mount.pull`."""
        with self._lock:
            tries = Tries(self.path)
            if self._is_incomplete or self._is_behind:
                self._show(tries)
            report = self._pull(actor, tries)
            if self._dirty.peek():
                # Both are in step again, so that the next merge knows what was shown.
                # What is in the way now is so at the next push, too.
                with suppress(MountError, OSError, MergeConflict):
                    self._show(tries)
            return report

    def _pull(self, actor: str | None, tries: Tries) -> PullReport:
        while True:
            stamp = self._pass_stamp()
            try:
                found = scan(self._host, self._table, self._stamp)
                report = self._take_in(found, actor)
            except HostChanged as exc:
                tries.failed(exc)
            else:
                self._stamp = stamp
                return report
            finally:
                self._host.give_back()

    def _pass_stamp(self) -> int:
        """Now, by the host's clock; that it moves the root's ctime is no change."""
        root = self._table.root
        before = self._host.mark(root)
        stamp = self._host.stamp()
        after = self._host.mark(root)
        if before == root.mark and after and before:
            # Any other change is one that a program made just now.
            root.mark = before._replace(ctime_ns=after.ctime_ns)
        return stamp

    def _take_in(self, found: Scan, actor: str | None) -> PullReport:
        if not found.listings and not found.changed:
            self._give_back()
            return PullReport(unsettled=tuple(found.unsettled))
        scanned = self._fork_base()
        applied = apply(found, self._host, scanned, self._options)
        others = self._dirty.peek()
        attributed = nullcontext() if actor is None else self._fs.actor(actor)
        with self._dirty.publishing(), attributed:
            published = publish(
                self._fs, self._base, scanned, self._disputed(found, others)
            )
        if others or published.conflicts or published.kept_beside:
            self._dirty.add_own()
            self._is_behind = True
        self._base = self._fs.fork()
        self._remember(found, applied)
        return _report(found, applied, published)

    def _fork_base(self) -> Fs:
        """A fork of what the directory showed, with the quotas of now."""
        scanned = self._base.fork()
        space = self._fs.inodes.statvfs()
        scanned.set_limits(
            max_bytes=space.blocks * space.block_size, max_inodes=space.inodes
        )
        return scanned

    def _disputed(self, found: Scan, others: set[Ino]) -> list[Ino]:
        """Files that both sides changed, and the merge would not see it.

        The base can be a moment younger than what the directory shows: what changed
        in that moment is noted as others' change, although the base has it.
        """
        disputed = []
        for node in found.changed:
            if node.ino in others and node.kind == Kind.REGULAR:
                with suppress(FsError):  # it is gone: that is a conflict anyway
                    live = self._fs.inodes.getattr(node.ino)
                    if live == self._base.inodes.getattr(node.ino):
                        disputed.append(node.ino)
        return disputed

    def _remember(self, found: Scan, applied: Applied) -> None:
        """Bring the table up to date."""
        table = self._table
        for directory, listing in found.listings.items():
            for name, node in listing.gone():
                node.names.remove((directory, name))
                if node.is_dir and not node.names:
                    self._host.forget(node)
        gone = [node for each in found.listings.values() for _, node in each.gone()]
        for directory, listing in found.listings.items():
            for name, node in listing.come():
                node.names.append((directory, name))
        for directory, listing in found.listings.items():
            directory.children = dict(listing.after)
        for node in gone:
            if not node.names:
                table.remove(node)
        for directory, name, node in applied.placed:
            if not node.ino:
                self._number(directory, name, node)
            table.add(node)
        self._host.places.clear()
        for node, mark in applied.marks.items():
            node.mark = mark
        for node, xattrs in applied.xattrs.items():
            node.xattrs = xattrs
        self._give_back()

    def _give_back(self) -> None:
        for node, mark in self._host.give_back().items():
            node.mark = mark

    def _number(self, directory: Node, name: bytes, node: Node) -> None:
        """Find which number a new inode was given."""
        try:
            info = self._base.inodes.lookup(directory.ino, name)
        except FsError:
            info = None
        is_taken = info is not None and info.ino in self._table.by_ino
        if info is not None and info.kind == node.kind and not is_taken:
            node.ino, node.btime_ns = info.ino, info.btime_ns
        else:
            # It lost a conflict, or was removed again just now.
            self._dirty.add([directory.ino])

    # --- the end -----------------------------------------------------------------

    def stop(self) -> None:
        """Pull for a last time, and remove what is in the directory; again is nothing.

        Raises:
            FsError, OSError, MergeConflict: as `pull`. The directory is left as it is;
                a second `stop` removes it with all that was not pulled.
        """
        with self._lock:
            if not self.is_alive:
                return
            if not self._is_stopping:
                self._is_stopping = True
                if not self._is_incomplete:
                    self.pull()
            self._attachment.detach()
            self._host.close()
            try:
                _removal.empty(self._directory)
            finally:
                if self._keeper is not None:
                    self._keeper.dismiss()


def _report(found: Scan, applied: Applied, published: Published) -> PullReport:
    return PullReport(
        span=published.span,
        changed=len(applied.marks),
        removed=applied.dropped,
        conflicts=tuple(published.conflicts),
        kept_beside=tuple(published.kept_beside),
        unkept=(*found.unkept, *applied.unkept),
        unsettled=tuple(dict.fromkeys(found.unsettled + applied.unsettled)),
    )
