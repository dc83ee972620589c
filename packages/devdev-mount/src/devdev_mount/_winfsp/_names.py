"""Names and paths, as Windows shows them and as the store has them.

Every name of the store has one name on Windows, and two names never have the same:
what Windows cannot have in a name is shown as a character of Unicode's private use
area, U+F000 plus the byte, as Cygwin and WSL do. What a program gives as a name is
taken back by the same rule, so that such files can be opened, renamed and removed.
"""

import re
from functools import lru_cache

from devdev_mount._winfsp._ntstatus import NtError, NtStatus

_ESCAPED = 0xF000
_FORBIDDEN = frozenset('"*:<>?|\\') | {chr(code) for code in range(1, 32)}
"""What a file name must not hold (Microsoft, "Naming Files, Paths, and Namespaces")."""
_DEVICES = re.compile(
    r"(con|prn|aux|nul|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3]|conin\$|conout\$)"
    r" *(\.|:|$)",
    re.IGNORECASE,
)
"""Names that mean devices, in any directory and with any extension."""
_NO_PART = re.compile(rb"[/\0]")
"""What no name of the store has in it."""


@lru_cache(maxsize=4096)
def shown(name: bytes) -> str:
    """The name that Windows is shown for a name of the store."""
    text = "".join(map(_shown_character, name.decode("utf-8", "surrogateescape")))
    if _DEVICES.match(text):
        text = _escape(text[0]) + text[1:]
    if text[-1] in " .":
        text = text[:-1] + _escape(text[-1])
    return text


def stored(name: str) -> bytes:
    """The name of the store that Windows means.

    Raises:
        NtError: OBJECT_NAME_INVALID: no name is shown like that: half of a surrogate
            pair is in it, a character that stands for one that needs no standing
            for, or one of those that are not shown as themselves.
    """
    try:
        result = b"".join(map(_stored_character, name))
    except UnicodeEncodeError:
        raise NtError(NtStatus.OBJECT_NAME_INVALID) from None
    is_name = result not in (b"", b".", b"..") and not _NO_PART.search(result)
    if not is_name or shown(result) != name:
        raise NtError(NtStatus.OBJECT_NAME_INVALID)
    return result


def split(path: str) -> list[str]:
    r"""The names of a path such as `\a\b`; none is the root.

    Raises:
        NtError: OBJECT_NAME_INVALID: it names a stream of a file, as `\a:b` does; there
            are no others than the content.
    """
    if ":" in path:
        raise NtError(NtStatus.OBJECT_NAME_INVALID)
    return [name for name in path.split("\\") if name]


def fold(name: str) -> str:
    """What names that differ only in case have in common.

    As a table of NTFS or Windows itself has it: character by character, within the
    first 65,536, and only where the way back is the same.
    """
    return "".join(map(_folded_character, name))


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or character > "\uffff" or upper.lower() != character:
        return character
    return upper


def _shown_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8
        return chr(_ESCAPED + ord(character) - 0xDC00)
    if character in _FORBIDDEN:
        return _escape(character)
    if _stands_for_a_byte(character):
        return "".join(chr(_ESCAPED + byte) for byte in character.encode())
    return character


def _stored_character(character: str) -> bytes:
    if _stands_for_a_byte(character):
        return bytes([ord(character) - _ESCAPED])
    return character.encode()


def _stands_for_a_byte(character: str) -> bool:
    return _ESCAPED <= ord(character) <= _ESCAPED + 0xFF


def _escape(character: str) -> str:
    """A character of ASCII, as a private one."""
    return chr(_ESCAPED + ord(character))
