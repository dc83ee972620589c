"""How many workspaces one MCP server keeps busy, and what a quiet one beside sees.

    python benchmarks/mcp_workspaces.py [--seconds S] [--rounds N] [--into FILE]

A server over HTTP has a caller for each workspace. The busy ones write, read, edit,
search and list, one call after the other, and run a program with each tenth; never
more than the 80 calls a second that are well within what the server lets a caller
have. One more asks for a small file now and then. The clients are one process of the
same machine, and take their share of its processors. Processor time is that of the
processes that last, so without the programs.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from measuring import Line, Report, Table, progress, put_into
from mount_processes import cpu_seconds, memory

BUSY = (1, 8, 32)
PACE = 1 / 80
"""Seconds from one call of a busy client to its next, at least."""
QUIET_PACE = 0.1
TEXT = "a line of text\n" * 60
UNITS = {
    "all calls": "a second",
    "busy, median": "ms",
    "busy, 99 of 100": "ms",
    "quiet, median": "ms",
    "quiet, 99 of 100": "ms",
    "processor time of the server, a call": "ms",
    "memory of the server, a workspace": "MB",
}


@dataclass
class Taken:
    """Milliseconds that calls took."""

    busy: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)


async def call(client: Client, tool: str, **arguments: Any) -> float:
    """Make a call that must succeed; how many milliseconds it took."""
    begin = perf_counter()
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return (perf_counter() - begin) * 1e3


async def be_busy(client: Client, end: float, taken: list[float]) -> None:
    """Do what an agent does, without thinking in between."""
    for n in count():
        begin = perf_counter()
        if begin > end:
            return
        path = f"/d/{n % 50}"
        match n % 10:
            case 0 | 1:
                spent = await call(client, "write_file", path=path, content=TEXT)
            case 2:
                edit = {"old_string": "text", "new_string": "txt"}
                edits = [edit | {"expected_count": "all"}]
                path = f"/d/{(n - 1) % 50}"  # which was written just now
                spent = await call(client, "edit_file", path=path, edits=edits)
            case 3:
                spent = await call(client, "grep", pattern="nothing", path="/d")
            case 4:
                spent = await call(client, "list_directory", path="/d", limit=10)
            case 9:
                spent = await call(client, "exec_command", argv=["true"])
            case _:
                spent = await call(client, "read_file", path="/d/0")
        taken.append(spent)
        await asyncio.sleep(max(0.0, PACE - (perf_counter() - begin)))


async def be_quiet(client: Client, end: float, taken: list[float]) -> None:
    """Read a small file now and then."""
    while perf_counter() < end:
        taken.append(await call(client, "read_file", path="/d/0"))
        await asyncio.sleep(QUIET_PACE)


@contextmanager
def server(tokens: Sequence[str]) -> Iterator[tuple[int, str]]:
    """A server that knows these tokens; its process and its address."""
    with tempfile.TemporaryDirectory() as directory:
        known = Path(directory, "tokens")
        known.write_text("\n".join(tokens))
        argv = ["-m", "devdev_mcp", "--http", "--port", "0", "--token-file", str(known)]
        with subprocess.Popen(
            [sys.executable, *argv], stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            found = re.search(r"http\S+", process.stderr.readline())
            assert found is not None
            try:
                yield process.pid, found[0]
            finally:
                process.terminate()


@asynccontextmanager
async def connected(url: str, token: str) -> AsyncIterator[Client]:
    """A client with a workspace that has what the calls need."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as web,
        Client(streamable_http_client(url, http_client=web)) as client,
    ):
        for n in range(10):
            await call(client, "write_file", path=f"/d/{n}", content=TEXT)
        yield client


async def sample(busy: int, seconds: float) -> dict[str, float]:
    """One value a row, of so many busy workspaces and a quiet one."""
    tokens = [f"token-{n}-{os.getpid()}" for n in range(busy + 1)]
    taken = Taken()
    with server(tokens) as (pid, url):
        async with AsyncExitStack() as stack:
            quiet, *others = [
                await stack.enter_async_context(connected(url, token))
                for token in tokens
            ]
            before = cpu_seconds(pid)
            begin = perf_counter()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(be_quiet(quiet, begin + seconds, taken.quiet))
                for client in others:
                    tasks.create_task(be_busy(client, begin + seconds, taken.busy))
            spent = perf_counter() - begin
            used = cpu_seconds(pid) - before
            each = memory(pid) / (busy + 1)
    return dict(zip(UNITS, told(taken, spent, used, each), strict=True))


def told(taken: Taken, spent: float, used: float, each: float) -> Iterator[float]:
    """The values, in the order of the rows."""
    yield len(taken.busy) / spent
    for times in (taken.busy, taken.quiet):
        yield statistics.median(times)
        yield statistics.quantiles(times, n=100)[-1]
    yield used * 1e3 / (len(taken.busy) + len(taken.quiet))
    yield each / 1e6


def main(options: argparse.Namespace) -> None:
    """Measure, and tell."""
    names = {busy: f"{busy} busy" for busy in BUSY}
    lines = {
        name: Line(name, unit, {each: [] for each in names.values()})
        for name, unit in UNITS.items()
    }
    for turn in range(options.rounds):
        for busy, name in names.items():
            progress(f"{name}, round {turn + 1} of {options.rounds}")
            for row, value in asyncio.run(sample(busy, options.seconds)).items():
                lines[row].samples[name].append(value)
    report = Report([Table("workspaces", [*names.values()], [*lines.values()])])
    report.write(None, None)
    if options.into is not None:
        put_into(options.into, "benchmarks/mcp_workspaces.py", report.markdown())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", type=Path, metavar="FILE")
    main(parser.parse_args())
