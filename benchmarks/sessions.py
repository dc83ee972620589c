"""What a session costs: `cat` through a pseudo-terminal, and one line there and back.

The file is on the host, so that no mount is measured. Every contender reads to the end
of the program. Run it on a machine that does nothing else.
"""

import sys

if sys.platform != "linux":
    raise ImportError("programs run on Linux only")

import argparse
import os
import pty
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from devdev_exec import Workspace
from ptyprocess import PtyProcess

LINE = b"The quick brown fox jumps over the lazy dog, again and again and again.\n"
COLOURED = b"\x1b[1;32m" + LINE[:40] + b"\x1b[0m" + LINE[40:]
LIMIT = 3600.0
WAIT = 10.0
ROUND_TRIPS = 300

Contender = Callable[[Path], object]


def reading_alone(path: Path) -> None:
    """A loop of read(2), which keeps nothing: what the pseudo-terminal can do."""
    pid, master = pty.fork()
    if pid == 0:
        os.execvp("cat", ["cat", str(path)])
    try:
        while os.read(master, 65536):
            pass
    except OSError:  # EIO: the terminal was hung up
        pass
    os.close(master)
    os.waitpid(pid, 0)


def ptyprocess(path: Path) -> None:
    """Its own way of reading, with the pieces kept."""
    process = PtyProcess.spawn(["cat", str(path)])
    pieces = []
    try:
        while True:
            pieces.append(process.read(65536))
    except EOFError:
        pass
    process.wait()
    process.fileobj.close()
    process.closed = True


def script(path: Path) -> None:
    """script(1), which writes what it reads to a file and to its output."""
    with tempfile.NamedTemporaryFile() as typescript:
        command = ["script", "-qec", f"cat {path}", typescript.name]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def session(ws: Workspace) -> Contender:
    """A session of which the last 16 MiB are kept, and the screen is drawn."""

    def run(path: Path) -> None:
        with ws.start(["cat", str(path)]) as session:
            result = session.wait(LIMIT)
            assert result is not None
            assert result.output_bytes >= path.stat().st_size

    return run


def keeping_all(ws: Workspace) -> Contender:
    """A session of which all is kept."""

    def run(path: Path) -> None:
        size = 2 * path.stat().st_size
        with ws.start(["cat", str(path)], max_output=size) as session:
            result = session.wait(LIMIT)
            assert result is not None
            assert result.dropped_bytes == 0

    return run


def executing(ws: Workspace) -> Contender:
    """`Workspace.exec`."""
    return lambda path: ws.exec(["cat", str(path)], timeout=LIMIT).check()


def speeds(contenders: dict[str, Contender], path: Path, rounds: int) -> list[str]:
    """Megabytes a second of each, the median of rounds in which they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            begin = perf_counter()
            run(path)
            seconds[name].append(perf_counter() - begin)
    size = path.stat().st_size / 1e6
    return [f"{size / statistics.median(each):.0f}" for each in seconds.values()]


def round_trip(ws: Workspace) -> float:
    """Microseconds from a line that is written to what the program answers to it."""
    samples = []
    with ws.start(["cat"]) as session:
        for number in range(ROUND_TRIPS):
            line = f"line {number}"
            begin = perf_counter()
            session.write(f"{line}\n")
            waited = session.wait_for(f"{line}\r\n{line}\r\n", timeout=WAIT)
            assert waited.happened == "match"
            samples.append(perf_counter() - begin)
    return statistics.median(samples) * 1e6


def start_and_end(ws: Workspace) -> float:
    """Milliseconds of a session of `true`, from its start until it is closed."""
    samples = []
    for _ in range(50):
        begin = perf_counter()
        with ws.start(["true"]) as session:
            session.wait(LIMIT)
        samples.append(perf_counter() - begin)
    return statistics.median(samples) * 1e3


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, Workspace() as ws:
        contenders = {
            "read(2) alone": reading_alone,
            "ptyprocess": ptyprocess,
            "script(1)": script,
            "session": session(ws),
            "session, all kept": keeping_all(ws),
            "exec": executing(ws),
        }
        print("| MB/s |", " | ".join(contenders), "|")
        print("| --- |" + " ---: |" * len(contenders))
        for name, line in (("text", LINE), ("coloured text", COLOURED)):
            path = Path(directory) / name.replace(" ", "-")
            path.write_bytes(line * (arguments.megabytes * 10**6 // len(line)))
            results = speeds(contenders, path, arguments.rounds)
            print(f"| {name} |", " | ".join(results), "|", flush=True)
        print(f"\nA line there and back: {round_trip(ws):.0f} microseconds.")
        print(f"A session of `true`: {start_and_end(ws):.1f} ms.")


if __name__ == "__main__":
    main()
