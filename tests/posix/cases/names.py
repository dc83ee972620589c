"""What every call with a path has in common: the walk to it, and its limits."""

from tests.posix.abi import NAME_MAX, PATH_MAX, S_IFDIR, SYMLINKS_MAX, Errno
from tests.posix.calls import (
    CALLS,
    FINDING,
    MAKING,
    REFUSING_EXISTING,
    PathCall,
    prepare,
)
from tests.posix.checks import (
    ALICE,
    NOT_DIRECTORIES,
    keeps_times,
    make,
    make_file,
    names,
    padded,
    refused,
    remove,
    updates,
)
from tests.posix.protocol import Feature, Kernel, Posix
from tests.posix.table import Cases

cases = Cases("names")

FOLLOWING = {name: call for name, call in CALLS.items() if call.follows}
FINDING_THROUGH_LINKS = {name: FINDING[name] for name in FOLLOWING if name in FINDING}
CHANGING = {name: call for name, call in CALLS.items() if call.changes}
WALKING_TO_PARENT = ("unlink", "rmdir", "rename")
"""Calls that ask whether they may write before they look the last name up."""
LONG = "n" * NAME_MAX


@cases(CALLS, [kind for kind in NOT_DIRECTORIES if kind != "symlink"])
def a_path_through_no_directory(p: Posix, call: PathCall, kind: str) -> None:
    prepare(p, call)
    make(p, kind, "f")
    with keeps_times(p, ".", "f"):
        refused(Errno.ENOTDIR, call.run, p, "f/x")


