"""The environment of a program on Windows: what it must have, and as a block."""

from collections.abc import Mapping

NEEDED = (
    "ComSpec",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "SystemDrive",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "windir",
)
"""Without these, programs do not find Windows itself: sockets and random numbers fail
without SystemRoot, cmd.exe finds nothing without PATHEXT."""


def complete(given: Mapping[str, str], host: Mapping[str, str]) -> dict[str, str]:
    """Add what Windows' programs need and was not given, from the host's own.

    Names are the same whatever their case; of two that are given, the later counts.
    """
    result: dict[str, tuple[str, str]] = {}
    hosts = {name.upper(): value for name, value in host.items()}
    for name in NEEDED:
        if name.upper() in hosts:
            result[name.upper()] = (name, hosts[name.upper()])
    for name, value in given.items():
        result[name.upper()] = (name, value)
    return dict(result[key] for key in sorted(result))


def block(environment: Mapping[str, str]) -> str:
    """The variables as CreateProcess takes them, each with a NUL behind it."""
    return "".join(f"{name}={value}\0" for name, value in environment.items())
