"""All of winfspy, its compiled binding too, on a stand-in for winfsp-x64.dll.

It takes Windows or Wine, and a directory with both, as scripts/windows-rig makes it.
See winfsp.c.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.windows.standin import StandIn

DIRECTORY = Path(sys.prefix, "winfsp")
LIBRARY = DIRECTORY / "bin" / "winfsp-x64.dll"


class StandInDll:
    """What is known of volumes: the library's callers are C functions here."""

    is_dispatching = False

    def __init__(self, ffi: Any) -> None:
        self._ffi = ffi
        self._dll = ctypes.CDLL(str(LIBRARY))
        self._dll.StandInMounted.argtypes = (ctypes.c_wchar_p,)
        self._dll.StandInMounted.restype = ctypes.c_void_p
        self._dll.StandInInterface.argtypes = (ctypes.c_void_p,)
        self._dll.StandInInterface.restype = ctypes.c_void_p

    @property
    def parameters(self) -> dict[str, object]:
        pytest.skip("the compiled binding puts them where only WinFsp looks")

    @property
    def volumes(self) -> range:
        """One number for each volume that is there."""
        return range(self._dll.StandInCount())

    def at(self, place: str) -> tuple[Any, Any]:
        """The volume that is mounted there, and its callbacks."""
        volume = self._dll.StandInMounted(place)
        interface = self._dll.StandInInterface(volume)
        return (
            self._ffi.cast("FSP_FILE_SYSTEM *", volume),
            self._ffi.cast("FSP_FILE_SYSTEM_INTERFACE *", interface),
        )


@contextmanager
def winfspy_on_dll() -> Iterator[StandIn]:
    """Import winfspy as it is, from where the rig has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINFSP_LIBRARY_PATH", str(DIRECTORY))
        patch.setenv("PATH", os.environ["PATH"])  # winfspy puts something before it
        patch.setattr(sys, "path", [str(DIRECTORY), *sys.path])
        try:
            winfspy = import_module("winfspy")
            yield StandIn(
                winfspy, winfspy.plumbing.ffi, StandInDll(winfspy.plumbing.ffi)
            )
        finally:
            for name in [name for name in sys.modules if name.startswith("winfspy")]:
                del sys.modules[name]
