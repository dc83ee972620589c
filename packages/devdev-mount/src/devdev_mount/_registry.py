"""Where the servers of this user are to be found by others of its processes.

Each server has a directory of its own, which nobody else may enter, in
$DEVDEV_RUNTIME_DIR, $XDG_RUNTIME_DIR or the directory for temporary files. In it are
the socket where it can be attached to, and a JSON file that says what it serves. The
directory gets its name when both are there, so what answers a connection is a server
that lives, and what refuses it is left from one that was killed.

The file has a key, too, which a client shows: Landlock keeps a contained program of
this user from reading the file, but not from connecting to the socket.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import os
import secrets
import shutil
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from devdev_mount._errors import MountError
from devdev_mount._messages import MountPlace
from devdev_mount._private import remove_directory

CHOICE = "DEVDEV_RUNTIME_DIR"
"""The environment variable that chooses where servers are found, and looked for."""
PREFIX = "devdev-served-"
CONNECT_TIMEOUT = 5.0
"""For a server that has more to take than it takes."""
CONNECT_INTERVAL = 0.02
UNFINISHED_AGE = 60.0
"""Seconds after which nobody is still about to finish a directory."""

_SOCKET = "socket"
_RECORD = "served.json"
_RECORD_MAX = 1024**2
_UNFINISHED = ".new"
_BACKLOG = 64
_PEER = struct.Struct("3i")  # unix(7): struct ucred


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What a server says of itself to who looks for it."""

    pid: int
    owner: int
    """The process that it is served for."""
    mounts: tuple[MountPlace, ...]
    key: str
    """What a client has to show."""

    def encode(self) -> bytes:
        """The content of the file."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        """What `encode` was given.

        Raises:
            ValueError: it is something else.
        """
        try:
            fields = json.loads(data)
            mounts = tuple(MountPlace(**each) for each in fields["mounts"])
            return cls(**fields | {"mounts": mounts})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no record of a server: {error}") from error


# --- the server's side -----------------------------------------------------------


class Registration:
    """The directory of one server; made by `publish`, removed by `withdraw`."""

    def __init__(self) -> None:
        name = f"{PREFIX}{os.geteuid()}-{secrets.token_hex(8)}"
        self.path = os.path.join(_home(), name)
        """Where it is, or will be."""
        self.key = secrets.token_hex(16)

    def publish(self, record: Record) -> socket.socket:
        """Make it, and return the socket that listens in it.

        Raises:
            OSError: it cannot be made.
        """
        unfinished = self.path + _UNFINISHED
        os.mkdir(unfinished, 0o700)
        try:
            listening = _listen(unfinished)
            try:
                _write(unfinished, record)
                os.rename(unfinished, self.path)
            except BaseException:
                listening.close()
                raise
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return listening

    def update(self, record: Record) -> None:
        """Say something else, in one step.

        Raises:
            OSError: it cannot be written.
        """
        _write(self.path, record)

    def withdraw(self) -> None:
        """Remove it; again is nothing."""
        _remove(self.path)


def _remove(path: str) -> None:
    with suppress(OSError):  # somebody has removed it, or is about to
        remove_directory(path)


def _home() -> str:
    """Where servers have their directories."""
    if chosen := os.environ.get(CHOICE):
        return chosen
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return runtime if _is_own(runtime) else tempfile.gettempdir()


def _places() -> Iterable[str]:
    """Where servers may have their directories.

    A program may have been started with another environment than the server, unless
    a place is chosen: then that is the only one.
    """
    if chosen := os.environ.get(CHOICE):
        return [chosen]
    usual = (f"/run/user/{os.geteuid()}", "/tmp")
    return dict.fromkeys((_home(), tempfile.gettempdir(), *usual))


def _is_own(path: str) -> bool:
    """Whether it is a directory of this user's, and no link."""
    with suppress(OSError):
        info = os.lstat(path)
        return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()
    return False


