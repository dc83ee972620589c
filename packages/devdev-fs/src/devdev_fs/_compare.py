"""Comparing two versions of one thing; what they share is not looked at."""

from devdev_fs._content import Content
from devdev_fs._differences import DifferenceKind
from devdev_fs._inode import Inode, RegularFile, Symlink


def is_same_content(a: Content, b: Content) -> bool:
    """Whether both read as the same bytes, wherever their holes are."""
    if a.size != b.size:
        return False
    pairs = a.differences(b)
    return all(_stripped(mine) == _stripped(other) for _, mine, other in pairs)


def _stripped(page: bytes | None) -> bytes:
    return (page or b"").rstrip(b"\0")


def is_same_thing(a: Inode, b: Inode) -> bool:
    """Whether both are of one kind, and device nodes of one number."""
    return a.kind == b.kind and a.rdev == b.rdev


def compare(a: Inode, b: Inode) -> list[DifferenceKind]:
    """In which respects two inodes differ; neither names nor times are among them."""
    if a is b:
        return []
    if not is_same_thing(a, b):
        return [DifferenceKind.KIND]
    found = []
    if not is_same_body(a, b):
        is_link = isinstance(a, Symlink)
        found.append(DifferenceKind.TARGET if is_link else DifferenceKind.MODIFIED)
    if a.mode != b.mode:
        found.append(DifferenceKind.MODE)
    if (a.uid, a.gid) != (b.uid, b.gid):
        found.append(DifferenceKind.OWNER)
    if (a.xattrs or {}) != (b.xattrs or {}):
        found.append(DifferenceKind.XATTR)
    return found


def is_equal(a: Inode, b: Inode) -> bool:
    """Whether two versions are the same, times and holes too; names aside."""
    if a is b:
        return True
    if _times(a) != _times(b) or compare(a, b):
        return False
    if isinstance(a, RegularFile) and isinstance(b, RegularFile):
        pairs = a.content.differences(b.content)
        return all((mine is None) == (other is None) for _, mine, other in pairs)
    return True


def _times(inode: Inode) -> tuple[int, int, int]:
    return inode.atime_ns, inode.mtime_ns, inode.ctime_ns


def is_same_body(a: Inode, b: Inode) -> bool:
    """Whether two of one kind hold the same: the content of a file, a link's target."""
    if isinstance(a, RegularFile) and isinstance(b, RegularFile):
        return is_same_content(a.content, b.content)
    if isinstance(a, Symlink) and isinstance(b, Symlink):
        return a.target == b.target
    return True
