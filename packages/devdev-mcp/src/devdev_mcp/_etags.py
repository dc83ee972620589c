"""Whole contents of files, and whether one is still what a caller knows."""

import errno

from devdev_exec import FsBase, FsError, Stat

from devdev_mcp._errors import ToolFailure
from devdev_mcp._text import etag_of

MAX_FILE_BYTES = 64 * 1024**2
"""Files beyond this are for programs: an etag needs all of a file here."""


def read_content(fs: FsBase, path: str) -> bytes:
    """The whole content of a file.

    Raises:
        ToolFailure: TOO_LARGE.
        FsError: as `FsBase.read_bytes`.
    """
    try:
        return fs.read_bytes(path, MAX_FILE_BYTES)
    except FsError as error:
        if error.errno != errno.EFBIG:
            raise
        message = f"the file has more than the {MAX_FILE_BYTES} bytes that tools take"
        hint = "Use exec_command with head, tail, sed or grep."
        raise ToolFailure("TOO_LARGE", message, path=path, hint=hint) from error


def etag_at(fs: FsBase, path: str, stat: Stat) -> str | None:
    """The etag of what has these attributes; None if it is no file, or too large."""
    if not stat.is_file or stat.size > MAX_FILE_BYTES:
        return None
    return etag_of(read_content(fs, path))


def check_etag(path: str, expected: str, data: bytes) -> None:
    """Refuse a content that is not the expected one.

    Raises:
        ToolFailure: ETAG_MISMATCH.
    """
    etag = etag_of(data)
    if etag != expected:
        raise ToolFailure(
            "ETAG_MISMATCH",
            f"the file has changed: its etag is {etag}, not {expected}",
            path=path,
            hint="Nothing was changed. Call read_file, and decide anew.",
            etag=etag,
        )
