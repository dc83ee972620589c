"""Tools for tests of programs that use a served filesystem."""

from devdev_fs.testing import ManualClock as ManualClock

__all__ = ("ManualClock",)
