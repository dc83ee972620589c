"""What of Windows is asked: which drives are free, and who this user is."""

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has drives")

import ctypes
from ctypes import wintypes
from typing import Any

from devdev_mount._winfsp._mountpoints import free_drives
from devdev_mount._winfsp._security import Sid
from devdev_mount._winfsp._shown import Owners

_TOKEN_QUERY = 8
_TOKEN_USER, _TOKEN_PRIMARY_GROUP = 1, 5  # of TOKEN_INFORMATION_CLASS


def host_drives() -> list[str]:
    """The drives that are free now, the last letter first."""
    return free_drives(ctypes.windll.kernel32.GetLogicalDrives())


def this_user() -> Owners:
    """This process's user and its primary group.

    Raises:
        OSError: Windows does not say.
    """
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    kernel32.GetCurrentProcess.restype = wintypes.HANDLE
    advapi32.OpenProcessToken.argtypes = (
        *(wintypes.HANDLE, wintypes.DWORD),
        ctypes.POINTER(wintypes.HANDLE),
    )
    kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    token = wintypes.HANDLE()
    process = kernel32.GetCurrentProcess()
    if not advapi32.OpenProcessToken(process, _TOKEN_QUERY, ctypes.byref(token)):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        return Owners(
            _token_sid(advapi32, token, _TOKEN_USER),
            _token_sid(advapi32, token, _TOKEN_PRIMARY_GROUP),
        )
    finally:
        kernel32.CloseHandle(token)


def _token_sid(advapi32: Any, token: wintypes.HANDLE, what: int) -> Sid:
    """The identifier that a piece of information about a token begins with."""
    advapi32.GetTokenInformation.argtypes = (
        *(wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD),
        ctypes.POINTER(wintypes.DWORD),
    )
    size = wintypes.DWORD(256)
    buffer = ctypes.create_string_buffer(size.value)
    if not advapi32.GetTokenInformation(token, what, buffer, size, ctypes.byref(size)):
        raise ctypes.WinError(ctypes.get_last_error())
    address = ctypes.c_void_p.from_buffer(buffer).value or 0
    offset = address - ctypes.addressof(buffer)  # the identifier follows
    return Sid.unpack(buffer.raw[: size.value], offset)
