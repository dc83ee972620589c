"""`Workspace`: a filesystem, its mount, and programs that run in it.

Two processes belong to a mounted workspace: the server that owns the filesystem
(`serve`), and the launcher's helper that starts programs. Both end when this
process does.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from devdev_mount import (
    DEFAULT_MAX_BYTES,
    DEFAULT_MAX_INODES,
    Fs,
    FsBase,
    ImportReport,
    MountOptions,
    Progress,
    Served,
    import_tree,
    serve,
)

from devdev_exec._call import OutputHandler
from devdev_exec._cancellation import Cancellation
from devdev_exec._env import curated_environment
from devdev_exec._errors import ExecError
from devdev_exec._launcher import (
    DEFAULT_MAX_OUTPUT,
    DEFAULT_TIMEOUT,
    DEFAULT_WINDOW_SIZE,
    Launcher,
)
from devdev_exec._pty import WindowSize
from devdev_exec._result import ExecResult

HOME = "/home"
"""Where programs have their HOME: a directory of the workspace."""


class Workspace:
    """An in-memory filesystem, mounted at a host path, with programs run in it.

    Usable from many threads, several programs at once. Close it, or use `with`:
    then programs, mount and content are gone, so take a `snapshot` before.

    A program in it runs as this user, with the host and the network in view: a
    workspace is no jail.

    Args:
        snapshot: what to begin with (`snapshot`'s bytes); None is empty.
        mount: False keeps the filesystem in this process, where no program sees it
            and `exec` is refused; nothing of the host is needed then.
        mountpoint: an empty directory to mount at; None makes a private one.
        options: how it is mounted.
        max_bytes: quota on content, if there is no snapshot to take it from.
        max_inodes: quota on inodes, likewise.
        umask: taken off the modes of what is made, by programs and through `fs`.

    Raises:
        DriverUnavailable: nothing can be mounted here; says what is missing.
        MountError: the mount failed.
        SnapshotError: `snapshot` is none.
    """

    def __init__(
        self,
        *,
        snapshot: bytes | None = None,
        mount: bool = True,
        mountpoint: str | os.PathLike[str] | None = None,
        options: MountOptions | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        max_inodes: int = DEFAULT_MAX_INODES,
        umask: int = 0o022,
    ) -> None:
        self._umask = umask
        self._lock = Lock()
        self._launcher: Launcher | None = None
        self._closed = False
        self._served: Served | None = None
        self.fs: FsBase
        """The filesystem."""
        if mount:
            self._served = serve(
                mountpoint,
                snapshot=snapshot,
                options=options,
                max_bytes=max_bytes,
                max_inodes=max_inodes,
                umask=umask,
            )
            self.fs = self._served.fs
        else:
            self.fs = Fs(max_bytes=max_bytes, max_inodes=max_inodes, umask=umask)
            if snapshot is not None:
                self.fs.load(snapshot)

    @property
    def path(self) -> Path | None:
        """Where it is mounted on the host; None if it is not."""
        return None if self._served is None else self._served.path

    @property
    def driver(self) -> str:
        """What shows it: "fuse", or "memory" if nothing does."""
        return "memory" if self._served is None else self._served.driver

    # --- programs ----------------------------------------------------------------

    def exec(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/",
        pty: bool = True,
        size: WindowSize = DEFAULT_WINDOW_SIZE,
        stdin: bytes = b"",
        timeout: float = DEFAULT_TIMEOUT,
        inherit: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        search_path: str | None = None,
        max_output: int = DEFAULT_MAX_OUTPUT,
        on_output: OutputHandler | None = None,
        on_stderr: OutputHandler | None = None,
        cancellation: Cancellation | None = None,
    ) -> ExecResult:
        r"""Run a program in the workspace and wait for its end.

        It sees a curated environment: HOME is a directory of the workspace, PATH
        the standard one, and of the host's variables only what `inherit` names.
        Under a PTY (the default) output and errors come as one stream, with
        `\n` as `\r\n`. With the program everything that it started ends.

        Args:
            argv: program and arguments; looked up in PATH, or against `cwd`.
            cwd: a directory of the workspace, links in it resolved there.
            pty: False gives pipes: `output` and `stderr` apart, bytes as they are.
            size: of the terminal.
            stdin: what it reads; then, and without any, end of file.
            timeout: seconds for the whole call; then all of it is killed.
            inherit: names of host variables to pass on.
            variables: names and values to set.
            search_path: PATH, if not the standard one.
            max_output: bytes to keep of each stream; more is dropped from the middle.
            on_output: is given each piece of output as it comes, in this thread.
            on_stderr: the same for errors, with `pty=False`.
            cancellation: lets another thread end the program.

        Raises:
            FsError: `cwd`: ENOENT, ENOTDIR, ELOOP.
            SpawnError: the program was not found or could not be started.
            ExecError: nothing is mounted, a name or value is no good, or the
                workspace is closed.
            ExecCancelled: `cancellation` ended the program.
        """
        path = self.path
        if path is None:
            message = "nothing is mounted (mount=False), so no program can run in it"
            raise ExecError(message)
        environment = curated_environment(
            home=f"{path}{HOME}",
            inherit=inherit,
            variables=variables or {},
            path=search_path,
            host=os.environ,
        )
        launcher = self._start_launcher()
        self.fs.mkdir(HOME, parents=True, exist_ok=True)
        # A slash at the end lets only a directory pass.
        inside = self.fs.realpath(f"{cwd}/").rstrip("/")
        return launcher.run(
            argv,
            cwd=f"{path}{inside}",
            env=environment,
            pty=pty,
            size=size,
            stdin=stdin,
            timeout=timeout,
            umask=self._umask,
            max_output=max_output,
            on_output=on_output,
            on_stderr=on_stderr,
            cancellation=cancellation,
        )

    def _start_launcher(self) -> Launcher:
        with self._lock:
            if self._closed:
                raise ExecError("the workspace is closed")
            if self._launcher is None:
                self._launcher = Launcher()
            return self._launcher

    # --- state -------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """The whole content as bytes; the same state gives the same bytes."""
        return self.fs.dump()

    def restore(self, snapshot: bytes) -> None:
        """Become what `snapshot` gave; programs and the mount see it at once.

        Raises:
            SnapshotError: it is no snapshot. Nothing was changed.
        """
        self.fs.load(snapshot)

    def import_tree(
        self,
        source: str | os.PathLike[str],
        destination: str = "/",
        *,
        exclude: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> ImportReport:
        """Copy what is in a host directory into the workspace, all or nothing.

        Modes, times, symbolic and hard links are kept; nothing is overwritten.

        Args:
            source: the directory on the host.
            destination: a directory of the workspace, made if missing.
            exclude: names of what is left out, wherever they are.
            progress: is told how far it is.

        Raises:
            OSError: `source` is no directory, or something in it cannot be read.
            FsError: EEXIST, ENOTDIR (`destination`), ENOSPC.
        """
        if self._served is not None:
            return self._served.import_tree(
                source, destination, exclude=exclude, progress=progress
            )
        return import_tree(
            self.fs, source, destination, exclude=exclude, progress=progress
        )

    # --- the end -----------------------------------------------------------------

    def close(self) -> None:
        """End programs, mount and filesystem, within bounds; again is nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            if self._launcher is not None:
                self._launcher.close()
        finally:
            if self._served is not None:
                self._served.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
