"""What is known of the store outside of it, kept in step: open files, and names."""

from collections.abc import Sequence

from devdev_fs import Change, ChangeKind, Fs, Ino

from devdev_mount._deferred import Deferred
from devdev_mount._winfsp._handles import Handles
from devdev_mount._winfsp._places import Places

CLOSE_TIMEOUT = 1.0  # for what other mounts are still told


class WinFspMirror:
    """A `devdev_fs.Mirror`. Windows itself is asked to keep nothing.

    Args:
        fs: what is mounted.
    """

    def __init__(self, fs: Fs) -> None:
        self._deferred = Deferred("devdev-winfsp-deferred")
        self.attachment = fs.attach(self)
        self.handles = Handles(self.attachment.inodes)
        self.places = Places(self.attachment)

    # --- devdev_fs.Mirror --------------------------------------------------------

    def flush(self) -> None:
        """Nothing, since WinFsp passes writes on at once.

        Of mapped pages it is told only when Windows writes them back.
        """

    def orphaned(self, moves: Sequence[tuple[Ino, Ino]]) -> None:
        """Go on under the new numbers."""
        self.handles.renumber(dict(moves))

    def changed(self, changes: Sequence[Change]) -> None:
        """Forget the names of directories in which names changed."""
        directories = {
            change.ino for change in changes if change.kind is ChangeKind.ENTRY
        }
        with self.attachment.lock:
            self.places.drop(directories)

    # --- others ------------------------------------------------------------------

    def tell(self) -> None:
        """Have other mirrors told what this one changed, after the answer.

        To be called with the store's lock held.
        """
        if self.attachment.has_unpublished:
            self._deferred.add(self.attachment.publish)

    def close(self) -> None:
        """Have no more part in it; what is open is let go of."""
        self._deferred.close(CLOSE_TIMEOUT)
        with self.attachment.lock:
            self.handles.close_all()
        self.attachment.detach()
