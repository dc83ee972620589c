"""The first line of a save: what is said of it beside the snapshot that follows."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import BinaryIO
from zlib import crc32

VERSION = 1
LINE_MAX = 8192
ACTOR_MAX = 1024  # bytes, as in the history

_MAGIC = b"devdev-state"


class BadHeader(ValueError):
    """A save does not begin as saves do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What is known of a save."""

    time_ns: int
    """When it was begun, by the host's clock; nothing depends on it."""
    actor: str
    """Whom the history names for it when it is resumed, if there is just one."""
    has_history: bool
    """Whether the history up to it is part of it."""

    def encode(self) -> bytes:
        """The line: a magic word, the version, JSON, and a CRC-32 of these."""
        fields = json.dumps(asdict(self)).encode()
        line = b"%s %d %s" % (_MAGIC, VERSION, fields)
        return b"%s %08x\n" % (line, crc32(line))


def read_header(file: BinaryIO) -> Header:
    """Read the line, and leave the file at the snapshot.

    Raises:
        BadHeader: it is none, or of another version.
    """
    line = file.readline(LINE_MAX)
    words = line.split(b" ", 2)
    if len(words) != 3 or words[0] != _MAGIC:
        raise BadHeader("it does not begin as a save of devdev does")
    if words[1] != b"%d" % VERSION:
        version = words[1].decode("ascii", "replace")
        raise BadHeader(f"it has version {version!r}, and only {VERSION} can be read")
    content, _, check = line.rpartition(b" ")
    if check != b"%08x\n" % crc32(content):
        raise BadHeader("its first line is not as it was written")
    make: Callable[..., Header] = Header
    return make(**json.loads(words[2].rpartition(b" ")[0]))
