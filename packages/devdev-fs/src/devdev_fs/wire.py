"""Operations as bytes: a filesystem used from another process.

`RemoteFs` is the client, `answer` the other side; how a frame gets there and back is
the business of who uses them.

A call is a CBOR array [operation, arguments...], a reply [status, ...]. What the
plain values mean follows from the operation's own annotations, so a value has one
description only: the signature. Frames are between two processes of one program
on one machine; they are no stored format, and the peer is trusted.
"""

from collections.abc import Callable
from dataclasses import astuple, fields, is_dataclass
from enum import IntEnum
from functools import cache
from traceback import format_exception
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from devdev_fs import _attr, _data, _digest, _namei, _openfile, _paths, _snapshot
from devdev_fs._base import FsBase
from devdev_fs._cbor import decode, encode
from devdev_fs._errno import FsError, SnapshotError
from devdev_fs._inodeops import Operation, P, T
from devdev_fs._table import InodeTable

_Op = Callable[..., Any]

_OPERATIONS: tuple[_Op, ...] = (
    InodeTable.pin,
    InodeTable.unpin,
    InodeTable.check_invariants,
    _attr.getattr,
    _attr.setattr,
    _attr.statvfs,
    _attr.set_limits,
    _data.read,
    _data.read_chunks,
    _data.write,
    _data.append,
    _data.readlink,
    _data.readdir,
    _namei.lookup,
    _namei.resolve,
    _namei.mkdir,
    _namei.create,
    _namei.mknod,
    _namei.symlink,
    _namei.link,
    _namei.unlink,
    _namei.rmdir,
    _namei.rename,
    _paths.read_bytes,
    _paths.write_bytes,
    _paths.append,
    _paths.copy,
    _paths.mkdir,
    _paths.remove,
    _paths.rmdir,
    _paths.remove_tree,
    _paths.rename,
    _paths.symlink,
    _paths.link,
    _paths.readlink,
    _paths.realpath,
    _paths.stat,
    _paths.setattr,
    _paths.exists,
    _paths.touch,
    _paths.listdir,
    _paths.walk_tree,
    _paths.glob,
    _snapshot.dump,
    _snapshot.restore,
    _digest.tree_digest,
    _digest.image_digest,
    _openfile.open_pinned,
    _openfile.close_pinned,
)


def _name(op: _Op) -> str:
    return f"{op.__module__.rpartition('.')[2]}.{op.__qualname__}"


_BY_NAME = {_name(op): op for op in _OPERATIONS}


class _Status(IntEnum):
    """How a call ended."""

    RETURNED = 0
    REFUSED = 1
    """`FsError`: errno, message, path."""
    BAD_SNAPSHOT = 2
    """`SnapshotError`: message."""
    FAILED = 3
    """Any other exception, which is a bug: its traceback."""


class RemoteError(RuntimeError):
    """An operation failed in the process that runs it, by a bug; its traceback."""


# --- values ----------------------------------------------------------------------


def _plain(value: object) -> object:
    """A value in CBOR's own types: records become arrays of their fields.

    Text that is no Unicode, as a path can be, becomes bytes (PEP 383).
    """
    if isinstance(value, str):
        data = _namei.as_bytes(value)
        return value if data.decode("utf-8", "replace") == value else data
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return list(astuple(value))
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


_Reader = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


@cache
def _reader(hint: Any) -> _Reader:
    """What turns a plain value back into one of the annotated type."""
    if isinstance(hint, NewType):
        return _reader(hint.__supertype__)
    origin, inner = get_origin(hint), get_args(hint)
    if hint is str:
        return _text
    if origin is list:
        item = _reader(inner[0])
        return _same if item is _same else lambda value: [item(each) for each in value]
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return _tuple_reader(_reader(inner[0]))
        parts = [_reader(part) for part in inner]
        return lambda value: tuple(
            part(each) for part, each in zip(parts, value, strict=True)
        )
    if origin in (Union, UnionType):
        return _union_reader(hint, inner)
    if origin is Literal or not isinstance(hint, type):
        return _same
    return _record_reader(hint)


