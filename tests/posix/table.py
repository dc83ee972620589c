"""What a case is, and the tables that cases stand in by name."""

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import product
from typing import NamedTuple, TypeVar

from tests.posix.protocol import Feature

Function = TypeVar("Function", bound=Callable[..., None])

Axis = Mapping[str, object] | Iterable[str]
"""What a case is repeated over: values by their names, or names as values."""


class Case(NamedTuple):
    """One rule: a function of a `Posix`, or of a `Kernel` if it needs anything."""

    run: Callable[..., None]
    needs: frozenset[Feature]


class Cases(dict[str, Case]):
    """The cases of one topic, filled by using it as a decorator.

    `@cases(AXIS, ...)` makes one case for each combination; the function gets the
    values after the backend.
    """

    def __init__(self, topic: str) -> None:
        super().__init__()
        self._topic = topic

    def __call__(
        self, *axes: Axis, needs: Feature | Collection[Feature] = ()
    ) -> Callable[[Function], Function]:
        needed = frozenset([needs] if isinstance(needs, Feature) else needs)

        def add(function: Function) -> Function:
            for values in product(*map(_items, axes)):
                names = [name for name, _ in values]
                name = "-".join([f"{self._topic}.{function.__name__}", *names])
                assert name not in self, f"two cases are called {name}"
                arguments = [value for _, value in values]
                self[name] = Case(_with(function, arguments), needed)
            return function

        return add


def _items(axis: Axis) -> list[tuple[str, object]]:
    if isinstance(axis, Mapping):
        return list(axis.items())
    return [(name, name) for name in axis]


def _with(
    function: Callable[..., None], arguments: list[object]
) -> Callable[..., None]:
    """A function of the backend alone."""

    def run(posix: object) -> None:
        function(posix, *arguments)

    return run
