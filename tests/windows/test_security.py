"""Security descriptors, from owner, group and mode and back."""

import pytest
from devdev_fs import Kind
from devdev_mount._winfsp._security import (
    DACL_SECURITY_INFORMATION,
    EVERYONE,
    GROUP_SECURITY_INFORMATION,
    OWNER_SECURITY_INFORMATION,
    SYSTEM,
    Access,
    Descriptor,
    Entry,
    Sid,
    describe,
    group_of,
    mode_of,
    sid_of_group,
    sid_of_user,
    user_of,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.windows.inodes import reading

OWNER = sid_of_user(1000)
GROUP = sid_of_group(100)
ADMINISTRATORS = Sid(5, (32, 544))
FULL = 0x1F01FF
KINDS = pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.DIRECTORY])


@KINDS
def test_every_mode_survives_the_way_there_and_back(kind: Kind) -> None:
    for perm in range(0o10000):
        stat = reading(kind, perm)
        assert mode_of(describe(stat, OWNER, GROUP), stat) == perm


@KINDS
def test_and_through_bytes(kind: Kind) -> None:
    for perm in range(0o1000):
        described = describe(reading(kind, perm), OWNER, GROUP)
        assert Descriptor.unpack(described.pack()) == described


def test_a_descriptor_has_the_bytes_that_windows_has_for_it() -> None:
    """O:S-1-22-1-1000 G:S-1-22-2-100 D:P(A;;0x1f01ff;;;SY), laid out by hand."""
    descriptor = Descriptor(OWNER, GROUP, (Entry(SYSTEM, FULL),))
    assert descriptor.pack().hex() == (
        "01000490" "14000000" "24000000" "00000000" "34000000"
        "0102000000000016" "01000000" "e8030000"
        "0102000000000016" "02000000" "64000000"
        "02001c00" "01000000" "00001400" "ff011f00" "0101000000000005" "12000000"
    )  # fmt: skip


def test_the_owner_is_denied_what_everybody_else_has() -> None:
    entries = describe(reading(Kind.REGULAR, 0o077), OWNER, GROUP).entries
    assert entries is not None
    assert entries[0].sid == OWNER
    assert entries[0].is_denial
    assert entries[0].access & Access.READ_DATA
    assert entries[0].access & Access.WRITE_DATA


def test_the_owner_can_always_change_the_list() -> None:
    entries = describe(reading(Kind.REGULAR, 0), OWNER, GROUP).entries
    assert entries is not None
    owners = [entry for entry in entries if entry.sid == OWNER and not entry.is_denial]
    assert owners[0].access & Access.WRITE_DAC


def test_who_may_read_a_file_may_execute_it() -> None:
    entries = describe(reading(Kind.REGULAR, 0o644), OWNER, GROUP).entries
    assert entries is not None
    everybodys = next(entry for entry in entries if entry.sid == EVERYONE)
    assert everybodys.access & Access.EXECUTE


@pytest.mark.parametrize(("perm", "may_delete"), [(0o777, True), (0o1777, False)])
def test_in_a_sticky_directory_not_everybody_deletes(
    perm: int, may_delete: bool
) -> None:
    entries = describe(reading(Kind.DIRECTORY, perm), OWNER, GROUP).entries
    assert entries is not None
    everybodys = next(entry for entry in entries if entry.sid == EVERYONE)
    assert bool(everybodys.access & Access.DELETE_CHILD) is may_delete


def test_bits_to_execute_of_a_file_stay_as_they_are() -> None:
    stat = reading(Kind.REGULAR, 0o755)
    nobody = Descriptor(OWNER, GROUP, ())
    assert mode_of(nobody, stat) == 0o111


@pytest.mark.parametrize(
    ("entries", "perm"),
    [
        ([Entry(OWNER, FULL), Entry(SYSTEM, FULL), Entry(ADMINISTRATORS, FULL)], 0o700),
        ([Entry(EVERYONE, FULL)], 0o777),
        ([Entry(EVERYONE, 0x80000000)], 0o444),
        ([Entry(EVERYONE, 0x40000000), Entry(OWNER, 0x10000000)], 0o722),
        ([Entry(OWNER, Access.WRITE_DATA, True), Entry(EVERYONE, FULL)], 0o577),
        ([Entry(EVERYONE, FULL), Entry(OWNER, Access.WRITE_DATA, True)], 0o777),
        ([], 0),
    ],
)
def test_a_list_comes_to_a_mode(entries: list[Entry], perm: int) -> None:
    stat = reading(Kind.DIRECTORY, 0o123)
    assert mode_of(Descriptor(OWNER, GROUP, tuple(entries)), stat) == perm


def test_without_a_list_everybody_may_do_everything() -> None:
    stat = reading(Kind.DIRECTORY, 0o123)
    assert mode_of(Descriptor(OWNER, GROUP, None), stat) == 0o777


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        (OWNER_SECURITY_INFORMATION, (EVERYONE, GROUP, 1)),
        (GROUP_SECURITY_INFORMATION, (OWNER, EVERYONE, 1)),
        (DACL_SECURITY_INFORMATION, (OWNER, GROUP, 0)),
        (7, (EVERYONE, EVERYONE, 0)),
        (0, (OWNER, GROUP, 1)),
    ],
)
def test_only_what_is_asked_for_is_set(
    information: int, expected: tuple[Sid, Sid, int]
) -> None:
    before = Descriptor(OWNER, GROUP, (Entry(OWNER, 1),))
    after = before.changed(information, Descriptor(EVERYONE, EVERYONE, ()))
    assert after.entries is not None
    assert (after.owner, after.group, len(after.entries)) == expected


@given(st.integers(0, 2**32 - 1))
def test_owners_of_the_store_come_back(number: int) -> None:
    user, group = sid_of_user(number), sid_of_group(number)
    assert user_of(Sid.unpack(user.pack())) == number
    assert group_of(Sid.unpack(group.pack())) == number
    assert user_of(group) is group_of(user) is None


def test_an_identifier_is_written_as_windows_writes_it() -> None:
    assert str(ADMINISTRATORS) == "S-1-5-32-544"
    assert user_of(ADMINISTRATORS) is None


@given(st.binary(max_size=120), st.integers(0, 119))
def test_garbage_is_refused_or_is_a_descriptor(noise: bytes, cut: int) -> None:
    whole = describe(reading(Kind.DIRECTORY, 0o755), OWNER, GROUP).pack()
    for data in (noise, whole[:cut] + noise, whole[:cut]):
        try:
            Descriptor.unpack(data)
        except ValueError:
            continue


@given(st.data())
def test_a_descriptor_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    whole = describe(reading(Kind.DIRECTORY, 0o755), OWNER, GROUP).pack()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError):  # noqa: PT011
        Descriptor.unpack(whole[:cut])
