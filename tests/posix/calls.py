"""The system calls that take a path, as data: what is the same of all is one case."""

from collections.abc import Callable
from typing import NamedTuple

from tests.posix.abi import (
    F_OK,
    O_CREAT,
    O_DIRECTORY,
    O_RDONLY,
    O_WRONLY,
    S_IFIFO,
    S_IFREG,
    S_IFSOCK,
)
from tests.posix.checks import make
from tests.posix.protocol import Posix

XATTR = "user.colour"


class PathCall(NamedTuple):
    """A call on a path. It succeeds where `OTHER` exists, and `kind` at the path."""

    name: str
    run: Callable[[Posix, str], object]
    kind: str = "regular"
    """What must be at the path; nothing, if it is empty."""
    follows: bool = True
    """Whether it acts on what a symbolic link in the last place leads to."""
    changes: bool = True
    """Whether a read-only filesystem refuses it."""
    xattr: bool = False
    """Whether it needs an extended attribute there."""


OTHER = "other"
"""A regular file that is there already, for calls that take two."""


def _open(p: Posix, path: str) -> None:
    p.close(p.open(path, O_RDONLY))


def _creat(p: Posix, path: str) -> None:
    p.close(p.open(path, O_CREAT | O_WRONLY))


def _opendir(p: Posix, path: str) -> None:
    p.close(p.open(path, O_RDONLY | O_DIRECTORY))


def _by_name(*calls: PathCall) -> dict[str, PathCall]:
    return {call.name: call for call in calls}


FINDING = _by_name(
    PathCall("open", _open, changes=False),
    PathCall("opendir", _opendir, "directory", changes=False),
    PathCall("stat", lambda p, path: p.stat(path), changes=False),
    PathCall("lstat", lambda p, path: p.lstat(path), follows=False, changes=False),
    PathCall("access", lambda p, path: p.access(path, F_OK), changes=False),
    PathCall("statvfs", lambda p, path: p.statvfs(path), changes=False),
    PathCall(
        "readlink",
        lambda p, path: p.readlink(path),
        "symlink",
        follows=False,
        changes=False,
    ),
    PathCall(
        "getxattr", lambda p, path: p.getxattr(path, XATTR), changes=False, xattr=True
    ),
    PathCall("listxattr", lambda p, path: p.listxattr(path), changes=False),
    PathCall("chmod", lambda p, path: p.chmod(path, 0o600)),
    PathCall("chown", lambda p, path: p.chown(path, 1, 1)),
    PathCall("lchown", lambda p, path: p.lchown(path, 1, 1), follows=False),
    PathCall("truncate", lambda p, path: p.truncate(path, 1)),
    PathCall("utimens", lambda p, path: p.utimens(path, 1, 2)),
    PathCall(
        "lutimens", lambda p, path: p.utimens(path, 1, 2, follow=False), follows=False
    ),
    PathCall("setxattr", lambda p, path: p.setxattr(path, XATTR, b"red")),
    PathCall("removexattr", lambda p, path: p.removexattr(path, XATTR), xattr=True),
    PathCall("unlink", lambda p, path: p.unlink(path), follows=False),
    PathCall("rmdir", lambda p, path: p.rmdir(path), "directory", follows=False),
    PathCall("rename", lambda p, path: p.rename(path, "new"), follows=False),
    PathCall("link", lambda p, path: p.link(path, "new"), follows=False),
)
"""Calls that need something at the path."""


def _maker(name: str, run: Callable[[Posix, str], object]) -> PathCall:
    return PathCall(name, run, "", follows=name == "creat")


MAKING = _by_name(
    _maker("creat", _creat),
    _maker("mkdir", lambda p, path: p.mkdir(path)),
    _maker("mkfifo", lambda p, path: p.mknod(path, S_IFIFO | 0o644)),
    _maker("mknod", lambda p, path: p.mknod(path, S_IFREG | 0o644)),
    _maker("mksock", lambda p, path: p.mknod(path, S_IFSOCK | 0o644)),
    _maker("symlink", lambda p, path: p.symlink("nowhere", path)),
    _maker("link_to", lambda p, path: p.link(OTHER, path)),
    _maker("rename_to", lambda p, path: p.rename(OTHER, path)),
)
"""Calls that make something where there is nothing."""

CALLS = FINDING | MAKING

REFUSING_EXISTING = {
    name: call for name, call in MAKING.items() if name not in ("creat", "rename_to")
}
"""The making calls that refuse a path where anything is."""


def prepare(p: Posix, call: PathCall, path: str | None = None) -> None:
    """Make what the call needs: the other file, and what it acts on at `path`."""
    make(p, "regular", OTHER)
    if path is not None and call.kind:
        make(p, call.kind, path, 0o755)
        if call.xattr:
            p.setxattr(path, XATTR, b"blue")
