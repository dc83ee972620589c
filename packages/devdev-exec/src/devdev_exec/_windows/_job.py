"""A job of Windows: a program and all that it starts, ended together.

The job ends with its last handle, and so with this process, however that ends.
"""

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has jobs")

import ctypes
from ctypes import wintypes
from typing import Self

_EXTENDED_LIMITS = 9  # of JOBOBJECTINFOCLASS
_KILL_ON_CLOSE = 0x2000
_ACCESS = 0x0001 | 0x0100 | 0x0800  # PROCESS_TERMINATE, SET_QUOTA, SUSPEND_RESUME
_ENDED = 1  # the exit code of what is ended


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    )


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Job:
    """A new job; a context manager that ends all that is in it.

    Raises:
        OSError: Windows makes none.
    """

    def __init__(self) -> None:
        self._kernel32 = kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.CreateJobObjectW.restype = wintypes.HANDLE
        kernel32.OpenProcess.restype = wintypes.HANDLE
        self._handle = wintypes.HANDLE(_checked(kernel32.CreateJobObjectW(None, None)))
        limits = _ExtendedLimits()
        limits.BasicLimitInformation.LimitFlags = _KILL_ON_CLOSE
        size = ctypes.sizeof(limits)
        try:
            _checked(
                kernel32.SetInformationJobObject(
                    self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), size
                )
            )
        except OSError:
            kernel32.CloseHandle(self._handle)
            raise

    def add(self, pid: int) -> None:
        """Take a process in; what it starts from now on is in it too.

        Raises:
            OSError: it cannot be taken in, or it is gone.
        """
        process = wintypes.HANDLE(
            _checked(self._kernel32.OpenProcess(_ACCESS, False, pid))
        )
        try:
            _checked(self._kernel32.AssignProcessToJobObject(self._handle, process))
        finally:
            self._kernel32.CloseHandle(process)

    def end(self) -> None:
        """End everything in it, at once."""
        self._kernel32.TerminateJobObject(self._handle, _ENDED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._kernel32.CloseHandle(self._handle)


def resume(process: int) -> None:
    """Let a process go on that was started suspended; `process` is its handle."""
    ctypes.WinDLL("ntdll").NtResumeProcess(wintypes.HANDLE(process))


def _checked(result: int | None) -> int:
    if not result:
        raise ctypes.WinError(ctypes.get_last_error())
    return result
