"""The clients of a server: what each holds, and the answers to what it asks."""

import sys

if sys.platform != "linux":
    raise ImportError("only Linux has a mount driver")

import json
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from threading import Lock
from typing import Any

from devdev_fs import Fs
from devdev_fs.wire import Answerer

from devdev_mount._driver import DriverName
from devdev_mount._errors import MountError, StateError
from devdev_mount._host import ImportReport, import_tree
from devdev_mount._messages import encode_failure, encode_report, encode_status
from devdev_mount._serving import Serving
from devdev_mount._wire import Channel, ChannelClosed, Kind

logger = logging.getLogger(__name__)


class Caller:
    """A client, and what it holds: forks, open files, and the mounts it made.

    Its connections are served by a thread each. When the last one has ended and no
    other is to come, all that it holds is let go of.

    Args:
        serving: what is served.
        fs: the filesystem that the client knows as 0.
        span: what its changes belong to, if it names no other; 0 is nobody's.
    """

    def __init__(self, serving: Serving, fs: Fs, span: int = 0) -> None:
        self._serving = serving
        self._fs = fs
        self._span = span
        self._answerer = Answerer(fs, span)
        self._lock = Lock()
        self._channels: set[Channel] = set()
        self._is_over = False
        self._mounts: set[int] = set()
        self._untaken: dict[Channel, int] = {}
        """Mounts whose maker has not gone on since, and may have missed the answer."""
        self._after = ExitStack()
        self._duties: dict[Kind, Callable[..., bytes]] = {
            Kind.ATTRIBUTE: serving.attribute,
            Kind.REQUESTS: serving.requests,
            Kind.PUSH: serving.push,
            Kind.PULL: serving.pull,
            Kind.UNMOUNT: self.unmount,
            Kind.STATUS: self.status,
            Kind.SAVE: serving.save,
            Kind.SAVED: serving.saved,
            Kind.END: self.end,
        }

    # --- connections -------------------------------------------------------------

    def take(self, channel: Channel, most: int | None = None) -> bool:
        """Have one more connection; False if there are `most`, or it is gone."""
        with self._lock:
            is_full = most is not None and len(self._channels) >= most
            if self._is_over or is_full:
                return False
            self._channels.add(channel)
            return True

    def serve(self, channel: Channel) -> None:
        """Answer one connection's calls, one at a time, until it ends.

        It ends when the client says something that is no call, too, or neither sends
        the rest of a call nor takes the rest of an answer.
        """
        try:
            while True:
                channel.wait()
                self._answer(channel)
        except (ChannelClosed, TimeoutError) as error:
            logger.debug("a connection ended: %s", error)
        except Exception as error:
            logger.warning("a client's connection was ended: %r", error)
        finally:
            channel.close()
            if (number := self._untaken.pop(channel, None)) is not None:
                self._drop(number)
            with self._lock:
                self._channels.discard(channel)
                is_last = self._is_over and not self._channels
            if is_last:
                self._let_go()

    def leave(self) -> None:
        """The client is gone: end its connections."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            channels = [*self._channels]
        for channel in channels:
            channel.shut()
        if not channels:
            self._let_go()

    def _let_go(self) -> None:
        self._answerer.close()
        for number in [*self._mounts]:
            self._drop(number)
        self._after.close()

    def _drop(self, number: int) -> None:
        """End a mount, whatever is in it."""
        for _ in range(2):  # a copy that cannot be pulled is dropped by the second try
            with suppress(OSError, ValueError, MountError):
                self.unmount(number)

    # --- calls -------------------------------------------------------------------

    def _answer(self, channel: Channel) -> None:
        kind, payload, descriptor = channel.receive()
        self._untaken.pop(channel, None)
        if descriptor is not None:
            os.close(descriptor)
        if kind == Kind.CALL:
            channel.send(Kind.REPLY, self._answerer.answer(payload))
        elif kind == Kind.IMPORT:
            self._import(channel, json.loads(payload))
        elif kind == Kind.MOUNT:
            self._do(channel, partial(self.mount, channel), json.loads(payload))
        elif kind in self._duties:
            self._do(channel, self._duties[kind], json.loads(payload))
        else:
            raise ChannelClosed(f"{kind.name} is no call")

    def _import(self, channel: Channel, request: dict[str, Any]) -> None:
        def tell(report: ImportReport) -> None:
            try:
                channel.send(Kind.PROGRESS, encode_report(report))
            except TimeoutError as error:  # which the import can raise, too
                raise ChannelClosed("the other side does not read") from error

        try:
            with self._fs.acting_for(self._span):
                report = import_tree(self._fs, **request, progress=tell)
        except ChannelClosed:
            raise
        except OSError as error:
            channel.send(Kind.FAILED, encode_failure(error))
        else:
            channel.send(Kind.IMPORTED, encode_report(report))

    def _do(
        self, channel: Channel, duty: Callable[..., bytes], request: dict[str, Any]
    ) -> None:
        try:
            with self._fs.acting_for(self._span):
                answer = duty(**request)
        except (OSError, ValueError, MountError, StateError) as error:
            channel.send(Kind.FAILED, encode_failure(error))
        else:
            channel.send(Kind.TOLD, answer)

    # --- mounts ------------------------------------------------------------------

    def mount(
        self,
        channel: Channel,
        fs: int,
        mountpoint: str | None,
        driver: DriverName,
        options: dict[str, Any],
    ) -> bytes:
        """Mount the filesystem (0), or a fork of it; say where, and its number.

        It ends if the connection does before anything else comes by it: a client that
        was interrupted closes it, and knows of no mount.
        """
        filesystem = self._answerer.filesystem(fs)
        place = self._serving.mount(filesystem, mountpoint, driver, options)
        self._mounts.add(place.number)
        self._untaken[channel] = place.number
        return json.dumps(asdict(place)).encode()

    def unmount(self, number: int) -> bytes:
        """End a mount that the client made; again is nothing."""
        if number in self._mounts:
            self._serving.unmount(number)
            self._mounts.discard(number)
        return b"null"

    def status(self) -> bytes:
        """What is served, and to whom."""
        return encode_status(self._serving.status())

    def end(self, number: int) -> bytes:
        """End a mount, whoever made it; this client can still take what was in it."""
        with ExitStack() as hold:
            hold.enter_context(self._serving.ending())
            self._serving.unmount(number)
            self._after.push(hold.pop_all())
        return b"null"
