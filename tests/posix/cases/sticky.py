"""The sticky bit of a directory: who may take a name away in it.

unlink(2), rmdir(2), rename(2): only the owner of the file, the owner of the directory,
and root; EPERM for the others, whatever the permissions of the directory.
"""

from typing import NamedTuple

from tests.posix.abi import RENAME_EXCHANGE, Errno
from tests.posix.checks import (
    ALICE,
    BOB,
    CAROL,
    KINDS,
    exists,
    keeps_times,
    make,
    refused,
    remove,
)
from tests.posix.protocol import Posix, User
from tests.posix.table import Cases

cases = Cases("sticky")


class Owners(NamedTuple):
    """Whose directory and whose file ALICE finds."""

    directory: User
    file: User


ALLOWED = {
    "both": Owners(ALICE, ALICE),
    "of_the_file": Owners(BOB, ALICE),
    "of_the_directory": Owners(ALICE, BOB),
}
NEITHER = {"of_neither": Owners(BOB, CAROL), "of_the_group": Owners(BOB, BOB)}


def _make(p: Posix, kind: str, owners: Owners) -> None:
    make(p, "directory", "d", 0o1777, owners.directory)
    make(p, kind, "d/x", 0o777, owners.file)
    p.chmod(".", 0o777)


@cases(KINDS, ALLOWED)
def an_owner_removes(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    with p.as_user(ALICE):
        remove(p, kind, "d/x")
    assert not exists(p, "d/x")


@cases(KINDS, NEITHER)
def who_owns_neither_does_not_remove(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    with keeps_times(p, "d", "d/x"), p.as_user(ALICE):
        refused(Errno.EPERM, remove, p, kind, "d/x")
    assert exists(p, "d/x")


@cases(KINDS)
def root_removes(p: Posix, kind: str) -> None:
    _make(p, kind, NEITHER["of_neither"])
    remove(p, kind, "d/x")


@cases(KINDS, ALLOWED)
def an_owner_moves_away(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    with p.as_user(ALICE):
        p.rename("d/x", "y")
    assert exists(p, "y")


@cases(KINDS, NEITHER)
def who_owns_neither_does_not_move_away(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    with keeps_times(p, "d", "d/x", "."), p.as_user(ALICE):
        refused(Errno.EPERM, p.rename, "d/x", "y")
        refused(Errno.EPERM, p.rename, "d/x", "d/y")
    assert exists(p, "d/x")


@cases(KINDS, ALLOWED)
def an_owner_replaces(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    new = make(p, kind, "new", 0o777, ALICE)
    with p.as_user(ALICE):
        p.rename("new", "d/x")
    assert p.lstat("d/x").ino == new.ino


@cases(KINDS, NEITHER)
def who_owns_neither_does_not_replace(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    make(p, kind, "new", 0o777, ALICE)
    with keeps_times(p, "d", "d/x", "new", "."), p.as_user(ALICE):
        refused(Errno.EPERM, p.rename, "new", "d/x")


@cases(KINDS, NEITHER)
def who_owns_neither_does_not_exchange(p: Posix, kind: str, owners: Owners) -> None:
    _make(p, kind, owners)
    make(p, kind, "new", 0o777, ALICE)
    with keeps_times(p, "d", "d/x", "new", "."), p.as_user(ALICE):
        refused(Errno.EPERM, p.rename, "new", "d/x", RENAME_EXCHANGE)
        refused(Errno.EPERM, p.rename, "d/x", "new", RENAME_EXCHANGE)


@cases(KINDS)
def anybody_adds(p: Posix, kind: str) -> None:
    """By moving it there, since not everybody makes every kind."""
    make(p, "directory", "d", 0o1777, BOB)
    p.chmod(".", 0o777)
    make(p, kind, "x", 0o777, ALICE)
    with p.as_user(ALICE):
        p.rename("x", "d/x")


@cases(KINDS)
def without_the_bit_permission_is_enough(p: Posix, kind: str) -> None:
    _make(p, kind, NEITHER["of_neither"])
    p.chmod("d", 0o777)
    with p.as_user(ALICE):
        p.rename("d/x", "d/y")
        remove(p, kind, "d/y")
