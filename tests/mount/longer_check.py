"""A longer check of a served mount, by other people's stress tests.

    python -m tests.mount.longer_check [--minutes N] [--driver DRIVER] [JOB ...]

It takes stress-ng and fio (Debian: `apt-get install stress-ng fio`). Their jobs for
filesystems run on one mount, round and round, until the time is over; a job that fails
is run on a tmpfs as well, and counts only if it succeeds there. After each round, and
at the end, nothing may be left: no inode, descriptor, thread or memory of the server
beyond what it had, no broken invariant, no word of the kernel or of the server, and
after the end no mount, process or directory.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from devdev_mount import Served, serve

from tests.leaks import find_leftovers, wait_for_none_beyond

TMPFS = "/dev/shm"
SETTLE_TIMEOUT = 20.0
"""Seconds for the kernel to forget what was removed."""
POLL_INTERVAL = 0.1
JOB_SECONDS = 5
JOB_TIMEOUT = 120.0
MEMORY_SLACK = 64 * 2**20
"""What the server's memory may grow by after the first round: freed memory is not all
given back, and how much depends on what was freed last."""

KERNEL_ALARM = re.compile(r"WARNING:|BUG:|Oops|blocked for more than|\bfuse\b", re.I)

STRESSORS = (
    *("access", "chdir", "chmod", "chown", "copy-file", "dentry", "dir"),
    *("dirdeep", "dirmany", "dnotify", "dup", "fallocate", "fcntl", "fiemap"),
    *("file-ioctl", "filename", "flock", "fpunch", "fstat", "getdent", "handle", "hdd"),
    *("inode-flags", "inotify", "iomix", "lease", "link", "locka", "lockf"),
    *("lockofd", "mknod", "mmap", "msync", "open", "readahead", "rename", "revio"),
    *("seek", "sendfile", "splice", "symlink", "sync-file", "touch", "utime", "xattr"),
)
"""stress-ng's, by its own names: those that work in its temporary directory."""

FIO = {
    "verify": ["--rw=randwrite", "--verify=crc32c", "--bs=4k"],
    "verify-odd": ["--rw=randwrite", "--verify=crc32c", "--bsrange=512-64k"],
    "verify-large": ["--rw=write", "--verify=crc32c", "--bs=1m"],
    "verify-mapped": ["--rw=randwrite", "--verify=crc32c", "--ioengine=mmap"],
    "mixed": ["--rw=randrw", "--bs=4k", "--numjobs=4"],
    "appending": ["--rw=write", "--file_append=1", "--bs=700", "--numjobs=2"],
    "many-files": ["--rw=randrw", "--bs=4k", "--nrfiles=200", "--openfiles=50"],
    "kept-size": ["--rw=randwrite", "--bs=4k", "--fallocate=keep"],
}
"""What makes each of fio's jobs."""


class Findings(list[str]):
    """What is wrong, in the order of finding it."""

    def add(self, what: str) -> None:
        """Say it, and keep it."""
        print(f"FOUND: {what}", flush=True)
        self.append(what)


@dataclass(frozen=True)
class Held:
    """What a server holds."""

    inodes: int
    descriptors: int
    threads: int
    memory: int
    """Bytes of its own that are in memory."""

    @classmethod
    def by(cls, served: Served) -> "Held":
        """Look."""
        proc = Path(f"/proc/{served.pid}")
        found = served.fs.inodes.statvfs()
        rollup = (proc / "smaps_rollup").read_text()
        private = re.findall(r"^(?:Private_Dirty|Anonymous): *(\d+) kB", rollup, re.M)
        return cls(
            inodes=found.inodes - found.inodes_free,
            descriptors=len(os.listdir(proc / "fd")),
            threads=len(os.listdir(proc / "task")),
            memory=max(map(int, private)) * 1024,
        )

    def beyond(self, allowed: "Held") -> str:
        """What is more than allowed, in words; memory with slack."""
        slack = replace(allowed, memory=allowed.memory + MEMORY_SLACK)
        return ", ".join(
            f"{getattr(self, name)} {name} where {getattr(allowed, name)} were"
            for name in vars(self)
            if getattr(self, name) > getattr(slack, name)
        )


class Kernel:
    """What the kernel has to say since this was made."""

    def __init__(self) -> None:
        self._tainted = self._taint()
        self._log: int | None = None
        try:
            self._log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._log, 0, os.SEEK_END)
        except OSError as error:
            print(f"the kernel's log cannot be read: {error}", file=sys.stderr)

    def alarms(self) -> Iterator[str]:
        """New warnings, each once."""
        if self._taint() != self._tainted:
            yield f"the kernel is tainted: {self._tainted} became {self._taint()}"
            self._tainted = self._taint()
        while self._log is not None:
            try:
                record = os.read(self._log, 8192).decode(errors="replace")
            except BlockingIOError:
                return
            except BrokenPipeError:  # records were overwritten before they were read
                continue
            text = record.partition(";")[2].partition("\n")[0]
            if KERNEL_ALARM.search(text):
                yield f"the kernel says: {text}"

    @staticmethod
    def _taint() -> str:
        return Path("/proc/sys/kernel/tainted").read_text().strip()


