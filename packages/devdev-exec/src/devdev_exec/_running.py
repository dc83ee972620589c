"""A program in a served filesystem, and what it changes there.

Through a mount, the kernel names the process that changes something, so the one that
stands over the program is registered for a span of changes before the program starts.
A copied directory is brought into step before the program and after it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from devdev_mount import (
    FsBase,
    MergeConflict,
    MountError,
    PullReport,
    PushReport,
    SavedState,
    Span,
    StateError,
)

from devdev_exec._call import StartHandler
from devdev_exec._errors import ExecError
from devdev_exec._result import ExecResult


class Place(Protocol):
    """Where a filesystem is shown, for programs to run in it."""

    fs: FsBase
    path: Path
    driver: str

    @property
    def is_kept(self) -> bool:
        """Whether its state is kept in a directory."""
        ...

    def attribute(self, pid: int, span: int) -> None:
        """See `Served.attribute`."""
        ...

    def push(self) -> PushReport:
        """See `Served.push`."""
        ...

    def pull(self, actor: str | None = None) -> PullReport:
        """See `Served.pull`."""
        ...

    def save(self, actor: str = "", *, history: bool = True) -> SavedState:
        """See `Served.save`."""
        ...


class Running(Protocol):
    """A program that is about to run, runs, and has run."""

    def on_start(self, pid: int) -> None:
        """Is told, before the program starts, what all of it will descend from."""
        ...

    def changed(self) -> tuple[str, ...]:
        """The paths that it changed so far."""
        ...

    def complete(self, result: ExecResult | None) -> ExecResult | None:
        """Add what it changed; None is a program that ended without a result.

        It is called once, whatever became of the program.
        """
        ...


class RunningOnMount:
    """A program on a mount: its changes are a span of their own.

    Raises:
        MountError: the server ended.
    """

    def __init__(self, served: Place, actor: str) -> None:
        self._served = served
        self._actor = actor
        self._dropped = served.fs.log(limit=0).dropped
        self._scope = ExitStack()
        # The span is open for longer than a call, and nothing that this thread does
        # meanwhile belongs to it: so it is entered in a context of its own.
        self._context = copy_context()
        enter = self._scope.enter_context
        self._span = self._context.run(enter, served.fs.actor(actor))

    def on_start(self, pid: int) -> None:
        """Register the process for the span."""
        served = self._served
        with suppress(ProcessLookupError):  # it died, as the launcher will tell
            served.attribute(pid, self._span)
        self._scope.callback(served.attribute, pid, 0)
        # What it mapped is written back while it is known whose that is.
        self._scope.callback(served.fs.exists, "/")

    def changed(self) -> tuple[str, ...]:
        """The paths in its span."""
        fs = self._served.fs
        fs.exists("/")
        span = _find_span(fs, self._span)
        return () if span is None else _paths(span)

    def complete(self, result: ExecResult | None) -> ExecResult | None:
        """End the span.

        Raises:
            MountError: the server ended.
        """
        if result is None:
            with suppress(MountError):  # the workspace is closed, or its server died
                self._context.run(self._scope.close)
                _save(self._served, self._actor)
            return None
        self._context.run(self._scope.close)
        result = _with_changes(result, self._served.fs, self._span, self._dropped)
        return save_after(result, self._served, self._actor)


class RunningOnCopy:
    """A program in a copied directory.

    Raises:
        MountError: the directory cannot be brought into step.
        FsError, OSError, MergeConflict: as `Served.push`.
    """

    def __init__(self, served: Place, actor: str) -> None:
        self._served = served
        self._actor = actor
        self._pushed = served.push()

    def on_start(self, pid: int) -> None:
        """Who changes something in the directory cannot be told."""

    def changed(self) -> tuple[str, ...]:
        """What it changed is known when it has ended.

        Raises:
            ExecError: always.
        """
        raise ExecError(
            "with the copy driver it is known what a program changed when it has ended"
        )

    def complete(self, result: ExecResult | None) -> ExecResult | None:
        """Bring in what it changed.

        Raises:
            FsError, OSError, MergeConflict: that is not possible yet; it stays in the
                directory.
            MountError: the directory cannot be read.
        """
        served = self._served
        dropped = served.fs.log(limit=0).dropped
        try:
            pulled = served.pull(self._actor)
        except (OSError, MergeConflict) as failure:
            if result is not None:
                failure.add_note(
                    f"{result.argv[0]!r} {result.ending}; what it changed is in "
                    f"{served.path}, and the next program's end brings it in"
                )
            raise
        if result is None:
            _save(served, self._actor)
            return None
        result = replace(
            result,
            conflicts=pulled.conflicts,
            kept_beside=pulled.kept_beside,
            unkept=(*self._pushed.unkept, *pulled.unkept),
        )
        result = _with_changes(result, served.fs, pulled.span, dropped)
        return save_after(result, served, self._actor)


def begin_running(served: Place, actor: str) -> Running:
    """Prepare for a program.

    Raises:
        MountError: the server ended, or a directory cannot be brought into step.
        FsError, OSError, MergeConflict: as `Served.push`.
    """
    kind = RunningOnCopy if served.driver == "copy" else RunningOnMount
    return kind(served, actor)


def run_to_end(
    running: Running, run: Callable[[StartHandler], ExecResult]
) -> ExecResult:
    """Run a program and tell what it changed.

    Raises:
        Exception: what `run` raises, with a note if what the program changed was not
            brought in.
        FsError, OSError, MergeConflict, MountError: as `Running.complete`.
    """
    with abandoning(running):
        result = run(running.on_start)
    completed = running.complete(result)
    assert completed is not None
    return completed


@contextmanager
def abandoning(running: Running) -> Iterator[None]:
    """Whatever is raised within, the program has ended without a result."""
    try:
        yield
    except BaseException as error:
        try:
            running.complete(None)
        except (MountError, OSError, MergeConflict) as failure:
            error.add_note(f"what the program changed was not brought in: {failure}")
        raise


def _with_changes(
    result: ExecResult, fs: FsBase, number: int, dropped: int
) -> ExecResult:
    """The result, with what the span changed.

    Args:
        result: what is known already.
        fs: where the span is.
        number: the span's; 0 if there is none, or none any more.
        dropped: how much history had been dropped before it.
    """
    span = _find_span(fs, number)
    if span is None:
        is_partial = fs.log(limit=0).dropped > dropped
        return replace(result, is_changed_partial=is_partial)
    return replace(
        result, span=number, changed=_paths(span), is_changed_partial=span.is_partial
    )


def save_after(result: ExecResult, served: Place, actor: str) -> ExecResult:
    """Save what the program changed, where a state is kept; the result says if not."""
    if result.span or result.is_changed_partial:
        return replace(result, unsaved=_save(served, actor))
    return result


def _save(served: Place, actor: str) -> str:
    """Save what changed, where a state is kept; why it is not saved, or nothing."""
    if served.is_kept:
        try:
            served.save(actor, history=False)
        except StateError as error:
            return str(error)
    return ""


def _find_span(fs: FsBase, number: int) -> Span | None:
    log = fs.log(after=number - 1, limit=None if number else 0)
    return next((span for span in log.spans if span.id == number), None)


def _paths(span: Span) -> tuple[str, ...]:
    paths = {path for one in span.changes for path in (one.path, one.old_path)}
    return tuple(sorted(paths - {""}))
