"""Operations as bytes: a filesystem used from another process.

`RemoteFs` is the client, `Answerer` the other side; how a frame gets there and back
is the business of who uses them.

A call is a CBOR array [filesystem, span, operation, arguments...], where filesystem
0 is the one that is served and the others are its forks; or an order that is no
operation, [order, arguments...]. A reply is [status, ...]. Frames are between two
processes of one program on one machine; they are no stored format, and the peer is
trusted.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from enum import IntEnum, StrEnum
from threading import Lock
from traceback import format_exception
from typing import Any, Concatenate, NamedTuple, cast

from devdev_fs import _history, _openfile
from devdev_fs._acting import acting, span_of
from devdev_fs._archive import ArchiveError, Reading, Want, pieces
from devdev_fs._base import FsBase, point_number
from devdev_fs._cbor import decode, encode
from devdev_fs._errno import Errno, FsError, SnapshotError
from devdev_fs._image import Image
from devdev_fs._paths import Path
from devdev_fs._runner import Operation, P, T
from devdev_fs._snapshotdump import Whole
from devdev_fs._table import InodeTable
from devdev_fs._unpack import Unpacking
from devdev_fs._versions import Checkpoint, Event
from devdev_fs._watch import Watch
from devdev_fs._wireops import BY_NAME, OPERATIONS, is_locked, name_of, types_of
from devdev_fs._wirevalues import Op, Reader, plain, reader, readers_of, same


class _Status(IntEnum):
    """How a call ended."""

    RETURNED = 0
    REFUSED = 1
    """`FsError`: errno, message, path."""
    BAD_SNAPSHOT = 2
    """`SnapshotError`: message."""
    FAILED = 3
    """Any other exception, which is a bug: its traceback."""
    BAD_ARCHIVE = 4
    """`ArchiveError`: message, member, offset."""


class RemoteError(RuntimeError):
    """An operation failed in the process that runs it, by a bug; its traceback."""


# --- calls -----------------------------------------------------------------------


class _Place(NamedTuple):
    """An image on the other side: of a filesystem there, at a checkpoint or now (0)."""

    fs: int
    point: int


class _Order(StrEnum):
    """What a client asks for that is no operation on one filesystem."""

    FORK = "fork"
    """[filesystem, point]: the number of a new filesystem."""
    CLOSE = "close"
    """[filesystem]: let go of a fork."""
    WATCH = "watch"
    """[filesystem]: the number of a new watch."""
    TAKE = "take"
    """[watch, milliseconds]: its events."""
    UNWATCH = "unwatch"
    """[watch]: end it."""
    PARTS = "parts"
    """[filesystem, operation, arguments...]: the number of what comes in pieces."""
    NEXT = "next"
    """[number]: its next piece, empty at the end."""
    UNPACK = "unpack"
    """[filesystem, span, operation, path, devices, arguments...]: number and want."""
    FEED = "feed"
    """[number, bytes]: what it wants next, or how many members there were."""
    END = "end"
    """[number]: let go of what comes, or goes, in pieces."""


def _encode_call(fs: int, span: int, op: Op, args: tuple[object, ...]) -> bytes:
    assert op in OPERATIONS, f"{name_of(op)} is not to be called from elsewhere"
    return encode([fs, span, name_of(op), *map(plain, args)])


def _encode_error(error: Exception) -> bytes:
    if isinstance(error, FsError):
        path = error.filename
        return encode([_Status.REFUSED.value, error.errno, error.strerror, path])
    if isinstance(error, SnapshotError):
        return encode([_Status.BAD_SNAPSHOT.value, str(error)])
    if isinstance(error, ArchiveError):
        return encode([_Status.BAD_ARCHIVE.value, *error.args])
    return encode([_Status.FAILED.value, "".join(format_exception(error))])


def _decode_reply(result: Reader, frame: bytes) -> Any:
    reply: Any = decode(frame)
    status, *rest = reply
    if status == _Status.RETURNED:
        return result(rest[0])
    if status == _Status.REFUSED:
        raise FsError(*rest)
    if status == _Status.BAD_SNAPSHOT:
        raise SnapshotError(*rest)
    if status == _Status.BAD_ARCHIVE:
        raise ArchiveError(*rest)
    raise RemoteError(*rest)


class _Stream(NamedTuple):
    """Something of a filesystem that comes, or goes, in pieces; and who does it."""

    fs: int
    span: int
    pieces: Generator[Any, Any, Any]


_HOLDING: dict[Op, Op] = {
    InodeTable.pin: InodeTable.unpin,
    _openfile.open_pinned: _openfile.close_pinned,
    _history.begin: _history.end,
}
"""What a client can hold, and how it lets go of that."""

_LETTING_GO = frozenset(_HOLDING.values())


class _Held(NamedTuple):
    """Something that a client holds."""

    fs: int
    op: Op
    """What lets go of it."""
    what: Any
    """The operation's argument: a number."""


