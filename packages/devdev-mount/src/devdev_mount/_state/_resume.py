"""From the saves in a directory to a filesystem: the last one, or the last good one."""

import os
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

from devdev_fs import Fs, SnapshotError

from devdev_mount._errors import StateDamaged
from devdev_mount._state._directory import Directory, Save
from devdev_mount._state._header import BadHeader, Header, read_header


class _Bad(Exception):
    """A save cannot be used."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at
        """Its place in the chain."""


class _Good(NamedTuple):
    """The last state that can be had."""

    fs: Fs
    last: Save
    rest: Sequence[Save]
    """What came after that."""


def resume(directory: Directory, fs: Fs, *, recover: bool) -> Fs:
    """The filesystem as it was saved last.

    What is older than the base is removed; a crash left it.

    Args:
        directory: has a save.
        fs: an empty filesystem; its clock, umask and policies are taken.
        recover: whether to go back to the last good save, if there are damaged ones,
            and set those and what goes on from them aside.

    Raises:
        StateDamaged: a save is damaged or missing; which, and what the last good one
            is. Nothing was changed.
    """
    *older, newest = _chains(directory.saves)
    try:
        resumed = _load(directory, newest, fs)
    except _Bad as bad:
        good = _last_good(directory, [*older, newest], fs)
        if good is None or not recover:
            raise _damaged(directory, newest[bad.at], bad, good) from None
        directory.set_aside(good.rest)
        return good.fs
    directory.remove(save for chain in older for save in chain)
    return resumed


def _chains(saves: Sequence[Save]) -> list[Sequence[Save]]:
    """Each base with the changes behind it."""
    chains: list[list[Save]] = []
    for save in saves:
        if save.kind == "base" or not chains:
            chains.append([])
        chains[-1].append(save)
    return [*chains]


def _last_good(
    directory: Directory, chains: Sequence[Sequence[Save]], fs: Fs
) -> _Good | None:
    rest: Sequence[Save] = ()
    for chain in reversed(chains):
        good = chain
        while good:
            try:
                made = _load(directory, good, fs)
            except _Bad as bad:
                good = good[: bad.at]
            else:
                return _Good(made, good[-1], [*chain[len(good) :], *rest])
        rest = [*chain, *rest]
    return None


def _load(directory: Directory, chain: Sequence[Save], fs: Fs) -> Fs:
    """A filesystem made of a chain.

    A save with the history brings that; each one behind it becomes a span.

    Raises:
        _Bad: a save cannot be used.
    """
    if chain[0].kind != "base":
        raise _Bad(0, "there is no base that it goes on from")
    made = fs.fork()
    for at, save in enumerate(chain):
        number = chain[0].number + at
        if save.number != number:
            raise _Bad(at, f"number {number} is missing before it")
        try:
            _add(directory, save, made)
        except (OSError, BadHeader, SnapshotError) as error:
            raise _Bad(at, str(error)) from error
    return made


def _add(directory: Directory, save: Save, fs: Fs) -> None:
    with directory.open(save) as file:
        actor = read_header(file).actor
        with fs.actor(actor) if actor else nullcontext():
            fs.load_from(file)


def header_of(directory: Directory, save: Save) -> Header:
    """What is said of a save in its first line.

    Raises:
        BadHeader, OSError: it cannot be read.
    """
    with directory.open(save) as file:
        return read_header(file)


def _damaged(
    directory: Directory, save: Save, bad: _Bad, good: _Good | None
) -> StateDamaged:
    """The error that names the save, and says what can be had."""
    name = os.path.join(directory.path, save.name)
    message = f"the save {name!r} cannot be used: {bad}. Nothing was changed"
    if good is None:
        return StateDamaged(f"{message}. No save before it is good")
    seconds = header_of(directory, good.last).time_ns / 1e9
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    offer = f"The last good one is {good.last.name!r}, of {when}"
    return StateDamaged(
        f"{message}. {offer}: to begin with that and set the rest aside, recover "
        "(recover=True, --recover)"
    )
