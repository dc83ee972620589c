"""Runs the `devdev` command: `python -m devdev_exec`."""

import sys

from devdev_exec._cli import main

if __name__ == "__main__":
    sys.exit(main())
