"""What can go wrong between a filesystem and the host that is to show it."""


class MountError(Exception):
    """Mounting or unmounting failed. The message says what to do about it."""


class DriverUnavailable(MountError):
    """This host cannot mount. The message names what is missing and how to get it."""


class ServerDied(MountError):
    """The process that owned the filesystem ended; what was in it is lost."""


class StateError(Exception):
    """A state directory cannot be used. The message names it, and what to do."""


class StateInUse(StateError):
    """Another process keeps its state there."""


class StateDamaged(StateError):
    """A save in a state directory is not what was written. Nothing was changed."""


class HostChanged(MountError):
    """What would be changed on the host is not what it was when it was imported.

    `paths` has it, as seen from the directory. Nothing was changed.
    """

    def __init__(self, directory: str, paths: tuple[str, ...]) -> None:
        super().__init__(directory, paths)
        self.directory = directory
        self.paths = paths

    def __str__(self) -> str:
        return f"changed in {self.directory!r} meanwhile: {', '.join(self.paths)}"
