"""Random edits of a small tree, as data; an edit that is refused does nothing."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from devdev_fs import FsBase, FsError, RenameFlags, SetAttr
from hypothesis import strategies as st

from tests.fs.checks import ino_of

NAMES = ("a", "b", "c")
PATHS = [
    *(f"/{name}" for name in NAMES),
    *(f"/{above}/{name}" for above in "ab" for name in NAMES),
    *(f"/a/b/{name}" for name in NAMES),
]
TEXTS = ("", "one\n", "one\ntwo\nthree\nfour\nfive\n", "one\n2\nthree\nfour\nfive\n")
ENDS = ("five", "six\n", "\0")


class Edit(NamedTuple):
    """What to do, and to what; what it does not need is ignored."""

    verb: str
    path: str
    other: str
    number: int


def apply(fs: FsBase, edit: Edit) -> None:
    verb, path, other, number = edit
    with suppress(FsError):
        if verb == "write":
            fs.write_text(path, TEXTS[number % len(TEXTS)])
        elif verb == "append":
            fs.append(path, ENDS[number % len(ENDS)].encode())
        elif verb == "save":
            save(fs, path, TEXTS[number % len(TEXTS)])
        elif verb == "mkdir":
            fs.mkdir(path, parents=True)
        elif verb == "remove":
            fs.remove_tree(path)
        elif verb == "rename":
            fs.rename(path, other)
        elif verb == "exchange":
            fs.rename(path, other, RenameFlags.EXCHANGE)
        elif verb == "link":
            fs.link(path, other)
        elif verb == "symlink":
            fs.symlink(NAMES[number % len(NAMES)], path)
        elif verb == "chmod":
            fs.setattr(path, SetAttr(mode=(0o644, 0o755, 0o600)[number % 3]))
        elif verb == "chown":
            fs.setattr(path, SetAttr(uid=number % 3), follow=False)
        else:
            assert verb == "xattr"
            name, value = b"user.%d" % (number % 2), b"%d" % (number % 3)
            fs.inodes.setxattr(ino_of(fs, path), name, value)


def save(fs: FsBase, path: str, text: str) -> None:
    """As many editors do: to a new file, which then takes the place of the old one."""
    fs.write_text(f"{path}~", text)
    try:
        fs.rename(f"{path}~", path)
    except FsError:
        fs.remove(f"{path}~")


VERBS = (
    "write", "append", "save", "mkdir", "remove", "rename", "rename",
    "exchange", "link", "symlink", "chmod", "chown", "xattr",
)  # fmt: skip
EDITS = st.lists(
    st.builds(
        Edit,
        st.sampled_from(VERBS),
        st.sampled_from(PATHS),
        st.sampled_from(PATHS),
        st.integers(0, 11),
    ),
    min_size=1,
    max_size=8,
)
START = [
    Edit("mkdir", "/a/b", "", 0),
    Edit("mkdir", "/b", "", 0),
    Edit("write", "/a/a", "", 2),
    Edit("write", "/a/b/c", "", 2),
    Edit("write", "/b/a", "", 1),
    Edit("link", "/b/a", "/b/b", 0),
    Edit("symlink", "/c", "", 0),
]
"""Of these there is something in most trees, so that edits meet."""


def apply_all(fs: FsBase, edits: Sequence[Edit]) -> None:
    for edit in edits:
        apply(fs, edit)
