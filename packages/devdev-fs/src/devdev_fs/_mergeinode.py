"""Three-way merge of what one inode holds, its names aside."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from devdev_fs import _acl
from devdev_fs._compare import is_equal, is_same_content
from devdev_fs._content import Content
from devdev_fs._differences import ConflictKind, OnConflict
from devdev_fs._inode import Inode, RegularFile, Symlink
from devdev_fs._lines import as_text
from devdev_fs._mergetext import merge_texts
from devdev_fs._xattr import fit

V = TypeVar("V")
Disagreement = tuple[ConflictKind, str]
"""What the two sides disagree on, and what each did."""


class MergedInode(NamedTuple):
    """What came out, and what the two sides disagreed on."""

    inode: Inode
    disagreements: list[Disagreement]


def merge_inode(
    base: Inode | None, ours: Inode, theirs: Inode, policy: OnConflict
) -> MergedInode:
    """What both sides changed of an inode, together; all of them of one kind.

    The result is one of the versions, or has the number and birth of `ours`. If there
    is no `base`, both sides made it. Times are the later ones, if both changed them.
    """
    if is_equal(theirs, ours):
        return MergedInode(ours, [])
    if base is not None and is_equal(ours, base):
        return MergedInode(theirs, [])
    if base is not None and is_equal(theirs, base):
        return MergedInode(ours, [])
    merge = _InodeMerge(base, ours, theirs, policy)
    return MergedInode(merge.run(), merge.disagreements)


class _InodeMerge:
    """The merge of one inode that both sides changed or made."""

    def __init__(
        self, base: Inode | None, ours: Inode, theirs: Inode, policy: OnConflict
    ) -> None:
        self._base = base
        self._ours = ours
        self._theirs = theirs
        self._policy = policy
        self.disagreements: list[Disagreement] = []

    def run(self) -> Inode:
        base, ours, theirs = self._base, self._ours, self._theirs
        merged = ours.copy()
        merged.mode = self._pick(ConflictKind.MODE, _get_mode, _show_mode)
        merged.uid = self._pick(ConflictKind.OWNER, _get_uid, "user {}".format)
        merged.gid = self._pick(ConflictKind.OWNER, _get_gid, "group {}".format)
        merged.xattrs = _acl.in_step(self._merge_xattrs(), merged.mode)
        for field in ("atime_ns", "mtime_ns", "ctime_ns"):
            before = None if base is None else getattr(base, field)
            mine, other = getattr(ours, field), getattr(theirs, field)
            # A side that changed nothing leaves the time as it was.
            late = [time for time in (mine, other) if time != before]
            setattr(merged, field, max(late, default=mine))
        if isinstance(merged, Symlink):
            merged.target = self._pick(ConflictKind.TARGET, _get_target, repr)
        if isinstance(merged, RegularFile):
            merged.content = self._merge_content()
        return merged

    def _pick(
        self, kind: ConflictKind, get: Callable[[Inode], V], show: Callable[[V], str]
    ) -> V:
        """The merged value of a field."""
        before = None if self._base is None else get(self._base)
        return self._choose(kind, before, get(self._ours), get(self._theirs), show)

    def _choose(
        self,
        kind: ConflictKind,
        before: V | None,
        mine: V,
        other: V,
        show: Callable[[V], str],
    ) -> V:
        if mine == other or other == before:
            return mine
        if mine == before:
            return other
        self.disagreements.append((kind, f"ours: {show(mine)}, theirs: {show(other)}"))
        return other if self._policy == OnConflict.THEIRS else mine

    def _merge_xattrs(self) -> dict[bytes, bytes] | None:
        before = (self._base and self._base.xattrs) or {}
        mine, other = self._ours.xattrs or {}, self._theirs.xattrs or {}
        merged: dict[bytes, bytes] = {}
        for name in sorted(mine.keys() | other.keys()):
            value = self._choose(
                ConflictKind.XATTR,
                before.get(name),
                mine.get(name),
                other.get(name),
                partial(_show_xattr, name),
            )
            if value is not None:
                merged[name] = value
        if fit(merged):
            return merged or None
        text = "together they are more than an inode can have"
        self.disagreements.append((ConflictKind.XATTR, text))
        return other if self._policy == OnConflict.THEIRS else mine

    # --- content -----------------------------------------------------------------

    def _merge_content(self) -> Content:
        before = _content(self._base)
        mine, other = _content(self._ours), _content(self._theirs)
        if is_same_content(mine, other) or is_same_content(other, before):
            return mine.copy()
        if is_same_content(mine, before):
            return other.copy()
        texts = [as_text(content) for content in (before, mine, other)]
        if None in texts:
            self.disagreements.append((ConflictKind.CONTENT, "not text"))
            return (other if self._policy == OnConflict.THEIRS else mine).copy()
        return self._merge_lines(*(text or b"" for text in texts))

    def _merge_lines(self, before: bytes, mine: bytes, other: bytes) -> Content:
        text, conflicts = merge_texts(
            before,
            mine,
            other,
            take_theirs=self._policy == OnConflict.THEIRS,
            with_markers=self._policy == OnConflict.MARKERS,
        )
        if conflicts:
            places = "place" if conflicts == 1 else "places"
            detail = f"in {conflicts} {places}"
            self.disagreements.append((ConflictKind.CONTENT, detail))
        merged = Content()
        merged.write(0, text)
        return merged


def _get_mode(inode: Inode) -> int:
    return inode.mode


def _get_uid(inode: Inode) -> int:
    return inode.uid


def _get_gid(inode: Inode) -> int:
    return inode.gid


def _get_target(inode: Inode) -> bytes:
    assert isinstance(inode, Symlink)
    return inode.target


def _show_mode(mode: int) -> str:
    return f"{mode & 0o7777:04o}"


def _show_xattr(name: bytes, value: bytes | None) -> str:
    what = "removed" if value is None else f"of {len(value)} bytes"
    return f"{name!r} {what}"


def _content(inode: Inode | None) -> Content:
    return inode.content if isinstance(inode, RegularFile) else Content()
