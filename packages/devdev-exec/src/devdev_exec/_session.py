"""`Session`: a program that goes on while its owner writes, reads and waits."""

from devdev_mount import Closing

from devdev_exec._asyncsession import AsyncSession
from devdev_exec._awaiting import Pattern, Waited, block
from devdev_exec._result import ExecResult
from devdev_exec._sessionbase import DEFAULT_WAIT, SessionBase


class Session(SessionBase, Closing):
    """A program that runs in a workspace, until it ends or is closed.

    Any thread may call any method. Close it, or use `with`: then the program has
    ended, with all that it started, and what was kept of its output is gone. A
    workspace closes its sessions.
    """

    def as_async(self) -> AsyncSession:
        """The same program, for tasks of asyncio; closing either closes it."""
        return AsyncSession(
            self._link,
            actor=self.actor,
            changed=self._changed,
            on_close=self._on_close,
        )

    def write(self, data: bytes | str, *, timeout: float = DEFAULT_WAIT) -> None:
        r"""Type at its terminal, or write to its standard input; text as UTF-8.

        A line is typed with `\r` or `\n` at its end. A terminal in canonical mode, as
        a shell's commands have it, takes 4095 bytes a line and discards the rest, see
        termios(3); pipes (`pty=False`) take bytes as they are.

        Returns before the program has read it; there may be 128 KiB on the way.

        Raises:
            ExecError: it has ended, or did not read in time.
        """
        block(self._link, self._input(data, timeout))

    def send_keys(self, *names: str) -> None:
        """Press keys: "Enter", "Up", "F1", "C-c", "M-x", "S-Tab", "C-Left", "q".

        A name is one character, or one of Enter, Tab, Escape, Backspace, Space, Up,
        Down, Left, Right, Home, End, Insert, Delete, PageUp, PageDown, F1 to F12; C-,
        M- and S- before it are Control, Meta (Alt) and Shift. They send what xterm
        sends.

        Raises:
            ExecError: there is no such key, or no terminal, or the program has ended.
        """
        self.write(self._keys(names))

    def wait(self, timeout: float = DEFAULT_WAIT) -> ExecResult | None:
        """Wait for its end, and that of all it started; None if time is over first.

        The result has the output as far as it is kept.

        Raises:
            ExecError: it was ended for no reason of its own: the workspace was closed,
                or what stood over it died.
            FsError, OSError, MergeConflict, MountError: what it changed could not be
                told, as of `Workspace.exec`.
        """
        wait = self._happening(None, None, timeout, None, on_screen=False)
        return self._result(block(self._link, wait))

    def wait_for(
        self,
        pattern: Pattern | None = None,
        *,
        quiet: float | None = None,
        timeout: float = DEFAULT_WAIT,
        from_cursor: int | None = None,
        on_screen: bool = False,
    ) -> Waited:
        r"""Wait for something in its output, for quiet, or for its end.

        Args:
            pattern: what to look for in standard output: text as it is, or a compiled
                regular expression. It has to fit into 64 KiB, and is looked for in
                what is there so far: where more may follow, `\d+` matches the first
                digits that came.
            quiet: seconds without output that end the wait.
            timeout: seconds that end it in any case.
            on_screen: look for the pattern in what `screen` shows as text instead.
            from_cursor: where to begin to look; None is where the last match, or the
                last quiet, that was waited for ends.

        Returns:
            What happened.
        """
        wait = self._happening(pattern, quiet, timeout, from_cursor, on_screen)
        return self._note(block(self._link, wait))

    def wait_quiet(self, seconds: float, *, timeout: float = DEFAULT_WAIT) -> Waited:
        """Wait until it has written nothing for some time, from now on, or ended."""
        return self.wait_for(quiet=seconds, timeout=timeout)

    def changed(self) -> tuple[str, ...]:
        """The paths of the workspace that it changed so far, sorted.

        Raises:
            ExecError: with the copy driver, before its end.
        """
        return self._paths()

    def close(self) -> None:
        """End it with all that it started, within bounds, and forget its output.

        They get SIGHUP and SIGTERM, and SIGKILL 0.25 s later. Again is nothing.
        """
        block(self._link, self._ending())
        self._on_close()
