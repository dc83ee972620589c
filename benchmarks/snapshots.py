"""A snapshot's dump and load, beside tar and pickle of the same data in memory."""

import pickle
import tarfile
from collections.abc import Callable
from functools import cache
from io import BytesIO
from random import Random
from typing import Protocol

from devdev_fs import Fs
from measuring import Group, Row, once
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

    def load(self) -> int:
        """Read back what the last `dump` wrote; returns how many files came."""
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

    def load(self) -> int:
        fs = Fs()
        fs.load(self._image)
        return sum(len(names) for _, _, names in fs.walk("/"))


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

    def load(self) -> int:
        self._image.seek(0)
        loaded: Data = {}
        with tarfile.open(fileobj=self._image) as tar:
            for member in tar:
                file = tar.extractfile(member)
                assert file is not None
                loaded[member.name] = file.read()
        return len(loaded)


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

    def load(self) -> int:
        return len(pickle.loads(self._image))


KINDS: dict[str, Callable[[Data], Archive]] = {
    "devdev": Snapshot,
    "tar": Tar,
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
        taken = once(archive.load)
        assert archive.load() == files
        return taken

    return Group(
        title=f"snapshot of {files:,} files, {files * FILE_SIZE / 1e6:,.0f} MB",
        contenders={name: contender(kind) for name, kind in KINDS.items()},
        rows=[
            Row(
                name="dump",
                unit="ms",
                sample=lambda archive: once(archive.dump),
                is_ground=True,
            ),
            Row(name="load", unit="ms", sample=load),
        ],
    )
