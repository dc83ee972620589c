"""Bytes of memory per empty file.

As a program (`memory.py CONTENDER FILES METHOD`) it fills one filesystem in a process
of its own and prints the number; the rows start it so. The directories are there
before, and no path is kept but by the filesystem.
"""

import gc
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from contenders import KINDS
from measuring import Group, Row
from reasons import reasons_for
from tree import Tree


def traced() -> int:
    """Bytes that Python's allocators gave out since tracing began."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0]


METHODS: dict[str, Callable[[], int]] = {"traced": traced}

if sys.platform == "linux":

    def resident() -> int:
        """Bytes of the process in the machine's memory: proc(5), statm."""
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    METHODS["resident"] = resident


def bytes_per_file(contender: str, files: int, method: str) -> float:
    """Fill a filesystem with empty files."""
    fs = KINDS[contender].make()
    tree = Tree(files)
    for directory in tree.directories:
        fs.mkdir(directory)
    gc.collect()
    before = METHODS[method]()
    for path in tree.each_path():
        fs.create(path, b"")
    gc.collect()
    return (METHODS[method]() - before) / files


def _in_fresh_process(method: str, files: int, contender: str) -> float:
    command = [sys.executable, __file__, contender, str(files), method]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(ended.stdout)


def group(contenders: Iterable[str], files: int) -> Group[str]:
    """Rows of bytes per empty file, each sample in a process of its own."""
    return Group(
        title="memory",
        contenders={name: partial(str, name) for name in contenders},
        rows=[
            Row(
                name=f"memory_{method}",
                unit="bytes a file",
                sample=partial(_in_fresh_process, method, files),
                reasons=reasons_for(f"memory_{method}"),
            )
            for method in METHODS
        ],
        is_exact=True,
    )


if __name__ == "__main__":
    # Ctrl-C is for the program that started this one to tell of.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    print(bytes_per_file(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