@dataclass(frozen=True)
class Job:
    """A command that works in a directory, and fails if something was wrong."""

    name: str
    command: Callable[[Path], list[str]]

    def run(self, directory: Path) -> str:
        """Run it in a directory of its own; what was wrong, in words, or nothing."""
        own = directory / "job"
        own.mkdir()
        try:
            done = subprocess.run(
                self.command(own),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=JOB_TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"did not end within {JOB_TIMEOUT:g} seconds"
        finally:
            shutil.rmtree(own)
        said = done.stdout.decode(errors="replace")
        bad = [line for line in said.splitlines() if re.search(r"fail|error", line)]
        if done.returncode == 0:
            return ""
        return f"exit status {done.returncode}: " + " | ".join(bad[:5])


def jobs(seconds: int) -> dict[str, Job]:
    """Every job, by name."""

    def stressor(name: str) -> Job:
        def command(directory: Path) -> list[str]:
            how = ["--verify", "--timeout", str(seconds), "--temp-path", str(directory)]
            return ["stress-ng", f"--{name}", "2", *how]

        return Job(f"stress-ng/{name}", command)

    def fio(name: str, how: list[str]) -> Job:
        def command(directory: Path) -> list[str]:
            limits = ["--size=16m", "--time_based", f"--runtime={seconds}"]
            limits = limits[:1] if "--verify=crc32c" in how else limits
            return ["fio", f"--name={name}", f"--directory={directory}", *limits, *how]

        return Job(f"fio/{name}", command)

    made = [*map(stressor, STRESSORS), *(fio(name, how) for name, how in FIO.items())]
    return {job.name: job for job in made}


def run_round(served: Served, asked: list[Job], end: float, findings: Findings) -> None:
    """Run each job until the time is over."""
    for job in asked:
        if time.monotonic() > end:
            return
        start = time.monotonic()
        wrong = job.run(served.path)
        took = time.monotonic() - start
        print(f"{job.name}: {wrong or 'passed'} ({took:.1f} s)", flush=True)
        if wrong:
            with tempfile.TemporaryDirectory(dir=TMPFS) as limit:
                there = job.run(Path(limit))
            if there:
                print(f"{job.name}: on a tmpfs too: {there}", flush=True)
            else:
                findings.add(f"{job.name}: {wrong}; it passes on a tmpfs")
        if not served.is_alive:
            findings.add(f"{job.name}: the server ended")
            return


def look(served: Served, allowed: Held, findings: Findings) -> Held:
    """Look for what is left, after a time for it to go."""
    served.fs.check_invariants()
    deadline = time.monotonic() + SETTLE_TIMEOUT
    pause = threading.Event()
    while (held := Held.by(served)).beyond(allowed) and time.monotonic() < deadline:
        pause.wait(POLL_INTERVAL)
    print(f"held: {held}", flush=True)
    if left := held.beyond(allowed):
        findings.add(f"left in the server: {left}")
    return held


@contextmanager
def own_directory() -> Iterator[Path]:
    """A TMPDIR of this run's own, so that what is left in it is this run's."""
    with ExitStack() as undo:
        made = undo.enter_context(tempfile.TemporaryDirectory(prefix="devdev-check-"))
        root = Path(made).resolve()
        root.chmod(0o711)  # some stressors change their user
        undo.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        undo.callback(os.environ.__setitem__, "TMPDIR", tempfile.gettempdir())
        os.environ["TMPDIR"] = tempfile.tempdir = str(root)
        yield root


@contextmanager
def errors_to(file: Path) -> Iterator[None]:
    """Have what is started within write its errors to a file."""
    kept = os.dup(2)
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 2)
    os.close(fd)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def check(minutes: float, driver: str, asked: list[Job]) -> Findings:
    """Run the jobs for so long; what was found."""
    findings = Findings()
    kernel = Kernel()
    with own_directory() as root:
        log = root / "errors"
        before = find_leftovers((root,))
        with errors_to(log):
            served = serve(driver="libfuse" if driver == "libfuse" else "fuse")
        end = time.monotonic() + minutes * 60
        allowed = Held.by(served)
        with served:
            turn = 0
            while time.monotonic() < end and served.is_alive:
                turn += 1
                print(f"round {turn}; {findings or 'nothing'} found", flush=True)
                run_round(served, asked, end, findings)
                # What the first round brings about stays: threads, memory, tables.
                held = Held.by(served)
                first = replace(held, inodes=allowed.inodes) if turn == 1 else allowed
                allowed = replace(look(served, first, findings), inodes=allowed.inodes)
                for alarm in kernel.alarms():
                    findings.add(alarm)
        for line in log.read_text().splitlines():
            findings.add(f"the server says: {line}")
        for line in sorted(wait_for_none_beyond(before, (root,))):
            findings.add(f"left behind: {line}")
    for alarm in kernel.alarms():
        findings.add(alarm)
    return findings


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument(
        "--seconds", type=int, default=JOB_SECONDS, help=f"of a job ({JOB_SECONDS})"
    )
    parser.add_argument("--driver", choices=("fuse", "libfuse"), default="fuse")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="these, not all")
    arguments = parser.parse_args()
    known = jobs(arguments.seconds)
    unknown = ", ".join(name for name in arguments.jobs if name not in known)
    if unknown:
        parser.error(f"no such job: {unknown}; the jobs are {', '.join(known)}")
    missing = [tool for tool in ("stress-ng", "fio") if shutil.which(tool) is None]
    if missing:
        parser.error(f"{' and '.join(missing)} not on PATH; see --help")
    arguments.jobs = [known[name] for name in arguments.jobs or known]
    return arguments


def main() -> int:
    """Check, and say what was found; 1 if anything was."""
    arguments = parse()
    findings = check(arguments.minutes, arguments.driver, arguments.jobs)
    for finding in findings:
        print(f"FOUND: {finding}")
    print("nothing found" if not findings else f"{len(findings)} found")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
