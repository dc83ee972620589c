"""What is going on, on one line that is written over, while somebody looks."""

import shutil
import time
from threading import Event, Thread
from types import TracebackType
from typing import Self, TextIO

from devdev_mount import ExportReport, ImportReport

from devdev_exec._cli._style import Style, plural, size_text

_DELAY = 0.3  # what is done by then is not shown at all
_INTERVAL = 0.1  # between two looks of the line
_LINE_INTERVAL = 1.0  # between two lines where there is no terminal
_BAR = 20  # columns


class Activity:
    """Shows what is done and since when, until it is left; then the line is gone.

    On a terminal a thread renews the line, so that the time goes on while nothing
    else does. Elsewhere there is nothing, or with `verbose` a plain line now and then.
    """

    def __init__(self, stream: TextIO, title: str, *, verbose: bool = False) -> None:
        self._stream = stream
        self._title = title
        self._verbose = verbose
        self._detail = ""
        self._start = self._last_line = time.monotonic()
        self._is_over = Event()
        self._thread: Thread | None = None

    def note(self, detail: str) -> None:
        """Say how far it is."""
        self._detail = detail
        now = time.monotonic()
        if self._verbose and now - self._last_line >= _LINE_INTERVAL:
            self._last_line = now
            print(f"{self._title}: {detail}", file=self._stream, flush=True)

    def note_part(self, done: int, total: int, detail: str) -> None:
        """Say how far it is, with a bar: `done` of `total`."""
        filled = _BAR * min(done, total) // total if total else _BAR
        self.note(f"[{'#' * filled}{'.' * (_BAR - filled)}] {detail}")

    def note_bytes(self, done: int, total: int) -> None:
        """Say how many bytes are done, with a bar unless `total` is not known: 0."""
        if total:
            self.note_part(done, total, size_text(done))
        else:
            self.note(size_text(done))

    def note_import(self, report: ImportReport) -> None:
        """Say how far an import is."""
        of = f"{report.files:,} of {plural(report.total_files, 'file')}"
        detail = f"{of}, {size_text(report.bytes)}"
        self.note_part(report.bytes, report.total_bytes, detail)

    def note_export(self, report: ExportReport) -> None:
        """Say how far an export is."""
        of = f"{report.files:,} of {plural(report.total_files, 'file')}"
        detail = f"{of}, {size_text(report.bytes)}"
        self.note_part(report.files, report.total_files, detail)

    def _renew(self) -> None:
        wait = _DELAY
        while not self._is_over.wait(wait):
            seconds = time.monotonic() - self._start
            line = f"{self._title}{seconds:7.2f} s   {self._detail}"
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{line[:width]}")
            self._stream.flush()
            wait = _INTERVAL

    def __enter__(self) -> Self:
        if not self._verbose and Style(self._stream).is_live:
            self._thread = Thread(target=self._renew, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._thread is not None:
            self._is_over.set()
            self._thread.join()
            self._stream.write("\r\x1b[K")
            self._stream.flush()
