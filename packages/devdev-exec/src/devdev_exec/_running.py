"""Running one program in a served filesystem, and telling what it changed there.

Through a mount, the kernel names the process that changes something, so the one that
stands over the program is registered for a span of changes before the program starts.
A copied directory is brought into step before the program and after it.
"""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace

from devdev_mount import Attached, FsBase, MergeConflict, MountError, Served

from devdev_exec._call import StartHandler
from devdev_exec._result import ExecResult

Run = Callable[[StartHandler | None], ExecResult]
"""Runs the program; what it is given is called before the program starts."""


def run_on_mount(served: Served | Attached, actor: str, run: Run) -> ExecResult:
    """Run a program on a mount, as a span of changes of its own.

    Raises:
        MountError: the server ended.
        Exception: what `run` raises.
    """
    fs = served.fs
    dropped = fs.log(limit=0).dropped
    with ExitStack() as scope:
        span = scope.enter_context(fs.actor(actor))

        def register(pid: int) -> None:
            with suppress(ProcessLookupError):  # it died, as the launcher will tell
                served.attribute(pid, span)
            scope.callback(served.attribute, pid, 0)
            # What it mapped is written back while it is known whose that is.
            scope.callback(fs.exists, "/")

        try:
            result = run(register)
        except BaseException:
            with suppress(MountError):  # the workspace is closed, or its server died
                scope.close()
            raise
    return _with_changes(result, fs, span, dropped)


def run_on_copy(served: Served | Attached, actor: str, run: Run) -> ExecResult:
    """Run a program in a copied directory, and bring in what it changed.

    Raises:
        MountError: the directory cannot be brought into step.
        FsError, OSError, MergeConflict: what the program changed cannot be brought in
            yet. It stays in the directory.
        Exception: what `run` raises.
    """
    pushed = served.push()
    try:
        result = run(None)
    except BaseException as error:
        try:
            served.pull(actor)
        except (MountError, OSError, MergeConflict) as failure:
            error.add_note(f"what the program changed was not brought in: {failure}")
        raise
    dropped = served.fs.log(limit=0).dropped
    try:
        pulled = served.pull(actor)
    except (OSError, MergeConflict) as failure:
        failure.add_note(
            f"{result.argv[0]!r} {result.ending}; what it changed is in {served.path}, "
            "and the next program's end brings it in"
        )
        raise
    result = replace(
        result,
        conflicts=pulled.conflicts,
        kept_beside=pulled.kept_beside,
        unkept=(*pushed.unkept, *pulled.unkept),
    )
    return _with_changes(result, served.fs, pulled.span, dropped)


def _with_changes(
    result: ExecResult, fs: FsBase, span: int, dropped: int
) -> ExecResult:
    """The result, with what the span changed.

    Args:
        result: what is known already.
        fs: where the span is.
        span: its number; 0 if there is none, or none any more.
        dropped: how much history had been dropped before it.
    """
    log = fs.log(after=span - 1, limit=None if span else 0)
    for each in log.spans:
        if each.id == span:
            paths = {path for one in each.changes for path in (one.path, one.old_path)}
            return replace(
                result,
                span=span,
                changed=tuple(sorted(paths - {""})),
                is_changed_partial=each.is_partial,
            )
    return replace(result, is_changed_partial=log.dropped > dropped)
