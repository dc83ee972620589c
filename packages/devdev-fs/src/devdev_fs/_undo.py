"""Undoing one span of changes while later ones are kept: a merge of what it touched.

What the span made of its inodes is the base, what there is now is our side, and what
was there before the span is the other.
"""

from collections.abc import Iterable, Mapping

from devdev_fs._assemble import Merged
from devdev_fs._diff import diff
from devdev_fs._differences import Difference, OnConflict
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode
from devdev_fs._journal import Journal, Record, SpanEntry
from devdev_fs._merge import merge
from devdev_fs._sparse import Sparse
from devdev_fs._types import Ino
from devdev_fs._whereabouts import child_of

_Step = tuple[Inode | None, Inode | None]
"""What a span made of an inode, and what it was before."""


def undo(journal: Journal, span: SpanEntry, live: Image) -> Merged:
    """What becomes of `live` if all that a span changed is taken back.

    A span that undid another is undone in the same way, which redoes that one. If
    there is any conflict with what came later, nothing changes. The span must have
    all of its records, and `live` must be the journal's filesystem as it is now.
    """
    target: dict[Ino, Inode | None] = {}
    now = live
    for steps in _layers(journal, span):
        # What has come in the place of something is our side's alone.
        new: dict[Ino, Inode | None] = dict.fromkeys(_replacements(now, steps))
        base = _with(now, new | {ino: after for ino, (after, _) in steps.items()})
        theirs = _with(now, new | {ino: before for ino, (_, before) in steps.items()})
        merged = merge(base, now, theirs, OnConflict.DATA)
        if merged.conflicts:
            return merged
        target |= merged.target
        now = _with(now, merged.target, merged.next_ino)
    return Merged(target, [], now.next_ino)


def _layers(journal: Journal, span: SpanEntry) -> list[dict[Ino, _Step]]:
    """The span's steps, the latest first: in each layer at most one of an inode.

    Where nobody else touched an inode in between, several records make one step.
    """
    layers: list[dict[Ino, _Step]] = []
    found: dict[Ino, tuple[int, Record]] = {}
    for record in reversed(span.records):
        ino = record.ino
        depth, later = found.get(ino, (-1, None))
        if later is not None and record.next is later:
            layers[depth][ino] = layers[depth][ino][0], record.before
        else:
            depth += 1
            if depth == len(layers):
                layers.append({})
            layers[depth][ino] = journal.after(record), record.before
        found[ino] = depth, record
    return layers


def _replacements(now: Image, steps: Mapping[Ino, _Step]) -> set[Ino]:
    """What now has names of what was there before the span; also below directories."""
    found: dict[Ino, Ino] = {}
    todo = [before for _, before in steps.values() if before is not None]
    while todo:
        later: list[Inode] = []
        for before in todo:
            for parent, name in before.links():
                twin = child_of(now, found.get(parent, parent), name)
                if twin and twin.ino not in steps and before.ino not in found:
                    found[before.ino] = twin.ino
                    later.append(before)
        # What is in a directory that was replaced is looked for in the other.
        above = {before.ino for before in later if isinstance(before, Directory)}
        todo = [
            before
            for _, before in steps.values()
            if before is not None and not above.isdisjoint(dict(before.links()))
        ]
    return set(found.values())


def _with(
    image: Image, versions: Mapping[Ino, Inode | None], next_ino: Ino = Ino(0)
) -> Image:
    """The image with some inodes in other versions; it need not be whole."""
    inodes: Sparse[Inode] = Sparse()
    inodes.copy_of(image.inodes)
    for ino, version in versions.items():
        if version is not None:
            inodes.set(ino, version)
        elif inodes.get(ino) is not None:
            inodes.remove(ino)
    return Image(
        inodes,
        max(image.next_ino, next_ino),
        image.max_pages,
        image.max_inodes,
        image.pages,
        image.memo,
    )


def changes(journal: Journal, span: SpanEntry, live: Image) -> list[Difference]:
    """What a span made of what was before it, sorted by path.

    What others changed of the same inodes between two changes of the span is among
    it. Directories above that were not the span's to change are where they are now;
    those that are gone, where they last were.
    """
    before: dict[Ino, Inode | None] = {}
    after: dict[Ino, Inode | None] = {}
    for record in span.records:
        before.setdefault(record.ino, record.before)
        after[record.ino] = journal.after(record)
    gone = _gone_above(journal, live, [*before.values(), *after.values()])
    return diff(_with(live, gone | before), _with(live, gone | after))


def _gone_above(
    journal: Journal, live: Image, inodes: Iterable[Inode | None]
) -> dict[Ino, Inode | None]:
    """The last versions, if known, of the directories above that are not there now."""
    found: dict[Ino, Inode | None] = {}
    todo = [inode for inode in inodes if inode is not None]
    while todo:
        for ino, _ in todo.pop().links():
            if ino not in found and live.inodes.get(ino) is None:
                last = found[ino] = journal.last_version(ino)
                if last is not None:
                    todo.append(last)
    return found
