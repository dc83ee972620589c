"""Who runs operations: the one way from an interface to the table behind it."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from devdev_fs._table import InodeTable

P = ParamSpec("P")
T = TypeVar("T")

Operation = Callable[Concatenate[InodeTable, P], T]
"""What runs in one critical section: a function of the table and plain values."""


class Runner(Protocol):
    """Runs an operation on a filesystem, wherever its table lives."""

    def __call__(
        self,
        op: Callable[Concatenate[InodeTable, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run `op` in one critical section and return what it returns."""
        ...
