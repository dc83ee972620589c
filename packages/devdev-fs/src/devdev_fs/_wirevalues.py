"""Values on the wire: plain ones from any, and back by what is annotated.

What a plain value means follows from the operation's own annotations, so a value has
one description only: the signature.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NewType, Union, get_args, get_origin, get_type_hints

from devdev_fs._namei import as_bytes

_PLAIN = frozenset({int, bytes, bool, NoneType})
"""Types whose values are plain: of nearly all that is in a listing."""


def plain(value: object) -> object:
    """A value in CBOR's own types: records become arrays of their fields.

    Text that is no Unicode, as a path can be, becomes bytes (PEP 383).
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, tuple | list):
        return [item if type(item) in _PLAIN else plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [plain(getattr(value, name)) for name in _field_names(type(value))]
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


def _plain_text(value: str) -> str | bytes:
    try:
        value.encode()
    except UnicodeEncodeError:
        return as_bytes(value)
    return value


@cache
def _field_names(record: type) -> tuple[str, ...]:
    """The fields of a dataclass or a named tuple, in their order."""
    if is_dataclass(record):
        return tuple(field.name for field in fields(record))
    return tuple(record.__annotations__)


Op = Callable[..., Any]
"""A function whose arguments and result go over the wire."""

Reader = Callable[[Any], Any]
"""Makes of a plain value one of some type."""


def same(value: Any) -> Any:
    """The value, which is plain."""
    return value


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


@cache
def reader(hint: Any) -> Reader:
    """What turns a plain value back into one of the annotated type."""
    if isinstance(hint, NewType):
        return reader(hint.__supertype__)
    origin, inner = get_origin(hint), get_args(hint)
    if hint is str:
        return _text
    if origin is list:
        item = reader(inner[0])
        return same if item is same else lambda value: [item(each) for each in value]
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return _tuple_reader(reader(inner[0]))
        parts = [reader(part) for part in inner]
        return lambda value: tuple(
            part(each) for part, each in zip(parts, value, strict=True)
        )
    if origin in (Union, UnionType):
        return _union_reader(hint, inner)
    if origin is Literal or not isinstance(hint, type):
        return same
    return _record_reader(hint)


def _tuple_reader(item: Reader) -> Reader:
    return lambda value: tuple(map(item, value))


def _union_reader(hint: Any, inner: tuple[Any, ...]) -> Reader:
    # Text among them is a path, which may as well be bytes.
    readers = [*{reader(part) for part in inner} - {same, _text}]
    if not readers:
        return same
    assert len(inner) == 2, f"{hint} cannot be told apart"
    assert NoneType in inner, f"{hint} cannot be told apart"
    return lambda value: None if value is None else readers[0](value)


def _record_reader(hint: type) -> Reader:
    if issubclass(hint, tuple) or is_dataclass(hint):
        hints = get_type_hints(hint)
        readers = [(name, reader(hints[name])) for name in _field_names(hint)]
        if all(read is same for _, read in readers) and issubclass(hint, tuple):
            return lambda value: hint(*value)
        return lambda value: hint(
            **{
                name: read(each)
                for (name, read), each in zip(readers, value, strict=True)
            }
        )
    return hint if issubclass(hint, int) and hint not in (int, bool) else same


@cache
def readers_of(op: Op) -> tuple[tuple[Reader, ...], Reader]:
    """Readers for the arguments behind the table, and for the result."""
    hints = get_type_hints(op)
    result = hints.pop("return")
    hints.pop("table", None)
    return tuple(map(reader, hints.values())), reader(result)
