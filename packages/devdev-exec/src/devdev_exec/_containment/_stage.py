"""The process that contains a program, and then becomes it (Linux).

It is a fresh interpreter without threads, so what it does to itself is done to all of
it. It imports little, to start quickly. If anything fails, the program does not run.

Its arguments are

    REPORT LEVEL [OPTION...] -- PROGRAM [ARGUMENT...]

REPORT names a pipe, and goes, so that the program cannot open it. To the pipe goes how
it went: "contained", as the last thing before the program, and then "spawn", or in its
place "failed", with an error number and a message.

The options are NAME=VALUE: "RLIMIT_..." is a limit of that name, "bwrap" a word for
bubblewrap, "read" and "write" what Landlock lets through, "network" opens that. The
variables of the program are in the environment, with a prefix to each name so that none
has an effect on this process or on bubblewrap.
"""

import sys

if sys.platform != "linux":
    raise ImportError("containment is for Linux only")

import _signal  # type: ignore[import-not-found]  # signal takes 4 ms: it loads enum
import errno
import os
import resource

from devdev_exec._execve import NotStarted, execute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PREFIX = "DEVDEV_PROGRAM_"
"""Before the name of each variable of the program."""

FAILED = 125
"""The exit code of what did not become the program, as docker's and env(1)'s."""

Options = list[tuple[str, str]]


def main(arguments: list[str]) -> "NoReturn":
    """Contain this process, and become the program."""
    path, level = arguments[:2]
    end = arguments.index("--")
    options = [
        (word[: word.index("=")], word[word.index("=") + 1 :])
        for word in arguments[2:end]
    ]
    report = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    os.unlink(path)
    try:
        _become(level, options, arguments[end + 1 :], report)
    except NotStarted as exc:
        message = f"spawn {exc.errno} {exc}"
    except OSError as exc:
        message = f"failed {exc.errno} {exc.strerror or exc}"
    except BaseException as exc:
        message = f"failed {errno.EINVAL} {exc!r}"
    os.write(report, f"{message}\n".encode("utf-8", "surrogateescape"))
    os._exit(FAILED)


def _become(
    level: str, options: Options, program: list[str], report: int
) -> "NoReturn":
    variables = {
        name.removeprefix(PREFIX): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX)
    }
    for name, value in options:
        if name.startswith("RLIMIT_"):
            _limit(getattr(resource, name), int(value))
    network = bool(_all(options, "network"))
    if level == "namespaces":
        told = [*_all(options, "bwrap"), *_tell_bubblewrap(variables, network, report)]
        _heed_signals()
        os.execve(told[0], [*told, "--", *program], {})
    if level == "landlock":
        # Here, as it takes time, and not every level needs it.
        from devdev_exec._containment._confine import confine

        confine(
            read=_all(options, "read"),
            write=_all(options, "write"),
            network=network,
        )
    os.write(report, b"contained\n")
    _heed_signals()
    execute(program, variables)


def _all(options: Options, wanted: str) -> list[str]:
    return [value for name, value in options if name == wanted]


def _limit(number: int, value: int) -> None:
    _, hard = resource.getrlimit(number)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(number, (value, value))


def _heed_signals() -> None:
    """Undo what Python does when it starts, and a program inherits: ignoring some."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)


def _tell_bubblewrap(
    variables: dict[str, str], network: bool, report: int
) -> list[str]:
    """Further words for bubblewrap: the variables come where nobody else can look."""
    from devdev_exec._containment._seccomp import NAMESPACED, assemble

    settings = "".join(f"--setenv\0{n}\0{v}\0" for n, v in variables.items())
    arguments = _in_memory(settings.encode("utf-8", "surrogateescape"))
    families = None if network else NAMESPACED
    machine = os.uname().machine
    filter = _in_memory(assemble(machine, families=families, is_among_others=False))
    os.set_inheritable(report, True)
    return [
        "--args", str(arguments), "--seccomp", str(filter),
        "--json-status-fd", str(report),
    ]  # fmt: skip


def _in_memory(data: bytes) -> int:
    """A descriptor to inherit, from which `data` can be read."""
    fd = os.memfd_create("devdev", 0)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
