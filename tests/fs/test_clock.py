"""Clocks: the host's, and the one for tests."""

import time

from devdev_fs import Clock, Fs, SystemClock
from devdev_fs.testing import ManualClock


def test_the_system_clock_is_the_hosts() -> None:
    before = time.time_ns()
    now = SystemClock().now_ns()
    assert before <= now <= time.time_ns()


def test_a_filesystem_without_a_clock_has_the_systems() -> None:
    before = time.time_ns()
    stat = Fs().stat("/")
    assert before <= stat.btime_ns <= time.time_ns()


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(5)
    assert (clock.now_ns(), clock.now_ns()) == (5, 5)
    clock.advance(10)
    assert clock.now_ns() == 15
    clock.advance(-20)
    assert clock.now_ns() == -5


def test_a_manual_clock_can_step_with_each_reading() -> None:
    clock: Clock = ManualClock(5, step_ns=2)
    assert [clock.now_ns() for _ in range(3)] == [5, 7, 9]
