"""The `fuse` driver: the kernel's FUSE protocol over /dev/fuse, without a library."""

from devdev_mount._fuse._session import FuseDriver as FuseDriver
