"""The items of a snapshot as arrays of numbers and bytes, each within its bounds."""

from collections.abc import Iterable
from typing import Any

from devdev_fs._cbor import Items
from devdev_fs._errno import SnapshotError

_Bounds = tuple[int, int]
"""The least and the greatest that a number may be."""


class Fields:
    """Takes the items of a sequence, and what is in them; says where it was wrong.

    Raises, in each method:
        SnapshotError: something is not what it should be.
    """

    def __init__(self, items: Items) -> None:
        self._items = items
        self._start = 0
        """Where the present item begins, for messages."""

    def wrong(self, what: str) -> SnapshotError:
        """What to raise about the present item."""
        return SnapshotError(f"byte {self._start}: {what}")

    def array(self, what: str) -> tuple[list[object], bytes]:
        """The next item, which is an array, and its encoding."""
        self._start = self._items.offset
        item, encoded = self._items.item(what)
        return self.as_array(item, what), encoded

    def byte_string(self, longest: int, what: str) -> memoryview:
        """The next item, which is a byte string of up to so many bytes."""
        self._start = self._items.offset
        return self._items.byte_string(longest, what)

    def as_array(self, value: object, what: str) -> list[object]:
        """A field that is an array."""
        if type(value) is not list:
            raise self.wrong(f"not {what}: an array is needed")
        return value

    def check_length(self, array: list[object], length: int, what: str) -> None:
        """Check how many fields there are."""
        if len(array) != length:
            message = f"not {what}: {length} fields are needed, not {len(array)}"
            raise self.wrong(message)

    def number(self, value: object, low: int, high: int) -> int:
        """A field that is an integer from `low` to `high`."""
        if type(value) is not int or not low <= value <= high:
            found = self.shown(value)
            raise self.wrong(f"{found} is not an integer from {low} to {high}")
        return value

    def numbers(self, values: list[Any], bounds: Iterable[_Bounds]) -> list[int]:
        """Fields that are integers within their bounds."""
        for value, (low, high) in zip(values, bounds, strict=True):
            # The same check as in `number`, which would be called for each.
            if type(value) is not int or not low <= value <= high:
                self.number(value, low, high)
        return values

    def data(self, value: object, longest: int) -> bytes:
        """A field that is a byte string of up to so many bytes."""
        if type(value) is not bytes or len(value) > longest:
            raise self.wrong(f"not a byte string of up to {longest} bytes")
        return value

    def shown(self, value: object) -> str:
        """A field in a message: itself only if it is certain to be short."""
        if type(value) is int and value.bit_length() <= 64:
            return str(value)
        return f"a {type(value).__name__}"
