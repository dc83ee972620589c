"""Sessions for tasks of asyncio, and many of them at once."""

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from devdev_exec import AsyncSession, ExecError, StartOptions, Workspace

if sys.platform != "linux":
    pytest.skip("programs run on Linux only", allow_module_level=True)

pytestmark = pytest.mark.fuse

LIMIT = 10.0
MANY = 200


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace(driver="fuse") as ws:
        yield ws


def test_it_is_started_with_the_same_options() -> None:
    parameters = list(inspect.signature(Workspace.start).parameters)
    assert parameters[2:] == [*StartOptions.__annotations__]


def test_a_task_talks_to_a_program(ws: Workspace) -> None:
    async def talk() -> None:
        script = "read x; echo got $x > f; echo [$x]; read y"
        async with await ws.start_async(["sh", "-c", script]) as session:
            await session.write("word\r")
            found = await session.wait_for("[word]", timeout=LIMIT)
            assert found.happened == "match"
            assert await session.changed() == ("/f",)
            assert (await session.wait_quiet(0.01)).happened == "quiet"
            assert await session.wait(0.01) is None
            assert "[word]" in session.screen().text
            await session.send_keys("Enter")
            result = await session.wait(LIMIT)
            assert result is not None
            assert result.check().changed == ("/f",)
            with pytest.raises(ExecError, match="reads no more"):
                await session.write("x")
        assert ws.sessions() == ()

    asyncio.run(talk())


def test_a_wait_that_is_cancelled_leaves_the_program_running(ws: Workspace) -> None:
    async def cancel() -> None:
        async with await ws.start_async(["cat"]) as session:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session.wait_for("x", timeout=LIMIT), 0.05)
            await session.write("x\n")
            assert (await session.wait_for("x", timeout=LIMIT)).happened == "match"

    asyncio.run(cancel())


def test_a_start_that_is_cancelled_leaves_no_program(ws: Workspace) -> None:
    async def start_and_cancel(after: float) -> None:
        starting = asyncio.create_task(ws.start_async(["sleep", "60"]))
        await asyncio.sleep(after)
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await (await starting).close()  # it was too late

    for after in (0.0, 0.005, 0.01, 0.02, 0.04):
        asyncio.run(start_and_cancel(after))
    assert ws.sessions() == ()


def test_a_program_that_does_not_read_holds_up_its_task_only(ws: Workspace) -> None:
    async def write() -> None:
        async with await ws.start_async(["sleep", "60"], pty=False) as session:
            writing = asyncio.create_task(session.write(bytes(10**7), timeout=0.3))
            begin = time.monotonic()
            await asyncio.sleep(0)
            assert time.monotonic() - begin < 0.2
            with pytest.raises(ExecError, match="does not read"):
                await writing

    asyncio.run(write())


@pytest.mark.timeout(60)
def test_hundreds_of_sessions_share_two_threads(ws: Workspace) -> None:
    before = threading.active_count()

    async def converse(session: AsyncSession, number: int) -> None:
        await session.write(f"{number}\n")
        line = f"{number}\r\n{number}\r\n"
        assert (await session.wait_for(line, timeout=LIMIT)).happened == "match"

    async def all_at_once() -> int:
        sessions = [ws.start(["cat"]).as_async() for _ in range(MANY)]
        threads = threading.active_count()
        async with asyncio.TaskGroup() as group:
            for number, session in enumerate(sessions):
                group.create_task(converse(session, number))
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(session.close())
        return threads

    assert asyncio.run(all_at_once()) <= before + 2
    assert ws.sessions() == ()