class Answerer:
    """The side that has the filesystem, and the forks that clients made of it.

    Usable from many threads. What clients do not close is let go of with it, or by
    `close` where the filesystem goes on.

    Args:
        fs: the filesystem.
        span: what changes of the filesystem belong to if a client names no other.
    """

    def __init__(self, fs: FsBase, span: int = 0) -> None:
        self._span = span
        self._lock = Lock()
        self._next = 1
        self._filesystems: dict[int, FsBase] = {0: fs}
        self._watches: dict[int, Watch] = {}
        self._streams: dict[int, _Stream] = {}
        self._held: Counter[_Held] = Counter()

    def answer(self, frame: bytes) -> bytes:
        """Do what a client's frame asks for; the frame to send back.

        Whatever an operation raises is an answer too.
        """
        try:
            call: Any = decode(frame)
            if isinstance(call[0], str):
                result = self._obey(_Order(call[0]), call[1:])
            else:
                number, span, name, *values = call
                result = self._run(number, span, name, values)
            return encode([_Status.RETURNED.value, plain(result)])
        except Exception as error:
            return _encode_error(error)

    def _begin(self, order: _Order, call: list[Any]) -> object:
        """Begin what comes, or goes, in pieces."""
        if order is _Order.PARTS:
            number, name, *values = call
            op = BY_NAME[name]
            parts = self.filesystem(number).parts(op, *self._arguments(op, values))
            return self._keep(self._streams, _Stream(number, 0, pieces(parts)))
        number, named, name, path, devices, *values = call
        span = self._span_of(number, named)
        with acting(self.filesystem(number), span):
            reading = self.filesystem(number).unpack(
                BY_NAME[name], path, devices, *values
            )
            want = next(reading)
        return [self._keep(self._streams, _Stream(number, span, reading)), *want]

    def _feed(self, number: int, data: bytes) -> object:
        stream = self._streams[number]
        with acting(self.filesystem(stream.fs), stream.span):
            try:
                return stream.pieces.send(data)
            except StopIteration as end:
                return end.value

    def _run(self, number: int, span: int, name: str, values: list[Any]) -> object:
        op = BY_NAME[name]
        args = self._arguments(op, values)
        fs = self.filesystem(number)
        if not is_locked(op):
            return fs.compute(op, *args)
        with acting(fs, self._span_of(number, span)):
            result: object = fs.run(op, *args)
        if op in _HOLDING or op in _LETTING_GO:
            self._count_held(number, op, args, result)
        return result

    def _span_of(self, number: int, named: int) -> int:
        """The span of a call: the one it names, or the client's own."""
        return named or (0 if number else self._span)

    def _count_held(self, number: int, op: Op, args: list[Any], result: object) -> None:
        """Remember what a client holds, so that `close` can let go of it."""
        count = args[1] if len(args) > 1 and isinstance(args[1], int) else 1
        with self._lock:
            if op in _HOLDING:
                what = args[0] if result is None else result
                self._held[_Held(number, _HOLDING[op], what)] += count
                return
            held = _Held(number, op, args[0])
            self._held[held] -= count
            if self._held[held] <= 0:
                del self._held[held]

    def close(self) -> None:
        """Let go of all that clients hold, when none of them calls any more.

        Those are forks, watches, what comes or goes in pieces, open files, pins, and
        spans that have not ended.
        """
        with self._lock:
            held, self._held = self._held, Counter()
            watches, self._watches = self._watches, {}
            streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.pieces.close()
        for watch in watches.values():
            watch.close()
        for (number, op, what), count in held.items():
            # A load may have ended a span, and a closed fork has gone with its files.
            with suppress(FsError, KeyError, AssertionError):
                for _ in range(count):
                    self.filesystem(number).run(op, what)
        self._filesystems = {0: self._filesystems[0]}

    def filesystem(self, number: int) -> FsBase:
        """The filesystem that clients know by that number; 0 is the served one.

        Raises:
            FsError: EBADF (the fork is closed).
        """
        fs = self._filesystems.get(number)
        if fs is None:
            raise FsError(Errno.EBADF, "the fork is closed")
        return fs

    def _arguments(self, op: Op, values: list[Any]) -> list[Any]:
        readers, _ = readers_of(op)
        # Arguments at the end may be left out.
        return [
            self._argument(kind, reader, value)
            for kind, reader, value in zip(types_of(op), readers, values, strict=False)
        ]

    def _argument(
        self, kind: object, reader: Callable[[Any], object], value: Any
    ) -> object:
        if kind is Image:
            number, point = value
            return self.filesystem(number).image(point)
        if kind is Whole:
            number, history = value
            return self.filesystem(number).whole(history)
        return reader(value)

    def _obey(self, order: _Order, args: list[Any]) -> object:
        if order in (_Order.PARTS, _Order.UNPACK):
            return self._begin(order, args)
        if order is _Order.NEXT:
            return next(self._streams[args[0]].pieces, b"")
        if order is _Order.FEED:
            return self._feed(*args)
        if order is _Order.END:
            stream = self._streams.pop(args[0])
            stream.pieces.close()
            return None
        if order is _Order.FORK:
            return self._keep(
                self._filesystems, self.filesystem(args[0]).fork(args[1] or None)
            )
        if order is _Order.CLOSE:
            self._forget(self._filesystems, args[0])
            return None
        if order is _Order.WATCH:
            return self._keep(self._watches, self.filesystem(args[0]).watch())
        watch = self._watches.get(args[0])
        if watch is None:  # another thread has closed it
            return []
        if order is _Order.TAKE:
            return watch.take(args[1] / 1000)
        watch.close()
        self._forget(self._watches, args[0])
        return None

    def _keep(self, kept: dict[int, T], value: T) -> int:
        with self._lock:
            number, self._next = self._next, self._next + 1
            kept[number] = value
            return number

    def _forget(self, kept: dict[int, Any], number: int) -> None:
        with self._lock:
            kept.pop(number, None)


