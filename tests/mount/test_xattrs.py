"""Extended attributes and access control lists, through the mount and the API."""

import errno
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import MountOptions, mount

from tests.mount.programs import run_python

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may do this")

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NOBODY = 2**32 - 1
SOMEBODY = 4321

AS_SOMEBODY = f"""
import os, sys
os.setgroups([])
os.setresgid({SOMEBODY}, {SOMEBODY}, {SOMEBODY})
os.setresuid({SOMEBODY}, {SOMEBODY}, {SOMEBODY})
"""


def acl(user: int, somebody: int, group: int, mask: int, other: int) -> bytes:
    """An access control list with an entry for one user (posix_acl_xattr.h)."""
    entries = [
        (USER_OBJ, user, NOBODY),
        (USER, somebody, SOMEBODY),
        (GROUP_OBJ, group, NOBODY),
        (MASK, mask, NOBODY),
        (OTHER, other, NOBODY),
    ]
    packed = [struct.pack("<HHI", *entry) for entry in entries]
    return struct.pack("<I", 2) + b"".join(packed)


def refusal(*call: object) -> int | None:
    function, *arguments = call
    assert callable(function)
    try:
        function(*arguments)
    except OSError as exc:
        return exc.errno
    raise AssertionError("it was not refused")


# --- extended attributes ----------------------------------------------------------


@pytest.fixture
def file(fs: Fs, root: Path) -> Path:
    (root / "f").write_bytes(b"x")
    return root / "f"


def test_attributes_are_the_same_both_ways(fs: Fs, file: Path) -> None:
    ino = fs.stat("/f").ino
    os.setxattr(file, "user.empty", b"")
    os.setxattr(file, "user.from-a-program", bytes(range(256)))
    fs.inodes.setxattr(ino, b"user.from-the-api", b"2")
    names = ["user.empty", "user.from-a-program", "user.from-the-api"]
    assert sorted(os.listxattr(file)) == names
    assert fs.inodes.getxattr(ino, b"user.from-a-program") == bytes(range(256))
    assert os.getxattr(file, "user.from-the-api") == b"2"
    assert os.getxattr(file, "user.empty") == b""
    os.removexattr(file, "user.from-the-api")
    assert len(fs.inodes.listxattr(ino)) == 2
    fs.inodes.removexattr(ino, b"user.empty")
    assert os.listxattr(file) == ["user.from-a-program"]


def test_what_cannot_be_is_refused(file: Path) -> None:
    os.setxattr(file, "user.a", b"1", os.XATTR_CREATE)
    again = (os.setxattr, file, "user.a", b"2", os.XATTR_CREATE)
    assert refusal(*again) == errno.EEXIST
    missing = (os.setxattr, file, "user.b", b"2", os.XATTR_REPLACE)
    assert refusal(*missing) == errno.ENODATA
    assert refusal(os.getxattr, file, "user.b") == errno.ENODATA
    assert refusal(os.removexattr, file, "user.b") == errno.ENODATA
    assert refusal(os.setxattr, file, "other.a", b"") == errno.EOPNOTSUPP
    assert refusal(os.setxattr, file, "user.c", bytes(65537)) == errno.E2BIG
    assert refusal(os.setxattr, file, "user.c", bytes(65536)) == errno.ENOSPC
    assert refusal(os.setxattr, file, "user." + "n" * 251, b"") == errno.ERANGE
    assert os.getxattr(file, "user.a") == b"1"


def test_a_large_value_passes_whole(fs: Fs, file: Path) -> None:
    value = os.urandom(65_000)
    os.setxattr(file, "user.large", value)
    assert os.getxattr(file, "user.large") == value


def test_a_buffer_that_is_too_small_is_told(file: Path) -> None:
    os.setxattr(file, "user.a", b"value")
    run_python(
        """
        import ctypes, errno, sys
        libc = ctypes.CDLL(None, use_errno=True)
        path = sys.argv[1].encode()
        buffer = ctypes.create_string_buffer(100)
        assert libc.getxattr(path, b"user.a", buffer, 0) == 5
        assert libc.getxattr(path, b"user.a", buffer, 4) == -1
        assert ctypes.get_errno() == errno.ERANGE
        assert libc.getxattr(path, b"user.a", buffer, 5) == 5
        assert libc.listxattr(path, buffer, 0) == 7
        assert libc.listxattr(path, buffer, 6) == -1
        assert ctypes.get_errno() == errno.ERANGE
        assert libc.listxattr(path, buffer, 7) == 7
        """,
        file,
    )


def test_user_attributes_are_for_files_and_directories(root: Path) -> None:
    os.symlink("nowhere", root / "l")
    call = (os.setxattr, root / "l", "user.a", b"", 0)
    assert refusal(lambda: os.setxattr(*call[1:], follow_symlinks=False)) == errno.EPERM
    os.setxattr(root, "user.a", b"of the root")
    assert os.getxattr(root, "user.a") == b"of the root"


