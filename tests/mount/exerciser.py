"""A file-system exerciser: random operations on a few files, checked by a model.

    python -m tests.mount.exerciser --seed 1 --steps 100000 DIR

The seed says what is done, so a run can be repeated, and two processes with one seed
know of each other's steps: with `--api-share` the program leaves that part of them to
whoever runs it, and waits for it meanwhile by a line out and a line in.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import argparse
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from tests.posix import libc
from tests.posix.abi import (
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
    PAGE,
)

NAMES = ("a", "b", "c")
SIZE_MAX = 40 * PAGE
SHOWN = 20
"""Operations that a failure shows."""

MOUNT_CALLS = {
    "write": 4,
    "append": 2,
    "read": 4,
    "truncate": 2,
    "cut": 1,
    "punch": 2,
    "zero": 1,
    "allocate": 1,
    "copy": 1,
    "map_write": 4,
    "map_read": 4,
    "rename": 1,
    "remove": 1,
    "reopen": 1,
    "sync": 1,
    "check": 1,
}
"""What is done by system calls, each as often as its number says; `cut` truncates by
path, `truncate` by descriptor."""

API_CALLS = {
    "write": 3,
    "append": 2,
    "read": 4,
    "truncate": 2,
    "punch": 1,
    "zero": 1,
    "copy": 1,
    "replace": 1,
    "rename": 1,
    "remove": 1,
    "check": 2,
}
"""What is done by the API of the filesystem."""


class Operation(NamedTuple):
    """One step. What it does not need is 0 or empty."""

    step: int
    by_api: bool
    call: str
    name: str
    offset: int = 0
    length: int = 0
    other: str = ""
    source: int = 0
    """For a copy: the offset in the other file."""

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def data(self) -> bytes:
        """What it writes: its step, over and over."""
        text = b"%08d" % self.step
        return (text * (self.length // len(text) + 1))[: self.length]

    def __str__(self) -> str:
        side = "api" if self.by_api else "mount"
        where = f"{self.offset:#x}..{self.end:#x}"
        other = f" {self.other} at {self.source:#x}" if self.other else ""
        return f"{self.step:>8} {side:5} {self.call:9} {self.name} {where}{other}"


class Files(Protocol):
    """Where operations are made."""

    def do(self, operation: Operation) -> bytes | None:
        """Make one.

        Returns what was read; of a file whose last name went, what was in it.
        """
        ...


# --- the model ---------------------------------------------------------------------


class Model:
    """What the files are to contain."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}

    def do(self, operation: Operation) -> bytes | None:
        act: Callable[[Operation], bytes | None] | None
        act = getattr(self, f"_{operation.call}", None)
        return None if act is None else act(operation)

    def _create(self, op: Operation) -> None:
        self.files[op.name] = bytearray()

    def _read(self, op: Operation) -> bytes:
        return bytes(self.files[op.name][op.offset : op.end])

    _map_read = _read

    def _check(self, op: Operation) -> bytes:
        return bytes(self.files[op.name])

    def _write(self, op: Operation) -> None:
        self._put(op.name, op.offset, op.data)

    _map_write = _write

    def _append(self, op: Operation) -> None:
        self.files[op.name] += op.data

    def _replace(self, op: Operation) -> None:
        self.files[op.name] = bytearray(op.data)

    def _truncate(self, op: Operation) -> None:
        content = self.files[op.name]
        content[:] = content[: op.length].ljust(op.length, b"\0")

    _cut = _truncate

    def _punch(self, op: Operation) -> None:
        length = max(min(op.end, len(self.files[op.name])) - op.offset, 0)
        self._put(op.name, op.offset, bytes(length))

    def _zero(self, op: Operation) -> None:
        self._put(op.name, op.offset, bytes(op.length))

    def _allocate(self, op: Operation) -> None:
        content = self.files[op.name]
        content[:] = content.ljust(op.end, b"\0")

    def _copy(self, op: Operation) -> None:
        data = self.files[op.other][op.source : op.source + op.length]
        self._put(op.name, op.offset, bytes(data))

    def _rename(self, op: Operation) -> bytes | None:
        lost = self.files.pop(op.other, None)
        self.files[op.other] = self.files.pop(op.name)
        return None if lost is None else bytes(lost)

    def _remove(self, op: Operation) -> bytes:
        return bytes(self.files.pop(op.name))

    def _put(self, name: str, offset: int, data: bytes) -> None:
        if data:
            content = self.files[name]
            content[:] = content.ljust(offset, b"\0")
            content[offset : offset + len(data)] = data


