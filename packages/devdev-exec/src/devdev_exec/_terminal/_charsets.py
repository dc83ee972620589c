"""The character sets that programs still switch between."""

_LINES = {
    "`": "\u25c6",
    "a": "\u2592",
    "b": "\u2409",
    "c": "\u240c",
    "d": "\u240d",
    "e": "\u240a",
    "f": "\u00b0",
    "g": "\u00b1",
    "h": "\u2424",
    "i": "\u240b",
    "j": "\u2518",
    "k": "\u2510",
    "l": "\u250c",
    "m": "\u2514",
    "n": "\u253c",
    "o": "\u23ba",
    "p": "\u23bb",
    "q": "\u2500",
    "r": "\u23bc",
    "s": "\u23bd",
    "t": "\u251c",
    "u": "\u2524",
    "v": "\u2534",
    "w": "\u252c",
    "x": "\u2502",
    "y": "\u2264",
    "z": "\u2265",
    "{": "\u03c0",
    "|": "\u2260",
    "}": "\u00a3",
    "~": "\u00b7",
}

Charset = dict[int, str] | None
"""As str.translate takes it; None changes nothing."""

_CHARSETS: dict[str, Charset] = {
    "0": str.maketrans(_LINES),
    "A": str.maketrans({"#": "\u00a3"}),
}


def charset(final: str) -> Charset:
    """The set that an escape sequence with this final character designates."""
    return _CHARSETS.get(final)
