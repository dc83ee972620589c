"""How much of a text goes into one answer.

A model pays for every token, and hosts cut or refuse long answers in ways of their
own, so each answer has a budget. Tokenizers differ and none is at hand: a token is
counted as four bytes of UTF-8, which is near for prose and source code, and as two
characters of base64, which every tokenizer splits into small pieces.
"""

from dataclasses import dataclass

BYTES_PER_TOKEN = 4
BASE64_PER_TOKEN = 2
DEFAULT_TOKENS = 10_000
MAX_TOKENS = 20_000


@dataclass(frozen=True, slots=True)
class Shortened:
    """A text within its budget."""

    text: str
    elided: int
    """Bytes of UTF-8 left out of the middle; 0 if it is whole."""


def size_of(text: str) -> int:
    """The length of `text` in bytes of UTF-8."""
    return len(text.encode())


def cut_head(text: str, max_bytes: int) -> str:
    """The beginning of `text`, whole characters of at most `max_bytes`."""
    return text.encode()[:max_bytes].decode(errors="ignore")


def head_and_tail(text: str, tokens: int) -> Shortened:
    """The first and the last half of a budget, with the number of bytes between.

    Both halves are whole lines, unless a line alone is longer than half of them.
    """
    data = text.encode()
    limit = tokens * BYTES_PER_TOKEN
    if len(data) <= limit:
        return Shortened(text, 0)
    half = limit // 2
    head = data[:half]
    line_end = head.rfind(b"\n") + 1
    if line_end > half // 2:
        head = head[:line_end]
    tail = data[len(data) - (limit - half) :]
    line_start = tail.find(b"\n") + 1
    if 0 < line_start < len(tail) // 2:
        tail = tail[line_start:]
    first = head.decode(errors="ignore")
    last = tail.decode(errors="ignore")
    elided = len(data) - size_of(first) - size_of(last)
    separator = "" if first.endswith("\n") else "\n"
    return Shortened(f"{first}{separator}[{elided} bytes elided]\n{last}", elided)
