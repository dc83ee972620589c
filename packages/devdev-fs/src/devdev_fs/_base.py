"""The interface of a filesystem, wherever its table lives: history, archives, state."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Concatenate, Literal, Union

from devdev_fs import _diff, _digest, _history, _snapshot, _swap, _textdiff
from devdev_fs._acting import acting
from devdev_fs._archive import (
    ByteSink,
    ByteSource,
    Reading,
    SeekableSource,
    drive,
    drive_anywhere,
    pieces,
)
from devdev_fs._closing import Closing
from devdev_fs._differences import Difference, OnConflict
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image
from devdev_fs._inodeops import InodeOps
from devdev_fs._namei import as_bytes
from devdev_fs._pathops import PathOps
from devdev_fs._paths import Path, as_str
from devdev_fs._runner import P, T
from devdev_fs._snapshotdump import Whole
from devdev_fs._snapshotload import each_piece
from devdev_fs._tarread import read_tar
from devdev_fs._tarwrite import tar_parts
from devdev_fs._types import PAGE_SIZE
from devdev_fs._unpack import Unpacking
from devdev_fs._versions import Checkpoint, Log, Merge, MergeConflict, Undo, Written
from devdev_fs._watch import Watch
from devdev_fs._zipread import read_zip
from devdev_fs._zipwrite import zip_parts

Point = Union[Checkpoint, int, "FsBase", None]
"""A checkpoint or its number, a filesystem as it is now, or None: this one now."""

ConflictPolicy = Literal["fail", "data", "ours", "theirs", "markers"]
"""What `FsBase.merge` does about conflicts."""

_POLICIES = {policy.name.lower(): policy for policy in OnConflict}


def point_number(point: Checkpoint | int) -> int:
    """The number of a checkpoint, however it is given."""
    return point.id if isinstance(point, Checkpoint) else point


class FsBase(PathOps, Closing):
    """What `Fs` and a client of a filesystem in another process have in common."""

    def __init__(self) -> None:
        self.inodes = InodeOps(self.run)
        """The operations addressed by inode number."""

    # --- history -----------------------------------------------------------------

    def checkpoint(self, label: str = "") -> Checkpoint:
        """Keep the present state, in O(1), to come back to or to compare with.

        It shares everything with the filesystem until that changes. The history's
        limits apply: the oldest checkpoints are dropped to make room.

        Raises:
            FsError: EINVAL (a label of more than 1024 bytes).
        """
        return self.run(_history.checkpoint, label)

    def checkpoints(self) -> list[Checkpoint]:
        """The checkpoints that are kept, oldest first."""
        return self.run(_history.checkpoints)

    def drop_checkpoint(self, point: Checkpoint | int) -> None:
        """Let go of a checkpoint, and of what nothing else holds.

        Raises:
            FsError: ESTALE (it was dropped), ENOENT.
        """
        self.run(_history.drop_checkpoint, point_number(point))

    @abstractmethod
    def fork(self, point: Checkpoint | int | None = None) -> "FsBase":
        """Another live filesystem that begins with this state, in O(1).

        Each changes by itself from then on; what neither changes they share. The fork
        has the same clock and umask, its own quotas, and a history that begins now.
        One in another process is mounted by what serves it.

        Args:
            point: the checkpoint to begin with instead.

        Raises:
            FsError: ESTALE (the checkpoint was dropped), ENOENT.
        """

    def restore(
        self, point: Checkpoint | int, paths: Iterable[Path] | None = None
    ) -> int:
        """Go back to a checkpoint, with everything or with some paths.

        Everything is as it was, times included; only inode numbers go on, as none is
        given twice, and the quotas stay. What was not there then is removed. It is a
        span itself, so it can be undone. Open files stay usable, on the inode that is
        back or on an orphan.

        Args:
            point: where to.
            paths: what to bring back, with all below; None is everything.

        Returns:
            The number of the span that did it, 0 if nothing was to be changed.

        Raises:
            FsError: ESTALE (the checkpoint was dropped), ENOENT (no such checkpoint, or
                a path that is neither here nor there), as a walk.
        """
        image = self.image(point_number(point))
        asked = None if paths is None else [as_str(as_bytes(path)) for path in paths]
        return self.run(_history.restore, image, asked)

    @contextmanager
    def actor(self, name: str) -> Iterator[int]:
        """Attribute what this thread (or task) changes within to an actor, as a span.

        Gives the span's number. Spans within spans are spans of their own.

        Raises:
            FsError: EINVAL (a name of more than 1024 bytes).
        """
        span = self.run(_history.begin, name)
        try:
            with acting(self, span):
                yield span
        finally:
            self.run(_history.end, span)

    def write_as(
        self, actor: str, path: Path, data: bytes, old: bytes | None = None
    ) -> Written:
        """Write a whole file as a span of its own: `actor`, `write_bytes`, in one step.

        With `old`, only if that is what the file holds (compare and swap): who reads a
        file, changes the bytes and writes them back overwrites nothing that a call or
        a program has written in between. Where the filesystem is in another process
        this is one round trip.

        Raises:
            FsError: EINVAL (an actor of more than 1024 bytes); as `write_bytes`; with
                `old` ENOENT, ESTALE (the file has another content by now).
        """
        return self.run(_swap.write_as, actor, path, data, old)

    @contextmanager
    def acting_for(self, span: int) -> Iterator[None]:
        """Attribute what this thread (or task) changes within to a span that is open.

        If it is not, or ends meanwhile, the changes belong to no actor.
        """
        with acting(self, span):
            yield

    def log(self, after: int = 0, limit: int | None = None) -> Log:
        """The spans that changed something, and what each touched, oldest first.

        Args:
            after: leave out the spans up to this number.
            limit: the most spans to list: the latest ones.
        """
        return self.run(_history.log, after, limit)

    def undo(self, span: int) -> Undo:
        """Take back what one span changed, and keep what later ones did.

        Where a later one changed the same thing, that is a conflict; if there is any,
        nothing is changed. Different files, names, lines of a text, attributes are
        different things. The undo is a span itself.

        Raises:
            FsError: ESTALE (it was dropped), ENOENT, EBUSY (it has not ended), EINVAL
                (it is undone already), ENOSPC, EIO (the history was loaded from a
                snapshot that `dump` did not write, and makes no tree).
        """
        return self.run(_history.undo, span)

    def redo(self, span: int) -> Undo:
        """Do again what one span changed and `undo` took back, as `undo`.

        Raises:
            FsError: ESTALE (it was dropped), ENOENT, EBUSY (it has not ended), EINVAL
                (it is not undone), ENOSPC.
        """
        return self.run(_history.redo, span)

    def diff(self, a: Point, b: Point = None) -> list[Difference]:
        """What `b` has that `a` has not, and the other way round, sorted by path.

        Args:
            a: a checkpoint, a filesystem, or None for this one as it is now.
            b: the same.

        Raises:
            FsError: EXDEV (a filesystem of another process), ESTALE (a checkpoint was
                dropped), ENOENT.
        """
        return self.compute(_diff.diff, self._at(a), self._at(b))

    def diff_text(self, a: Point, b: Point = None, context: int = 3) -> bytes:
        """The same as a unified diff, which `git apply` and `patch -p1` take.

        Files that are not text are named. Names and text are bytes as they are.

        Raises:
            FsError: ESTALE (a checkpoint was dropped), ENOENT.
        """
        return self.compute(_textdiff.text_diff, self._at(a), self._at(b), context)

    def merge(
        self, base: Point, other: Point, on_conflict: ConflictPolicy = "fail"
    ) -> Merge:
        """Bring in what `other` changed since `base`, three-way.

        It works on names, kinds, content (line by line where both are text), modes,
        owners, symlink targets and extended attributes; renames are followed. What
        both changed in the same way is no conflict.

        Args:
            base: what both come from: the checkpoint that `other` was forked at.
            other: the filesystem or checkpoint to bring in.
            on_conflict: "fail" raises, and "data" returns the conflicts, and neither
                changes anything; "ours" and "theirs" take that side; "markers" puts
                both sides' lines into the text, and takes ours elsewhere.

        Raises:
            MergeConflict: there are conflicts, with "fail". Nothing was changed.
            FsError: ESTALE (a checkpoint was dropped), ENOENT, ENOSPC.
            ValueError: another `on_conflict`.
        """
        policy = _POLICIES.get(on_conflict)
        if policy is None:
            known = ", ".join(_POLICIES)
            raise ValueError(f"on_conflict={on_conflict!r}: must be one of {known}")
        merged = self.run(_history.merge, self._at(base), self._at(other), policy)
        if merged.conflicts and policy is OnConflict.FAIL:
            raise MergeConflict(merged.conflicts)
        return merged

    @abstractmethod
    def watch(self) -> Watch:
        """Subscribe to what changes from now on: what, where, by whom."""

    @abstractmethod
    def close(self) -> None:
        """Let go of a fork that another process keeps; otherwise nothing."""

    def set_history_limits(
        self, *, max_bytes: int | None = None, max_entries: int | None = None
    ) -> None:
        """Bound what history may hold; None leaves a limit as it is.

        What is beyond is dropped, oldest first; see `Log.dropped`. The quota of the
        filesystem itself is another matter: history never makes a write fail.

        Args:
            max_bytes: content and inodes that only history holds, about.
            max_entries: checkpoints and spans.

        Raises:
            FsError: EINVAL (negative, or beyond 63 bits).
        """
        self.run(_history.set_limits, max_bytes, max_entries)

    @abstractmethod
    def compute(self, op: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function of images and plain values, without holding anything up.

        The functions are this package's own; `devdev_fs.wire` carries them elsewhere.
        """

    @abstractmethod
    def image(self, point: int) -> Image:
        """The state at a checkpoint, 0 being now, in a form that `run` takes."""

    @abstractmethod
    def whole(self, history: bool) -> Whole:
        """The state now; with `history` its past. In a form `parts` takes."""

    @abstractmethod
    def is_beside(self, other: "FsBase") -> bool:
        """Whether one process has both, so that they can be compared and merged."""

    def _at(self, point: Point) -> Image:
        if isinstance(point, FsBase):
            if not self.is_beside(point):
                message = "filesystems of two processes; load a dump into a fork first"
                raise FsError(Errno.EXDEV, message)
            return point.image(0)
        return self.image(0 if point is None else point_number(point))

    # --- archives ----------------------------------------------------------------

    def write_tar(self, file: ByteSink, path: Path = "/") -> None:
        """Write what is at `path` to `file` as a tar archive, as of this moment.

        The same tree gives the same bytes: names are sorted, and there is nothing of
        the host in it. Modes, owners, mtimes to the nanosecond, links of both kinds,
        extended attributes, FIFOs and device nodes are kept, and files with holes are
        stored without them; sockets are left out. Others may change the filesystem
        meanwhile.

        Args:
            file: takes bytes, in pieces of about 1 MiB; as `open(..., "wb")` gives.
            path: a directory, whose own name is no part of it; or something else.

        Raises:
            FsError: as a walk, ENOENT.
        """
        for part in self.parts(tar_parts, self.image(0), path):
            file.write(part)

    def read_tar(
        self, file: ByteSource, path: Path = "/", *, devices: bool = False
    ) -> int:
        """Unpack a tar archive into a directory, all of it or nothing.

        It comes as it is read, bounded by the quotas; what is there is not touched
        until the end of the archive is reached. Directories are merged, other things
        of the same name are replaced; of a name that comes twice the later one wins.
        Symbolic links are kept as they are and never followed.

        Args:
            file: gives bytes; one that is compressed is to be opened by gzip or so.
            path: the directory.
            devices: whether device nodes are made; otherwise they are refused.

        Returns:
            How many members there were.

        Raises:
            ArchiveError: it is no whole tar archive; or a name is absolute, has `..`
                or leads through a link; or a hard link leads to no earlier member.
            FsError: as a walk, ENOENT, ENOTDIR (also a directory in place of another
                thing), EISDIR (another thing in place of a directory), ENOSPC,
                EMLINK.
        """
        return drive(self.unpack(read_tar, path, devices), file)

    def write_zip(
        self, file: ByteSink, path: Path = "/", *, compress: bool = True
    ) -> None:
        """Write what is at `path` to `file` as a zip archive, as of this moment.

        See `write_tar`. A zip has less to say: of extended attributes, sockets and
        the directory at `path` itself nothing is kept, a hard link becomes a file of
        its own, a hole zeros, and times are in units of 100 ns.

        Args:
            file: as of `write_tar`.
            path: as of `write_tar`.
            compress: with False the bytes do not depend on the build of zlib.

        Raises:
            ArchiveError: a zip has no place for it: a name that is not UTF-8, a FIFO
                or a device node.
            FsError: as a walk, ENOENT.
        """
        for part in self.parts(zip_parts, self.image(0), path, compress):
            file.write(part)

    def read_zip(self, file: SeekableSource, path: Path = "/") -> int:
        """Unpack a zip archive into a directory, all of it or nothing.

        As `read_tar`, but a name must not come twice, and `file` must be seekable:
        what a zip has is said at its end.

        Returns:
            How many members there were.

        Raises:
            ArchiveError: it is no zip archive; or a name is absolute, has `..`,
                comes twice or leads through a link; or it is encrypted, or packed in
                other ways than stored and deflated.
            FsError: as `read_tar`.
        """
        reading = self.unpack(read_zip, path, False, file.seek(0, 2))
        return drive_anywhere(reading, file)

    @abstractmethod
    def parts(
        self, op: Callable[P, Iterator[bytes]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Generator[bytes, None, None]:
        """The pieces that a function of images gives, without the lock."""

    @abstractmethod
    def unpack(
        self,
        op: Callable[Concatenate[Unpacking, P], Reading[Unpacking]],
        path: Path,
        devices: bool,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Reading[int]:
        """Unpack an archive that `op` reads; asks for its bytes, and is sent them."""

    # --- the whole ---------------------------------------------------------------

    def set_limits(
        self, *, max_bytes: int | None = None, max_inodes: int | None = None
    ) -> None:
        """Set the quotas, as `InodeOps.set_limits`.

        Raises:
            FsError: EINVAL (negative).
        """
        self.inodes.set_limits(max_bytes, max_inodes)

    @property
    def bytes_used(self) -> int:
        """What counts against the byte quota: pages with content, 4096 bytes each."""
        space = self.inodes.statvfs()
        return (space.blocks - space.blocks_free) * PAGE_SIZE

    def dump(self, since: Point = None, *, history: bool = False) -> bytes:
        """The whole state as a snapshot: the same state gives the same bytes.

        Orphans (inodes without a name, held open) are not part of it, nor are
        clock, umask and pins. docs/snapshot-format.md describes the format.

        Args:
            since: a checkpoint or another filesystem; then only what differs from
                it is written, for those who have it: see `load`.
            history: whether to write how it came about too: checkpoints, and what
                each span changed. That is all of the history, also with `since`.

        Raises:
            FsError: ESTALE (the checkpoint was dropped), ENOENT.
        """
        return b"".join(self._dumped(self.whole(history), since))

    def dump_to(
        self, file: ByteSink, since: Point = None, *, history: bool = False
    ) -> None:
        """Write what `dump` returns to `file`, in pieces: no more than one is held.

        Others may change the filesystem meanwhile.

        Args:
            file: takes bytes; as `open(..., "wb")` gives.
            since: as of `dump`.
            history: as of `dump`.

        Raises:
            FsError: as `dump`.
        """
        for piece in pieces(self._dumped(self.whole(history), since)):
            file.write(piece)

    def _dumped(self, whole: Whole, since: Point) -> Iterator[bytes]:
        if since is None:
            return self.parts(_snapshot.dump, whole)
        return self.parts(_snapshot.dump_since, whole, self._at(since))

    def load(
        self,
        snapshot: bytes,
        *,
        max_bytes: int | None = None,
        max_inodes: int | None = None,
    ) -> None:
        """Become what `dump` wrote, in place; the quotas too.

        The content of files is not copied: `snapshot` stays in memory as long as one
        of them has not been written since. `load_from` copies.
        Open files stay usable: on the same inode where the snapshot has it (same
        number, kind and birth time), otherwise on the orphan that it then is.
        A history that the snapshot has takes the place of this one's, within its
        limits: spans that are open here end. What was written with `since` goes on
        from the state that it was written since: it is taken only by a filesystem in
        that very state, by `image_digest`.

        Args:
            snapshot: what `dump` wrote.
            max_bytes: refuse it if an image of it has more content than this.
            max_inodes: refuse it if an image of it has more inodes than this.

        Raises:
            SnapshotError: it is not what `dump` writes, it goes on from another state
                than this, or it is too large. Nothing was changed.
        """
        self.run(_history.load, snapshot, max_bytes, max_inodes)

    def load_from(
        self,
        file: ByteSource,
        *,
        max_bytes: int | None = None,
        max_inodes: int | None = None,
    ) -> None:
        """Become what `dump_to` wrote to `file`, as `load`.

        It comes in pieces, and beside what is made of it no more than one is held; a
        filesystem in another process gets all of it at once.

        Args:
            file: gives bytes; as `open(..., "rb")` does.
            max_bytes: as of `load`.
            max_inodes: as of `load`.

        Raises:
            SnapshotError: as `load`.
        """
        snapshot = b"".join(each_piece(file))
        self.load(snapshot, max_bytes=max_bytes, max_inodes=max_inodes)

    def tree_digest(self, path: Path = "/") -> str:
        """SHA-256, in hex, of the tree at `path`: is it the same tree?

        Names, kinds, permission bits, content, hard links, extended attributes,
        symlink targets and device numbers count; owners, times, inode numbers and
        holes do not. What was computed before is kept: it costs as much as what
        changed since, and the directories above that.

        Raises:
            FsError: as a walk.
        """
        return self.compute(_digest.tree_digest, self._at(None), path)

    def image_digest(self) -> str:
        """SHA-256, in hex, of all that a snapshot has: is it the same state?

        The snapshot has it at its end. It costs as much as what changed since the
        last one.
        """
        return self.compute(_digest.image_digest, self._at(None))

    def check_invariants(self) -> None:
        """Assert what must hold of the whole table; for tests. Costs O(inodes)."""
        self.inodes.check_invariants()
