"""What must hold of an inode table between two operations."""

from collections import Counter

from devdev_fs import _acl
from devdev_fs._inode import Directory, Inode, Link, RegularFile, Symlink
from devdev_fs._table import InodeTable
from devdev_fs._types import ROOT_INO, Ino


def check_invariants(table: InodeTable) -> None:
    """Assert all of it. Costs O(inodes)."""
    table.inodes.check()
    _check_names(table)
    for inode in table.inodes.values():
        _check_body(inode)
    _check_orphans(table)
    pages = sum(inode.pages for inode in table.inodes.values())
    orphaned = sum(inode.pages for inode in table.orphans.values())
    assert table.pages_used == pages + orphaned


def _check_names(table: InodeTable) -> None:
    """Inodes know their names, and how many they are."""
    links: dict[Ino, list[Link]] = {}
    subdirectories: Counter[Ino] = Counter()
    for ino in map(Ino, table.inodes.numbers()):
        inode = table.get(ino)
        assert inode.ino == ino
        if isinstance(inode, Directory):
            for name, child in table.entries(inode):
                links.setdefault(child.ino, []).append((ino, name))
                subdirectories[ino] += isinstance(child, Directory)
    for inode in table.inodes.values():
        found = sorted(links.get(inode.ino, []))
        assert inode.links() == found, f"{inode.ino}: {inode.links()}, {found}"
        if isinstance(inode, Directory):
            assert len(found) == (inode.ino != ROOT_INO)
            assert inode.nlink == 2 + subdirectories[inode.ino]
        else:
            assert inode.nlink == len(found) > 0, f"{inode.ino}: {inode.nlink}"


def _check_body(inode: Inode) -> None:
    assert inode.xattrs != {}
    assert inode.xattrs == _acl.in_step(inode.xattrs, inode.mode)
    if isinstance(inode, RegularFile):
        inode.content.check()
    elif isinstance(inode, Symlink):
        assert inode.target
    elif isinstance(inode, Directory):
        inode.entries.check()


def _check_orphans(table: InodeTable) -> None:
    """What has no name is held by somebody, and what is held is there."""
    for ino, orphan in table.orphans.items():
        assert orphan.ino == ino
        assert not orphan.nlink
        assert not orphan.name
        assert table.pins[ino] > 0, f"{ino} leaked"
        assert table.inodes.get(ino) is None
        _check_body(orphan)
        assert not isinstance(orphan, Directory) or not len(orphan.entries)
    assert table.unnamed <= table.orphans.keys()
    opened = Counter(table.open_files.values())
    for ino, times in opened.items():
        assert table.pins[ino] >= times, f"{ino} is open and not held"
    for ino in table.pins:
        assert table.find(ino) is not None, f"{ino} is held and not there"
