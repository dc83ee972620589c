"""Where Windows' paths lead: through the store's directories, whatever the case."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from devdev_fs import ROOT_INO, Attachment, Ino, NotFound, Stat

from devdev_mount._winfsp._links import is_to_drive, target_shown
from devdev_mount._winfsp._names import fold, shown, split, stored
from devdev_mount._winfsp._ntstatus import NtError, NtStatus

_Index = dict[str, list[bytes]]
"""The names in a directory by what they fold to, sorted."""

_KEPT = 256  # directories whose folded names are kept
_LINKS_MAX = 40  # links that are followed for one path, as the store does


class Place(NamedTuple):
    """A name in a directory, as the store has it."""

    parent: Ino
    name: bytes


class ReparsePoint(NtError):
    """A link is in the middle of a path; Windows is told where, and asks again.

    Who cannot say where answers that there is no such directory.

    Args:
        index: where in the path the link's name begins, in UTF-16 units.
    """

    def __init__(self, index: int) -> None:
        super().__init__(NtStatus.OBJECT_PATH_NOT_FOUND)
        self.index = index


class Places:
    """Finds inodes by path. Every method needs the store's lock.

    A name that is there exactly as it is given is meant, otherwise the first, by its
    bytes, of those that differ from it in case alone. INVARIANT: a kept index has all
    names of its directory; who changes them calls `added` and `removed`, or `drop`.
    """

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._inodes = attachment.inodes
        self._indexes: OrderedDict[Ino, _Index] = OrderedDict()

    # --- paths -------------------------------------------------------------------

    def stat(self, path: str) -> Stat:
        """The attributes of what a path leads to; of a last link itself.

        Raises:
            NtError: OBJECT_NAME_NOT_FOUND, OBJECT_PATH_NOT_FOUND (of a directory
                above), OBJECT_NAME_INVALID.
            ReparsePoint: a link is above.
        """
        *above, last = split(path) or [""]
        parent = self._directory(above)
        if not last:
            return self._inodes.getattr(parent)
        stat = self._find(parent, last)
        if stat is None:
            raise NtError(NtStatus.OBJECT_NAME_NOT_FOUND)
        return stat

    def place(self, path: str) -> Place:
        """The directory that a path's last name is in, and that name.

        The name is the existing one that is meant, if there is one.

        Raises:
            NtError: as `stat`, but the last name need not be there; INVALID_PARAMETER:
                the path is the root's.
            ReparsePoint: a link is above.
        """
        *above, last = split(path) or [""]
        if not last:
            raise NtError(NtStatus.INVALID_PARAMETER)
        parent, name = self._directory(above), stored(last)
        return Place(parent, self.actual(parent, name) or name)

    def _directory(self, names: list[str]) -> Ino:
        ino = ROOT_INO
        for number, name in enumerate(names):
            stat = self._find(ino, name)
            if stat is not None and stat.is_symlink:
                raise ReparsePoint(_units(names[:number]))
            if stat is None or not stat.is_dir:
                raise NtError(NtStatus.OBJECT_PATH_NOT_FOUND)
            ino = stat.ino
        return ino

    def _find(self, parent: Ino, given: str) -> Stat | None:
        name = self.actual(parent, stored(given))
        return None if name is None else self._inodes.lookup(parent, name)

    def normalized(self, path: str) -> str:
        """The path of something that is there, in the case that it has."""
        parent, names = ROOT_INO, []
        for given in split(path):
            name = self.actual(parent, stored(given)) or stored(given)
            names.append(shown(name))
            parent = self._inodes.lookup(parent, name).ino
        return "\\" + "\\".join(names)

    # --- links -------------------------------------------------------------------

    def resolve(self, path: str, *, last: bool) -> str:
        r"""The path that is meant where links are in it; `last` follows a last one too.

        It begins with `\`, or with a drive that a link leads to. What is not there
        is not looked into, so the end of the path may be missing.

        Raises:
            NtError: REPARSE_POINT_NOT_RESOLVED: more than 40 links;
                OBJECT_PATH_NOT_FOUND, OBJECT_NAME_INVALID.
        """
        done: list[str] = []
        left = split(path)[::-1]
        links = 0
        while left:
            name = left.pop()
            if name in (".", ".."):
                del done[len(done) - (name == "..") :]
                continue
            target = self._link([*done, name], is_last=not left)
            if target is None or not (left or last):
                done.append(name)
                continue
            links += 1
            if links > _LINKS_MAX:
                raise NtError(NtStatus.REPARSE_POINT_NOT_RESOLVED)
            if is_to_drive(target):
                return "\\".join([target, *left[::-1]])
            if target.startswith("\\"):
                done = []
            left += split(target)[::-1]
        return "\\" + "\\".join(done)

    def _link(self, names: list[str], *, is_last: bool) -> str | None:
        """The target of a link, as it is shown; None if it is none."""
        try:
            stat = self.stat("\\".join(names))
        except NtError as exc:
            if is_last and exc.status is NtStatus.OBJECT_NAME_NOT_FOUND:
                return None
            raise
        return (
            target_shown(self._inodes.readlink(stat.ino)) if stat.is_symlink else None
        )

    # --- names -------------------------------------------------------------------

    def actual(self, parent: Ino, name: bytes) -> bytes | None:
        """The name in a directory that a name means; None if there is none."""
        try:
            self._inodes.lookup(parent, name)
        except NotFound:
            pass
        else:
            return name
        alike = self._index(parent).get(fold(shown(name)))
        return alike[0] if alike else None

    def _index(self, parent: Ino) -> _Index:
        index = self._indexes.get(parent)
        if index is None:
            index = self._indexes[parent] = {}
            for name in sorted(self.names(parent)):
                index.setdefault(fold(shown(name)), []).append(name)
            if len(self._indexes) > _KEPT:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(parent)
        return index

    def names(self, parent: Ino) -> list[bytes]:
        """The names in a directory, without `.` and `..`; no program reads it so."""
        with self._attachment.unobserved():
            return [entry.name for entry in self._inodes.readdir(parent)[2:]]

    def added(self, place: Place) -> None:
        """Take note of a new name."""
        index = self._indexes.get(place.parent)
        if index is not None:
            insort(index.setdefault(fold(shown(place.name)), []), place.name)

    def removed(self, place: Place) -> None:
        """Take note of a name that went."""
        index = self._indexes.get(place.parent)
        if index is not None:
            alike = index[fold(shown(place.name))]
            alike.remove(place.name)

    def drop(self, directories: Iterable[Ino]) -> None:
        """Forget what is known of directories, since names in them changed."""
        for ino in directories:
            self._indexes.pop(ino, None)


def _units(above: list[str]) -> int:
    r"""Where in a path the name behind those begins, in UTF-16 units.

    Windows' paths here have one `\` before each name.
    """
    before = "".join(f"\\{name}" for name in above) + "\\"
    return len(before.encode("utf-16-le", "surrogatepass")) // 2
