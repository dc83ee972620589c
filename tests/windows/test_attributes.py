"""File attributes, from an inode and back."""

import pytest
from devdev_fs import Kind
from devdev_mount._winfsp._attributes import (
    Attribute,
    attributes,
    mode_with,
    to_keep,
)

from tests.windows.inodes import reading

FILE = reading(Kind.REGULAR, 0o644)
DIRECTORY = reading(Kind.DIRECTORY, 0o755)


@pytest.mark.parametrize(
    ("kind", "perm", "expected"),
    [
        (Kind.REGULAR, 0o644, Attribute.NORMAL),
        (Kind.REGULAR, 0o444, Attribute.READONLY),
        (Kind.REGULAR, 0o020, Attribute.NORMAL),
        (Kind.DIRECTORY, 0o755, Attribute.DIRECTORY),
        (Kind.DIRECTORY, 0o555, Attribute.DIRECTORY),
        (Kind.SYMLINK, 0o777, Attribute.REPARSE_POINT),
        (Kind.FIFO, 0o600, Attribute.DEVICE),
        (Kind.SOCKET, 0o400, Attribute.DEVICE | Attribute.READONLY),
    ],
)
def test_an_inode_has_attributes(kind: Kind, perm: int, expected: Attribute) -> None:
    assert attributes(reading(kind, perm)) == expected


def test_hidden_system_and_archive_are_kept() -> None:
    given = Attribute.HIDDEN | Attribute.SYSTEM | Attribute.ARCHIVE
    assert to_keep(given) == b"0x26"
    assert attributes(FILE, b"0x26") == given
    assert attributes(DIRECTORY, b"0x2") == Attribute.DIRECTORY | Attribute.HIDDEN


def test_what_the_mode_says_is_not_kept() -> None:
    assert to_keep(Attribute.READONLY | Attribute.DIRECTORY | Attribute.NORMAL) == b""


@pytest.mark.parametrize("kept", [b"", b"0x", b"zz", b"0xzz", b"\xff\xff", b"12"])
def test_what_others_put_there_is_no_attribute(kept: bytes) -> None:
    assert attributes(FILE, kept) == Attribute.NORMAL


def test_samba_s_form_is_understood() -> None:
    assert attributes(FILE, b"0x22\0") == Attribute.HIDDEN | Attribute.ARCHIVE


def test_kept_attributes_cannot_make_a_file_a_directory() -> None:
    assert attributes(FILE, b"0xffff") & Attribute.DIRECTORY == 0


@pytest.mark.parametrize(
    ("perm", "given", "expected"),
    [
        (0o755, Attribute.READONLY, 0o555),
        (0o644, Attribute.NORMAL, 0o644),
        (0o555, Attribute.ARCHIVE, 0o755),
        (0o4755, Attribute.READONLY, 0o4555),
    ],
)
def test_to_set_them_changes_the_mode(
    perm: int, given: Attribute, expected: int
) -> None:
    assert mode_with(Kind.REGULAR | perm, given) == Kind.REGULAR | expected


def test_a_directory_keeps_its_mode() -> None:
    assert mode_with(DIRECTORY.mode, Attribute.READONLY) == DIRECTORY.mode
