"""`Keeper`: saves a filesystem to a directory, when asked and by itself."""

import logging
import os
import time
from collections.abc import Sequence
from threading import Event, Lock, Thread

from devdev_fs import Fs

from devdev_mount._errors import StateError
from devdev_mount._state._directory import Directory, Save
from devdev_mount._state._header import ACTOR_MAX, Header
from devdev_mount._state._options import StateOptions
from devdev_mount._state._resume import header_of, resume
from devdev_mount._status import SavedState

logger = logging.getLogger(__name__)

END_TIMEOUT = 60.0
"""For a save that is going on at the end."""
CHANGES_MAX = 500
"""Changes behind a base, before the next save is a base, if that is small."""
BYTES_A_CHANGE = 64 * 2**10
"""For each so many bytes of the base there may be one change more."""
CHANGES_MIN_BYTES = 4 * 2**20
"""What they may take together, however small the base is."""


class Keeper:
    """Keeps a filesystem's state in a directory; usable from many threads.

    It saves when it is asked to, and every so often if something changed. A save
    takes as long as what changed since the last one, and does not hold up who uses
    the filesystem; when the changes together are larger than the base, it takes as
    long as all of it. `_lock` is held meanwhile: one save at a time.

    Args:
        options: where, and how.
        fs: what a new state begins with; to one that is there it gives the clock, the
            umask and the policies.
        owner: the process on whose behalf this one works; None is this one.

    Raises:
        StateInUse: another process has it.
        StateDamaged: a save is not what was written; with `recover`, all of them.
        StateError: the directory cannot be used.
    """

    def __init__(
        self,
        options: StateOptions,
        fs: Fs,
        *,
        owner: int | None = None,
    ) -> None:
        self._lock = Lock()
        self._interval = options.interval
        self._process = os.getpid()
        self._ending = Event()
        self._is_closed = False
        self._may_drop = False
        self._failure = ""
        self._last: Header | None = None
        """Of the last save."""
        self._since = Fs()
        """The filesystem as it was then."""
        self._saved: Save | None = None
        """That save. Where it is not the newest one, adding that was interrupted."""
        self._checkpoints: list[int] = []
        """The checkpoints that are saved."""
        path = os.path.abspath(options.directory)
        self._directory = Directory(path, self._process if owner is None else owner)
        try:
            self.fs = self._begin(fs, recover=options.recover)
            """The filesystem."""
        except BaseException:
            self._directory.close()
            raise
        self._thread = Thread(target=self._run, name="devdev-state", daemon=True)
        self._thread.start()

    def _begin(self, fs: Fs, *, recover: bool) -> Fs:
        if not self._directory.saves:
            self.fs = fs
            self.save(history=True)
            return fs
        fs = resume(self._directory, fs, recover=recover)
        self._saved = self._directory.saves[-1]
        self._last = header_of(self._directory, self._saved)
        self._since = fs.fork()
        self._checkpoints = _numbers(fs)
        return fs

    def save(self, actor: str = "", *, history: bool = False) -> SavedState:
        """Save what changed since the last time, if anything did.

        Args:
            actor: whom the history names for it, should it be resumed from this.
            history: whether to save the history too: its size counts, then.

        Raises:
            StateError: it cannot be saved. The filesystem has it all, and the next
                save tries again.
        """
        self._check_usable()
        with self._lock:
            self._check_usable()
            try:
                self._save(actor, history)
            except OSError as error:
                reason = error.strerror or error
                self._failure = f"cannot save to {self._directory.path}: {reason}"
                message = f"{self._failure}; the next save tries again"
                raise StateError(message) from error
            self._failure = ""
        return self.saved

    def _check_usable(self) -> None:
        if self._is_closed or os.getpid() != self._process:
            raise StateError(f"the state in {self._directory.path} is not kept here")

    def _save(self, actor: str, history: bool) -> None:
        chain = self._chain()
        is_base = _is_long(chain) or chain[-1] != self._saved
        if not is_base and not self._has_news(history):
            return
        checkpoints = _numbers(self.fs)
        twin, pieces = self.fs.fork_and_dump(
            None if is_base else self._since, history=history or is_base
        )
        header = Header(
            time_ns=time.time_ns(),
            actor=actor.encode("utf-8", "replace")[:ACTOR_MAX].decode(
                "utf-8", "ignore"
            ),
            has_history=history or is_base,
        )
        older = self._directory.saves
        saved = self._directory.add("base" if is_base else "change", header, pieces)
        self._saved, self._last, self._since = saved, header, twin
        if header.has_history:
            self._checkpoints = checkpoints
        if is_base:
            self._directory.remove(older)

    def _chain(self) -> Sequence[Save]:
        """The last base, and the changes that go on from it."""
        saves = self._directory.saves
        begin = max(
            (at for at, save in enumerate(saves) if save.kind == "base"), default=0
        )
        return saves[begin:]

    def _has_news(self, history: bool) -> bool:
        assert self._last is not None
        if self.fs.image_digest() != self._since.image_digest():
            return True
        is_known = self._last.has_history and self._checkpoints == _numbers(self.fs)
        return history and not is_known

    @property
    def saved(self) -> SavedState:
        """What is saved."""
        chain, last = self._chain(), self._last
        assert last is not None
        return SavedState(
            directory=self._directory.path,
            saved_at=last.time_ns / 1e9,
            bytes=sum(save.size for save in chain),
            changes=len(chain) - 1,
            failure=self._failure,
        )

    def _run(self) -> None:
        told = ""
        while not self._ending.wait(self._interval):
            try:
                self.save()
            except StateError as error:
                if str(error) != told and not self._ending.is_set():
                    told = str(error)
                    logger.warning("%s", error)
            except Exception:
                logger.exception("a bug in saving to %s", self._directory.path)
            else:
                told = ""

    def close(self) -> None:
        """Save for a last time, and let others use the directory; again is nothing.

        Raises:
            StateError: it cannot be saved. It is still kept; a second `close` gives
                up what is not saved.
        """
        if self._is_closed:
            return
        if os.getpid() == self._process and not self._may_drop:
            self._may_drop = True
            self.save(history=True)
        self._ending.set()
        if os.getpid() == self._process:
            self._thread.join(END_TIMEOUT)
        self._is_closed = True
        self._directory.close()


def _is_long(chain: Sequence[Save]) -> bool:
    """Whether it is time for another base."""
    if not chain:
        return True
    base, *changes = chain
    if len(changes) >= CHANGES_MAX + base.size // BYTES_A_CHANGE:
        return True
    return sum(save.size for save in changes) > max(base.size, CHANGES_MIN_BYTES)


def _numbers(fs: Fs) -> list[int]:
    return [point.id for point in fs.checkpoints()]
