"""`Errno` and `FsError`: Linux's numbers, and the builtins a Python user catches."""

import copy
import errno as host_errno
import pickle
import sys

import pytest
from devdev_fs import (
    AlreadyExists,
    Errno,
    FsBase,
    FsError,
    IsADirectory,
    NotADirectory,
    NotFound,
    NotPermitted,
    SnapshotError,
)

NUMBERS = {
    "EPERM": 1,
    "ENOENT": 2,
    "EIO": 5,
    "ENXIO": 6,
    "E2BIG": 7,
    "EBADF": 9,
    "EACCES": 13,
    "EBUSY": 16,
    "EEXIST": 17,
    "EXDEV": 18,
    "ENODEV": 19,
    "ENOTDIR": 20,
    "EISDIR": 21,
    "EINVAL": 22,
    "ETXTBSY": 26,
    "EFBIG": 27,
    "ENOSPC": 28,
    "ESPIPE": 29,
    "EROFS": 30,
    "EMLINK": 31,
    "ERANGE": 34,
    "ENAMETOOLONG": 36,
    "ENOSYS": 38,
    "ENOTEMPTY": 39,
    "ELOOP": 40,
    "ENODATA": 61,
    "EOPNOTSUPP": 95,
    "ESTALE": 116,
}
BUILTINS = {
    Errno.ENOENT: (NotFound, FileNotFoundError),
    Errno.EEXIST: (AlreadyExists, FileExistsError),
    Errno.EISDIR: (IsADirectory, IsADirectoryError),
    Errno.ENOTDIR: (NotADirectory, NotADirectoryError),
    Errno.EPERM: (NotPermitted, PermissionError),
    Errno.EACCES: (NotPermitted, PermissionError),
}


def test_the_numbers_are_those_of_linux_whatever_the_host_is() -> None:
    assert {number.name: number.value for number in Errno} == NUMBERS


@pytest.mark.skipif(sys.platform != "linux", reason="other hosts have other numbers")
def test_on_linux_the_numbers_are_those_of_the_host() -> None:
    assert {name: getattr(host_errno, name) for name in NUMBERS} == NUMBERS


@pytest.mark.parametrize(("number", "types"), BUILTINS.items())
def test_an_error_is_caught_by_its_builtin(
    number: Errno, types: tuple[type[FsError], type[OSError]]
) -> None:
    error = FsError(number)
    assert type(error) is types[0]
    assert isinstance(error, types[1])


@pytest.mark.parametrize("number", Errno)
def test_every_error_is_an_fs_error_and_an_os_error(number: Errno) -> None:
    error = FsError(number)
    assert isinstance(error, FsError)
    assert isinstance(error, OSError)
    assert error.errno == number
    assert error.strerror
    assert error.filename is None


@pytest.mark.parametrize("number", set(Errno) - set(BUILTINS))
def test_an_error_without_a_builtin_is_a_plain_fs_error(number: Errno) -> None:
    assert type(FsError(number)) is FsError


def test_the_message_says_what_and_where() -> None:
    assert str(FsError(Errno.ENOTEMPTY)) == "[Errno 39] directory not empty"
    assert str(FsError(2, path="/x")) == "[Errno 2] no such file or directory: '/x'"
    assert str(FsError(22, "bad flags", b"\xff")) == "[Errno 22] bad flags: b'\\xff'"


@pytest.mark.parametrize("path", [None, "/x", b"/\xff"])
@pytest.mark.parametrize("number", Errno)
def test_an_error_can_be_pickled_and_copied(
    number: Errno, path: str | bytes | None
) -> None:
    error = FsError(number, "why", path)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert (twin.errno, twin.strerror, twin.filename) == (number, "why", path)


def test_a_number_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="11"):
        FsError(11)


def test_a_snapshot_error_is_a_value_error() -> None:
    assert issubclass(SnapshotError, ValueError)
    assert not issubclass(SnapshotError, OSError)


@pytest.mark.parametrize("path", ["/missing", b"/missing"])
def test_an_operation_names_the_path_as_it_was_given(
    fs: FsBase, path: str | bytes
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        fs.read_bytes(path)
    assert caught.value.filename == path
