"""Executes a program as execvp(3) does, and says why one cannot be executed (Linux).

It is loaded by processes that start quickly and have little: it imports nothing more.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only processes that become a program load this, on Linux only")

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


class NotStarted(Exception):
    """Why the program cannot be run; `str()` is for the caller to read."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.errno = code


def execute(argv: list[str], env: dict[str, str]) -> "NoReturn":
    """Execute a program as execvp(3) does, but with the PATH of `env`.

    A script without `#!` is refused, not handed to a shell.

    Raises:
        NotStarted: It cannot be executed.
    """
    name = argv[0]
    # An empty entry is the working directory, where a name with a slash starts too.
    # os.get_exec_path imports a module, which a contained process may not read.
    search = [""] if "/" in name else env.get("PATH", os.defpath).split(":")
    refusal = None
    for directory in search:
        candidate = os.path.join(directory, name)
        try:
            os.execve(candidate, argv, env)
        except OSError as exc:
            is_absent = exc.errno in (errno.ENOENT, errno.ENOTDIR)
            if refusal is None and not (is_absent and not os.path.lexists(candidate)):
                refusal = _explain(candidate, exc)
            if not is_absent and exc.errno != errno.EACCES:
                break
    if refusal is not None:
        raise refusal
    if "/" in name:
        where = f"does not exist (seen from {os.getcwd()!r})"
    else:
        where = (
            f"is not in PATH ({':'.join(search)}); install it, give its path, "
            "or pass another PATH"
        )
    raise NotStarted(errno.ENOENT, f"program {name!r} {where}")


def _explain(path: str, refusal: OSError) -> NotStarted:
    """Say why a program that is there was not executed."""
    match refusal.errno:
        case errno.EACCES if os.path.isdir(path):
            reason = "is a directory, not a program"
        case errno.EACCES if not os.access(path, os.X_OK):
            reason = "is not executable; chmod +x it, or run it by its interpreter"
        case errno.EACCES:
            reason = "or its interpreter may not be executed by this user"
        case errno.ENOENT if not os.path.exists(path):
            reason = "is a symbolic link to nothing"
        case errno.ENOENT:
            reason = f"needs {_interpreter(path)}, which does not exist"
        case errno.ENOEXEC:
            reason = (
                "is in no format that this machine executes; a script begins with "
                "#! and its interpreter"
            )
        case errno.ETXTBSY:
            reason = "is open for writing; close it first"
        case errno.E2BIG:
            reason = "got more arguments and environment than execve(2) takes"
        case _:
            reason = f"cannot be executed: {refusal.strerror}"
    return NotStarted(refusal.errno or errno.EINVAL, f"program {path!r} {reason}")


def _interpreter(path: str) -> str:
    with open(path, "rb") as file:
        line = file.readline(256)
    if not line.startswith(b"#!"):
        return "the loader of another system"
    return f"the interpreter {os.fsdecode(line[2:].strip())!r} of its first line"