class RemoteFs(FsBase):
    """A filesystem in another process, with the interface of `Fs`.

    Args:
        exchange: takes a frame to where an `Answerer` gets it, and returns the answer.
            It is called by whatever thread calls a method.
    """

    def __init__(self, exchange: Callable[[bytes], bytes], number: int = 0) -> None:
        super().__init__()
        self._exchange = exchange
        self._number = number

    @property
    def number(self) -> int:
        """What the other process knows it by; 0 is the served filesystem."""
        return self._number

    def is_beside(self, other: FsBase) -> bool:
        """Whether the same process has both."""
        return isinstance(other, RemoteFs) and self._exchange == other._exchange

    def run(self, op: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Have an operation run by the other process.

        Raises:
            FsError: as the operation.
            SnapshotError: as the operation.
            RemoteError: the operation failed there, by a bug.
        """
        assert not kwargs, "operations take their arguments by position"
        call = _encode_call(self._number, span_of(self), op, args)
        result: T = _decode_reply(readers_of(op)[1], self._exchange(call))
        return result

    def compute(self, op: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Have a function of images run by the other process; raises as `run`."""
        assert not kwargs, "operations take their arguments by position"
        call = _encode_call(self._number, 0, op, args)
        result: T = _decode_reply(readers_of(op)[1], self._exchange(call))
        return result

    def image(self, point: int) -> Image:
        """A stand-in for an image of the other process."""
        # What `run` and `compute` make of it is an image on the other side.
        return cast(Image, _Place(self._number, point))

    def whole(self, history: bool) -> Whole:
        """A stand-in, likewise."""
        return cast(Whole, (self._number, history))

    def parts(
        self, op: Callable[P, Iterator[bytes]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Generator[bytes, None, None]:
        """The pieces, each fetched when it is asked for."""
        assert not kwargs, "operations take their arguments by position"
        call = [self._number, name_of(op), *map(plain, args)]
        number = self._order(_Order.PARTS, *call)
        try:
            while part := self._order(_Order.NEXT, number):
                yield part
        finally:
            self._order(_Order.END, number)

    def unpack(
        self,
        op: Callable[Concatenate[Unpacking, P], Reading[Unpacking]],
        path: Path,
        devices: bool,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Reading[int]:
        """Unpack an archive there; its bytes are sent as they are asked for."""
        assert not kwargs, "operations take their arguments by position"
        call = [name_of(op), plain(path), devices, *args]
        call = [self._number, span_of(self), *call]
        number, *want = self._order(_Order.UNPACK, *call)
        try:
            while isinstance(want, list):
                want = self._order(_Order.FEED, number, (yield Want(*want)))
            return int(want)
        finally:
            self._order(_Order.END, number)

    def fork(self, point: Checkpoint | int | None = None) -> "RemoteFs":
        """A fork that the other process keeps until it is closed."""
        number = 0 if point is None else point_number(point)
        twin: int = self._order(_Order.FORK, self._number, number)
        return RemoteFs(self._exchange, twin)

    def close(self) -> None:
        """Let the other process forget a fork; what it serves stays."""
        if self._number:
            self._order(_Order.CLOSE, self._number)

    def watch(self) -> "RemoteWatch":
        """A watch that the other process keeps until it is closed."""
        return RemoteWatch(self._order, self._order(_Order.WATCH, self._number))

    def _order(self, order: _Order, *args: Any, result: Reader = same) -> Any:
        return _decode_reply(result, self._exchange(encode([order.value, *args])))


_TAKE_TIMEOUT = 10.0
"""How long one call waits for an event: a connection is not to be silent for long."""


class RemoteWatch(Watch):
    """A watch of a filesystem in another process."""

    def __init__(self, order: Callable[..., Any], number: int) -> None:
        self._order = order
        self._number = number
        self._closed = False

    def take(self, timeout_s: float = 0.0) -> list[Event]:
        """The events so far; a long wait is made of several."""
        left = timeout_s
        while not self._closed:
            wait = min(left, _TAKE_TIMEOUT)
            found = self._take(wait)
            left -= wait
            if found or left <= 0:
                return found
        return []

    def _take(self, timeout_s: float) -> list[Event]:
        milliseconds = int(timeout_s * 1000)
        found: list[Event] = self._order(
            _Order.TAKE, self._number, milliseconds, result=reader(list[Event])
        )
        return found

    def close(self) -> None:
        """End it; again is nothing."""
        if not self._closed:
            self._closed = True
            self._order(_Order.UNWATCH, self._number)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed


__all__ = ("Answerer", "RemoteError", "RemoteFs", "RemoteWatch")
