"""`AsyncSession`: a session for tasks of asyncio."""

# ruff: noqa: ASYNC109 - that time is over is a result here, as with `Session`
from types import TracebackType
from typing import Self

from devdev_exec._awaiting import Pattern, Waited, block_task, in_thread
from devdev_exec._result import ExecResult
from devdev_exec._sessionbase import DEFAULT_WAIT, SessionBase


class AsyncSession(SessionBase):
    """A `Session` whose waiting methods are coroutines; no thread waits for them.

    Their arguments, results and errors are those of `Session`. Cancelling one of them
    ends the wait, not the program. Close it, or use `async with`.
    """

    async def write(self, data: bytes | str, *, timeout: float = DEFAULT_WAIT) -> None:
        """Type at its terminal, or write to its standard input."""
        await block_task(self._link, self._input(data, timeout))

    async def send_keys(self, *names: str) -> None:
        """Press keys."""
        await self.write(self._keys(names))

    async def wait(self, timeout: float = DEFAULT_WAIT) -> ExecResult | None:
        """Wait for its end; None if time is over first."""
        wait = self._happening(None, None, timeout, None, on_screen=False)
        return self._result(await block_task(self._link, wait))

    async def wait_for(
        self,
        pattern: Pattern | None = None,
        *,
        quiet: float | None = None,
        timeout: float = DEFAULT_WAIT,
        from_cursor: int | None = None,
        on_screen: bool = False,
    ) -> Waited:
        """Wait for something in its output, for quiet, or for its end."""
        wait = self._happening(pattern, quiet, timeout, from_cursor, on_screen)
        return self._note(await block_task(self._link, wait))

    async def wait_quiet(
        self, seconds: float, *, timeout: float = DEFAULT_WAIT
    ) -> Waited:
        """Wait until it has written nothing for some time, or ended."""
        return await self.wait_for(quiet=seconds, timeout=timeout)

    async def changed(self) -> tuple[str, ...]:
        """The paths of the workspace that it changed so far, sorted."""
        return await in_thread(self._paths)

    async def close(self) -> None:
        """End it with all that it started, within bounds, and forget its output."""
        await block_task(self._link, self._ending())
        self._on_close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
