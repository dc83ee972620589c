"""Running a program as an ordinary user, where the tests run as root.

It gets a mount namespace of its own, in which /dev/fuse is open to everybody and
this Python can be reached, whatever the machine's permissions are.
"""

import os
import shlex
import shutil
import stat
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

UID = 65534
_NEEDED = ("unshare", "setpriv", "mount", "mknod", "fusermount3")


def why_no_ordinary_user() -> str | None:
    """What is missing to run a program as an ordinary user who may mount, or None."""
    if sys.platform != "linux":
        return "only Linux has a mount driver"
    if os.geteuid() != 0:
        return "only root can run a program as another user"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (packages util-linux, fuse3)"
    return None


def as_ordinary_user(argv: list[str], scratch: Path) -> list[str]:
    """The command that runs `argv` as an ordinary user.

    Args:
        argv: program and arguments.
        scratch: an empty directory for what is mounted meanwhile.
    """
    steps = [
        f"mknod -m 666 {_quote(scratch / 'fuse')} c 10 229",
        f"mount --bind {_quote(scratch / 'fuse')} /dev/fuse",
    ]
    for number, (closed, name) in enumerate(sorted(set(_closed_directories()))):
        stash = scratch / f"stash{number}"
        steps += [
            f"mkdir {_quote(stash)}",
            f"mount --bind {_quote(closed / name)} {_quote(stash)}",
            f"mount -t tmpfs -o mode=755 none {_quote(closed)}",
            f"mkdir {_quote(closed / name)}",
            f"mount --bind {_quote(stash)} {_quote(closed / name)}",
        ]
    steps.append('exec "$@"')
    user = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
    return ["unshare", "--mount", "sh", "-ec", "; ".join(steps), "sh", *user, *argv]


def _quote(path: Path) -> str:
    return shlex.quote(str(path))


def _closed_directories() -> Iterator[tuple[Path, str]]:
    """The directories above this Python that others may not enter, and the way on."""
    places = [
        sys.executable,
        sys.base_prefix,
        sys.prefix,
        *sysconfig.get_paths().values(),
    ]
    for place in {Path(os.path.realpath(place)) for place in places}:
        for parent in reversed(place.parents):
            if not parent.stat().st_mode & stat.S_IXOTH:
                yield parent, place.relative_to(parent).parts[0]
                break
