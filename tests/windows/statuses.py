"""What a program of Windows takes a status for: an errno, or one of several.

Windows has fewer words for some refusals: where POSIX tells two apart, either is
meant. Written apart from the driver's table.
"""

from collections.abc import Mapping

from devdev_mount._winfsp._ntstatus import NtStatus

from tests.posix.abi import Errno

MEANS = {
    NtStatus.ACCESS_DENIED: (Errno.EACCES, Errno.EPERM),
    NtStatus.CANNOT_DELETE: (Errno.EACCES, Errno.EPERM, Errno.EBUSY),
    NtStatus.DIRECTORY_NOT_EMPTY: (Errno.ENOTEMPTY,),
    NtStatus.DISK_FULL: (Errno.ENOSPC,),
    NtStatus.END_OF_FILE: (Errno.ENODATA,),
    NtStatus.FILE_IS_A_DIRECTORY: (Errno.EISDIR,),
    NtStatus.FILE_TOO_LARGE: (Errno.EFBIG,),
    NtStatus.INVALID_PARAMETER: (Errno.EINVAL,),
    NtStatus.MEDIA_WRITE_PROTECTED: (Errno.EROFS,),
    NtStatus.NAME_TOO_LONG: (Errno.ENAMETOOLONG,),
    NtStatus.NOT_A_DIRECTORY: (Errno.ENOTDIR,),
    NtStatus.NOT_A_REPARSE_POINT: (Errno.EINVAL,),
    NtStatus.OBJECT_NAME_COLLISION: (Errno.EEXIST,),
    NtStatus.OBJECT_NAME_INVALID: (Errno.ENOENT, Errno.EINVAL),
    NtStatus.OBJECT_NAME_NOT_FOUND: (Errno.ENOENT,),
    NtStatus.OBJECT_PATH_NOT_FOUND: (Errno.ENOENT, Errno.ENOTDIR),
    NtStatus.REPARSE_POINT_NOT_RESOLVED: (Errno.ELOOP,),
}


NOT_REPLACED = MEANS | {
    NtStatus.ACCESS_DENIED: (
        *(Errno.EACCES, Errno.EISDIR, Errno.ENOTDIR, Errno.ENOTEMPTY, Errno.EINVAL),
    )
}
"""Of renaming: Windows replaces no directories, whatever the reason."""


def refusal(
    status: NtStatus, means: Mapping[NtStatus, tuple[Errno, ...]] = MEANS
) -> OSError:
    """A status that is no success, as an error; `errnos` are all that it may mean."""
    meant = means[status]
    error = OSError(meant[0], status.name)
    error.__dict__["errnos"] = meant
    return error
