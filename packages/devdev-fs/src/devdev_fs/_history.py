"""History: checkpoints, spans of changes, and the ways back.

Everything that goes back is itself a span: it can be seen in the log, and undone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from devdev_fs import _snapshot, _undo
from devdev_fs._assemble import Merged
from devdev_fs._differences import OnConflict
from devdev_fs._errno import Errno, FsError
from devdev_fs._image import Image
from devdev_fs._inode import Inode
from devdev_fs._journal import CheckpointEntry, Journal, SpanEntry
from devdev_fs._merge import merge as merge_images
from devdev_fs._namei import as_bytes
from devdev_fs._past import TEXT_MAX, Past
from devdev_fs._relink import BrokenTree, relink
from devdev_fs._restore import restore_all, restore_paths
from devdev_fs._snapshotdump import Whole
from devdev_fs._snapshotload import Loaded
from devdev_fs._snapshotload import load as load_snapshot
from devdev_fs._sparse import Sparse
from devdev_fs._table import RENEW, InodeTable
from devdev_fs._types import LIMIT_MAX, Ino
from devdev_fs._versions import Checkpoint, Log, Merge, Span, Undo


def _journal(table: InodeTable) -> Journal:
    """The journal, which begins when it is first asked for."""
    if table.journal is None:
        table.keep_history(Journal(table.inodes.get, *table.history_limits))
    assert table.journal is not None
    return table.journal


def set_limits(
    table: InodeTable, max_bytes: int | None = None, max_entries: int | None = None
) -> None:
    """See `FsBase.set_history_limits`."""
    for value in (max_bytes, max_entries):
        if value is not None and not 0 <= value <= LIMIT_MAX:
            raise FsError(Errno.EINVAL, f"a limit of {value}")
    before = table.history_limits
    table.history_limits = (
        before[0] if max_bytes is None else max_bytes,
        before[1] if max_entries is None else max_entries,
    )
    if table.journal is not None:
        table.journal.set_limits(*table.history_limits)
        table.acting = RENEW


def check_text(text: str, what: str) -> None:
    if len(as_bytes(text)) > TEXT_MAX:
        message = f"a {what} of {len(as_bytes(text))} bytes, {TEXT_MAX} is the limit"
        raise FsError(Errno.EINVAL, message)


# --- spans -----------------------------------------------------------------------


def begin(table: InodeTable, actor: str) -> int:
    """Begin a span, and tell its number."""
    check_text(actor, "name of an actor")
    span = _journal(table).begin(actor, table.clock.now_ns())
    table.acting = RENEW
    return span.number


def end(table: InodeTable, number: int) -> None:
    """End a span, unless a history that was loaded has ended it."""
    journal = _journal(table)
    span = journal.span(number)
    if span is not None and span.is_open:
        journal.end(span)
        table.acting = RENEW


@contextmanager
def own_span(
    table: InodeTable, undoes: int = 0, actor: str | None = None
) -> Iterator[SpanEntry]:
    """A span for one operation, by the actor that acts if no other is named."""
    journal = _journal(table)
    if actor is None:
        actor = "" if table.span is None else table.span.actor
    span = journal.begin(actor, table.clock.now_ns(), undoes)
    table.act_for(span.number)
    try:
        yield span
    finally:
        journal.end(span)
        table.acting = RENEW


def log(table: InodeTable, after: int = 0, limit: int | None = None) -> Log:
    """See `FsBase.log`."""
    journal = _journal(table)
    spans = [span for span in journal.spans() if span.number > after]
    if limit is not None:
        spans = spans[max(len(spans) - limit, 0) :]
    live = table.freeze()
    told = [
        Span(
            span.number,
            span.actor,
            span.time_ns,
            span.is_open,
            span.is_partial,
            span.undoes,
            _undo.changes(journal, span, live),
        )
        for span in spans
    ]
    return Log(told, journal.dropped)


def _span(journal: Journal, number: int) -> SpanEntry:
    """The span of that number.

    Raises:
        FsError: ESTALE (dropped), ENOENT, EBUSY (it goes on).
    """
    span = journal.span(number)
    if span is None or span.is_partial:
        raise _missing(journal, number, "span")
    if span.is_open:
        raise FsError(Errno.EBUSY, f"span {number} has not ended")
    return span


def _missing(journal: Journal, number: int, what: str) -> FsError:
    """The error for a number that is not, or not completely, in the journal."""
    entry = journal.entries.get(number)
    is_gone = entry is None and 0 < number <= journal.number_seen
    if is_gone or (isinstance(entry, SpanEntry) and entry.is_partial):
        why = "dropped, to keep within the history's limits"
        if is_gone:
            why += ", or removed, or it changed nothing"
        return FsError(Errno.ESTALE, f"{what} {number} is not there any more: {why}")
    hint = "what was done before a load is known if dump wrote the history"
    return FsError(Errno.ENOENT, f"there is no {what} {number}: {hint}")


# --- checkpoints -----------------------------------------------------------------


def checkpoint(table: InodeTable, label: str) -> Checkpoint:
    """See `FsBase.checkpoint`."""
    check_text(label, "label")
    journal = _journal(table)
    entry = journal.add_checkpoint(label, table.clock.now_ns(), table.freeze())
    table.acting = RENEW
    return Checkpoint(entry.number, entry.label, entry.time_ns)


def checkpoints(table: InodeTable) -> list[Checkpoint]:
    """See `FsBase.checkpoints`."""
    return [
        Checkpoint(entry.number, entry.label, entry.time_ns)
        for entry in _journal(table).checkpoints()
    ]


def drop_checkpoint(table: InodeTable, number: int) -> None:
    """See `FsBase.drop_checkpoint`."""
    journal = _journal(table)
    journal.remove(_checkpoint(journal, number))


def _checkpoint(journal: Journal, number: int) -> CheckpointEntry:
    entry = journal.checkpoint(number)
    if entry is None:
        raise _missing(journal, number, "checkpoint")
    return entry


def image(table: InodeTable, number: int) -> Image:
    """The image of a checkpoint, or of now if `number` is 0.

    Raises:
        FsError: ESTALE (dropped), ENOENT.
    """
    if not number:
        return table.freeze()
    return _checkpoint(_journal(table), number).image


# --- going back ------------------------------------------------------------------


def load(
    table: InodeTable,
    snapshot: bytes,
    max_bytes: int | None = None,
    max_inodes: int | None = None,
) -> None:
    """See `FsBase.load`."""
    loaded = load_snapshot(
        [snapshot],
        table.freeze(),
        max_bytes=max_bytes,
        max_inodes=max_inodes,
        share=True,
    )
    become(table, loaded)


def become(table: InodeTable, loaded: Loaded) -> None:
    """Let the table be what was loaded.

    A history that came with it takes the place of the table's; without one the load
    is a span of the table's own.

    Raises:
        SnapshotError: what was loaded goes on from another state. Nothing was changed.
    """
    _snapshot.check_base(table, loaded)
    if loaded.past is not None:
        _begin_again(table, loaded, loaded.past)
    elif table.journal is None:
        _snapshot.become(table, loaded)
    else:
        with own_span(table):
            _snapshot.become(table, loaded)


def _begin_again(table: InodeTable, loaded: Loaded, past: Past) -> None:
    """Let the table be what was loaded, its history too. What spans are open end."""
    held = 0 if table.journal is None else table.journal.last_open
    table.journal = None
    _snapshot.become(table, loaded)
    journal = Journal(table.inodes.get, *table.history_limits)
    journal.recall(past)
    # Whoever holds a span that ended so must not come to act for another one.
    journal.skip_to(held + 1)
    table.keep_history(journal)


def whole(table: InodeTable, history: bool) -> Whole:
    """The state; and with `history` how it came about."""
    past = None
    if history:
        past = Past(1, 0, []) if table.journal is None else table.journal.past
    return Whole(table.freeze(), past)


def restore(table: InodeTable, point: Image, paths: list[str] | None) -> int:
    """See `FsBase.restore`."""
    live = table.freeze()
    if paths is None:
        restored = restore_all(live, point)
    else:
        restored = restore_paths(live, point, paths, table.clock.now_ns())
    with own_span(table) as span:
        _put(table, restored)
    return span.number if span.records else 0


def undo(table: InodeTable, number: int) -> Undo:
    """See `FsBase.undo`."""
    journal = _journal(table)
    span = _span(journal, number)
    if _undone_by(journal, number) is not None:
        raise FsError(Errno.EINVAL, f"span {number} is undone already")
    return _take_back(table, journal, span, number)


def redo(table: InodeTable, number: int) -> Undo:
    """See `FsBase.redo`."""
    journal = _journal(table)
    _span(journal, number)
    undoing = _undone_by(journal, number)
    if undoing is None:
        raise FsError(Errno.EINVAL, f"span {number} is not undone")
    return _take_back(table, journal, undoing, undoing.number)


def _undone_by(journal: Journal, number: int) -> SpanEntry | None:
    """The span that took this one back, and was not taken back itself."""
    last = {span.undoes: span for span in journal.spans()}
    first = span = last.get(number)
    is_undone = False
    while span is not None:
        is_undone = not is_undone
        span = last.get(span.number)
    return first if is_undone else None


def _take_back(
    table: InodeTable, journal: Journal, span: SpanEntry, number: int
) -> Undo:
    live = table.freeze()
    merged = _undo.undo(journal, span, live)
    if merged.conflicts:
        return Undo(0, merged.conflicts)
    merged = _as_tree(live, merged)
    _check_room(table, merged)
    with own_span(table, undoes=number) as undoing:
        _put(table, merged)
    return Undo(undoing.number if undoing.records else 0, [])


def _as_tree(live: Image, merged: Merged) -> Merged:
    """What was merged, once it is certain that it leaves a tree.

    A history that was loaded can tell of versions that never were there together.

    Raises:
        FsError: EIO (it leaves none).
    """
    inodes: Sparse[Inode] = Sparse()
    inodes.copy_of(live.inodes)
    touched = {
        ino: (live.inodes.get(ino), new)
        for ino, new in merged.target.items()
        if new is not None or live.inodes.get(ino) is not None
    }
    for ino, (_, new) in touched.items():
        if new is None:
            inodes.remove(ino)
        else:
            inodes.set(ino, new)
    try:
        relink(live.inodes, inodes, touched)
    except BrokenTree as error:
        message = f"the history that was loaded leads nowhere: {error}"
        raise FsError(Errno.EIO, message) from error
    changed = live.inodes.differences(inodes)
    target = {Ino(ino): new for ino, _, new in changed}
    return Merged(target, merged.conflicts, merged.next_ino)


def merge(table: InodeTable, base: Image, other: Image, policy: OnConflict) -> Merge:
    """See `FsBase.merge`."""
    merged = merge_images(base, table.freeze(), other, policy)
    if merged.conflicts and policy in (OnConflict.FAIL, OnConflict.DATA):
        return Merge(0, merged.conflicts)
    _check_room(table, merged)
    with own_span(table) as span:
        _put(table, merged)
    return Merge(span.number if span.records else 0, merged.conflicts)


def _check_room(table: InodeTable, merged: Merged) -> None:
    """Refuse what does not fit into the quotas.

    Raises:
        FsError: ENOSPC.
    """
    before = [table.inodes.get(ino) for ino in merged.target]
    after = [*merged.target.values()]
    table.check_pages(_pages(after) - _pages(before))
    added = before.count(None) - after.count(None)
    if added > 0:
        table.check_inodes(added)


def _pages(inodes: list[Inode | None]) -> int:
    return sum(inode.pages for inode in inodes if inode is not None)


def _put(table: InodeTable, merged: Merged) -> None:
    """Put inodes; no number is given again."""
    if merged.target:
        table.next_ino = max(table.next_ino, merged.next_ino)
        table.put(merged.target)