@needs_root
def test_trusted_attributes_are_roots(fs: Fs, exact_root: Path) -> None:
    fs.write_bytes("/f", b"")
    os.setxattr(exact_root / "f", "trusted.a", b"1")
    os.setxattr(exact_root / "f", "user.a", b"1")
    assert sorted(os.listxattr(exact_root / "f")) == ["trusted.a", "user.a"]
    script = "assert os.listxattr('f') == ['user.a'], os.listxattr('f')"
    run_python(AS_SOMEBODY + script, cwd=exact_root)


def test_a_write_takes_the_capabilities_of_a_program(fs: Fs, file: Path) -> None:
    ino = fs.stat("/f").ino
    fs.inodes.setxattr(ino, b"security.capability", b"not looked at")
    fs.inodes.setxattr(ino, b"user.a", b"1")
    file.write_bytes(b"changed")
    assert fs.inodes.listxattr(ino) == [b"user.a"]


def test_a_read_only_mount_changes_no_attributes(fs: Fs) -> None:
    fs.write_bytes("/f", b"")
    fs.inodes.setxattr(fs.stat("/f").ino, b"user.a", b"1")
    with mount(fs, options=MountOptions(read_only=True)) as mounted:
        path = mounted.path / "f"
        assert os.getxattr(path, "user.a") == b"1"
        assert refusal(os.setxattr, path, "user.b", b"") == errno.EROFS
        assert refusal(os.removexattr, path, "user.a") == errno.EROFS


# --- access control lists ---------------------------------------------------------


@pytest.fixture
def exact_root(fs: Fs) -> Iterator[Path]:
    options = MountOptions(ownership="exact", allow_other=True)
    with mount(fs, options=options) as mounted:
        yield mounted.path


@needs_root
def test_a_list_lets_a_user_in_and_another_change_keeps_out(
    fs: Fs, exact_root: Path
) -> None:
    file = exact_root / "f"
    file.write_bytes(b"secret")
    os.chmod(file, 0o600)
    read = "print(open('f').read())"
    keep_out = "\ntry: open('f')\nexcept PermissionError: sys.exit()\nsys.exit(1)"
    run_python(AS_SOMEBODY + keep_out, cwd=exact_root)
    os.setxattr(file, ACCESS, acl(6, 4, 0, 4, 0))
    assert os.stat(file).st_mode & 0o777 == 0o640  # the group's bits are the mask
    run_python(AS_SOMEBODY + read, cwd=exact_root)
    os.chmod(file, 0o600)
    assert os.getxattr(file, ACCESS) == acl(6, 4, 0, 0, 0)
    run_python(AS_SOMEBODY + keep_out, cwd=exact_root)
    fs.inodes.setxattr(fs.stat("/f").ino, ACCESS.encode(), acl(6, 4, 0, 4, 0))
    run_python(AS_SOMEBODY + read, cwd=exact_root)
    fs.inodes.removexattr(fs.stat("/f").ino, ACCESS.encode())
    run_python(AS_SOMEBODY + keep_out, cwd=exact_root)


def test_a_default_list_is_inherited_in_place_of_the_umask(fs: Fs, root: Path) -> None:
    os.mkdir(root / "d")
    os.setxattr(root / "d", DEFAULT, acl(7, 7, 5, 7, 0))
    run_python(
        """
        import os
        os.umask(0o077)
        open("d/f", "w")
        os.mkdir("d/sub")
        os.mknod("d/node", 0o100666)
        os.mkfifo("d/fifo", 0o622)
        open("beside", "w")
        """,
        cwd=root,
    )
    modes = {name: fs.stat(f"/d/{name}").perm for name in fs.listdir("/d")}
    assert modes == {"f": 0o660, "sub": 0o770, "node": 0o660, "fifo": 0o620}
    assert fs.stat("/beside").perm == 0o600
    assert os.getxattr(root / "d/f", ACCESS) == acl(6, 7, 5, 6, 0)
    assert os.getxattr(root / "d/sub", DEFAULT) == acl(7, 7, 5, 7, 0)
    assert refusal(os.getxattr, root / "d/f", DEFAULT) == errno.ENODATA


def test_a_mapped_mount_keeps_the_numbers_of_a_list(fs: Fs, root: Path) -> None:
    (root / "f").write_bytes(b"")
    os.setxattr(root / "f", ACCESS, acl(6, 4, 0, 4, 0))
    stored = fs.inodes.getxattr(fs.stat("/f").ino, ACCESS.encode())
    assert stored == os.getxattr(root / "f", ACCESS) == acl(6, 4, 0, 4, 0)


def test_a_malformed_list_is_refused(root: Path) -> None:
    (root / "f").write_bytes(b"")
    assert refusal(os.setxattr, root / "f", ACCESS, b"nonsense") in (
        errno.EINVAL,
        errno.EOPNOTSUPP,
    )
    assert refusal(os.setxattr, root / "f", DEFAULT, acl(6, 4, 0, 4, 0)) == errno.EACCES
