"""Times as Windows counts them."""

from datetime import UTC, datetime

import pytest
from devdev_mount._winfsp._times import from_filetime, time_to_set, to_filetime
from hypothesis import given
from hypothesis import strategies as st


def nanoseconds(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 10**9  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("when", "ticks"),
    [
        ((1970, 1, 1), 116_444_736_000_000_000),
        ((2009, 7, 25, 23), 128_930_364_000_000_000),  # winfspy's own example
        ((1900, 1, 1), 94_354_848_000_000_000),
    ],
)
def test_a_date_has_its_number(when: tuple[int, ...], ticks: int) -> None:
    assert to_filetime(nanoseconds(*when)) == ticks
    assert from_filetime(ticks) == nanoseconds(*when)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_time_comes_back_within_a_tick(time: int) -> None:
    lost = time - from_filetime(to_filetime(time))
    assert 0 <= lost < 100


def test_nanoseconds_are_rounded_down_before_1970_too() -> None:
    assert to_filetime(-1) == to_filetime(-100)


def test_before_windows_there_is_only_its_first_time() -> None:
    assert to_filetime(-(2**64)) == 1


@pytest.mark.parametrize("ticks", [0, 2**64 - 1, 2**64 - 2])
def test_some_numbers_set_no_time(ticks: int) -> None:
    assert time_to_set(ticks) is None


def test_others_do() -> None:
    assert time_to_set(116_444_736_000_000_010) == 1000
