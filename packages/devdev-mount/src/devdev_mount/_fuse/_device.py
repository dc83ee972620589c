"""Opening /dev/fuse and mounting it: by mount(2), or through the fusermount helper."""

import sys

if sys.platform != "linux":
    raise ImportError("the fuse driver is for Linux")

import contextlib
import ctypes
import errno
import os
import socket
import subprocess
from pathlib import Path

from devdev_mount._detach import FSTYPE
from devdev_mount._driver import MountOptions
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._fusermount import find_helper

DEVICE = "/dev/fuse"
HELPER_TIMEOUT = 10.0

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4

_CAP_SYS_ADMIN = 21
_CAPS_TO_IGNORE_MODES = 0b11011
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER and CAP_FSETID (linux/capability.h)."""
_INITIAL_USERS = ["0", "0", str(2**32 - 1)]
_CONTAINER = "in a container: --device /dev/fuse --cap-add SYS_ADMIN"


def check(options: MountOptions) -> None:
    """Refuse what this host does not offer, before anything is begun.

    Raises:
        DriverUnavailable: no /dev/fuse, no permission to open it, no right to mount
            and no helper that has it, or an option that takes root.
    """
    os.close(_open_device())
    if may_mount():
        return
    if os.geteuid() == 0:
        raise DriverUnavailable(
            f"root may not mount here: CAP_SYS_ADMIN is missing ({_CONTAINER})"
        )
    if find_helper() is None:
        raise DriverUnavailable(
            "an ordinary user mounts through fusermount3, which is not installed: "
            "install the package fuse3"
        )
    if options.suid or options.dev:
        raise DriverUnavailable("the mount options suid and dev take root")
    if options.allow_other and not _is_allow_other_permitted():
        raise DriverUnavailable(
            "allow_other takes a line `user_allow_other` in /etc/fuse.conf, "
            "which only root can add"
        )


def may_mount() -> bool:
    """Whether this process has the capability that mount(2) asks for."""
    return bool(_capabilities() >> _CAP_SYS_ADMIN & 1)


def _capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def checks_permissions(options: MountOptions) -> bool:
    """Whether the kernel is to check permissions in the mount.

    It costs a request after each change of a directory, and finds nothing where only
    root gets in, owns everything, and may do everything: as this process, so those it
    starts. Root of another user namespace is left to it: without the checks, Linux
    refuses access control lists there (fs/fuse/acl.c:fuse_no_acl).
    """
    needed = _CAPS_TO_IGNORE_MODES
    return (
        options.allow_other
        or options.ownership == "exact"
        or (os.geteuid(), os.getegid()) != (0, 0)
        or _capabilities() & needed != needed
        or not may_mount()
        or Path("/proc/self/uid_map").read_text().split() != _INITIAL_USERS
    )


def _is_allow_other_permitted() -> bool:
    with contextlib.suppress(OSError):
        lines = Path("/etc/fuse.conf").read_text().splitlines()
        return "user_allow_other" in (line.strip() for line in lines)
    return False


def _open_device() -> int:
    """Open /dev/fuse, which makes a new connection.

    Raises:
        DriverUnavailable: it cannot be opened.
    """
    try:
        return os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        reason = f"there is no {DEVICE}: load the kernel's module fuse, {_CONTAINER}"
    except PermissionError:
        owner = Path(DEVICE).stat()
        reason = (
            f"no permission to open {DEVICE} (mode {owner.st_mode & 0o777:o}, owner "
            f"{owner.st_uid}:{owner.st_gid}): chmod 666 {DEVICE}, {_CONTAINER}"
        )
    except OSError as exc:  # ENODEV, ENXIO: a node without a driver behind it
        reason = (
            f"{DEVICE} does not work: {exc.strerror}: load the kernel's module fuse"
        )
    raise DriverUnavailable(reason)


def mount_device(mountpoint: str, source: str, options: MountOptions) -> int:
    """Mount a new connection on a directory; returns its descriptor.

    Raises:
        DriverUnavailable: mounting is not permitted.
        MountError: it failed for another reason.
    """
    if may_mount():
        return _mount_directly(mountpoint, source, options)
    helper = find_helper()
    if helper is None:
        raise DriverUnavailable("fusermount3 is not installed: package fuse3")
    return _mount_by_helper(helper, mountpoint, source, options)


def _mount_directly(mountpoint: str, source: str, options: MountOptions) -> int:
    fd = _open_device()
    words = [f"fd={fd}", "rootmode=40000", f"user_id={os.geteuid()}"]
    words += [f"group_id={os.getegid()}"]
    words += ["default_permissions"] * checks_permissions(options)
    words += ["allow_other"] * options.allow_other
    flags = (
        MS_RDONLY * options.read_only
        | MS_NOSUID * (not options.suid)
        | MS_NODEV * (not options.dev)
    )
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (source, mountpoint, FSTYPE, ",".join(words))
    source_, target, fstype, data = map(os.fsencode, arguments)
    if libc.mount(source_, target, fstype, ctypes.c_ulong(flags), data) == 0:
        return fd
    os.close(fd)
    number = ctypes.get_errno()
    if number in (errno.EPERM, errno.EACCES):
        raise DriverUnavailable(
            f"mount(2) on {mountpoint} is not permitted here, by a security module or "
            f"because the mount table belongs to another user namespace ({_CONTAINER})"
        )
    if number == errno.ENODEV:
        raise DriverUnavailable("this kernel has no FUSE: load its module fuse")
    raise MountError(f"mount(2) on {mountpoint} failed: {os.strerror(number)}")


def _mount_by_helper(
    helper: str, mountpoint: str, source: str, options: MountOptions
) -> int:
    """Let fusermount mount; it sends the descriptor back over a socket.

    What it says on standard error is the reason if it does not.
    """
    words = [f"fsname={source}", "subtype=devdev", "default_permissions"]
    words += ["allow_other"] * options.allow_other + ["ro"] * options.read_only
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            result = subprocess.run(
                [helper, "-o", ",".join(words), "--", mountpoint],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env=os.environ | {"_FUSE_COMMFD": str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
                timeout=HELPER_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise MountError(f"{helper} cannot mount: {exc}") from exc
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 1, socket.MSG_CMSG_CLOEXEC)
    if result.returncode or not fds:
        said = result.stderr.decode(errors="replace").strip()
        raise MountError(f"{helper} cannot mount on {mountpoint}: {said}")
    return fds[0]
