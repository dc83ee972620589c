"""The journal: which span of changes touched which inode, and what it was before.

It begins with the first checkpoint or span; a filesystem that has neither pays
nothing. A record is made when a span touches an inode that another touched last, so
a span that writes a file a thousand times has one record of it. Versions of inodes
are shared with the filesystem and its checkpoints, and never change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, RegularFile
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
    is_last: bool = True
    """Whether nobody touched it since."""
    later: Inode | None = None
    """What it was when somebody touched it again."""


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


@dataclass(slots=True, eq=False)
class CheckpointEntry:
    """An image that was kept, and its label."""

    number: int
    label: str
    time_ns: int
    image: Image
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
        """End a span: nothing is added to it any more."""
        if span is self._anonymous:
            self._anonymous = None
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
        checkpoint = CheckpointEntry(self._take_number(), label, now_ns, image)
        self.entries[checkpoint.number] = checkpoint
        self.held_bytes += checkpoint.held_bytes
        self._make_room()
        return checkpoint

    def remove(self, checkpoint: CheckpointEntry) -> None:
        """Let go of a checkpoint."""
        del self.entries[checkpoint.number]
        self.held_bytes -= checkpoint.held_bytes

    def adopt_checkpoint(
        self, number: int, label: str, time_ns: int, image: Image
    ) -> None:
        """Keep a checkpoint from elsewhere, under its number if that was not given."""
        self._next_number = max(self._next_number, number)
        self.add_checkpoint(label, time_ns, image)

    # --- records -----------------------------------------------------------------

    def touch(self, segment: int, ino: Ino, before: Inode | None) -> None:
        """Take note that the segment is about to change an inode, or makes it."""
        last = self._last.get(ino)
        if last is not None:
            if last.segment == segment:
                return
            last.is_last, last.later = False, before
        if before is not None:
            # Whoever could change it as it is now shares it with the journal.
            before.token = 0
        record = Record(ino, segment, before)
        self._last[ino] = record
        span = self._segments[segment]
        span.records.append(record)
        self.entries[span.number] = span

    def after(self, record: Record) -> Inode | None:
        """What the span made of the inode; None if it removed it."""
        return self._live(record.ino) if record.is_last else record.later

    def last_version(self, ino: Ino) -> Inode | None:
        """What an inode that is gone last was, as far as it is known."""
        record = self._last.get(ino)
        return None if record is None else record.before

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
                if self._last.get(record.ino) is record:
                    del self._last[record.ino]
            entry.records, entry.settled, entry.held_bytes = [], 0, 0
            entry.is_partial = True
