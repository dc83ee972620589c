"""getdents: the names of a directory, one by one, while others come and go."""

from collections.abc import Iterator

from tests.posix.abi import (
    O_CREAT,
    O_DIRECTORY,
    O_NOFOLLOW,
    O_RDONLY,
    O_WRONLY,
    SEEK_CUR,
    SEEK_SET,
    Errno,
)
from tests.posix.checks import KINDS, NOT_DIRECTORIES, TYPE_BITS, make, names, refused
from tests.posix.protocol import Dirent, Posix
from tests.posix.table import Cases

cases = Cases("listing")

SIZES = {"small": 300, "page": 4096, "large": 65536}
"""Bytes that one call gets: from a few entries to many."""


def _fill(p: Posix, count: int) -> set[str]:
    made = {f"name-{number}" for number in range(count)}
    for name in made:
        p.close(p.open(f"d/{name}", O_CREAT | O_WRONLY))
    return made


def _open(p: Posix, path: str = "d") -> int:
    return p.open(path, O_RDONLY | O_DIRECTORY)


def _entries(p: Posix, fd: int, size: int = 4096) -> Iterator[Dirent]:
    while found := p.getdents(fd, size):
        yield from found


def _listed(p: Posix, fd: int, size: int = 4096) -> list[str]:
    """The names but `.` and `..`, as they come."""
    found = [entry.name for entry in _entries(p, fd, size)]
    return [name for name in found if name not in (".", "..")]


@cases()
def an_empty_directory_has_two_entries(p: Posix) -> None:
    p.mkdir("c")
    p.mkdir("c/d")
    found = {entry.name: entry for entry in _entries(p, _open(p, "c/d"))}
    assert sorted(found) == [".", ".."]
    assert found["."].ino == p.lstat("c/d").ino
    assert found[".."].ino == p.lstat("c").ino
    assert found["."].kind == found[".."].kind == TYPE_BITS["directory"]


@cases(KINDS)
def an_entry_tells_number_and_kind(p: Posix, kind: str) -> None:
    p.mkdir("d")
    made = make(p, kind, "d/x")
    (entry,) = [entry for entry in _entries(p, _open(p)) if entry.name == "x"]
    assert (entry.ino, entry.kind) == (made.ino, made.kind)


@cases(SIZES)
def a_large_directory_is_listed_whole(p: Posix, size: int) -> None:
    p.mkdir("d")
    made = _fill(p, 700)
    listed = _listed(p, _open(p), size)
    assert len(listed) == 700
    assert set(listed) == made


@cases()
def names_of_all_lengths_are_listed(p: Posix) -> None:
    p.mkdir("d")
    made = ["n" * length for length in range(1, 256)]
    for name in made:
        make(p, "regular", f"d/{name}")
    assert sorted(_listed(p, _open(p))) == made


@cases(SIZES)
def a_cookie_leads_back_to_its_place(p: Posix, size: int) -> None:
    """lseek(2) to d_off, as telldir and seekdir do."""
    p.mkdir("d")
    _fill(p, 60)
    fd = _open(p)
    whole = list(_entries(p, fd, size))
    for at in (0, 1, 2, 10, 30, 59, 61):
        p.lseek(fd, whole[at].cookie, SEEK_SET)
        rest = [entry.name for entry in _entries(p, fd, size)]
        assert rest == [entry.name for entry in whole[at + 1 :]]


@cases()
def the_offset_is_the_last_cookie(p: Posix) -> None:
    p.mkdir("d")
    _fill(p, 60)
    fd = _open(p)
    assert p.lseek(fd, 0, SEEK_CUR) == 0
    first = p.getdents(fd, 300)
    assert p.lseek(fd, 0, SEEK_CUR) == first[-1].cookie


@cases()
def rewinding_shows_what_came_and_went(p: Posix) -> None:
    p.mkdir("d")
    _fill(p, 3)
    fd = _open(p)
    assert len(_listed(p, fd)) == 3
    p.unlink("d/name-0")
    make(p, "regular", "d/new")
    p.lseek(fd, 0)
    assert sorted(_listed(p, fd)) == ["name-1", "name-2", "new"]


@cases()
def two_descriptors_list_on_their_own(p: Posix) -> None:
    p.mkdir("d")
    made = _fill(p, 50)
    first, second = _open(p), _open(p)
    begun = p.getdents(first, 300)
    assert set(_listed(p, second)) == made
    rest = [entry.name for entry in _entries(p, first)]
    listed = [entry.name for entry in begun] + rest
    assert sorted(listed) == sorted([".", "..", *made])


@cases(SIZES)
def all_is_removed_while_it_is_listed(p: Posix, size: int) -> None:
    """POSIX readdir(): what is there throughout comes once; so rm -r works."""
    p.mkdir("d")
    made = _fill(p, 400)
    seen = []
    for entry in _entries(p, _open(p), size):
        if entry.name not in (".", ".."):
            p.unlink(f"d/{entry.name}")
            seen.append(entry.name)
    assert len(seen) == 400
    assert set(seen) == made
    p.rmdir("d")


@cases(SIZES)
def some_come_and_go_while_it_is_listed(p: Posix, size: int) -> None:
    p.mkdir("d")
    made = _fill(p, 400)
    stay = {name for name in made if int(name.removeprefix("name-")) % 3}
    gone = sorted(made - stay)
    seen = []
    for number, entry in enumerate(_entries(p, _open(p), size)):
        seen.append(entry.name)
        if number < 100:
            p.unlink(f"d/{gone[number]}")
            make(p, "regular", f"d/new-{number}")
    kept = [name for name in seen if name in stay]
    assert len(kept) == len(stay)
    assert set(kept) == stay
    assert len(seen) == len(set(seen))


@cases(SIZES)
def renaming_others_repeats_nothing(p: Posix, size: int) -> None:
    p.mkdir("d")
    p.mkdir("e")
    made = _fill(p, 300)
    moved = sorted(made)[:100]
    seen = []
    for number, entry in enumerate(_entries(p, _open(p), size)):
        seen.append(entry.name)
        if number < 100:
            p.rename(f"d/{moved[number]}", f"e/{moved[number]}")
    stay = made - set(moved)
    assert sorted(name for name in seen if name in stay) == sorted(stay)
    assert sorted(names(p, "e")) == moved


@cases(NOT_DIRECTORIES)
def only_a_directory_is_listed(p: Posix, kind: str) -> None:
    make(p, kind, "x")
    refused(Errno.ENOTDIR, p.open, "x", O_DIRECTORY | O_NOFOLLOW)
    if kind == "regular":
        refused(Errno.ENOTDIR, p.getdents, p.open("x"))


@cases()
def a_changed_kind_is_listed(p: Posix) -> None:
    p.mkdir("d")
    for kind in KINDS:
        make(p, kind, "d/x")
        fd = _open(p)
        kinds = {entry.name: entry.kind for entry in _entries(p, fd)}
        assert kinds["x"] == TYPE_BITS[kind]
        p.rename("d/x", f"{kind}")
        assert names(p, "d") == []


@cases()
def a_directory_counts_its_subdirectories(p: Posix) -> None:
    p.mkdir("d")
    for number in range(20):
        p.mkdir(f"d/{number}")
    assert p.lstat("d").nlink == 22
    for number in range(10):
        p.rmdir(f"d/{number}")
        p.rename(f"d/{number + 10}", f"d/{number}")
    assert p.lstat("d").nlink == 12
