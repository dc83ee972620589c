"""winfspy's own Python, on a stand-in for WinFsp that runs anywhere.

What is not real is the layer below winfspy: its compiled binding and the library.
Here cffi makes the structures, in which winfspy puts its callbacks, and `WinFsp` calls
them as the library would. See standin.h.
"""

import importlib.util
import os
import shutil
import struct
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

HERE = Path(__file__).parent
WHEEL = HERE / "winfspy.txt"
PROVIDED = "winfspy.plumbing.bindings"
SUCCESS = 0
OBJECT_NAME_COLLISION = 0xC0000035


@cache
def why_winfspy_is_missing(directory: Path) -> str | None:
    """Unpack winfspy's wheel for Windows; the reason if that cannot be, or None."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        return "uv, which fetches winfspy's wheel, is not on PATH"
    command = [uv, "pip", "install", "--quiet", "--no-config", "--no-deps"]
    command += ["--require-hashes", "--target", str(directory)]
    command += ["--python", sys.executable, "--python-version", "3.11"]
    command += ["--python-platform", "windows", "--requirement", str(WHEEL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.stderr.strip() or "uv failed" if done.returncode else None


class StandInFfi:
    """An FFI of cffi's, with `def_extern` as compiled bindings have it."""

    def __init__(self, ffi: FFI, library: "StandInLibrary") -> None:
        self._ffi = ffi
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ffi, name)

    def def_extern(self) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def define(function: Callable[..., Any]) -> Callable[..., Any]:
            interface = dict(self._ffi.typeof("FSP_FILE_SYSTEM_INTERFACE").fields)
            member = function.__name__.removeprefix("_trampolin_fs_")
            pointer = self._ffi.callback(interface[member].type, function)
            setattr(self._library, function.__name__, pointer)
            return function

        return define


class StandInLibrary:
    """WinFsp's functions, as far as winfspy and the driver call them."""

    WFSPY_FSP_FSCTL_DISK_DEVICE_NAME = "WinFsp.Disk"

    def __init__(self, ffi: FFI) -> None:
        self._ffi = ffi
        self._c = ffi.dlopen(None)
        self.parameters: dict[str, object] = {}
        self.volumes: dict[int, Any] = {}
        """The file systems that are there, by their addresses."""
        self.mounted: dict[str, Any] = {}
        """Those that are mounted, by their places."""
        self.is_dispatching = False

    def __getattr__(self, name: str) -> int:
        if name.startswith("WFSPY_"):  # numbers that winfspy only passes on
            return 0
        raise AttributeError(name)

    def configure_FSP_FSCTL_VOLUME_PARAMS(self, _: Any, *values: object) -> None:
        code = import_module("winfspy.file_system")._volume_params_factory.__code__
        names = code.co_varnames[: code.co_argcount]
        self.parameters = dict(zip(names, values, strict=True))

    def FspFileSystemCreate(
        self, device: str, _: Any, interface: Any, p_volume: Any
    ) -> int:
        assert device == self.WFSPY_FSP_FSCTL_DISK_DEVICE_NAME
        volume = self._ffi.new("FSP_FILE_SYSTEM *")
        volume.Interface = interface
        p_volume[0] = volume
        self.volumes[int(self._ffi.cast("uintptr_t", volume))] = volume
        return SUCCESS

    def FspFileSystemSetMountPoint(self, volume: Any, place: str) -> int:
        if place in self.mounted:
            return OBJECT_NAME_COLLISION
        self.mounted[place] = volume
        return SUCCESS

    def at(self, place: str) -> tuple[Any, Any]:
        """The volume that is mounted there, and its callbacks."""
        volume = self.mounted[place]
        return volume, volume.Interface

    def FspFileSystemStartDispatcher(self, _: Any, threads: int) -> int:
        self.is_dispatching = True
        return SUCCESS

    def FspFileSystemStopDispatcher(self, _: Any) -> None:
        self.is_dispatching = False

    def FspFileSystemDelete(self, volume: Any) -> None:
        del self.volumes[int(self._ffi.cast("uintptr_t", volume))]
        self.mounted = {at: of for at, of in self.mounted.items() if of != volume}

    def FspFileSystemAddDirInfo(
        self, info: Any, buffer: Any, room: int, p_used: Any
    ) -> bool:
        """Entries begin at multiples of 8 bytes; a size of 0 ends them."""
        data = (
            b"\0\0"
            if info == self._ffi.NULL
            else bytes(self._ffi.buffer(info, info.Size))
        )
        size = len(data) if len(data) == 2 else -(-len(data) // 8) * 8
        if p_used[0] + size > room:
            return False
        self._ffi.memmove(self._ffi.cast("char *", buffer) + p_used[0], data, len(data))
        p_used[0] += size
        return True

    def GetSecurityDescriptorLength(self, descriptor: Any) -> int:
        """The end of the last of its parts: owner, group, one list, another."""
        start = self._ffi.cast("uint8_t *", descriptor)
        owner, group, *lists = struct.unpack("<4I", self._ffi.buffer(start + 4, 16))
        ends: list[int] = [0]
        ends += [at + 8 + 4 * start[at + 1] for at in (owner, group) if at]
        ends += [at + (start[at + 2] | start[at + 3] << 8) for at in lists if at]
        return max(20, *ends)

    def malloc(self, size: int) -> Any:
        return self._c.malloc(size)

    def LocalFree(self, memory: Any) -> None:
        self._c.free(memory)


class StandIn:
    """winfspy, and what it runs on."""

    def __init__(self, winfspy: Any, ffi: Any, library: Any) -> None:
        self.winfspy = winfspy
        self.ffi = ffi
        self.library = library


@contextmanager
def winfspy_on_standin(directory: Path) -> Iterator[StandIn]:
    """Import winfspy from where its wheel was unpacked."""
    ffi = FFI()
    ffi.cdef((HERE / "standin.h").read_text())
    library = StandInLibrary(ffi)
    provided = types.ModuleType(PROVIDED)
    vars(provided).update(
        ffi=StandInFfi(ffi, library), lib=library, enable_debug_log=lambda: None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(directory))
        if importlib.util.find_spec("winreg") is None:
            patch.setitem(sys.modules, "winreg", types.ModuleType("winreg"))
        patch.setitem(sys.modules, PROVIDED, provided)
        try:
            yield StandIn(import_module("winfspy"), ffi, library)
        finally:
            for name in [name for name in sys.modules if name.startswith("winfspy")]:
                del sys.modules[name]
