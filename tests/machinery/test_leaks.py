"""The check for leftovers sees each kind, and sees when it is gone."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import mount

from tests.leaks import detach_mounts, find_leftovers, unescape, wait_for_none_beyond


@contextmanager
def directory() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="devdev-"):
        yield


@contextmanager
def child_process() -> Iterator[None]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield
        process.communicate(timeout=5)


@contextmanager
def orphaned_process() -> Iterator[None]:
    """One whose parent has ended, as a watcher's has."""
    reader, writer = os.pipe()
    script = "exec 3<&0; cat <&3 >/dev/null 2>&1 &"
    subprocess.run(["sh", "-c", script], stdin=reader, check=True, timeout=5)
    os.close(reader)
    yield
    os.close(writer)


@contextmanager
def thread() -> Iterator[None]:
    stop = threading.Event()
    running = threading.Thread(target=stop.wait)
    running.start()
    yield
    stop.set()
    running.join(5)


@contextmanager
def descriptor() -> Iterator[None]:
    reader, writer = os.pipe()
    yield
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    ("leak", "kind"),
    [
        (directory, "directory"),
        (child_process, "process"),
        (orphaned_process, "process"),
        (thread, "thread"),
        (descriptor, "descriptor"),
    ],
)
def test_a_leftover_is_found_until_it_is_gone(
    leak: Callable[[], AbstractContextManager[None]],
    kind: str,
    run_roots: tuple[Path, ...],
) -> None:
    before = find_leftovers(run_roots)
    with leak():
        kinds = {line.split()[0] for line in find_leftovers(run_roots) - before}
        assert kind in kinds
    assert wait_for_none_beyond(before, run_roots) == set()


@pytest.mark.fuse
def test_a_mount_is_found_and_can_be_detached(
    tmp_path: Path, run_roots: tuple[Path, ...]
) -> None:
    directory = tmp_path / "with a space"
    directory.mkdir()
    with mount(Fs(), directory):
        assert f"mount {directory}" in find_leftovers(run_roots)
        detach_mounts(run_roots)
        assert f"mount {directory}" not in find_leftovers(run_roots)


def test_a_path_of_the_mount_table_is_unescaped() -> None:
    r"""proc(5): space, tab, newline and backslash stand there as \ooo."""
    assert unescape(rb"/a\040b\134c") == rb"/a b\c"
