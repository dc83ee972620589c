"""`Race`: several programs, each on a fork, of which the first that passes is kept."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Any

from devdev_mount import FsError, MountError

from devdev_exec._cancellation import Cancellation
from devdev_exec._errors import ExecCancelled, ExecError
from devdev_exec._result import ExecResult
from devdev_exec._transaction import Check, Origin, Transaction, Trial

DEFAULT_PARALLEL = 4
"""How many attempts run at a time unless the caller says otherwise."""


class Outcome(StrEnum):
    """What became of an attempt."""

    WON = "won"
    """It was the first that passed."""
    FAILED = "failed"
    """Its program did not exit with 0."""
    REJECTED = "rejected"
    """It did not pass the check."""
    BEATEN = "beaten"
    """Another one won before: it was ended, or never started."""
    BROKEN = "broken"
    """It could not be run, or checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One program of a race, and what became of it."""

    argv: tuple[str, ...]
    outcome: Outcome
    result: ExecResult | None = None
    """How it ended; None if it did not by itself."""
    check: ExecResult | None = None
    """How the program that checked it ended."""
    error: Exception | None = None
    """Why it is broken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    """What became of a race."""

    attempts: tuple[Attempt, ...]
    """In the order in which they were given."""
    winner: Transaction | None
    """The first that passed, committed unless there are conflicts; None if none did."""


def run_race(
    origin: Origin,
    attempts: Sequence[Sequence[str]],
    *,
    actors: Sequence[str],
    check: Check | None,
    parallel: int,
    require_same_path: bool,
    options: dict[str, Any],
) -> Race:
    """See `Workspace.race`."""
    if not attempts:
        raise ExecError("a race needs at least one attempt")
    if parallel < 1:
        raise ExecError(f"parallel={parallel!r}: at least one attempt has to run")
    running = _Running(origin, check, require_same_path, options)
    with ExitStack() as failed:
        failed.callback(running.drop)
        with ThreadPoolExecutor(min(parallel, len(attempts)), "devdev-race") as pool:
            try:
                ended = [*pool.map(running.attempt, attempts, actors)]
            except BaseException:
                running.stop()
                raise
        if running.winner is not None:
            running.winner.commit()
        failed.pop_all()
    return Race(attempts=tuple(ended), winner=running.winner)


class _Running:
    """A race that goes on. `_lock` guards who has won, and who is still there."""

    def __init__(
        self,
        origin: Origin,
        check: Check | None,
        require_same_path: bool,
        options: dict[str, Any],
    ) -> None:
        self._origin = origin
        self._check = check
        self._require_same_path = require_same_path
        self._options = options
        self._lock = Lock()
        self._is_over = False
        self._there: set[Cancellation] = set()
        self.winner: Transaction | None = None

    def stop(self) -> None:
        """Have nobody win any more, and end those that run."""
        with self._lock:
            self._is_over = True
            there = [*self._there]
        for cancellation in there:
            cancellation.cancel()

    def drop(self) -> None:
        """Let go of what the winner changed, if somebody has won."""
        if self.winner is not None:
            self.winner.close()

    def attempt(self, argv: Sequence[str], actor: str) -> Attempt:
        """Run one of them to its end."""
        cancellation = Cancellation()
        with self._lock:
            if self._is_over:
                return Attempt(argv=tuple(argv), outcome=Outcome.BEATEN)
            self._there.add(cancellation)
        try:
            return self._run(argv, actor, cancellation)
        except ExecCancelled:
            return Attempt(argv=tuple(argv), outcome=Outcome.BEATEN)
        except (ExecError, MountError, FsError, OSError) as error:
            return Attempt(argv=tuple(argv), outcome=Outcome.BROKEN, error=error)
        finally:
            with self._lock:
                self._there.discard(cancellation)

    def _run(
        self, argv: Sequence[str], actor: str, cancellation: Cancellation
    ) -> Attempt:
        trial = Trial(self._origin, require_same_path=self._require_same_path)
        with ExitStack() as lost:
            lost.callback(trial.drop)
            result = trial.exec(argv, cancellation=cancellation, **self._options)
            checked: ExecResult | None = None
            outcome = Outcome.FAILED
            if result.ok:
                if callable(self._check):
                    passes = self._check(trial.fs, result)
                elif self._check is not None:
                    checked = trial.exec(
                        self._check, cancellation=cancellation, **self._options
                    )
                    passes = checked.ok
                else:
                    passes = True
                outcome = Outcome.REJECTED
                if passes:
                    outcome = Outcome.BEATEN
                    if self._is_first():
                        self.winner = trial.finish(result, actor)
                        outcome = Outcome.WON
        return Attempt(argv=tuple(argv), outcome=outcome, result=result, check=checked)

    def _is_first(self) -> bool:
        """Whether nobody has passed before; then the others are ended."""
        with self._lock:
            if self._is_over:
                return False
            self._is_over = True
        self.stop()
        return True
