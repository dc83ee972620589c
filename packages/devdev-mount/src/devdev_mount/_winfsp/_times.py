"""Windows counts 100 ns from 1601 ([MS-DTYP] 2.3.3), the store 1 ns from 1970."""

_TICK_NS = 100
_UNIX_EPOCH = 116_444_736_000_000_000
"""1970, in Windows' ticks."""
_LAST = 2**63 - 1
"""Windows' last time; files cannot have a later one."""


def to_filetime(nanoseconds: int) -> int:
    """A time of the store, rounded down; before 1601 it is the first that Windows has.

    0 would mean "none", so that is 1.
    """
    return min(max(nanoseconds // _TICK_NS + _UNIX_EPOCH, 1), _LAST)


def from_filetime(ticks: int) -> int:
    """A time of the store, in nanoseconds since 1970."""
    return (ticks - _UNIX_EPOCH) * _TICK_NS


def time_to_set(ticks: int) -> int | None:
    """What a time given to set means; 0 leaves it, and so do -1 and -2.

    Those two stop and resume that writing sets it ([MS-FSCC] 2.4.7), which is not
    done here.
    """
    if ticks == 0 or ticks >= 2**64 - 2:
        return None
    return from_filetime(ticks)
