"""A snapshot's dump and load, beside tar and pickle of the same data in memory.

What each of them does with 10,000 files of 20,000 random bytes:

- devdev: dumps a filesystem, and loads it into an empty one, which is complete then:
  directories, names, times, quotas; every block is checked against its SHA-256. The
  content of files is not copied: they share it with the snapshot.
- tar: writes and reads a member a file with `tarfile`, uncompressed, and keeps the
  bytes of each in a dictionary. It makes no directories and checks no content.
- tar, checked: the same, and the SHA-256 of each file is taken when it is written and
  compared when it is read.
- pickle: a dictionary of paths, each with its bytes and four numbers.
"""

import gc
import pickle
import tarfile
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from io import BytesIO
from random import Random
from typing import Protocol

from devdev_fs import Fs
from measuring import Group, Row, once
from reasons import reasons_for
from tree import Tree

FILE_SIZE = 20_000

Data = dict[str, bytes]
Entry = tuple[int, int, int, int, bytes]
"""What pickle keeps of a file: mode, owner, group, mtime, content."""


class Archive(Protocol):
    """Data in some form, and that form in bytes."""

    def dump(self) -> None:
        """Write all of it to memory, in place of what was written before."""
        ...

    def load(self) -> object:
        """Read back what the last `dump` wrote; to let go of that is not measured."""
        ...

    def count(self, loaded: object) -> int:
        """How many files `load` brought."""
        ...


class Snapshot:
    """This project's."""

    def __init__(self, data: Data) -> None:
        self._fs = Fs()
        for directory in Tree(len(data)).directories:
            self._fs.mkdir(directory)
        for path, content in data.items():
            self._fs.write_bytes(path, content)
        self._image = b""

    def dump(self) -> None:
        self._image = b""
        self._image = self._fs.dump()

    def load(self) -> Fs:
        fs = Fs()
        fs.load(self._image)
        return fs

    def count(self, loaded: object) -> int:
        assert isinstance(loaded, Fs)
        return sum(len(names) for _, _, names in loaded.walk("/"))


class Tar:
    """A dict of contents through `tarfile`, uncompressed."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._image = BytesIO()

    def dump(self) -> None:
        self._image = BytesIO()
        with tarfile.open(fileobj=self._image, mode="w") as tar:
            for path, content in self._data.items():
                member = tarfile.TarInfo(path.lstrip("/"))
                member.size, member.mode, member.mtime = len(content), 0o644, 1
                tar.addfile(member, BytesIO(content))

    def load(self) -> Data:
        self._image.seek(0)
        loaded: Data = {}
        with tarfile.open(fileobj=self._image) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                loaded[member.name] = file.read()
        return loaded

    def count(self, loaded: object) -> int:
        assert isinstance(loaded, dict)
        return len(loaded)


class CheckedTar(Tar):
    """The same, with the digest of each content beside it."""

    def __init__(self, data: Data) -> None:
        super().__init__(data)
        self._digests: Data = {}

    def dump(self) -> None:
        super().dump()
        self._digests = {
            path.lstrip("/"): sha256(content).digest()
            for path, content in self._data.items()
        }

    def load(self) -> Data:
        loaded = super().load()
        for path, content in loaded.items():
            assert sha256(content).digest() == self._digests[path]
        return loaded


class Pickle:
    """A dict of contents and metadata through `pickle`."""

    def __init__(self, data: Data) -> None:
        self._data: dict[str, Entry] = {
            path: (0o100644, 0, 0, 1, content) for path, content in data.items()
        }
        self._image = b""

    def dump(self) -> None:
        self._image = b""
        self._image = pickle.dumps(self._data, pickle.HIGHEST_PROTOCOL)

    def load(self) -> object:
        return pickle.loads(self._image)

    def count(self, loaded: object) -> int:
        assert isinstance(loaded, dict)
        return len(loaded)


KINDS: dict[str, Callable[[Data], Archive]] = {
    "devdev": Snapshot,
    "tar": Tar,
    "tar, checked": CheckedTar,
    "pickle": Pickle,
}


def group(files: int) -> Group[Archive]:
    """Rows of dump and load of `files` files of 20,000 bytes."""

    @cache
    def data() -> Data:
        random = Random(0)
        paths = Tree(files).each_path()
        return {path: random.randbytes(FILE_SIZE) for path in paths}

    def contender(kind: Callable[[Data], Archive]) -> Callable[[], Archive]:
        return lambda: kind(data())

    def load(archive: Archive) -> float:
        assert archive.count(archive.load()) == files
        gc.collect()
        return once(archive.load)

    return Group(
        title=f"snapshot of {files:,} files, {files * FILE_SIZE / 1e6:,.0f} MB",
        contenders={name: contender(kind) for name, kind in KINDS.items()},
        rows=[
            Row(
                name="dump",
                unit="ms",
                sample=lambda archive: once(archive.dump),
                is_ground=True,
                reasons=reasons_for("dump"),
            ),
            Row(name="load", unit="ms", sample=load, reasons=reasons_for("load")),
        ],
    )
