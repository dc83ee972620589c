"""Rows of single system calls on many small files."""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mount_work import CACHED, Work, nothing

SIZE = 4096
_DATA = bytes(SIZE)

Names = Sequence[str]


def create(names: Names) -> None:
    for name in names:
        os.close(os.open(f"{name}.empty", os.O_CREAT | os.O_WRONLY | os.O_EXCL))


def create_write_close(names: Names) -> None:
    for name in names:
        fd = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
        os.write(fd, _DATA)
        os.close(fd)


def stat(names: Names) -> None:
    for name in names:
        os.stat(name)


def stat_missing(names: Names) -> None:
    for name in names:
        try:
            os.stat(f"{name}.missing")
        except FileNotFoundError:
            continue
        raise AssertionError(name)


def open_read_close(names: Names) -> None:
    for name in names:
        fd = os.open(name, os.O_RDONLY)
        read = os.read(fd, SIZE)
        os.close(fd)
        assert len(read) == SIZE


def overwrite(names: Names) -> None:
    for name in names:
        fd = os.open(name, os.O_WRONLY)
        os.write(fd, _DATA)
        os.close(fd)


def list_names(names: Names) -> None:
    assert len(os.listdir(".")) == 2 * len(names)


def list_with_attributes(names: Names) -> None:
    with os.scandir(".") as entries:
        sizes = [entry.stat(follow_symlinks=False).st_size for entry in entries]
    assert sum(sizes) == SIZE * len(names)


def rename(names: Names) -> None:
    for name in names:
        os.rename(name, f"{name}.new")


def unlink(names: Names) -> None:
    for name in names:
        os.unlink(f"{name}.new")


def forget_pages(names: Names) -> None:
    """Have the page cache let go of the files, so that reading asks the filesystem."""
    for name in names:
        fd = os.open(name, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def works(count: int) -> list[Work]:
    """In an order in which each finds what it needs."""
    names = [f"file{number}" for number in range(count)]

    def row(
        name: str,
        operation: Callable[[Names], None],
        *,
        before: Callable[[Names], None] | None = None,
        bar: float | None = None,
        lead: float = 1.0,
    ) -> Work:
        def run(top: Path, operation: Callable[[Names], None]) -> None:
            operation(names)

        return Work(
            name=name,
            run=partial(run, operation=operation),
            count=count,
            before=nothing if before is None else partial(run, operation=before),
            is_ground=True,
            bar=bar,
            lead=lead,
        )

    return [
        row("create", create),
        row("create_write_close", create_write_close, lead=3.0),
        row("overwrite", overwrite),
        row("stat_warm", stat, before=stat, bar=CACHED),
        row("stat_missing", stat_missing),
        row("stat_missing_again", stat_missing),
        row("open_read_close", open_read_close, before=forget_pages, lead=3.0),
        row("reread", open_read_close, before=open_read_close, bar=CACHED),
        row("list_names", list_names),
        row("list_names_again", list_names),
        row("list_with_attributes", list_with_attributes),
        row("rename", rename),
        row("unlink", unlink),
    ]
