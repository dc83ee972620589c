"""Cursors: where a list goes on, as opaque strings."""

import base64
import binascii

from devdev_mcp._errors import ToolFailure

Trail = tuple[bytes, ...]
"""The names from a listed directory down to an entry."""


def encode_cursor(trail: Trail) -> str:
    """A cursor for what comes after the entry with this trail."""
    return base64.urlsafe_b64encode(b"/".join(trail)).decode()


def decode_cursor(cursor: str) -> Trail:
    """The trail in a cursor; none if it is empty.

    Raises:
        ToolFailure: BAD_CURSOR.
    """
    if not cursor:
        return ()
    trail = tuple(_decode(cursor).split(b"/"))
    if not all(trail):
        raise _bad(cursor)
    return trail


def encode_place(path: str, line: int) -> str:
    """A cursor for what comes after a line of a file."""
    place = f"{line}:{path}".encode(errors="surrogateescape")
    return base64.urlsafe_b64encode(place).decode()


def decode_place(cursor: str) -> tuple[str, int]:
    """The path and the line in a cursor.

    Raises:
        ToolFailure: BAD_CURSOR.
    """
    line, colon, path = _decode(cursor).partition(b":")
    if not colon or not line.isdigit():
        raise _bad(cursor)
    return path.decode(errors="surrogateescape"), int(line)


def _decode(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad(cursor) from None


def _bad(cursor: str) -> ToolFailure:
    hint = "Pass next_cursor as it was given, or leave it out to begin anew."
    return ToolFailure("BAD_CURSOR", f"{cursor!r} is no cursor", hint=hint)
