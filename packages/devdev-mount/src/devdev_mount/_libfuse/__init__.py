"""The `libfuse` driver: the portable one, over fusepy and libfuse 2."""

from devdev_mount._libfuse._session import LibfuseDriver as LibfuseDriver
