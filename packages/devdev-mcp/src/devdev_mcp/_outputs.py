"""Outputs that are too long to show: files of the workspace, the newest of them.

There a program can search them, and `read_file` reads them in parts. They lie in
HOME, out of the way of the project.
"""

from collections import deque
from contextlib import suppress
from threading import Lock

from devdev_exec import HOME, FsBase, FsError

DIRECTORY = f"{HOME}/.cache/devdev"
MAX_OUTPUTS = 32


class OutputShelf:
    """Writes outputs to files, and removes the oldest."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._paths: deque[str] = deque()

    def keep(
        self, fs: FsBase, output: bytes | None, stderr: bytes | None
    ) -> tuple[str | None, str | None]:
        """Keep both streams of a command; the paths, or None where none is needed.

        None also says that there was no room.
        """
        if output is None and stderr is None:
            return None, None
        with self._lock:
            self._count += 1
            stem = f"{DIRECTORY}/exec-{self._count}"
            return (
                self._keep(fs, f"{stem}.out", output),
                self._keep(fs, f"{stem}.err", stderr),
            )

    def _keep(self, fs: FsBase, path: str, data: bytes | None) -> str | None:
        if data is None:
            return None
        if len(self._paths) == MAX_OUTPUTS:
            with suppress(FsError):  # somebody else has removed it
                fs.remove(self._paths.popleft())
        try:
            fs.mkdir(DIRECTORY, parents=True, exist_ok=True)
            fs.write_bytes(path, data)
        except FsError:
            return None
        self._paths.append(path)
        return path
