"""The journal: which span of changes touched which inode, and what it was before.

It begins with the first checkpoint or span; a filesystem that has neither pays
nothing. A record is made when a span touches an inode that another touched last, so
a span that writes a file a thousand times has one record of it. Versions of inodes
are shared with the filesystem and its checkpoints, and never change.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile
from devdev_fs._past import Begun, Kept, Past, Step, Touch
from devdev_fs._types import PAGE_SIZE, Ino

DEFAULT_MAX_HISTORY_BYTES = 256 * 1024**2
"""What history may hold on to, unless another limit is given: 256 MiB."""
DEFAULT_MAX_HISTORY_ENTRIES = 10_000
"""The most checkpoints and spans, unless another limit is given."""

_RECORD_BYTES = 512
"""About what a record and an inode of it take."""
_CHECKPOINT_BYTES = 16 * 1024
"""About what a checkpoint takes: parts of the inode table that are no longer shared."""
_ENTRY_BYTES = 128
"""About what an entry of a directory takes."""


@dataclass(slots=True, eq=False)
class Record:
    """That a span touched an inode. `before` is None if it made it."""

    ino: Ino
    segment: int
    before: Inode | None
    at: int
    """Its place among all records and checkpoints."""
    next: "Record | None" = None
    """That somebody touched it again; None if nobody did."""


@dataclass(slots=True, eq=False)
class SpanEntry:
    """What one actor changed from one moment to another."""

    number: int
    actor: str
    """Empty for what no actor claims."""
    time_ns: int
    segment: int
    """Changes with another number before a checkpoint than behind it."""
    records: list[Record] = field(default_factory=list)
    settled: int = 0
    """How many of the records are counted in `held_bytes`."""
    held_bytes: int = 0
    is_open: bool = True
    is_partial: bool = False
    """Whether records of it were dropped; then it cannot be undone."""
    undoes: int = 0
    """The span that this one took back, or 0."""

    @property
    def has_changed(self) -> bool:
        """Whether it changed anything so far."""
        return bool(self.records) or self.is_partial


@dataclass(slots=True, eq=False)
class CheckpointEntry:
    """An image that was kept, and its label."""

    number: int
    label: str
    time_ns: int
    image: Image
    at: int
    """Its place among all records and checkpoints."""
    held_bytes: int = _CHECKPOINT_BYTES


class Journal:
    """Spans and checkpoints in the order of their numbers, oldest first."""

    def __init__(
        self, live: Callable[[Ino], Inode | None], max_bytes: int, max_entries: int
    ) -> None:
        self._live = live
        """What the filesystem has of an inode that has a name."""
        self.max_bytes = max_bytes
        self.max_entries = max_entries
        self.entries: dict[int, SpanEntry | CheckpointEntry] = {}
        """What is kept: the spans that changed something, and the checkpoints."""
        self.dropped = 0
        """How many entries went to make room."""
        self.held_bytes = 0
        self._next_number = 1
        self._next_segment = 1
        self._next_at = 0
        self._last: dict[Ino, Record] = {}
        self._open: dict[int, SpanEntry] = {}
        self._segments: dict[int, SpanEntry] = {}
        self._anonymous: SpanEntry | None = None

    # --- entries -----------------------------------------------------------------

    def span(self, number: int) -> SpanEntry | None:
        """The span of that number, if it is open or changed something."""
        entry = self._open.get(number) or self.entries.get(number)
        return entry if isinstance(entry, SpanEntry) else None

    def checkpoint(self, number: int) -> CheckpointEntry | None:
        """The checkpoint of that number, if there is one."""
        entry = self.entries.get(number)
        return entry if isinstance(entry, CheckpointEntry) else None

    def spans(self) -> list[SpanEntry]:
        """The spans that changed something, in the order in which they began."""
        entries = self.entries.values()
        spans = [entry for entry in entries if isinstance(entry, SpanEntry)]
        return sorted(spans, key=attrgetter("number"))

    def checkpoints(self) -> list[CheckpointEntry]:
        """The checkpoints, oldest first."""
        entries = self.entries.values()
        return [entry for entry in entries if isinstance(entry, CheckpointEntry)]

    @property
    def number_seen(self) -> int:
        """The highest number given."""
        return self._next_number - 1

    def _take_number(self) -> int:
        self._next_number += 1
        return self._next_number - 1

    def _take_place(self) -> int:
        self._next_at += 1
        return self._next_at - 1

    def _take_segment(self, span: SpanEntry) -> int:
        self._segments[self._next_segment] = span
        self._next_segment += 1
        return self._next_segment - 1

    # --- spans -------------------------------------------------------------------

    def begin(self, actor: str, now_ns: int, undoes: int = 0) -> SpanEntry:
        """Begin a span; it closes the one of what no actor claims."""
        if self._anonymous is not None:
            self.end(self._anonymous)
        span = SpanEntry(self._take_number(), actor, now_ns, 0, undoes=undoes)
        span.segment = self._take_segment(span)
        self._open[span.number] = span
        return span

    def end(self, span: SpanEntry) -> None:
        """End a span that is open: nothing is added to it any more."""
        if span is self._anonymous:
            self._anonymous = None
            # It begins with whatever is asked, even if nothing is changed.
            self._next_number = span.number + span.has_changed
        span.is_open = False
        del self._open[span.number], self._segments[span.segment]
        self._settle(span)
        self._make_room()

    def anonymous(self, now_ns: int) -> SpanEntry:
        """The open span of what no actor claims."""
        if self._anonymous is None:
            self._anonymous = self.begin("", now_ns)
        return self._anonymous

    def add_checkpoint(self, label: str, now_ns: int, image: Image) -> CheckpointEntry:
        """Keep an image. Spans that are open go on in a new segment."""
        if self._anonymous is not None:
            self.end(self._anonymous)
        for span in self._open.values():
            self._settle(span)
            del self._segments[span.segment]
            span.segment = self._take_segment(span)
        kept = Kept(self._take_number(), label, now_ns, image)
        checkpoint = self._keep(kept)
        self._make_room()
        return checkpoint

    def _keep(self, kept: Kept) -> CheckpointEntry:
        checkpoint = CheckpointEntry(*kept, self._take_place())
        self.entries[checkpoint.number] = checkpoint
        self.held_bytes += checkpoint.held_bytes
        return checkpoint

    def remove(self, checkpoint: CheckpointEntry) -> None:
        """Let go of a checkpoint."""
        del self.entries[checkpoint.number]
        self.held_bytes -= checkpoint.held_bytes

    # --- records -----------------------------------------------------------------

    def touch(self, segment: int, ino: Ino, before: Inode | None) -> None:
        """Take note that the segment is about to change an inode, or makes it."""
        last = self._last.get(ino)
        if last is not None and last.segment == segment:
            return
        if before is not None:
            # Whoever could change it as it is now shares it with the journal.
            before.token = 0
        self._record(self._segments[segment], ino, segment, before)

    def _record(
        self, span: SpanEntry, ino: Ino, segment: int, before: Inode | None
    ) -> None:
        record = Record(ino, segment, before, self._take_place())
        last = self._last.get(ino)
        if last is not None:
            last.next = record
        self._last[ino] = record
        span.records.append(record)
        self.entries[span.number] = span

    def after(self, record: Record) -> Inode | None:
        """What the span made of the inode; None if it removed it."""
        return self._live(record.ino) if record.next is None else record.next.before

    def last_version(self, ino: Ino) -> Inode | None:
        """What an inode that is gone last was, as far as it is known."""
        record = self._last.get(ino)
        return None if record is None else record.before

    # --- as a value --------------------------------------------------------------

    @property
    def past(self) -> Past:
        """All of it, as it is now; spans that are open as far as they have come."""
        steps = sorted(self._steps(), key=itemgetter(0))
        told: list[Step] = []
        begun: set[int] = {0}
        for _, span, step in steps:
            if span is not None and span.number not in begun:
                begun.add(span.number)
                told.append(
                    Begun(
                        span.number,
                        span.actor,
                        span.time_ns,
                        span.is_partial,
                        span.undoes,
                    )
                )
            told.append(step)
        return Past(self._number_to_give, self.dropped, told)

    @property
    def _number_to_give(self) -> int:
        """The next number, as if the span of what no actor claims had ended."""
        span = self._anonymous
        if span is None:
            return self._next_number
        return span.number + span.has_changed

    def _steps(self) -> Iterator[tuple[int, SpanEntry | None, Touch | Kept]]:
        """What was recorded, in no order, each with its place and its span."""
        places = {record.at for span in self.spans() for record in span.records}
        for entry in self.entries.values():
            if isinstance(entry, CheckpointEntry):
                kept = Kept(entry.number, entry.label, entry.time_ns, entry.image)
                yield entry.at, None, kept
                continue
            for record in entry.records:
                yield record.at, entry, Touch(entry.number, record.ino, record.before)
                later = record.next
                if later is not None and later.at not in places:
                    yield later.at, None, Touch(0, later.ino, later.before)

    def recall(self, past: Past) -> None:
        """Become what another was; of one that is empty. The filesystem is there."""
        for step in past.steps:
            if isinstance(step, Kept):
                self._keep(step)
            elif isinstance(step, Begun):
                span = SpanEntry(
                    step.number,
                    step.actor,
                    step.time_ns,
                    segment=0,
                    is_open=False,
                    is_partial=step.is_partial,
                    undoes=step.undoes,
                )
                self.entries[span.number] = span
            elif step.span:
                owner = self.entries[step.span]
                assert isinstance(owner, SpanEntry)
                self._record(owner, step.ino, 0, step.before)
            else:
                last = self._last.pop(step.ino)
                last.next = Record(step.ino, 0, step.before, self._take_place())
        self.dropped = past.dropped
        self._next_number = past.next_number
        for span in self.spans():
            self._settle(span)
        self._make_room()

    def skip_to(self, number: int) -> None:
        """Give no number below this one any more."""
        self._next_number = max(self._next_number, number)

    @property
    def last_open(self) -> int:
        """The highest number of a span that somebody holds open, or 0."""
        held = (span for span in self._open.values() if span is not self._anonymous)
        return max((span.number for span in held), default=0)

    # --- room --------------------------------------------------------------------

    def set_limits(self, max_bytes: int, max_entries: int) -> None:
        """Set the limits, and drop what is beyond them."""
        self.max_bytes, self.max_entries = max_bytes, max_entries
        for span in self._open.values():
            self._settle(span)
        self._make_room()

    def _settle(self, span: SpanEntry) -> None:
        """Count what the span's records hold that the filesystem does not."""
        fresh = span.records[span.settled :]
        held = sum(map(self._held_by, fresh)) + len(fresh) * _RECORD_BYTES
        span.settled = len(span.records)
        span.held_bytes += held
        self.held_bytes += held

    def _held_by(self, record: Record) -> int:
        before, after = record.before, self.after(record)
        if isinstance(before, RegularFile):
            if not isinstance(after, RegularFile):
                return before.pages * PAGE_SIZE
            pairs = before.content.differences(after.content)
            return sum(old is not None for _, old, _ in pairs) * PAGE_SIZE
        if isinstance(before, Directory):
            others = after.entries if isinstance(after, Directory) else None
            return before.entries.unshared(others) * _ENTRY_BYTES
        return 0

    def _make_room(self) -> None:
        while len(self.entries) > self.max_entries or self.held_bytes > self.max_bytes:
            self._drop(next(iter(self.entries.values())))

    def _drop(self, entry: SpanEntry | CheckpointEntry) -> None:
        self.dropped += 1
        self.held_bytes -= entry.held_bytes
        del self.entries[entry.number]
        if isinstance(entry, SpanEntry):
            for record in entry.records:
                # What comes behind it is nothing to the one before.
                record.next = None
                if self._last.get(record.ino) is record:
                    del self._last[record.ino]
            entry.records, entry.settled, entry.held_bytes = [], 0, 0
            entry.is_partial = True
