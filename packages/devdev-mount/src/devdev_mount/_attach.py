"""`attach()`: use a filesystem that another process serves; `list_served()`: which."""

import os
import sys
from contextlib import suppress
from typing import Protocol

from devdev_mount._client import Client, Server
from devdev_mount._errors import DriverUnavailable, MountError
from devdev_mount._messages import MountPlace
from devdev_mount._status import ServedPlace

if sys.platform == "linux":
    from devdev_mount._attachedserver import (
        ATTACH_TIMEOUT,
        AttachedServer,
        ask_status,
    )
    from devdev_mount._detach import mount_table
    from devdev_mount._registry import Found, find_servers, look_at

LIST_TIMEOUT = 2.0
"""For each server to say what it does."""


class OthersServer(Server, Protocol):
    """The process behind an `Attached`."""

    span: int
    """What this client's changes belong to; 0 is nobody's."""

    def end(self) -> None:
        """Have the mount ended."""
        ...


class Attached(Client):
    """A client of a filesystem that another process owns. Close it, or use `with`.

    What it opens, forks, watches and mounts ends with it, and with its process.
    """

    def __init__(self, server: OthersServer) -> None:
        super().__init__(server)
        self._others = server
        self.span = server.span
        """What its changes belong to; 0 without an actor."""

    def unmount(self) -> None:
        """Have the server stop showing the filesystem here, whoever uses it.

        Programs that still do get ENOTCONN. The filesystem is as alive as before, for
        this client too; `devdev mount` ends when this client does.

        Raises:
            MountError: it is still mounted.
            FsError, OSError, MergeConflict: as `Mount.unmount`.
        """
        self._others.end()

    def close(self) -> None:
        """Leave; the server, its mount and its other clients go on."""
        self._server.close()


def attach(place: str | os.PathLike[str], *, actor: str | None = None) -> Attached:
    """Use a filesystem that another process of this user serves.

    Each client is for itself: none waits for another that is slow, stopped or dead,
    and what a client holds is let go of when it ends. Up to 64 can be attached, with
    8 calls at a time each.

    Args:
        place: where it is shown; or the `address` of who has it.
        actor: to whom the history attributes what this client changes and what does
            not name another (`FsBase.actor`), as one span; None is nobody.

    Raises:
        MountError: nothing is served there; or its server does not answer, is another
            user's, or has its limit of clients.
        ServerDied: the server is dead.
        FsError: EINVAL (an actor's name of more than 1024 bytes).
        DriverUnavailable: nothing is served on this platform.
    """
    if sys.platform == "linux":
        found, mount = _find(os.fspath(place))
        number = mount.number
        return Attached(AttachedServer(found.path, number, actor, ATTACH_TIMEOUT))
    raise DriverUnavailable(f"nothing is served on {sys.platform!r}")


def list_served() -> list[ServedPlace]:
    """What is served by this user's processes, in the order of mounting.

    What killed servers left of themselves is removed. Nothing is looked at through a
    mount, and each server has two seconds to answer.
    """
    if sys.platform == "linux":
        places = [place for found in find_servers() for place in _describe(found)]
        return sorted(places, key=lambda place: place.since)
    return []


if sys.platform == "linux":

    def _find(place: str) -> tuple[Found, MountPlace]:
        """The server and the mount at a place, or the first of the server that has it.

        Raises:
            MountError: there is none.
        """
        given = os.path.abspath(place)
        parent, name = os.path.split(given)
        path = os.path.join(os.path.realpath(parent), name)
        mounts = {
            mount.path: (found, mount)
            for found in find_servers()
            for mount in found.record.mounts
        }
        if path in mounts:
            return mounts[path]
        # A mount is not to be looked at: its server may hang.
        if path not in (mount.mountpoint for mount in mount_table()):
            if (found := look_at(path)) is not None:
                return found, found.record.mounts[0]
            if (target := os.path.realpath(path)) in mounts:
                return mounts[target]
        raise MountError(f"nothing is served at {given}; `devdev mounts` lists what is")

    def _describe(found: Found) -> list[ServedPlace]:
        """The mounts of a server, with what it says of them if it answers."""
        status = None
        with suppress(MountError):
            status = ask_status(found.path, LIST_TIMEOUT)
        said = {} if status is None else {each.number: each for each in status.mounts}
        return [
            ServedPlace(
                path=mount.path,
                driver=mount.driver,
                read_only=mount.read_only,
                since=mount.since,
                pid=found.record.pid,
                owner=found.record.owner,
                status=said.get(mount.number),
                clients=() if status is None else status.clients,
            )
            for mount in found.record.mounts
        ]
