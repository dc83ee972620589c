"""Long random runs on a few files: what a mount and the API show is what was done."""

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

import os
import select
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from devdev_fs import Fs, FsBase, Ino, NotFound
from devdev_mount import Served, serve

from tests.mount.exerciser import Mismatch, Operation, Plan, run
from tests.posix.abi import (
    FALLOC_FL_KEEP_SIZE,
    FALLOC_FL_PUNCH_HOLE,
    FALLOC_FL_ZERO_RANGE,
)
from tests.processes import wait_until

STEPS = int(os.environ.get("DEVDEV_EXERCISER_STEPS", 4000))
SEED = int(os.environ.get("DEVDEV_EXERCISER_SEED", 0))
SEEDS = [SEED, SEED + 1]
SECONDS = 60 + STEPS // 50
TURN_SECONDS = 15.0

REPOSITORY = Path(__file__).parents[2]

pytestmark = [pytest.mark.fuse, pytest.mark.slow, pytest.mark.timeout(SECONDS)]


class ApiFiles:
    """Files of the root directory, by the API."""

    def __init__(self, fs: FsBase) -> None:
        self._fs = fs

    def do(self, operation: Operation) -> bytes | None:
        act: Callable[[Operation], bytes | None]
        act = getattr(self, f"_{operation.call}")
        return act(operation)

    def _ino(self, name: str) -> Ino:
        return self._fs.inodes.resolve(name)

    def _create(self, op: Operation) -> None:
        self._fs.write_bytes(op.name, b"")

    def _replace(self, op: Operation) -> None:
        self._fs.write_bytes(op.name, op.data)

    def _read(self, op: Operation) -> bytes:
        return self._fs.inodes.read(self._ino(op.name), op.offset, op.length)

    def _check(self, op: Operation) -> bytes:
        return self._fs.read_bytes(op.name)

    def _write(self, op: Operation) -> None:
        written = self._fs.inodes.write(self._ino(op.name), op.offset, op.data)
        assert written == op.length

    def _append(self, op: Operation) -> None:
        self._fs.append(op.name, op.data)

    def _truncate(self, op: Operation) -> None:
        self._fs.truncate(op.name, op.length)

    def _punch(self, op: Operation) -> None:
        self._fallocate(op, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

    def _zero(self, op: Operation) -> None:
        self._fallocate(op, FALLOC_FL_ZERO_RANGE)

    def _fallocate(self, op: Operation, mode: int) -> None:
        self._fs.inodes.fallocate(self._ino(op.name), mode, op.offset, op.length)

    def _copy(self, op: Operation) -> None:
        source, target = self._ino(op.other), self._ino(op.name)
        ranges = source, op.source, target, op.offset, op.length
        self._fs.inodes.copy_file_range(*ranges)

    def _rename(self, op: Operation) -> bytes | None:
        lost = self._held(op.other)
        self._fs.rename(op.name, op.other)
        return None if lost is None else self._last_of(lost)

    def _remove(self, op: Operation) -> bytes | None:
        lost = self._held(op.name)
        assert lost is not None
        self._fs.remove(op.name)
        return self._last_of(lost)

    def _held(self, name: str) -> Ino | None:
        try:
            ino = self._ino(name)
        except NotFound:
            return None
        self._fs.inodes.pin(ino)
        return ino

    def _last_of(self, ino: Ino) -> bytes:
        size = self._fs.inodes.getattr(ino).size
        content = self._fs.inodes.read(ino, 0, size + 1)
        self._fs.inodes.unpin(ino)
        return content


class InTurns:
    """The same, while a program that does the rest waits."""

    def __init__(self, fs: FsBase, program: subprocess.Popen[bytes]) -> None:
        self._files = ApiFiles(fs)
        self._program = program

    def do(self, operation: Operation) -> bytes | None:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        ready, _, _ = select.select([self._program.stdout], [], [], TURN_SECONDS)
        assert ready, f"the program does not come to {operation}"
        step = self._program.stdout.readline()
        if not step:
            raise EOFError("the program has ended")
        assert int(step) == operation.step
        done = self._files.do(operation)
        self._program.stdin.write(b"\n")
        return done


@contextmanager
def exerciser(directory: Path, *options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Have the program run; demand that nothing went wrong in it."""
    argv = [sys.executable, "-m", "tests.mount.exerciser", directory, *options]
    with subprocess.Popen(
        [str(argument) for argument in argv],
        cwd=REPOSITORY,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stderr is not None
        try:
            try:
                yield program
            except EOFError:
                pass
            else:
                program.wait(SECONDS)
            said = program.stderr.read().decode()
            assert program.wait(TURN_SECONDS) == 0, said
        finally:
            program.kill()


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as served:
        yield served
        fs = served.fs
        fs.check_invariants()
        for name in fs.listdir("/"):
            fs.remove(name)
        wait_until(lambda: _inodes(fs) == 1, "the kernel to let go of the files")
        assert fs.bytes_used == 0


def _inodes(fs: FsBase) -> int:
    space = fs.inodes.statvfs()
    return space.inodes - space.inodes_free


def check_all(plan: Plan, served: Served) -> None:
    """What there is in the end, by both ways."""
    for name, content in plan.model.files.items():
        assert served.fs.read_bytes(name) == content
        assert (served.path / name).read_bytes() == content


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mount_shows_what_a_program_did(served: Served, seed: int) -> None:
    with exerciser(served.path, "--seed", seed, "--steps", STEPS):
        pass
    plan = Plan(seed)
    run(plan, STEPS, None, None)
    check_all(plan, served)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_program_and_the_api_see_what_the_other_did(
    served: Served, seed: int
) -> None:
    """Mapped pages, positions for appending and open files without names included."""
    options = "--seed", seed, "--steps", STEPS, "--api-share", 0.4
    plan = Plan(seed, 0.4)
    with exerciser(served.path, *options) as program:
        run(plan, STEPS, None, InTurns(served.fs, program))
    check_all(plan, served)


def test_programs_and_threads_do_not_disturb_each_other(served: Served) -> None:
    """Each on files of its own, all in one directory."""

    def program(number: int) -> Plan:
        options = "--seed", number, "--steps", STEPS, "--prefix", f"program-{number}-"
        with exerciser(served.path, *options):
            pass
        plan = Plan(number, 0.0, f"program-{number}-")
        run(plan, STEPS, None, None)
        return plan

    def thread(number: int) -> Plan:
        plan = Plan(number, 1.0, f"thread-{number}-")
        run(plan, STEPS, None, ApiFiles(served.fs))
        return plan

    seeds = range(SEED, SEED + 3)
    with ThreadPoolExecutor(2 * len(seeds)) as pool:
        plans = [*pool.map(program, seeds), *pool.map(thread, seeds)]
    for plan in plans:
        check_all(plan, served)
    with Fs() as copy:
        copy.load(served.fs.dump())
        assert copy.tree_digest() == served.fs.tree_digest()


def test_a_failure_says_how_to_come_to_it_again() -> None:
    class Forgetful(ApiFiles):
        def _append(self, op: Operation) -> None:
            self._fs.append(op.name, op.data[:-1] + b"?")

    with pytest.raises(Mismatch) as caught:
        run(Plan(5, 1.0), STEPS, None, Forgetful(Fs()))
    first, *operations = str(caught.value).splitlines()
    step = int(operations[-1].split()[0])
    assert first.startswith(f"seed 5, step {step}: byte ")
    assert " begins b'?" in first
    assert len(operations) == 20
    run(Plan(5, 1.0), step - 1, None, Forgetful(Fs()))
