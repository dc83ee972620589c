"""The standard streams of this process: there, and quiet at the end."""

import io
import os
import sys


def open_missing_streams() -> None:
    """Open what was closed, so that no socket gets the number of a standard stream.

    What cannot be encoded, as in the names of files, is then written as an escape.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It gets the lowest free number, and so its own.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Let the interpreter flush at its end to where nobody complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