def _listen(directory: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_name(directory) as name:
            listening.bind(name)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _write(directory: str, record: Record) -> None:
    path = os.path.join(directory, _RECORD)
    with open(f"{path}{_UNFINISHED}", "wb") as file:
        file.write(record.encode())
    os.replace(f"{path}{_UNFINISHED}", path)


@contextmanager
def _short_name(directory: str) -> Iterator[str]:
    """A name of the directory's socket within the 107 bytes that unix(7) permits."""
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{fd}/{_SOCKET}"
    finally:
        os.close(fd)


# --- the client's side -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A server that was found."""

    path: str
    """Its directory."""
    record: Record


def find_servers() -> list[Found]:
    """The servers of this user, oldest first; what is left of dead ones is removed."""
    found = []
    for path in _directories():
        try:
            server = _look(path)
        except ConnectionRefusedError:
            _remove(path)
        else:
            found += [server] if server is not None else []
    return sorted(found, key=lambda server: server.record.mounts[0].since)


def key_of(path: str) -> str:
    """The key of the server that has the directory.

    Raises:
        OSError: there is none, or it may not be read.
        ValueError: it is no server's.
    """
    return Record.decode(_read(os.path.join(path, _RECORD))).key


def look_at(path: str) -> Found | None:
    """The server that has the directory; None if it is not one's, or it is dead."""
    with suppress(ConnectionRefusedError):
        return _look(path)
    return None


def _look(path: str) -> Found | None:
    """See `look_at`.

    Raises:
        ConnectionRefusedError: the server is dead.
    """
    try:
        record = Record.decode(_read(os.path.join(path, _RECORD)))
        with suppress(TimeoutError):  # one that is stopped lives
            connect(path).close()
    except ConnectionRefusedError:
        raise
    except (OSError, ValueError, MountError):
        return None
    return Found(path, record) if record.mounts else None


def _read(path: str) -> bytes:
    # Who made the file is not known yet: it may be a pipe, or have no end.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
    with open(path, "rb", opener=lambda name, _: os.open(name, flags)) as file:
        return file.read(_RECORD_MAX)


def _directories() -> Iterator[str]:
    """What looks like a server's."""
    begin = f"{PREFIX}{os.geteuid()}-"
    for place in _places():
        for path in _entries(place, begin):
            if not path.endswith((_UNFINISHED, ".late")):
                yield path
            elif time.time() - os.lstat(path).st_mtime > UNFINISHED_AGE:
                shutil.rmtree(path, ignore_errors=True)


def _entries(place: str, begin: str) -> Iterable[str]:
    with suppress(OSError), os.scandir(place) as entries:
        names = [each.path for each in entries if each.name.startswith(begin)]
        return [path for path in names if _is_own(path)]
    return []


def connect(path: str, timeout: float = CONNECT_TIMEOUT) -> socket.socket:
    """A connection to the server that has the directory; its user is checked.

    Raises:
        ConnectionRefusedError: the server is dead.
        TimeoutError: it takes no connections.
        MountError: another user serves there.
        OSError: there is none.
    """
    deadline = time.monotonic() + timeout
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with _short_name(path) as name:
            while not _is_connected(sock, name):
                if time.monotonic() > deadline:
                    raise TimeoutError("the server takes no connections")
                time.sleep(CONNECT_INTERVAL)
        sock.settimeout(timeout)
        # Root names a server of another user by its directory only, and means it.
        if peer_of(sock)[1] not in trusted_users() and os.geteuid() != 0:
            raise MountError(f"{path} is served by another user")
    except BaseException:
        sock.close()
        raise
    return sock


def _is_connected(sock: socket.socket, name: str) -> bool:
    """Connect; False if the server's queue is full at the moment."""
    try:
        sock.connect(name)
    except BlockingIOError:
        return False
    return True


def peer_of(sock: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end."""
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    pid, uid, _ = _PEER.unpack(data)
    return pid, uid


def trusted_users() -> tuple[int, ...]:
    """Who may be at the other end: this user, and root."""
    return os.geteuid(), 0
