"""The `winfsp` driver: a drive or a directory on Windows, over winfspy and WinFsp."""
