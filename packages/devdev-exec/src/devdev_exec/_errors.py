"""What can go wrong when programs are run, as exceptions."""


class ExecError(Exception):
    """A program could not be run, or its result could not be had."""


class SpawnError(ExecError):
    """A program was not started: it, its directory or its interpreter is at fault.

    Attributes:
        errno: The host's error number, as execve(2) or chdir(2) gave it; EINVAL
            for a request that is wrong in itself.
        no_namespace: Whether it is for want of a mount namespace of the program's own.
    """

    def __init__(self, message: str, errno: int, *, no_namespace: bool = False) -> None:
        super().__init__(message)
        self.errno = errno
        self.no_namespace = no_namespace


class ExecCancelled(ExecError):
    """A program was ended, or not started, because its call was cancelled."""


class ContainmentError(ExecError):
    """A program was not run because it could not be contained as required."""
