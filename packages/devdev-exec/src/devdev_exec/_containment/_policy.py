"""`Containment`: what keeps a program from the rest of the host, as a value."""

import os
from dataclasses import dataclass

from devdev_exec._errors import ExecError
from devdev_exec._levels import LEVELS, Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a program may use. None is as much as its owner may.

    They are rlimits: each process is held to them by itself, see setrlimit(2).
    """

    memory: int | None = None
    """Bytes of address space (RLIMIT_AS): more is not given. Programs that reserve much
    and use little, such as node and java, want a lot."""

    processes: int | None = None
    """Processes and threads of this user (RLIMIT_NPROC), those outside included: no
    more are started while there are so many. Root is refused it, as it does not hold
    for root."""

    cpu_seconds: int | None = None
    """Seconds of processor time (RLIMIT_CPU), then SIGKILL."""

    file_size: int | None = None
    """Bytes of the largest file that it may write (RLIMIT_FSIZE)."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ExecError: one is below 1.
        """
        for name, value in self.by_rlimit().items():
            if value < 1:
                raise ExecError(f"a limit is a number above 0, not {value!r} ({name})")

    def by_rlimit(self) -> dict[str, int]:
        """The limits that are set, by what setrlimit(2) calls them."""
        limits = {
            "RLIMIT_AS": self.memory,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_CPU": self.cpu_seconds,
            "RLIMIT_FSIZE": self.file_size,
        }
        return {name: value for name, value in limits.items() if value is not None}


NO_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Containment:
    """How a program is contained.

    Where the host does not offer `level`, the next lower one that it does offer is
    taken, down to "none", and named in the result; `require` refuses that.
    """

    level: Level = "namespaces"
    """"landlock": it reads the system and changes the workspace; "namespaces": it sees
    nothing else, at `/workspace`, and no process of the host. See docs/containment.md
    for what each stops and what it does not."""

    require: Level = "none"
    """Run at this level or above, or not at all."""

    network: bool = False
    """Whether it may reach the network."""

    read: tuple[str, ...] = ()
    """Absolute paths of the host that it may read and execute, beside the system's."""

    write: tuple[str, ...] = ()
    """Absolute paths of the host that it may change, beside the workspace."""

    limits: Limits = NO_LIMITS
    """What it may use; they hold at each level, "none" included."""

    def __post_init__(self) -> None:
        """Check what can be without the host.

        Raises:
            ExecError: there is no such level; `require` is above `level`; a path is
                not absolute.
        """
        for level in (self.level, self.require):
            if level not in LEVELS:
                known = ", ".join(LEVELS)
                raise ExecError(f"there is no level {level!r} of containment: {known}")
        if LEVELS.index(self.require) > LEVELS.index(self.level):
            raise ExecError(
                f"containment requires {self.require!r} but asks for {self.level!r}"
            )
        for name in ("read", "write"):
            paths = getattr(self, name)
            if isinstance(paths, str):
                raise ExecError(f"{name} lists paths, it is not one string: {paths!r}")
            for path in paths:
                if not os.path.isabs(path) or "\0" in path:
                    raise ExecError(f"{name} takes absolute paths, not {path!r}")
            object.__setattr__(self, name, tuple(paths))
