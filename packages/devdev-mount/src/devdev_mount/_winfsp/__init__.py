"""The `winfsp` driver: a drive or a directory on Windows, over winfspy and WinFsp."""

from devdev_mount._winfsp._driver import WinFspDriver as WinFspDriver