class Plan(Iterator[tuple[Operation, bytes | None]]):
    """The operations that follow from a seed, each with what it is to return."""

    def __init__(self, seed: int, api_share: float = 0.0, prefix: str = "") -> None:
        self.seed = seed
        self.model = Model()
        self.last: deque[Operation] = deque(maxlen=SHOWN)
        self._random = Random(seed)
        self._api_share = api_share
        self._names = [prefix + name for name in NAMES]
        self._step = 0

    def __next__(self) -> tuple[Operation, bytes | None]:
        self._step += 1
        operation = self._choose()
        self.last.append(operation)
        return operation, self.model.do(operation)

    def _choose(self) -> Operation:
        draw = self._random
        by_api = draw.random() < self._api_share
        calls = API_CALLS if by_api else MOUNT_CALLS
        (call,) = draw.choices([*calls], [*calls.values()])
        name = draw.choice(self._names)
        others = [other for other in self._names if other != name]
        other, source = draw.choice(others), self._offset(SIZE_MAX)
        offset, length = self._offset(SIZE_MAX), self._length()
        operation = Operation(self._step, by_api, call, name, offset, length)
        content = self.model.files.get(name)
        if content is None:
            return Operation(self._step, by_api, "create", name)
        if call in ("truncate", "cut"):
            return operation._replace(offset=0, length=self._offset(SIZE_MAX))
        if call == "append" and len(content) + length > 2 * SIZE_MAX:
            return operation._replace(call="truncate", offset=0)
        if call in ("map_write", "map_read"):
            if not content:
                return operation._replace(call="write")
            offset %= len(content)
            length = min(length, len(content) - offset)
            return operation._replace(offset=offset, length=length)
        if call == "rename":
            return operation._replace(offset=0, length=0, other=other)
        if call == "copy":
            if other not in self.model.files:
                return operation._replace(call="read")
            return operation._replace(other=other, source=source)
        return operation

    def _offset(self, limit: int) -> int:
        """Any, or at the border of a page, or beside one."""
        offset = self._random.randrange(limit)
        if self._random.random() < 0.5:
            offset -= offset % PAGE
            offset = max(offset + self._random.choice([-1, 0, 0, 1]), 0)
        return offset

    def _length(self) -> int:
        most = self._random.choice([16, PAGE, PAGE, 3 * PAGE, 12 * PAGE])
        return self._random.choice([most, self._random.randrange(1, most + 1)])


# --- running -----------------------------------------------------------------------


class Mismatch(AssertionError):
    """An operation did not do what the model does."""


def run(plan: Plan, steps: int, mount: Files | None, api: Files | None) -> None:
    """Make so many operations, but those of a side that is left to somebody else.

    Raises:
        Mismatch: one went wrong; it says how to come to it again.
    """
    for operation, expected in islice(plan, steps):
        files = api if operation.by_api else mount
        if files is None:
            continue
        try:
            got = files.do(operation)
        except (OSError, AssertionError) as error:
            raise Mismatch(_report(plan, repr(error))) from error
        if got != expected:
            raise Mismatch(_report(plan, _difference(got, expected)))


def _report(plan: Plan, what: str) -> str:
    lines = [f"seed {plan.seed}, step {plan.last[-1].step}: {what}; the last were"]
    return "\n".join([*lines, *map(str, plan.last)])


def _difference(got: bytes | None, expected: bytes | None) -> str:
    if got is None or expected is None:
        return f"{got!r} is not {expected!r}"
    if len(got) != len(expected):
        return f"{len(got)} bytes are not {len(expected)}"
    at = next(at for at in range(len(got)) if got[at] != expected[at])
    ends = slice(at, at + 16)
    return f"byte {at:#x} begins {got[ends]!r}, not {expected[ends]!r}"


# --- by system calls ---------------------------------------------------------------


class Handles:
    """A file that is open three times, and mapped as far as needed.

    Who makes it by the first, which can only write, may be let past the page cache
    that the others have.
    """

    def __init__(self, path: Path, flags: int = 0) -> None:
        with ExitStack() as undo:
            self.writing = os.open(path, os.O_WRONLY | flags, 0o644)
            undo.callback(os.close, self.writing)
            self.fd = os.open(path, os.O_RDWR)
            undo.callback(os.close, self.fd)
            self.appending = os.open(path, os.O_WRONLY | os.O_APPEND)
            undo.callback(os.close, self.appending)
            self._opened = undo.pop_all()
        self._map: mmap.mmap | None = None

    def mapped(self, end: int) -> mmap.mmap:
        """A shared mapping of at least so many bytes, which the file has.

        It stays when the file becomes shorter, and what is beyond is not touched.
        """
        if self._map is None or len(self._map) < end:
            self._unmap()
            self._map = mmap.mmap(self.fd, 0)
        return self._map

    def sync(self) -> None:
        os.fsync(self.fd)

    def read_all(self) -> bytes:
        return os.pread(self.fd, os.fstat(self.fd).st_size + 1, 0)

    def _unmap(self) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None

    def close(self) -> None:
        self._unmap()
        self._opened.close()


