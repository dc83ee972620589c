"""How many columns a character takes."""

import unicodedata
from functools import lru_cache

ZERO_WIDTH_JOINER = "\u200d"

_SOFT_HYPHEN = "\u00ad"
_JAMO = range(0x1160, 0x1200)  # vowels and finals, which join the initial before them


@lru_cache(maxsize=4096)
def width(character: str) -> int:
    """0 for what joins the character before it, 2 for wide characters, or 1."""
    if character == _SOFT_HYPHEN:
        return 1
    joins = unicodedata.category(character) in ("Mn", "Me", "Cf")
    if joins or ord(character) in _JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
