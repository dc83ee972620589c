"""Numbers and colours for people: plain text, coloured only on a terminal."""

import os
from typing import TextIO

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


class Style:
    """Colours text for a stream, or leaves it plain."""

    def __init__(self, stream: TextIO) -> None:
        self.is_live = stream.isatty() and os.environ.get("TERM") != "dumb"
        """Lines can be written over."""
        # https://no-color.org: whatever the value is, unless it is empty.
        self._is_coloured = self.is_live and not os.environ.get("NO_COLOR")

    def __call__(self, name: str, text: str) -> str:
        """The text in the colour or weight `name`."""
        if not self._is_coloured:
            return text
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m"


def size_text(count: int) -> str:
    """A number of bytes, as '12.3 MB'."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    value, index = float(count), 0
    while value >= 999.95 and index < len(units) - 1:
        value /= 1000
        index += 1
    return f"{value:.1f} {units[index]}" if index else f"{count} bytes"


def plural(count: int, noun: str) -> str:
    """A number and what is counted, as '1,234 files'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