class HostFiles:
    """Files of a directory, by system calls; what is there at first is removed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._handles: dict[str, Handles] = {}

    def close(self) -> None:
        for handles in self._handles.values():
            handles.close()

    def do(self, operation: Operation) -> bytes | None:
        act: Callable[[Operation], bytes | None]
        act = getattr(self, f"_{operation.call}")
        return act(operation)

    def follow(self, operation: Operation) -> bytes | None:
        """Go on after somebody else made an operation; returns what it returned."""
        if operation.call == "create":
            self._handles[operation.name] = Handles(self._path(operation.name))
        elif operation.call == "rename":
            return self._renamed(operation)
        elif operation.call == "remove":
            return self._let_go(operation.name)
        elif operation.call in ("read", "check"):
            return self.do(operation)
        return None

    def _path(self, name: str) -> Path:
        return self._directory / name

    def _fd(self, operation: Operation) -> int:
        return self._handles[operation.name].fd

    def _create(self, op: Operation) -> None:
        self._path(op.name).unlink(missing_ok=True)
        path = self._path(op.name)
        self._handles[op.name] = Handles(path, os.O_CREAT | os.O_EXCL)

    def _read(self, op: Operation) -> bytes:
        return os.pread(self._fd(op), op.length, op.offset)

    def _check(self, op: Operation) -> bytes:
        content = self._path(op.name).read_bytes()
        assert content == self._handles[op.name].read_all()
        return content

    def _write(self, op: Operation) -> None:
        handles = self._handles[op.name]
        fd = handles.writing if op.length % 2 else handles.fd
        assert os.pwrite(fd, op.data, op.offset) == op.length

    def _append(self, op: Operation) -> None:
        assert os.write(self._handles[op.name].appending, op.data) == op.length

    def _truncate(self, op: Operation) -> None:
        os.ftruncate(self._fd(op), op.length)

    def _cut(self, op: Operation) -> None:
        os.truncate(self._path(op.name), op.length)

    def _punch(self, op: Operation) -> None:
        self._fallocate(op, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

    def _zero(self, op: Operation) -> None:
        self._fallocate(op, FALLOC_FL_ZERO_RANGE)

    def _allocate(self, op: Operation) -> None:
        self._fallocate(op, 0)

    def _fallocate(self, op: Operation, mode: int) -> None:
        libc.fallocate(self._fd(op), mode, op.offset, op.length)

    def _copy(self, op: Operation) -> None:
        fds = self._handles[op.other].fd, self._fd(op)
        done = 0
        while done < op.length:
            ends = op.source + done, op.offset + done
            copied = os.copy_file_range(*fds, op.length - done, *ends)
            if not copied:
                break
            done += copied

    def _map_read(self, op: Operation) -> bytes:
        return self._handles[op.name].mapped(op.end)[op.offset : op.end]

    def _map_write(self, op: Operation) -> None:
        self._handles[op.name].mapped(op.end)[op.offset : op.end] = op.data

    def _rename(self, op: Operation) -> bytes | None:
        self._path(op.name).rename(self._path(op.other))
        return self._renamed(op)

    def _renamed(self, op: Operation) -> bytes | None:
        lost = self._let_go(op.other) if op.other in self._handles else None
        self._handles[op.other] = self._handles.pop(op.name)
        return lost

    def _remove(self, op: Operation) -> bytes:
        self._path(op.name).unlink()
        return self._let_go(op.name)

    def _let_go(self, name: str) -> bytes:
        """Close a file without a name; returns what is in it to the last."""
        handles = self._handles.pop(name)
        try:
            return handles.read_all()
        finally:
            handles.close()

    def _reopen(self, op: Operation) -> None:
        self._handles.pop(op.name).close()
        self._handles[op.name] = Handles(self._path(op.name))

    def _sync(self, op: Operation) -> None:
        self._handles[op.name].sync()


class InTurns:
    """The files of somebody who makes their operations meanwhile."""

    def __init__(self, files: HostFiles) -> None:
        self._files = files

    def do(self, operation: Operation) -> bytes | None:
        print(operation.step, flush=True)
        if not sys.stdin.readline():
            raise OSError("the other side has gone")
        return self._files.follow(operation)


def main() -> int:
    parser = argparse.ArgumentParser(description="Exercise the filesystem of DIR.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--prefix", default="", help="of the names of the files")
    parser.add_argument("--api-share", type=float, default=0.0)
    options = parser.parse_args()
    files = HostFiles(options.directory)
    plan = Plan(options.seed, options.api_share, options.prefix)
    try:
        run(plan, options.steps, files, InTurns(files))
    except Mismatch as mismatch:
        print(mismatch, file=sys.stderr)
        return 1
    finally:
        files.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
