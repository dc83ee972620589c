"""What is measured beside each other: each contender is a directory to work in.

The limit is a tmpfs. Then the drivers of this project, each served by a process of
its own, fusepy's own API over the same store, and whatever else a command mounts.
"""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import importlib.util
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic

from devdev_mount import DriverName, DriverUnavailable, Served, check_mountable, serve

HERE = Path(__file__).resolve().parent
START_TIMEOUT = 30.0
END_TIMEOUT = 30.0
POLL_INTERVAL = 0.02


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a contender can be worked on."""

    path: Path
    settle: Callable[[], object] = lambda: None
    """Brings what was done into the store, where that does not happen by itself."""
    pid: int | None = None
    """The process that answers; what it started belongs to it."""
    served: Served | None = None


class Contenders:
    """Starts contenders, and ends them with `undo`."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo
        self.remarks: list[str] = []
        """What was left out, and why."""

    def tmpfs(self) -> Place:
        return Place(path=self._directory())

    def driver(self, name: DriverName) -> Place | None:
        """A driver of this project, if it can be used here."""
        try:
            check_mountable(driver=name)
        except DriverUnavailable as error:
            self.remarks.append(f"{name} left out: {error}")
            return None
        # A copy is compared with a tmpfs, so it lies on one.
        where = self._directory() if name == "copy" else None
        served = self._undo.enter_context(serve(where, driver=name))
        settle = served.pull if name == "copy" else Place.settle
        return Place(path=served.path, settle=settle, pid=served.pid, served=served)

    def fusepy(self, *how: str) -> Place | None:
        """The binding's own loop and API, over the same store."""
        if importlib.util.find_spec("fuse") is None:
            remark = "fusepy left out: pip install 'devdev-mount[libfuse]'"
            self.remarks += [remark] * (remark not in self.remarks)
            return None
        server = str(HERE / "mount_with_fusepy.py")
        return self.command([sys.executable, server, "{mountpoint}", *how])

    def command(self, command: list[str]) -> Place:
        """What a command mounts at `{mountpoint}`.

        Raises:
            TimeoutError: it is not mounted in time.
        """
        where = self._directory()
        filled = [word.replace("{mountpoint}", str(where)) for word in command]
        # The keeper sees that it ends, also when this process is killed.
        keeper = subprocess.Popen(
            [sys.executable, str(HERE / "mount_keeper.py"), str(where), *filled],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._undo.callback(_end, keeper)
        _wait_for_mount(where, keeper, shlex.join(filled))
        return Place(path=where, pid=keeper.pid)

    def _directory(self) -> Path:
        made = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="devdev-benchmark-")
        return Path(self._undo.enter_context(made))


@contextmanager
def contenders(
    others: Mapping[str, list[str]], without: Sequence[str] = ()
) -> Iterator[tuple[dict[str, Place], list[str]]]:
    """All that can be had here, the limit first; and remarks on what can not.

    Args:
        others: commands by the names to show them by.
        without: names to leave out.
    """
    with ExitStack() as undo:
        starting = Contenders(undo)
        ways: dict[str, Callable[[], Place | None]] = {
            "tmpfs": starting.tmpfs,
            "fuse": partial(starting.driver, "fuse"),
            "libfuse": partial(starting.driver, "libfuse"),
            "fusepy": starting.fusepy,
            "fusepy-lean": partial(starting.fusepy, "lean"),
            **{
                name: partial(starting.command, command)
                for name, command in others.items()
            },
            "copy": partial(starting.driver, "copy"),
        }
        found = {name: start() for name, start in ways.items() if name not in without}
        usable = {name: place for name, place in found.items() if place is not None}
        yield usable, starting.remarks


def is_mounted(path: Path) -> bool:
    """Whether something is mounted there; does not touch it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return any(line.split()[4] == str(path) for line in lines)


def _wait_for_mount(path: Path, keeper: subprocess.Popen[bytes], command: str) -> None:
    deadline = monotonic() + START_TIMEOUT
    pause = Event()
    while not is_mounted(path):
        if keeper.poll() is not None or monotonic() > deadline:
            raise TimeoutError(f"nothing was mounted at {path} by: {command}")
        pause.wait(POLL_INTERVAL)


def _end(keeper: subprocess.Popen[bytes]) -> None:
    """Let the keeper unmount and end what it keeps."""
    assert keeper.stdin is not None
    keeper.stdin.close()
    keeper.wait(END_TIMEOUT)
