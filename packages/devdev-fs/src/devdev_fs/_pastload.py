"""Loading the history in a snapshot: its steps, and the versions of inodes in them."""

from copy import copy
from hashlib import sha256

from devdev_fs._blocks import NAME_SIZE
from devdev_fs._errno import FsError, SnapshotError
from devdev_fs._fields import Fields
from devdev_fs._image import Image
from devdev_fs._inode import Directory, Inode, Link
from devdev_fs._namei import check_name
from devdev_fs._past import TEXT_MAX, Begun, Kept, Past, Step, Touch
from devdev_fs._record import LISTED_MAX, inode_digest
from devdev_fs._recordload import INO_MAX, RecordLoader
from devdev_fs._types import LINK_MAX, PATH_MAX, ROOT_INO, TIME_MAX, TIME_MIN, Ino


class PastLoader:
    """Reads the steps behind the sections of a snapshot.

    Args:
        fields: where they come from.
        records: knows the parts of what came before.
        image: the state that they lead to.
        max_pages: the most pages that a version of an inode may have.

    Raises, in each method:
        SnapshotError: a rule of the format is broken.
    """

    def __init__(
        self, fields: Fields, records: RecordLoader, image: Image, max_pages: int
    ) -> None:
        self._fields = fields
        self._records = records
        self._image = image
        self._max_pages = max_pages
        self._versions: dict[bytes, Inode] = {}
        """By their digests, the versions that came."""
        self._begun: set[int] = set()
        """The numbers of spans that came."""
        self._touched: set[Ino] = set()
        """What spans touched that are there."""
        self._digest = sha256()

    def load(
        self, next_number: int, dropped: int, count: int, checkpoints: list[Kept]
    ) -> Past:
        """Read so many steps; `checkpoints`, oldest first, are among them."""
        steps: list[Step] = []
        waiting = checkpoints[::-1]
        taken = {kept.number for kept in checkpoints}
        if any(number >= next_number for number in taken):
            raise self._wrong(f"a checkpoint with a number from {next_number} on")
        while len(steps) < count:
            last = steps[-1] if steps else None
            items = self._item("a step")
            if len(items) == 4:
                step: Step = self._touch(items)
            elif len(items) == 5:
                step = self._span(items, next_number, taken)
            else:
                self._fields.check_length(items, 1, "a step")
                if not waiting or items != [waiting[-1].number]:
                    raise self._wrong("a checkpoint that is not the next one")
                step = waiting.pop()
            if isinstance(last, Begun) and getattr(step, "span", 0) != last.number:
                raise self._wrong(f"span {last.number} begins without a change")
            steps.append(step)
        if waiting or (steps and isinstance(steps[-1], Begun)):
            raise self._wrong("the history ends too early")
        end, _ = self._fields.array("the end of the history")
        if end != [self._digest.digest()]:
            raise self._wrong("the digest is not that of the history")
        return Past(next_number, dropped, steps)

    def _wrong(self, what: str) -> SnapshotError:
        return self._fields.wrong(what)

    def _item(self, what: str) -> list[object]:
        items, encoded = self._fields.array(what)
        self._digest.update(encoded)
        return items

    def _span(self, items: list[object], next_number: int, taken: set[int]) -> Begun:
        number = self._fields.number(items[0], 1, next_number - 1)
        if number in taken:
            raise self._wrong(f"number {number} twice")
        taken.add(number)
        self._begun.add(number)
        actor = self._fields.data(items[1], TEXT_MAX)
        return Begun(
            number,
            actor.decode("utf-8", "surrogateescape"),
            self._fields.number(items[2], TIME_MIN, TIME_MAX),
            bool(self._fields.number(items[3], 0, 1)),
            self._fields.number(items[4], 0, number - 1),
        )

    # --- what spans touched ------------------------------------------------------

    def _touch(self, items: list[object]) -> Touch:
        span = self._fields.number(items[0], 0, INO_MAX)
        ino = Ino(self._fields.number(items[1], ROOT_INO, INO_MAX))
        if span and span not in self._begun:
            raise self._wrong(f"span {span} has not begun")
        if span:
            self._touched.add(ino)
        elif ino in self._touched:
            self._touched.remove(ino)
        else:
            raise self._wrong(f"nothing is to know what became of inode {ino}")
        digest = self._fields.data(items[2], NAME_SIZE)
        links = self._links(ino, items[3])
        if digest:
            return Touch(span, ino, self._version(ino, digest, links))
        if links or ino == ROOT_INO:
            raise self._wrong(f"inode {ino} was made, and there before")
        return Touch(span, ino, None)

    def _links(self, ino: Ino, field: object) -> list[Link]:
        """The names that an inode had: of it, and of the items behind it."""
        links: list[Link] = []
        flat = self._fields.as_array(field, "names of an inode")
        while flat:
            if len(flat) % 2 or len(flat) > 2 * LISTED_MAX:
                raise self._wrong(f"not names of an inode: an array of {len(flat)}")
            for at in range(0, len(flat), 2):
                parent = self._fields.number(flat[at], ROOT_INO, INO_MAX)
                link = Ino(parent), self._name(flat[at + 1])
                if links and link <= links[-1]:
                    raise self._wrong(f"names of inode {ino} out of order")
                links.append(link)
            if len(links) > LINK_MAX:
                raise self._wrong(f"inode {ino} with {len(links)} names")
            is_full = len(flat) == 2 * LISTED_MAX
            flat = self._item("names of an inode") if is_full else []
        return links

    def _name(self, field: object) -> bytes:
        name = self._fields.data(field, PATH_MAX)
        try:
            check_name(name)
        except FsError as error:
            raise self._wrong(f"{name[:64]!r}: {error.strerror}") from error
        return name

    def _version(self, ino: Ino, digest: bytes, links: list[Link]) -> Inode:
        """The inode as it was."""
        inode = self._known(ino, digest) or self._record(ino, digest)
        is_directory = isinstance(inode, Directory)
        if not links if ino != ROOT_INO else links or not is_directory:
            raise self._wrong(f"inode {ino} with {len(links)} names")
        if is_directory and len(links) > 1:
            raise self._wrong(f"directory {ino} with {len(links)} names")
        if links == inode.links() and (links or inode.parent):
            return inode
        # The two share what they hold: neither is ever changed.
        version = copy(inode)
        version.parent, version.name = links[0] if links else (ROOT_INO, b"")
        version.others = set(links[1:]) or None
        version.nlink = max(len(links), 2 if is_directory else 1)
        return version

    def _known(self, ino: Ino, digest: bytes) -> Inode | None:
        """The inode of that digest, if it came already."""
        inode = self._versions.get(digest)
        if inode is None:
            inode = self._image.inodes.get(ino)
            if inode is None or inode_digest(inode) != digest:
                return None
            self._versions[digest] = inode
        if inode.ino != ino:
            raise self._wrong(f"what inode {ino} was, of inode {inode.ino}")
        return inode

    def _record(self, ino: Ino, digest: bytes) -> Inode:
        self._records.learn(self._image.inodes.get(ino))
        # What it means may have gone long ago.
        self._records.begin(Ino(INO_MAX + 1), self._max_pages)
        inode = self._records.record(*self._fields.array("an inode"))
        if (inode.ino, inode.digest) != (ino, digest):
            raise self._wrong(f"not what inode {ino} was")
        self._versions[digest] = inode
        return inode
