"""What the keys of a terminal send, by their names; as xterm does."""

import re

from devdev_exec._errors import ExecError

_PLAIN = {
    "Enter": "\r",
    "Tab": "\t",
    "Escape": "\x1b",
    "Backspace": "\x7f",
    "Space": " ",
}
_CURSOR = {"Up": "A", "Down": "B", "Right": "C", "Left": "D", "Home": "H", "End": "F"}
"""The last letters: after ESC O in application cursor mode, after CSI otherwise."""
_TILDE = {
    "Insert": 2,
    "Delete": 3,
    "PageUp": 5,
    "PageDown": 6,
    "F5": 15,
    "F6": 17,
    "F7": 18,
    "F8": 19,
    "F9": 20,
    "F10": 21,
    "F11": 23,
    "F12": 24,
}
_FUNCTION = {"F1": "P", "F2": "Q", "F3": "R", "F4": "S"}
_MODIFIERS = {"S": 1, "M": 2, "C": 4}
_NAME = re.compile(r"((?:[SMC]-)*)(.+)", re.DOTALL)
_NAMES = sorted({*_PLAIN, *_CURSOR, *_TILDE, *_FUNCTION})


def key_bytes(name: str, *, application_cursor: bool = False) -> bytes:
    """What a key sends.

    A name is one of a key ("Enter", "Up", "F1") or one character; before it stand the
    modifiers: "C-c", "M-x", "S-Tab", "C-M-Left".

    Args:
        name: The key.
        application_cursor: The program has asked for application cursor keys (DECCKM).

    Raises:
        ExecError: There is no such key.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ExecError("the name of a key is empty")
    prefixes = set(match[1].replace("-", ""))
    key = match[2]
    modifier = sum(_MODIFIERS[prefix] for prefix in prefixes)
    if key in _CURSOR:
        if modifier:
            return f"\x1b[1;{modifier + 1}{_CURSOR[key]}".encode()
        return f"\x1b{'O' if application_cursor else '['}{_CURSOR[key]}".encode()
    if key in _FUNCTION:
        if modifier:
            return f"\x1b[1;{modifier + 1}{_FUNCTION[key]}".encode()
        return f"\x1bO{_FUNCTION[key]}".encode()
    if key in _TILDE:
        suffix = f";{modifier + 1}" if modifier else ""
        return f"\x1b[{_TILDE[key]}{suffix}~".encode()
    return _character(name, key, prefixes)


def _character(name: str, key: str, prefixes: set[str]) -> bytes:
    if key == "Tab" and "S" in prefixes:
        text = "\x1b[Z"
    else:
        text = _PLAIN.get(key, key)
        if len(text) != 1:
            raise ExecError(
                f"there is no key {name!r}; a key is one character or one of "
                f"{', '.join(_NAMES)}, after any of C-, M- and S-; `write` types text"
            )
        if "S" in prefixes:
            text = text.upper()
        if "C" in prefixes:
            text = _control(name, text)
    return (("\x1b" if "M" in prefixes else "") + text).encode()


def _control(name: str, character: str) -> str:
    """The control character of a key, as ASCII has it: the upper bits taken off."""
    if character == "?":
        return "\x7f"
    if character == " ":
        return "\0"
    code = ord(character.upper())
    if 0x40 <= code <= 0x5F:
        return chr(code & 0x1F)
    if code < 0x20 or code == 0x7F:  # Enter, Tab, Escape, Backspace
        return character if character != "\x7f" else "\x08"
    raise ExecError(f"no key sends {name!r}: Control goes with letters and @[\\]^_?")
