"""What the oracle does by path: names, attributes, extended attributes."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a tmpfs")

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.posix.cases.acls import ACCESS
from tests.posix.checks import DEVICE
from tests.posix.choices import (
    ACCESSES,
    ANY_TIME,
    DIRECTORY_MODES,
    IDS,
    KINDS,
    LEADS_TO,
    MODES,
    NEW_PLACES,
    NO_ENTRIES,
    PLACES,
    PROTECTS_LINKS,
    RENAME_FLAGS,
    TARGETS,
    UMASKS,
    USERS,
    VALUES,
    XATTR_FLAGS,
    XATTRS,
    Place,
)
from tests.posix.protocol import ROOT, Posix, Time, User
from tests.posix.twins import Twins


class NameRules(Twins):
    """Calls that take a path; some take a descriptor as well."""

    # --- names ---------------------------------------------------------------------

    @rule(place=NEW_PLACES, mode=DIRECTORY_MODES, who=USERS)
    def mkdir(self, place: Place, mode: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.mkdir(path, mode), who)

    @rule(place=NEW_PLACES, kind=KINDS, mode=MODES, who=USERS)
    def mknod(self, place: Place, kind: int, mode: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.mknod(path, kind | mode, DEVICE), who)

    @rule(place=NEW_PLACES, leads_to=LEADS_TO, who=USERS)
    def symlink(self, place: Place, leads_to: str, who: User) -> None:
        self.at_path(place, lambda p, path: p.symlink(leads_to, path), who)

    @rule(place=PLACES, who=USERS)
    def readlink(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.readlink(path), who)

    @rule(old=PLACES, new=NEW_PLACES, follow=st.booleans(), who=USERS)
    def link(self, old: Place, new: Place, follow: bool, who: User) -> None:
        source, target = self.path(old), self.path(new)
        if PROTECTS_LINKS and self.attribute("uid", source, follow) != who.uid:
            who = ROOT
        self.same(lambda side: side.posix.link(source, target, follow), who)

    @rule(place=PLACES, who=USERS)
    def unlink(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.unlink(path), who)

    @rule(place=PLACES, who=USERS)
    def rmdir(self, place: Place, who: User) -> None:
        self.at_path(place, lambda p, path: p.rmdir(path), who)

    @rule(old=PLACES, new=NEW_PLACES, flags=RENAME_FLAGS, who=USERS)
    def rename(self, old: Place, new: Place, flags: int, who: User) -> None:
        source, target = self.path(old), self.path(new)
        self.same(lambda side: side.posix.rename(source, target, flags), who)

    @rule(place=PLACES, who=USERS, follow=st.booleans())
    def stat(self, place: Place, who: User, follow: bool) -> None:
        def stat(p: Posix, path: str) -> int:
            return (p.stat(path) if follow else p.lstat(path)).mode

        self.at_path(place, stat, who)

    # --- attributes ----------------------------------------------------------------

    @rule(mask=UMASKS)
    def umask(self, mask: int) -> None:
        self._mask = mask
        self._store.umask(mask)

    @rule(what=TARGETS, mode=MODES | DIRECTORY_MODES, who=USERS)
    def chmod(self, what: Place | int, mode: int, who: User) -> None:
        self.at(what, lambda p, at: p.chmod(at, mode), who)

    @rule(what=TARGETS, uid=IDS, gid=IDS, who=USERS)
    def chown(self, what: Place | int, uid: int, gid: int, who: User) -> None:
        who = _who_chowns(uid, gid, who)
        self.at(what, lambda p, at: p.chown(at, uid, gid), who)

    @rule(place=PLACES, uid=IDS, gid=IDS, who=USERS)
    def lchown(self, place: Place, uid: int, gid: int, who: User) -> None:
        who = _who_chowns(uid, gid, who)
        self.at_path(place, lambda p, path: p.lchown(path, uid, gid), who)

    @rule(what=TARGETS, atime=ANY_TIME, mtime=ANY_TIME, who=USERS)
    def utimens(self, what: Place | int, atime: Time, mtime: Time, who: User) -> None:
        self.at(what, lambda p, at: p.utimens(at, atime, mtime), who)

    @rule(place=PLACES, atime=ANY_TIME, mtime=ANY_TIME, who=USERS)
    def lutimens(self, place: Place, atime: Time, mtime: Time, who: User) -> None:
        self.at_path(
            place, lambda p, path: p.utimens(path, atime, mtime, follow=False), who
        )

    @rule(place=PLACES, mask=ACCESSES, who=USERS)
    def access(self, place: Place, mask: int, who: User) -> None:
        self.at_path(place, lambda p, path: p.access(path, mask), who)

    @rule(what=TARGETS, name=XATTRS, value=VALUES, flags=XATTR_FLAGS, who=USERS)
    def setxattr(
        self, what: Place | int, name: str, value: bytes, flags: int, who: User
    ) -> None:
        who = _who_changes(name, value, who)
        self.at(what, lambda p, at: p.setxattr(at, name, value, flags), who)

    @rule(what=TARGETS, name=XATTRS, who=USERS)
    def getxattr(self, what: Place | int, name: str, who: User) -> None:
        self.at(what, lambda p, at: p.getxattr(at, name), who)

    @rule(what=TARGETS, who=USERS)
    def listxattr(self, what: Place | int, who: User) -> None:
        self.at(what, lambda p, at: sorted(p.listxattr(at)), who)

    @rule(what=TARGETS, name=XATTRS, who=USERS)
    def removexattr(self, what: Place | int, name: str, who: User) -> None:
        who = _who_changes(name, NO_ENTRIES, who)
        self.at(what, lambda p, at: p.removexattr(at, name), who)

    @rule(place=PLACES, name=XATTRS, value=VALUES, who=USERS)
    def lsetxattr(self, place: Place, name: str, value: bytes, who: User) -> None:
        who = _who_changes(name, value, who)
        self.at_path(place, lambda p, path: p.lsetxattr(path, name, value), who)

    @rule(place=PLACES, name=XATTRS, who=USERS)
    def lgetxattr(self, place: Place, name: str, who: User) -> None:
        self.at_path(place, lambda p, path: p.lgetxattr(path, name), who)


def _who_chowns(uid: int, gid: int, who: User) -> User:
    """Who may change nothing about an owner is decided above filesystems."""
    return ROOT if uid == gid == -1 else who


def _who_changes(name: str, value: bytes, who: User) -> User:
    """Root takes access lists off.

    Where the owner is not in the file's group, a tmpfs takes off the set-group-ID bit
    with it, and disk filesystems do not (fs/ext4/acl.c:ext4_set_acl).
    """
    return ROOT if name == ACCESS and value in (b"", NO_ENTRIES) else who
