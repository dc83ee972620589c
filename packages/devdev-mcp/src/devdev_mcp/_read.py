"""Chooses the part of a file that one answer shows."""

import base64
from dataclasses import dataclass

from devdev_mcp._budget import BASE64_PER_TOKEN, BYTES_PER_TOKEN, cut_head, size_of
from devdev_mcp._errors import ToolFailure
from devdev_mcp._text import BOM, Text

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
MAX_IMAGE_BYTES = 5 * 1024**2
"""What models take; a larger image is only bytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file, and where to go on."""

    content: str
    truncated: bool
    start_line: int | None = None
    end_line: int | None = None
    next_line: int | None = None
    next_byte_offset: int | None = None


def image_type(data: bytes) -> str | None:
    """The media type of an image that models take; None for anything else."""
    if len(data) > MAX_IMAGE_BYTES:
        return None
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next(
        (kind for magic, kind in _IMAGES.items() if data.startswith(magic)), None
    )


def part_of_lines(text: Text, start: int, end: int | None, tokens: int) -> Part:
    """The lines `start` to `end`, counted from 1, as many as the budget allows.

    A first line that is over the budget by itself is cut; the rest of it is found
    by its byte offset.

    Raises:
        ToolFailure: BAD_RANGE.
    """
    total = text.total_lines
    last = total if end is None else min(end, total)
    if start > max(total, 1) or (end is not None and end < start):
        message = f"lines {start} to {end or 'the end'} of {total}"
        hint = f"Ask for lines within 1 to {total}."
        raise ToolFailure("BAD_RANGE", message, hint=hint)
    lines = [f"{line}\n" for line in text.content.split("\n")]
    lines[-1] = lines[-1][:-1]
    room = tokens * BYTES_PER_TOKEN
    taken = start - 1
    while taken < last and (size := size_of(lines[taken])) <= room:
        room -= size
        taken += 1
    if taken == start - 1 and taken < last:
        before = size_of("".join(lines[:taken])) + len(BOM) * text.bom
        return _cut_line(lines[taken], before, start, tokens)
    return Part(
        "".join(lines[start - 1 : taken]),
        truncated=taken < last,
        start_line=start,
        end_line=taken,
        next_line=taken + 1 if taken < total else None,
    )


def _cut_line(line: str, offset: int, number: int, tokens: int) -> Part:
    content = cut_head(line, tokens * BYTES_PER_TOKEN)
    return Part(
        content,
        truncated=True,
        start_line=number,
        end_line=number,
        next_byte_offset=offset + size_of(content),
    )


def part_of_text(data: bytes, text: Text, offset: int, tokens: int) -> Part:
    """The text from a byte offset on, whole characters.

    Raises:
        ToolFailure: BAD_RANGE.
    """
    check_offset(data, offset)
    offset = max(offset, len(BOM) * text.bom)
    rest = data[offset : offset + tokens * BYTES_PER_TOKEN]
    content = rest.decode(errors="ignore")
    end = offset + len(rest)
    while end < len(data) and data[end] & 0xC0 == 0x80:  # within a character
        end -= 1
    return _part_of_bytes(content, end, len(data))


def part_of_binary(data: bytes, offset: int, tokens: int) -> Part:
    """The bytes from an offset on, as base64.

    Raises:
        ToolFailure: BAD_RANGE.
    """
    check_offset(data, offset)
    count = tokens * BASE64_PER_TOKEN // 4 * 3
    part = data[offset : offset + count]
    content = base64.b64encode(part).decode()
    return _part_of_bytes(content, offset + len(part), len(data))


def check_offset(data: bytes, offset: int) -> None:
    """Refuse an offset behind the end."""
    if offset > len(data):
        message = f"byte_offset {offset} is behind the end at {len(data)}"
        raise ToolFailure("BAD_RANGE", message)


def _part_of_bytes(content: str, end: int, size: int) -> Part:
    is_more = end < size
    return Part(content, is_more, next_byte_offset=end if is_more else None)
