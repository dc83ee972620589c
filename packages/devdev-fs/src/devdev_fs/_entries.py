"""The names in a directory, as a map that is copied in O(1).

A small directory is one dictionary. A large one is spread over many by the CRC of
the name, so that a change of one name after a copy copies one of them, and so that
a digest of the whole need be taken anew only of what changed.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple
from zlib import crc32

from devdev_fs._types import Ino

BUCKET_MAX = 512
"""From so many names in the mean on, the buckets become `SPREAD` times as many."""
SPREAD = 16


Entry = tuple[Ino, int]
"""What a name means, and its place in the order of the directory: its cookie."""
_INO = itemgetter(0)


class Columns(NamedTuple):
    """Entries of a directory, without an object for each of what may be many."""

    names: list[bytes]
    inos: list[Ino]
    cookies: list[int]

    def part(self, start: int, stop: int) -> "Columns":
        """Some of them."""
        names, inos, cookies = self
        return Columns(names[start:stop], inos[start:stop], cookies[start:stop])


class Bucket(dict[bytes, Entry]):
    """Some of the names.

    `digest` is for those who compute one of a bucket that does not change any more.
    """

    __slots__ = ("digest",)

    digest: bytes


def buckets_for(count: int) -> int:
    """Over how many buckets `count` names are to be spread: a power of `SPREAD`."""
    buckets = 1
    while count > buckets * BUCKET_MAX:
        buckets *= SPREAD
    return buckets


class Entries:
    """Names and what they mean.

    INVARIANT: a bucket whose number is not in `_own` may be part of other maps, and
    does not change; within a bucket the cookies ascend.
    """

    __slots__ = ("_buckets", "_count", "_own", "version")

    def __init__(self) -> None:
        self.version = 0
        """Another one after each change."""
        self._buckets: list[Bucket] = [Bucket()]
        self._own: set[int] | None = None
        """Numbers of the buckets that are no other's; None means all."""
        self._count = 0

    def copy(self) -> "Entries":
        """A copy: from now on each changes by itself."""
        twin = Entries.__new__(Entries)
        # The list of buckets is short, at most a sixteenth of the names.
        twin._buckets = self._buckets.copy()
        twin._count = self._count
        twin.version = self.version
        twin._own = set()
        self._own = set()
        return twin

    @classmethod
    def of(cls, buckets: list[Bucket]) -> "Entries":
        """Names that are in their buckets already, as `spread` gives them."""
        entries = cls.__new__(cls)
        entries._buckets = buckets
        entries._count = sum(map(len, buckets))
        entries._own = set()
        entries.version = 0
        return entries

    def __len__(self) -> int:
        return self._count

    def get(self, name: bytes) -> Entry | None:
        """What the name means, or None."""
        buckets = self._buckets
        if len(buckets) == 1:
            return buckets[0].get(name)
        return buckets[crc32(name) & len(buckets) - 1].get(name)

    def set(self, name: bytes, entry: Entry) -> None:
        """Add a name, whose cookie is above all others, or give one a new meaning."""
        bucket = self._writable(name)
        self._count += name not in bucket
        bucket[name] = entry
        if self._count > len(self._buckets) * BUCKET_MAX:
            self._spread(buckets_for(self._count))

    def remove(self, name: bytes) -> None:
        """Remove a name, which is there."""
        del self._writable(name)[name]
        self._count -= 1

    def _writable(self, name: bytes) -> Bucket:
        self.version += 1
        number = crc32(name) & len(self._buckets) - 1
        if self._own is not None and number not in self._own:
            self._own.add(number)
            self._buckets[number] = Bucket(self._buckets[number])
        return self._buckets[number]

    def _spread(self, buckets: int) -> None:
        self._buckets = self.spread(buckets)
        self._own = None

    def spread(self, buckets: int) -> list[Bucket]:
        """The names in so many buckets; those of this map if it has so many."""
        if buckets == len(self._buckets):
            return self._buckets
        found = [Bucket() for _ in range(buckets)]
        for name, entry in self:
            found[crc32(name) & buckets - 1][name] = entry
        return found

    def __iter__(self) -> Iterator[tuple[bytes, Entry]]:
        """The names and what they mean, in the order of their cookies."""
        if len(self._buckets) == 1:
            return iter(self._buckets[0].items())
        items = [item for bucket in self._buckets for item in bucket.items()]
        items.sort(key=_cookie)
        return iter(items)

    def columns(self) -> Columns:
        """All entries, in the order of their cookies."""
        names: dict[int, bytes] = {}
        inos: dict[int, Ino] = {}
        for bucket in self._buckets:
            cookies = [cookie for _, cookie in bucket.values()]
            names.update(zip(cookies, bucket, strict=True))
            inos.update(zip(cookies, map(_INO, bucket.values()), strict=True))
        order = sorted(names)
        named, meant = map(names.__getitem__, order), map(inos.__getitem__, order)
        return Columns(list(named), list(meant), order)

    def names(self) -> list[bytes]:
        """The names, in the order of their bytes."""
        return sorted(name for bucket in self._buckets for name in bucket)

    def inos(self) -> list[Ino]:
        """What the names mean, in no order that means anything."""
        return [entry[0] for bucket in self._buckets for entry in bucket.values()]

    def differences(self, other: "Entries") -> list[bytes]:
        """The names that do not mean the same inode in both, sorted."""
        if len(self._buckets) != len(other._buckets):
            names = {name for name, _ in self} | {name for name, _ in other}
            return sorted(name for name in names if self._ino(name) != other._ino(name))
        found = []
        for mine, theirs in zip(self._buckets, other._buckets, strict=True):
            if mine is not theirs:
                found += [
                    name
                    for name in mine.keys() | theirs.keys()
                    if self._ino(name) != other._ino(name)
                ]
        return sorted(found)

    def unshared(self, other: "Entries | None") -> int:
        """How many names are in buckets that `other` does not have."""
        buckets = () if other is None else other._buckets
        shared = {id(bucket) for bucket in buckets}
        return sum(len(mine) for mine in self._buckets if id(mine) not in shared)

    def _ino(self, name: bytes) -> Ino:
        entry = self.get(name)
        return Ino(0) if entry is None else entry[0]

    def check(self) -> None:
        """Assert the invariant."""
        assert self._count == sum(map(len, self._buckets))
        for number, bucket in enumerate(self._buckets):
            cookies = [entry[1] for entry in bucket.values()]
            assert cookies == sorted(set(cookies)), f"bucket {number}"
            for name in bucket:
                assert crc32(name) & len(self._buckets) - 1 == number


def _cookie(item: tuple[bytes, Entry]) -> int:
    return item[1][1]