@cases(CALLS)
def a_path_through_a_missing_directory(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    with keeps_times(p, "."):
        refused(Errno.ENOENT, call.run, p, "missing/x")


@cases(CALLS)
def a_path_through_a_dangling_link(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.symlink("nowhere", "l")
    with updates(p, "."):
        refused(Errno.ENOENT, call.run, p, "l/x")


@cases(CALLS)
def a_path_through_a_link_to_a_file(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.symlink("other", "l")
    refused(Errno.ENOTDIR, call.run, p, "l/x")


@cases(CALLS)
def a_path_through_a_loop(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.symlink("b", "a")
    p.symlink("a", "b")
    refused(Errno.ELOOP, call.run, p, "a/x")


@cases(CALLS)
def a_path_through_a_link_to_a_directory(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    prepare(p, call, "d/x")
    p.symlink("d", "l")
    call.run(p, "l/x")


@cases(CALLS)
def a_path_up_and_down(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    prepare(p, call, "d/x")
    call.run(p, "./d/e/../..//d/./x")


@cases(CALLS)
def a_link_goes_on_from_where_it_leads(p: Posix, call: PathCall) -> None:
    """path_resolution(7): `..` after a link is the parent of its target."""
    p.mkdir("d")
    p.mkdir("d/e")
    prepare(p, call, "d/x")
    p.symlink("d/e", "l")
    call.run(p, "l/../x")


@cases(CALLS)
def a_directory_that_may_not_be_searched(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    prepare(p, call, "d/x")
    p.chown("d", *ALICE[:2])
    p.chmod("d", 0o666)
    with keeps_times(p, "d"), p.as_user(ALICE):
        refused(Errno.EACCES, call.run, p, "d/x")


@cases(CALLS)
def a_missing_name_in_a_directory_that_may_not_be_searched(
    p: Posix, call: PathCall
) -> None:
    prepare(p, call)
    p.mkdir("d", 0o700)
    with p.as_user(ALICE):
        refused(Errno.EACCES, call.run, p, "d/x")


@cases(CALLS)
def a_directory_further_up_that_may_not_be_searched(p: Posix, call: PathCall) -> None:
    p.mkdir("d", 0o777)
    p.mkdir("d/e", 0o777)
    prepare(p, call, "d/e/x")
    p.chmod("d", 0o600)
    with p.as_user(ALICE):
        refused(Errno.EACCES, call.run, p, "d/e/x")


@cases(CALLS)
def a_name_of_255_bytes(p: Posix, call: PathCall) -> None:
    prepare(p, call, LONG)
    call.run(p, LONG)


@cases(CALLS)
def a_name_of_256_bytes(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    with keeps_times(p, "."):
        refused(Errno.ENAMETOOLONG, call.run, p, LONG + "n")


@cases(CALLS)
def a_path_through_a_name_of_256_bytes(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    refused(Errno.ENAMETOOLONG, call.run, p, LONG + "n/x")


@cases(CALLS)
def a_path_of_4095_bytes(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    prepare(p, call, "d/x")
    call.run(p, padded("d/x", PATH_MAX - 1))


@cases(CALLS)
def a_path_of_4096_bytes(p: Posix, call: PathCall) -> None:
    p.mkdir("d")
    prepare(p, call, "d/x")
    with keeps_times(p, "d"):
        refused(Errno.ENAMETOOLONG, call.run, p, padded("d/x", PATH_MAX))


@cases(CALLS)
def an_empty_path(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    refused(Errno.ENOENT, call.run, p, "")


@cases(FINDING)
def a_missing_name(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    with keeps_times(p, "."):
        refused(Errno.ENOENT, call.run, p, "x")


@cases(FINDING)
def a_name_that_was_removed(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    make_file(p, "x", b"some")
    p.unlink("x")
    refused(Errno.ENOENT, call.run, p, "x")


@cases(FINDING)
def a_name_that_is_made_after_it_was_missed(p: Posix, call: PathCall) -> None:
    refused(Errno.ENOENT, p.lstat, "x")
    prepare(p, call, "x")
    call.run(p, "x")


@cases(MAKING)
def a_name_that_was_missed_is_made(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.mkdir("d")
    refused(Errno.ENOENT, p.lstat, "d/x")
    assert names(p, "d") == []
    call.run(p, "d/x")
    made = p.lstat("d/x")
    assert names(p, "d") == ["x"]
    remove(p, "directory" if made.kind == S_IFDIR else "regular", "d/x")
    refused(Errno.ENOENT, p.lstat, "d/x")
    assert names(p, "d") == []


@cases(FOLLOWING)
def a_loop_in_the_last_place(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.symlink("b", "a")
    p.symlink("a", "b")
    with updates(p, "."):
        refused(Errno.ELOOP, call.run, p, "a")


@cases(FINDING_THROUGH_LINKS)
def a_link_in_the_last_place(p: Posix, call: PathCall) -> None:
    prepare(p, call, "x")
    p.symlink("x", "l")
    call.run(p, "l")
    assert p.readlink("l") == "x"


@cases(FINDING_THROUGH_LINKS)
def a_dangling_link_in_the_last_place(p: Posix, call: PathCall) -> None:
    prepare(p, call)
    p.symlink("nowhere", "l")
    refused(Errno.ENOENT, call.run, p, "l")


@cases({name: call for name, call in FINDING.items() if call.kind == "regular"})
def a_slash_behind_a_file(p: Posix, call: PathCall) -> None:
    """path_resolution(7): a slash at the end asks for a directory."""
    prepare(p, call, "x")
    with keeps_times(p, "x", "."):
        refused(Errno.ENOTDIR, call.run, p, "x/")


@cases({name: call for name, call in MAKING.items() if name != "mkdir"})
def a_slash_behind_a_new_name(p: Posix, call: PathCall) -> None:
    """Only a directory may be named so; open(2) then has EISDIR."""
    prepare(p, call)
    expected = {"creat": Errno.EISDIR, "rename_to": Errno.ENOTDIR}
    with keeps_times(p, "."):
        refused(expected.get(call.name, Errno.ENOENT), call.run, p, "x/")
    assert names(p, ".") == ["other"]


@cases(CHANGING, needs=Feature.MOUNTS)
def a_read_only_mount(p: Kernel, call: PathCall) -> None:
    p.mkdir("d")
    prepare(p, call, "d/x")
    with p.read_only():
        refused(Errno.EROFS, call.run, p, "d/x")
    call.run(p, "d/x")


@cases(
    {name: call for name, call in CALLS.items() if not call.changes},
    needs=Feature.MOUNTS,
)
def a_read_only_mount_can_be_read(p: Kernel, call: PathCall) -> None:
    prepare(p, call, "x")
    with p.read_only():
        call.run(p, "x")


@cases(
    {name: call for name, call in FINDING.items() if name not in WALKING_TO_PARENT},
    needs=Feature.MOUNTS,
)
def a_missing_name_on_a_read_only_mount(p: Kernel, call: PathCall) -> None:
    prepare(p, call)
    with p.read_only():
        refused(Errno.ENOENT, call.run, p, "x")


@cases(REFUSING_EXISTING, needs=Feature.MOUNTS)
def a_name_that_is_taken_on_a_read_only_mount(p: Kernel, call: PathCall) -> None:
    """Linux's fs/namei.c:filename_create: EEXIST is seen first."""
    prepare(p, call)
    make(p, "directory", "x")
    with p.read_only():
        refused(Errno.EEXIST, call.run, p, "x")


# --- names and links as such -----------------------------------------------------


@cases()
def a_walk_follows_forty_links(p: Posix) -> None:
    make(p, "directory", "l0")
    for number in range(SYMLINKS_MAX):
        p.symlink(f"l{number}", f"l{number + 1}")
    assert p.stat(f"l{SYMLINKS_MAX}").ino == p.lstat("l0").ino


@cases()
def a_walk_follows_no_more_than_forty_links(p: Posix) -> None:
    make(p, "directory", "l0")
    for number in range(SYMLINKS_MAX + 1):
        p.symlink(f"l{number}", f"l{number + 1}")
    refused(Errno.ELOOP, p.stat, f"l{SYMLINKS_MAX + 1}")


@cases()
def links_side_by_side_are_counted_together(p: Posix) -> None:
    p.symlink(".", "l")
    p.stat("l/" * (SYMLINKS_MAX - 1) + "l")
    refused(Errno.ELOOP, p.stat, "l/" * SYMLINKS_MAX + "l")


@cases()
def names_are_bytes(p: Posix) -> None:
    odd = ["\udcff\udcfe", "a\nb", " ", "\\", "*?", "-", "\x01", "\u00e9", "e\u0301"]
    for name in odd:
        make(p, "regular", name)
    assert sorted(names(p, ".")) == sorted(odd)


@cases()
def names_differ_by_case(p: Posix) -> None:
    first, second = make(p, "regular", "name"), make(p, "regular", "NAME")
    assert first.ino != second.ino
    p.unlink("name")
    assert names(p, ".") == ["NAME"]


@cases()
def names_may_begin_with_dots(p: Posix) -> None:
    for name in ("...", "..a", ".a", "a."):
        make(p, "directory", name)
    assert names(p, ".") == ["...", "..a", ".a", "a."]


@cases()
def dot_and_dot_dot_are_the_directory_and_its_parent(p: Posix) -> None:
    p.mkdir("d")
    p.mkdir("d/e")
    assert p.lstat("d/e/.").ino == p.lstat("d/e").ino
    assert p.lstat("d/e/..").ino == p.lstat("d").ino


@cases()
def a_tree_is_deeper_than_one_path_can_say(p: Posix) -> None:
    name = "d" * 250
    p.mkdir(name)
    for _ in range(15):
        p.mkdir("up")
        p.rename(name, f"up/{name}")
        p.rename("up", name)
    path = "/".join([name] * 16)
    assert p.stat(path).kind == p.stat(".").kind
    refused(Errno.ENAMETOOLONG, p.stat, f"{path}/{'d' * 100}")


@cases()
def a_name_is_reused_by_another_kind(p: Posix) -> None:
    seen = set()
    for kind in ("regular", "directory", "symlink", "fifo", "regular"):
        made = make(p, kind, "x")
        seen.add(made.kind)
        assert p.lstat("x").kind == made.kind
        if kind == "directory":
            p.rmdir("x")
        else:
            p.unlink("x")
    assert len(seen) == 4
