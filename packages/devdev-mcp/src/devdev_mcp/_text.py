"""Text files as models see them: characters, without the byte order mark.

Line ends stay as they are in the file. A line ends in a line feed; a carriage
return before it belongs to the end.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Literal

Eol = Literal["lf", "crlf", "mixed", "none"]

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a text file."""

    content: str
    bom: bool
    """Whether the file begins with a byte order mark, which is not in `content`."""

    @property
    def eol(self) -> Eol:
        """How its lines end; "none" if there is no line end."""
        crlf = self.content.count("\r\n")
        lf = self.content.count("\n") - crlf
        if crlf and lf:
            return "mixed"
        return "crlf" if crlf else "lf" if lf else "none"

    @property
    def total_lines(self) -> int:
        """The number of lines; the last one needs no end."""
        ended = self.content.count("\n")
        return ended + (not self.content.endswith("\n") and self.content != "")

    def encode(self) -> bytes:
        """The bytes of the file."""
        return BOM * self.bom + self.content.encode()


def decode_text(data: bytes) -> Text | None:
    """The text that `data` is; None if it is binary: no UTF-8, or with a NUL."""
    bom = data.startswith(BOM)
    try:
        content = data[len(BOM) * bom :].decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in content else Text(content, bom)


def etag_of(data: bytes) -> str:
    """What a content is known by: half of a half of its SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()[:16]


def showable(value: Any) -> Any:
    """The same with escapes for what no UTF-8 has: bytes of names, lone surrogates.

    A client may send them too, and nothing with them could be sent back.
    """
    match value:
        case str():
            return value if value.isascii() else _SURROGATE.sub(_escape, value)
        case list():
            return [showable(each) for each in value]
        case dict():
            return {showable(key): showable(each) for key, each in value.items()}
        case _:
            return value


_SURROGATE = re.compile("[\ud800-\udfff]")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    # From U+DC80 on it stands for a byte: PEP 383.
    is_byte = 0xDC80 <= code <= 0xDCFF
    return f"\\x{code - 0xDC00:02x}" if is_byte else f"\\u{code:04x}"
