"""winfspy, and through it WinFsp: pointers and structures, to values and back.

winfspy turns most callbacks into methods with Python's values. What it has no code
for, or code that cannot work (reparse points, the size of a security descriptor, a
name in its own case), is done here on its pointers.
"""

import functools
import logging
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from typing import Any, ParamSpec

from devdev_fs import Errno, FsError

from devdev_mount._errors import DriverUnavailable
from devdev_mount._winfsp._handles import Handle
from devdev_mount._winfsp._links import TAG
from devdev_mount._winfsp._mirror import WinFspMirror
from devdev_mount._winfsp._ntstatus import STATUSES, NtError, NtStatus
from devdev_mount._winfsp._places import ReparsePoint
from devdev_mount._winfsp._volume import Entry, Volume

P = ParamSpec("P")

Pointer = Any
"""A pointer of cffi's."""

_INSTALL_WINFSPY = (
    "pip install devdev-mount[winfsp]"
    if sys.version_info < (3, 12)
    # Its binding is for the stable ABI: only the wheel's name says 3.11.
    else "pip install cffi, then pip install --no-deps --only-binary=:all: "
    f'--python-version 3.11 --target "{sys.prefix}\\Lib\\site-packages" winfspy'
)
_INSTALL_WINFSP = "https://winfsp.dev/rel/, or: winget install WinFsp.WinFsp"

logger = logging.getLogger(__name__)


def load_winfspy() -> Any:
    """The module `winfspy`.

    Raises:
        DriverUnavailable: it is not installed, or WinFsp is not.
    """
    try:
        return import_module("winfspy")
    except ImportError as exc:
        raise DriverUnavailable(
            f"winfspy is not installed ({exc}): {_INSTALL_WINFSPY}"
        ) from None
    except RuntimeError as exc:  # it looks for the library when it is imported
        raise DriverUnavailable(
            f"WinFsp is not installed ({exc}): {_INSTALL_WINFSP}"
        ) from None


