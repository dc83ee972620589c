"""The first moments of the `devdev` command, in which it loads what it needs.

It is a package of its own because to import anything of `devdev_exec` is to load all
of it, which takes a good part of what a short command takes.
"""

import signal


def main() -> int:
    """Run `devdev`; return its exit code.

    Ctrl-C ends it at once while it loads, when there is nothing to free yet. Later the
    command itself says what signals do.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from devdev_exec._cli import main as run

    return run()
