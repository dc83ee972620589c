"""Tools for tests of programs that use a workspace.

The fixtures of the pytest plugin `devdev_pytest` are made of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from devdev_mount import Difference, FsBase
from devdev_mount.testing import ManualClock as ManualClock

from devdev_exec._workspace import Workspace

_SHOWN = 4000  # characters of a diff in a message


@contextmanager
def assert_changed(where: FsBase | Workspace, *paths: str) -> Iterator[None]:
    """Assert that what is done in the `with` block changes these paths and no others.

    A path counts as changed if it is new, gone or renamed (both its names), or if its
    content, mode, owner, attributes or target are others. Without any path, nothing
    may change. What only reads moves times of access, which is no change.

    Args:
        where: a filesystem or a workspace; of one that is copied, `push` and `pull`
            are up to the block.
        paths: absolute, as seen from the root.

    Raises:
        AssertionError: other paths changed; says which, and how.
    """
    fs = where.fs if isinstance(where, Workspace) else where
    with fs.fork() as before:
        yield
        with fs.fork() as after:
            differences = after.diff(before)
            found = {path for each in differences for path in _paths(each)}
            expected = {path.rstrip("/") or "/" for path in paths}
            if found != expected:
                diff = after.diff_text(before).decode("utf-8", "backslashreplace")
                raise AssertionError(_message(expected, found, differences, diff))


def _paths(difference: Difference) -> Iterator[str]:
    yield difference.path
    if difference.old_path:
        yield difference.old_path


def _message(
    expected: set[str], found: set[str], differences: list[Difference], diff: str
) -> str:
    lines = [f"did not change: {path}" for path in sorted(expected - found)]
    for each in differences:
        if not expected.issuperset(_paths(each)):
            old = f"{each.old_path} -> " if each.old_path else ""
            lines.append(f"changed, too: {old}{each.path} ({each.kind.name.lower()})")
    return "\n".join((*lines, "", diff[:_SHOWN])).rstrip()


__all__ = ("ManualClock", "assert_changed")