def make_operations(
    winfspy: Any, volume: Volume, mirror: WinFspMirror, requests: Counter[str]
) -> Any:
    """What winfspy calls, for a volume.

    Args:
        winfspy: the module.
        volume: who answers.
        mirror: the store's side.
        requests: counts the callbacks, by their names.
    """
    ffi, lib = winfspy.plumbing.ffi, winfspy.plumbing.lib
    configure_file_info = winfspy.operations.configure_file_info

    @contextmanager
    def answering(name: str) -> Iterator[None]:
        """The one funnel: one critical section; what was refused is an NTSTATUS."""
        requests[name] += 1
        try:
            with mirror.attachment.lock:
                try:
                    yield
                finally:
                    mirror.tell()
        except NtError as exc:
            raise winfspy.NTStatusError(exc.status) from exc
        except FsError as exc:
            number = Errno(exc.errno or Errno.EIO)
            raise winfspy.NTStatusError(STATUSES[number]) from exc

    def guarded(callback: Callable[P, int]) -> Callable[P, int]:
        """For callbacks that winfspy does not guard itself.

        What left one would be printed by cffi and answered with 0, which is success.
        """

        @functools.wraps(callback)
        def answer(*args: P.args, **kwargs: P.kwargs) -> int:
            try:
                return callback(*args, **kwargs)
            except winfspy.NTStatusError as exc:
                return int(exc.value)
            except BaseException:
                logger.exception("a bug in the answer to %s", callback.__name__)
                return NtStatus.UNEXPECTED_IO_ERROR

        return answer

    def put_descriptor(packed: bytes, buffer: Pointer, p_size: Pointer) -> int:
        """Give a security descriptor, if one is asked for and there is room."""
        if p_size == ffi.NULL:
            return NtStatus.SUCCESS
        room, p_size[0] = p_size[0], len(packed)
        if len(packed) > room:
            return NtStatus.BUFFER_OVERFLOW
        if buffer != ffi.NULL:
            ffi.memmove(buffer, packed, len(packed))
        return NtStatus.SUCCESS

    def put_reparse_point(packed: bytes, buffer: Pointer, p_size: Pointer) -> None:
        if len(packed) > p_size[0]:
            raise NtError(NtStatus.BUFFER_TOO_SMALL)
        ffi.memmove(buffer, packed, len(packed))
        p_size[0] = len(packed)

    def put_entry(entry: Entry, directory_info: Pointer) -> None:
        name, info = entry
        encoded = _utf16(name)
        ffi.memmove(directory_info.FileNameBuf, encoded, len(encoded))
        directory_info.Size = ffi.sizeof("FSP_FSCTL_DIR_INFO") + len(encoded)
        configure_file_info(directory_info.FileInfo, **asdict(info))

    def add_entry(entry: Entry, buffer: Pointer, room: int, p_used: Pointer) -> bool:
        """Add to a listing, if there is room."""
        size = ffi.sizeof("FSP_FSCTL_DIR_INFO") + len(_utf16(entry[0]))
        memory = ffi.new("char[]", size)
        info = ffi.cast("FSP_FSCTL_DIR_INFO*", memory)
        put_entry(entry, info)
        return bool(lib.FspFileSystemAddDirInfo(info, buffer, room, p_used))

    def put_normalized(path: str, file_info: Pointer) -> None:
        """Tell Windows the case in which the path of an opened file is kept."""
        opened = ffi.cast("FSP_FSCTL_OPEN_FILE_INFO*", file_info)
        encoded = _utf16(volume.normalized(path))
        has_room = len(encoded) <= opened.NormalizedNameSize
        if has_room and opened.NormalizedName != ffi.NULL:
            ffi.memmove(opened.NormalizedName, encoded, len(encoded))
            opened.NormalizedNameSize = len(encoded)

    class Operations(winfspy.BaseFileSystemOperations):  # type: ignore[misc]
        """winfspy's callbacks. A file context is a `Handle`."""

        # --- the volume ----------------------------------------------------------

        def get_volume_info(self) -> dict[str, object]:
            with answering("get_volume_info"):
                total, free = volume.space()
                return {
                    "total_size": total,
                    "free_size": free,
                    "volume_label": volume.label,
                }

        def set_volume_label(self, label: str) -> None:
            with answering("set_volume_label"):
                volume.label = label

        # --- names ---------------------------------------------------------------

        @guarded
        def ll_get_security_by_name(
            self, name: Pointer, p_attributes: Pointer, buffer: Pointer, p_size: Pointer
        ) -> int:
            with answering("get_security_by_name"):
                try:
                    found, packed = volume.look(ffi.string(name))
                except ReparsePoint as exc:
                    if p_attributes != ffi.NULL:
                        p_attributes[0] = exc.index
                    return NtStatus.REPARSE
                if p_attributes != ffi.NULL:
                    p_attributes[0] = found
                return put_descriptor(packed, buffer, p_size)

        @guarded
        def ll_create(self, name: Pointer, *args: Any) -> int:
            *_, file_info = args
            status = super().ll_create(name, *args)
            if status == NtStatus.SUCCESS:
                with answering("normalize"):
                    put_normalized(ffi.string(name), file_info)
            return int(status)

        def create(
            self, path: str, options: int, _access: int, given: int, *_: object
        ) -> Handle:
            with answering("create"):
                return volume.create(path, options, given)

        @guarded
        def ll_open(self, name: Pointer, *args: Any) -> int:
            *_, file_info = args
            status = super().ll_open(name, *args)
            if status == NtStatus.SUCCESS:
                with answering("normalize"):
                    put_normalized(ffi.string(name), file_info)
            return int(status)

        def open(self, path: str, _options: int, _access: int) -> Handle:
            with answering("open"):
                return volume.open(path)

        def overwrite(
            self, handle: Handle, given: int, replaces: bool, _allocation: int
        ) -> None:
            with answering("overwrite"):
                volume.overwrite(handle, given, replaces=bool(replaces))

        def cleanup(self, handle: Handle, path: str | None, flags: int) -> None:
            with answering("cleanup"):
                volume.cleanup(handle, path, flags)

        def close(self, handle: Handle) -> None:
            with answering("close"):
                volume.close(handle)

        def can_delete(self, handle: Handle, _path: str) -> None:
            with answering("can_delete"):
                volume.can_delete(handle)

        def rename(self, _: Handle, path: str, new_path: str, replaces: bool) -> None:
            with answering("rename"):
                volume.rename(path, new_path, replaces=replaces)

        # --- content -------------------------------------------------------------

        def read(self, handle: Handle, offset: int, length: int) -> bytes:
            with answering("read"):
                return volume.read(handle, offset, length)

        def write(
            self,
            handle: Handle,
            buffer: Pointer,
            offset: int,
            to_end: bool,
            is_constrained: bool,
        ) -> int:
            with answering("write"):
                return volume.write(
                    handle,
                    bytes(buffer),
                    offset,
                    to_end=bool(to_end),
                    is_constrained=bool(is_constrained),
                )

        @guarded
        def ll_flush(self, context: Pointer, file_info: Pointer) -> int:
            """There is nothing to flush. Without a context it is the whole volume."""
            if context == ffi.NULL:
                return NtStatus.SUCCESS
            return int(self.ll_get_file_info(context, file_info))

        def set_file_size(self, handle: Handle, size: int, is_allocation: bool) -> None:
            with answering("set_file_size"):
                volume.set_size(handle, size, is_allocation=bool(is_allocation))

        # --- attributes ----------------------------------------------------------

        def get_file_info(self, handle: Handle) -> dict[str, int]:
            with answering("get_file_info"):
                return asdict(volume.info(handle))

        def set_basic_info(
            self,
            handle: Handle,
            given: int,
            _creation_time: int,
            access_time: int,
            write_time: int,
            *_: object,
        ) -> dict[str, int]:
            with answering("set_basic_info"):
                volume.set_basic(handle, given, access_time, write_time)
                return asdict(volume.info(handle))

        @guarded
        def ll_get_security(
            self, context: Pointer, buffer: Pointer, p_size: Pointer
        ) -> int:
            with answering("get_security"):
                packed = volume.security(ffi.from_handle(context))
            return put_descriptor(packed, buffer, p_size)

        def set_security(
            self, handle: Handle, information: int, given: Pointer
        ) -> None:
            with answering("set_security"):
                packed = bytes(
                    ffi.buffer(given, lib.GetSecurityDescriptorLength(given))
                )
                volume.set_security(handle, information, packed)

        # --- directories ---------------------------------------------------------

        @guarded
        def ll_read_directory(
            self,
            context: Pointer,
            _pattern: Pointer,
            marker: Pointer,
            buffer: Pointer,
            room: int,
            p_used: Pointer,
        ) -> int:
            """Names that match a pattern are picked by WinFsp."""
            behind = None if marker == ffi.NULL else ffi.string(marker)
            with answering("read_directory"):
                for entry in volume.list(ffi.from_handle(context), behind):
                    if not add_entry(entry, buffer, room, p_used):
                        return NtStatus.SUCCESS
            lib.FspFileSystemAddDirInfo(ffi.NULL, buffer, room, p_used)
            return NtStatus.SUCCESS

        @guarded
        def ll_get_dir_info_by_name(
            self, context: Pointer, name: Pointer, directory_info: Pointer
        ) -> int:
            with answering("get_dir_info_by_name"):
                entry = volume.find(ffi.from_handle(context), ffi.string(name))
            put_entry(entry, directory_info)
            return NtStatus.SUCCESS

        # --- reparse points and streams ------------------------------------------

        def resolve_reparse_points(
            self,
            path: str,
            _index: int,
            last: bool,
            p_io_status: Pointer,
            buffer: Pointer,
            p_size: Pointer,
        ) -> None:
            with answering("resolve_reparse_points"):
                packed = volume.resolve(path, last=bool(last))
                put_reparse_point(packed, buffer, p_size)
            # An IO_STATUS_BLOCK, whose parts winfspy does not name.
            io_status = struct.pack("@nN", NtStatus.REPARSE, TAG)
            ffi.memmove(p_io_status, io_status, len(io_status))

        def get_reparse_point(
            self, handle: Handle, _path: str, buffer: Pointer, p_size: Pointer
        ) -> None:
            with answering("get_reparse_point"):
                packed = volume.link(handle)
                if buffer != ffi.NULL:
                    put_reparse_point(packed, buffer, p_size)

        def set_reparse_point(
            self, handle: Handle, path: str, buffer: Pointer, size: int
        ) -> None:
            with answering("set_reparse_point"):
                volume.set_link(handle, path, bytes(ffi.buffer(buffer, size)))

        def delete_reparse_point(self, *_: object) -> None:
            """A link is removed, and does not become a file."""
            with answering("delete_reparse_point"):
                raise NtError(NtStatus.INVALID_DEVICE_REQUEST)

        @guarded
        def ll_get_stream_info(self, *_: object) -> int:
            return NtStatus.INVALID_DEVICE_REQUEST

    return Operations()


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le")
