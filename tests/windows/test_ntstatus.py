"""Errors as Windows is told them."""

import pytest
from devdev_fs import Errno
from devdev_mount._winfsp._ntstatus import STATUSES, NtStatus


def test_every_error_has_a_status() -> None:
    assert STATUSES.keys() == set(Errno)


def test_every_status_of_an_error_is_one() -> None:
    assert all(status >> 30 == 3 for status in STATUSES.values())


@pytest.mark.parametrize(
    ("number", "status"),
    [
        # Windows' own errno has other numbers for some of these (ENOTEMPTY is 41).
        (39, NtStatus.DIRECTORY_NOT_EMPTY),
        (2, NtStatus.OBJECT_NAME_NOT_FOUND),
        (17, NtStatus.OBJECT_NAME_COLLISION),
        (28, NtStatus.DISK_FULL),
        (30, NtStatus.MEDIA_WRITE_PROTECTED),
    ],
)
def test_the_numbers_are_those_of_the_store(number: int, status: NtStatus) -> None:
    assert STATUSES[Errno(number)] is status
