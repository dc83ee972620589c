"""A server that another process has: attached to by its socket."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
from collections.abc import Mapping
from contextlib import suppress

from devdev_mount import _forks
from devdev_mount._calls import COPY_TIMEOUT, Calls
from devdev_mount._errors import MountError, ServerDied
from devdev_mount._messages import Welcome, decode_failure, decode_status
from devdev_mount._registry import connect, key_of
from devdev_mount._status import ServedStatus
from devdev_mount._wire import Channel, ChannelClosed, Kind

ATTACH_TIMEOUT = 5.0
"""For the server to answer who attaches."""
CONNECTIONS = 8
"""The most calls at a time; what the server permits."""


class AttachedServer(Calls):
    """The connections to it; the first one says that this client is there.

    Raises:
        MountError: it is dead, does not answer, or refuses.
    """

    def __init__(
        self, address: str, mount: int, actor: str | None, timeout: float
    ) -> None:
        super().__init__(CONNECTIONS)
        self.address: str | None = address
        self._address = address
        self._timeout = timeout
        hello = {"mount": mount, "actor": actor}
        self._control, answer = _open(address, timeout, Kind.HELLO, hello)
        welcome = Welcome.decode(answer)
        self.place = welcome.place
        self.span = welcome.span
        self.is_kept = welcome.is_kept
        self._pid = welcome.pid
        self._token = welcome.token
        _forks.register(self._forget)

    @property
    def is_alive(self) -> bool:
        """Whether the server still has this client."""
        return not self._closed and not self._control.is_closed()

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._pid

    def end(self) -> None:
        """Have the mount ended; the server goes on as long as its owner wants."""
        self._ask(Kind.END, COPY_TIMEOUT, number=self.place.number)

    def close(self) -> None:
        """Leave; what this client holds is let go of by the server."""
        if self._close_pool():
            self._control.close()

    def _connect(self) -> Channel:
        request = {"token": self._token}
        channel, _ = _open(self._address, self._timeout, Kind.JOIN, request)
        return channel

    def _lost(self) -> MountError:
        if self._closed:
            return MountError("this client was closed meanwhile")
        return ServerDied(
            f"the connection to the filesystem's server (pid {self.pid}) has ended: "
            "the server has, or it let go of this client"
        )

    def _forget(self) -> None:
        """In a forked child, which is no client."""
        super()._forget()
        self._control.close()


def ask_status(address: str, timeout: float) -> ServedStatus:
    """What the server there does at the moment, without being its client.

    Raises:
        MountError: it is dead, does not answer, or refuses.
    """
    channel, answer = _open(address, timeout, Kind.STATUS, {})
    channel.close()
    return decode_status(answer)


def _open(
    address: str, timeout: float, kind: Kind, request: Mapping[str, object]
) -> tuple[Channel, bytes]:
    """A connection, and what the server answers to its first frame."""
    try:
        request = {**request, "key": key_of(address)}
        channel = Channel(connect(address, timeout))
    except (ConnectionRefusedError, FileNotFoundError):
        raise ServerDied(f"the server of {address} has ended") from None
    except TimeoutError as error:
        raise MountError(f"{address}: {error}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"there is no server at {address}: {reason}"
        raise MountError(message) from None
    try:
        channel.settimeout(timeout)
        with suppress(ChannelClosed):  # who refuses says why, and closes
            channel.send(kind, json.dumps(request).encode())
        frame = channel.receive()
        if frame.kind == Kind.FAILED:
            raise decode_failure(frame.payload)
    except TimeoutError:
        channel.close()
        message = f"the server of {address} did not answer in {timeout:.0f} s"
        raise MountError(message) from None
    except ChannelClosed:
        channel.close()
        raise MountError(f"the server of {address} refuses this client") from None
    except BaseException:
        channel.close()
        raise
    return channel, frame.payload
