"""A mount's private directory; `_reaper` loads this without the rest."""

import contextlib
import errno
import os
import shutil


def make_directory(undo: contextlib.ExitStack) -> str:
    """Make one, without symbolic links in its path; `undo` removes it."""
    import tempfile  # `_reaper` is to start quickly

    path = os.path.realpath(tempfile.mkdtemp(prefix="devdev-ws-"))
    undo.callback(remove_directory, path)
    return path


def remove_directory(path: str) -> None:
    """Remove it, with what programs put there that did not notice that the mount ended.

    A mount that is still there is safe: its directory can neither be removed nor
    renamed, and only what was renamed is looked into.

    Raises:
        OSError: EBUSY: something is mounted on it.
    """
    try:
        with contextlib.suppress(FileNotFoundError):  # the watcher has removed it
            os.rmdir(path)
    except OSError as exc:
        if exc.errno != errno.ENOTEMPTY:
            raise
        # Under another name, nobody adds to it any more.
        late = f"{path}.late"
        os.rename(path, late)
        shutil.rmtree(late, ignore_errors=True)
