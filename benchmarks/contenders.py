"""The filesystems in memory that are compared, each by its own shortest public way.

A contender is a set of bound methods: what is timed is the filesystem's own method,
or where no method does that work, a function here that says so.
"""

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self

from devdev_fs import Fs, __version__
from tree import content


class BinaryFile(Protocol):
    """An open file, in bytes."""

    def read(self, size: int = ..., /) -> bytes: ...

    def write(self, data: bytes, /) -> object: ...

    def seek(self, offset: int, /) -> object: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> object: ...


@dataclass(frozen=True, kw_only=True)
class Contender:
    """An empty filesystem, as what can be done with it."""

    mkdir: Callable[[str], object]
    create: Callable[[str, bytes], object]
    read: Callable[[str], bytes]
    stat: Callable[[str], object]
    listdir: Callable[[str], Sized]
    walk: Callable[[str], Iterable[object]]
    """An item a directory, with the names in it."""
    rename: Callable[[str, str], object]
    remove: Callable[[str], object]
    copy_tree: Callable[[str, str], object]
    open: Callable[[str, str], BinaryFile]


class Missing(Exception):
    """A contender is not installed."""


@dataclass(frozen=True)
class Kind:
    """Where a contender comes from."""

    requirement: str
    """What pip installs."""
    make: Callable[[], Contender]
    version: Callable[[], str]


def devdev() -> Contender:
    fs = Fs()
    return Contender(
        mkdir=fs.mkdir,
        create=fs.write_bytes,
        read=fs.read_bytes,
        stat=fs.stat,
        listdir=fs.listdir,
        walk=fs.walk,
        rename=fs.rename,
        remove=fs.remove,
        copy_tree=fs.copy,
        open=fs.open,
    )


def pyfilesystem() -> Contender:
    fs = _import("fs.memoryfs").MemoryFS()
    return Contender(
        mkdir=fs.makedir,
        create=fs.writebytes,
        read=fs.readbytes,
        stat=lambda path: fs.getinfo(path, ("details",)),
        listdir=fs.listdir,
        walk=fs.walk,
        rename=fs.move,
        remove=fs.remove,
        copy_tree=lambda source, target: fs.copydir(source, target, create=True),
        open=fs.openbin,
    )


def fsspec() -> Contender:
    fs = _import("fsspec.implementations.memory").MemoryFileSystem()
    # Both are the class's own unless an instance has them: all would share one tree.
    fs.store, fs.pseudo_dirs = {}, [""]
    return Contender(
        mkdir=fs.mkdir,
        create=fs.pipe_file,
        read=fs.cat_file,
        stat=fs.info,
        listdir=lambda path: fs.ls(path, detail=False),
        walk=fs.walk,
        rename=fs.mv,
        remove=fs.rm_file,
        copy_tree=lambda source, target: fs.copy(source, target, recursive=True),
        open=fs.open,
    )


def pyfakefs() -> Contender:
    module = _import("pyfakefs.fake_filesystem")
    fs = module.FakeFilesystem()
    fake_os = _import("pyfakefs.fake_os").FakeOsModule(fs)
    fake_open = _import("pyfakefs.fake_open").FakeFileOpen(fs)

    def read(path: str) -> Any:
        with fake_open(path, "rb") as file:
            return file.read()

    def copy_tree(source: str, target: str) -> None:
        """shutil.copytree would need the interpreter's own os replaced."""
        for directory, _, names in fake_os.walk(source):
            copied = target + directory[len(source) :]
            fake_os.mkdir(copied)
            for name in names:
                fs.create_file(f"{copied}/{name}", contents=read(f"{directory}/{name}"))

    return Contender(
        mkdir=fake_os.mkdir,
        create=lambda path, data: fs.create_file(path, contents=data),
        read=read,
        stat=fake_os.stat,
        listdir=fake_os.listdir,
        walk=fake_os.walk,
        rename=fake_os.rename,
        remove=fake_os.remove,
        copy_tree=copy_tree,
        open=fake_open,
    )


def _import(name: str) -> ModuleType:
    """A contender's module.

    Raises:
        Missing: it cannot be imported; with the reason.
    """
    try:
        with warnings.catch_warnings():
            # PyFilesystem2 uses pkg_resources, which warns of its own end.
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise Missing(str(error)) from error


def _version(distribution: str) -> Callable[[], str]:
    return lambda: importlib.metadata.version(distribution)


KINDS = {
    "devdev": Kind("devdev-fs", devdev, lambda: __version__),
    "PyFilesystem2": Kind("'fs' 'setuptools<81'", pyfilesystem, _version("fs")),
    "fsspec": Kind("fsspec", fsspec, _version("fsspec")),
    "pyfakefs": Kind("pyfakefs", pyfakefs, _version("pyfakefs")),
}
"""The contenders by name, this project's first."""


def installed() -> tuple[dict[str, Kind], list[str]]:
    """The contenders that are there, and remarks: versions, and what is not there."""
    found, remarks = {}, []
    for name, kind in KINDS.items():
        try:
            check(kind.make())
        except Missing as error:
            remarks.append(f"{name} left out: {error}; pip install {kind.requirement}")
        else:
            found[name] = kind
            remarks.append(f"{name} {kind.version()}")
    return found, remarks


def check(fs: Contender) -> None:
    """Assert that each way does what the rows take it to do."""
    for path in ("/tree", "/tree/a", "/tree/a/b"):
        fs.mkdir(path)
    for number, path in enumerate(("/tree/a/one", "/tree/a/b/two")):
        fs.create(path, content(number))
    fs.stat("/tree/a/one")
    assert len(fs.listdir("/tree/a")) == 2
    assert sum(1 for _ in fs.walk("/tree")) == 3
    fs.copy_tree("/tree/a", "/copy")
    fs.rename("/tree/a/b/two", "/tree/a/b/three")
    fs.remove("/tree/a/one")
    assert len(fs.listdir("/tree/a")) == len(fs.listdir("/tree/a/b")) == 1
    assert fs.read("/copy/one") == content(0)
    assert fs.read("/copy/b/two") == fs.read("/tree/a/b/three") == content(1)
    with fs.open("/copy/one", "r+b") as file:
        file.seek(2)
        file.write(b"xy")
        file.seek(1)
        assert file.read(2) == content(0)[1:2] + b"x"