def _tuple_reader(item: _Reader) -> _Reader:
    return lambda value: tuple(map(item, value))


def _union_reader(hint: Any, inner: tuple[Any, ...]) -> _Reader:
    # Text among them is a path, which may as well be bytes.
    readers = [*{_reader(part) for part in inner} - {_same, _text}]
    if not readers:
        return _same
    assert len(inner) == 2, f"{hint} cannot be told apart"
    assert NoneType in inner, f"{hint} cannot be told apart"
    return lambda value: None if value is None else readers[0](value)


def _record_reader(hint: type) -> _Reader:
    if issubclass(hint, tuple) or is_dataclass(hint):
        hints = get_type_hints(hint)
        names = (
            [field.name for field in fields(hint)]
            if is_dataclass(hint)
            else list(hint.__annotations__)
        )
        readers = [(name, _reader(hints[name])) for name in names]
        return lambda value: hint(
            **{
                name: reader(each)
                for (name, reader), each in zip(readers, value, strict=True)
            }
        )
    return hint if issubclass(hint, int) and hint not in (int, bool) else _same


@cache
def _readers(op: _Op) -> tuple[tuple[_Reader, ...], _Reader]:
    """Readers for the arguments behind the table, and for the result."""
    hints = get_type_hints(op)
    result = hints.pop("return")
    hints.pop("table", None)
    return tuple(map(_reader, hints.values())), _reader(result)


# --- calls -----------------------------------------------------------------------


def _encode_call(op: _Op, args: tuple[object, ...]) -> bytes:
    assert op in _OPERATIONS, f"{_name(op)} is not to be called from elsewhere"
    return encode([_name(op), *map(_plain, args)])


def _decode_call(frame: bytes) -> tuple[_Op, list[object]]:
    call: Any = decode(frame)
    op = _BY_NAME[call[0]]
    readers, _ = _readers(op)
    # Arguments at the end may be left out.
    return op, [reader(arg) for reader, arg in zip(readers, call[1:], strict=False)]


def _encode_error(error: Exception) -> bytes:
    if isinstance(error, FsError):
        path = error.filename
        return encode([_Status.REFUSED.value, error.errno, error.strerror, path])
    if isinstance(error, SnapshotError):
        return encode([_Status.BAD_SNAPSHOT.value, str(error)])
    return encode([_Status.FAILED.value, "".join(format_exception(error))])


def _decode_reply(op: _Op, frame: bytes) -> Any:
    reply: Any = decode(frame)
    status, *rest = reply
    if status == _Status.RETURNED:
        return _readers(op)[1](rest[0])
    if status == _Status.REFUSED:
        raise FsError(*rest)
    if status == _Status.BAD_SNAPSHOT:
        raise SnapshotError(*rest)
    raise RemoteError(*rest)


def answer(fs: FsBase, frame: bytes) -> bytes:
    """Run the operation that a client's frame asks for; the frame to send back.

    Whatever the operation raises is an answer too.
    """
    try:
        op, args = _decode_call(frame)
        return encode([_Status.RETURNED.value, _plain(fs.run(op, *args))])
    except Exception as error:
        return _encode_error(error)


class RemoteFs(FsBase):
    """A filesystem in another process, with the interface of `Fs`.

    Args:
        exchange: takes a frame to where `answer` gets it, and returns the answer. It
            is called by whatever thread calls a method.
    """

    def __init__(self, exchange: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._exchange = exchange

    def run(self, op: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Have an operation run by the other process.

        Raises:
            FsError: as the operation.
            SnapshotError: as the operation.
            RemoteError: the operation failed there, by a bug.
        """
        assert not kwargs, "operations take their arguments by position"
        result: T = _decode_reply(op, self._exchange(_encode_call(op, args)))
        return result


__all__ = ("RemoteError", "RemoteFs", "answer")
