"""Arguments as the one string that a program of Windows is started with."""

import errno
import ntpath
from collections.abc import Iterable, Mapping, Sequence
from subprocess import list2cmdline

from devdev_exec._errors import SpawnError

_BATCH = (".bat", ".cmd")
_UNSAFE_IN_BATCH = frozenset('"%!^&|<>\r\n')
"""What cmd.exe, which runs a batch file, gives a meaning of its own in spite of quotes.
No quoting is right for all of its parsers."""

_SHORTEST_PATHEXT = ".COM;.EXE;.BAT;.CMD"


def command_line(program: str, arguments: Sequence[str]) -> str:
    """The string from which the C library's startup code makes the arguments again.

    Args:
        program: the file that is started.
        arguments: all, the program's name among them.

    Raises:
        SpawnError: an argument has a NUL, or the program is a batch file and an
            argument would be taken for something else by cmd.exe.
    """
    for argument in arguments:
        if "\0" in argument:
            raise SpawnError(f"a NUL in the argument {argument!r}", errno.EINVAL)
    if ntpath.splitext(program)[1].lower() in _BATCH:
        for argument in arguments[1:]:
            if not _UNSAFE_IN_BATCH.isdisjoint(argument):
                raise SpawnError(
                    f"{argument!r} cannot be passed safely to a batch file, "
                    f"{program!r}: cmd.exe would take parts of it for its own",
                    errno.EINVAL,
                )
    return list2cmdline(arguments)


def arguments_of(line: str) -> str:
    """A command line without the program's name that it begins with.

    In a name, unlike in arguments, a backslash before a quote has no meaning.
    """
    if line.startswith('"'):
        return line[1:].partition('"')[2].lstrip()
    return line.partition(" ")[2]


def candidates(name: str, cwd: str, environment: Mapping[str, str]) -> Iterable[str]:
    """The files that a program's name may mean, in the order to look for them.

    A name with a slash or a drive starts at `cwd`; another is looked up in PATH, and
    not in `cwd`. A name without one of the endings of PATHEXT gets each of them.
    """
    folded = {key.upper(): value for key, value in environment.items()}
    endings = [
        ending
        for ending in folded.get("PATHEXT", _SHORTEST_PATHEXT).split(";")
        if ending
    ]
    is_place = bool(ntpath.dirname(name) or ntpath.splitdrive(name)[0])
    places = [cwd] if is_place else folded.get("PATH", "").split(";")
    has_ending = name.lower().endswith(tuple(ending.lower() for ending in endings))
    for place in places:
        path = (
            ntpath.normpath(ntpath.join(cwd, place.strip('"'), name)) if place else ""
        )
        if path and has_ending:
            yield path
        elif path:
            yield from (path + ending.lower() for ending in endings)
