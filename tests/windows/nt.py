"""What Windows does above a volume's callbacks, as far as programs can tell.

It stands for WinFsp's library and driver: how a file is opened in one of six ways,
that links are asked about and followed, that a name that is to be deleted goes with
the last handle of it (WinFsp's src/dll/fsop.c). Names match whatever their case.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NamedTuple

from devdev_mount._winfsp._attributes import UNCHANGED, Attribute
from devdev_mount._winfsp._links import unpack
from devdev_mount._winfsp._ntstatus import NtStatus
from devdev_mount._winfsp._volume import CLEANUP_DELETE, FILE_DIRECTORY_FILE

from tests.windows.standin import StandIn

ROOM = 4096
"""Of a buffer for a listing: small, so that it takes several."""
REPARSE_ROOM = 16384
LINKS_MAX = 63
DACL = 4


class Disposition(IntEnum):
    """How a file is opened (NtCreateFile)."""

    SUPERSEDE = 0
    OPEN = 1
    CREATE = 2
    OPEN_IF = 3
    OVERWRITE = 4
    OVERWRITE_IF = 5


def unsigned(status: int) -> int:
    """A status as it is written; to C it is a signed number."""
    return status & 0xFFFFFFFF


class NtFailure(Exception):
    """A status that is no success."""

    def __init__(self, status: int) -> None:
        self.status = NtStatus(status)
        super().__init__(self.status.name)


class Info(NamedTuple):
    """What is told of a file."""

    attributes: int
    reparse_tag: int
    allocation: int
    size: int
    created: int
    accessed: int
    written: int
    changed: int
    ino: int


class Nt:
    """A volume, as it was mounted at a place."""

    def __init__(self, standin: StandIn, place: str) -> None:
        self.ffi = standin.ffi
        self.volume, self.call = standin.library.at(place)

    def check(self, status: int) -> None:
        if status != NtStatus.SUCCESS:
            raise NtFailure(unsigned(status))

    def text(self, text: str) -> Any:
        return self.ffi.new("WCHAR[]", text)

    # --- opening -----------------------------------------------------------------

    def open(
        self,
        path: str,
        how: Disposition = Disposition.OPEN,
        *,
        is_directory: bool | None = None,
        is_link: bool = False,
        attributes: int = 0,
    ) -> "NtFile":
        """NtCreateFile. Of links, those above are followed, and a last one too unless
        it is what is opened."""
        for _ in range(LINKS_MAX):
            status, found = self._look(path)
            leads_on = found & Attribute.REPARSE_POINT and not is_link
            if status == NtStatus.REPARSE:
                path = self.resolve(path, found, is_last=not is_link)
            elif status == NtStatus.SUCCESS and leads_on:
                path = self.resolve(path, 0, is_last=True)
            else:
                break
        if status == NtStatus.OBJECT_NAME_NOT_FOUND and how in (
            Disposition.CREATE,
            Disposition.OPEN_IF,
            Disposition.OVERWRITE_IF,
            Disposition.SUPERSEDE,
        ):
            return self._create(path, bool(is_directory), attributes)
        self.check(status)
        if how is Disposition.CREATE:
            return self._create(path, bool(is_directory), attributes)
        if is_directory is True and not found & Attribute.DIRECTORY:
            self.check(NtStatus.NOT_A_DIRECTORY)
        if is_directory is False and found & Attribute.DIRECTORY:
            self.check(NtStatus.FILE_IS_A_DIRECTORY)
        file = self._open(path)
        if how not in (Disposition.OPEN, Disposition.OPEN_IF):
            try:
                file.overwrite(attributes, replaces=how is Disposition.SUPERSEDE)
            except BaseException:
                file.close()
                raise
        return file

    def _look(self, path: str) -> tuple[int, int]:
        """GetSecurityByName: twice, the first time without enough room."""
        found = self.ffi.new("UINT32 *")
        size = self.ffi.new("SIZE_T *", 8)
        room = self.ffi.new("char[]", 8)
        for _ in range(2):
            descriptor = self.ffi.cast("PSECURITY_DESCRIPTOR", room)
            status = self.call.GetSecurityByName(
                self.volume, self.text(path), found, descriptor, size
            )
            if unsigned(status) != NtStatus.BUFFER_OVERFLOW:
                return unsigned(status), found[0]
            room = self.ffi.new("char[]", size[0])
        raise AssertionError("the size that was asked for is not enough")

    def resolve(self, path: str, index: int, *, is_last: bool) -> str:
        """ResolveReparsePoints; where it leads, if that is on the volume."""
        io_status = self.ffi.new("IO_STATUS_BLOCK *")
        buffer = self.ffi.new("char[]", REPARSE_ROOM)
        size = self.ffi.new("SIZE_T *", REPARSE_ROOM)
        self.check(
            self.call.ResolveReparsePoints(
                self.volume, self.text(path), index, is_last, io_status, buffer, size
            )
        )
        parts = self.ffi.buffer(self.ffi.cast("char *", io_status), 16)
        assert struct.unpack("=qQ", parts)[1] == 0xA000000C
        return unpack(bytes(self.ffi.buffer(buffer, size[0])))

    def _create(self, path: str, is_directory: bool, attributes: int) -> "NtFile":
        context, opened = self.ffi.new("PVOID *"), self._opened()
        options = FILE_DIRECTORY_FILE if is_directory else 0
        status = self.call.Create(
            *(self.volume, self.text(path), options, 0, attributes),
            *(self.ffi.NULL, 0, context, opened.as_info),
        )
        self.check(status)
        return NtFile(self, context[0], opened.normalized())

    def _open(self, path: str) -> "NtFile":
        context, opened = self.ffi.new("PVOID *"), self._opened()
        self.check(
            self.call.Open(self.volume, self.text(path), 0, 0, context, opened.as_info)
        )
        return NtFile(self, context[0], opened.normalized())

    def _opened(self) -> "_Opened":
        return _Opened(self.ffi)

    # --- the volume --------------------------------------------------------------

    def space(self) -> tuple[int, int, str]:
        info = self.ffi.new("FSP_FSCTL_VOLUME_INFO *")
        self.check(self.call.GetVolumeInfo(self.volume, info))
        label = bytes(self.ffi.buffer(info.VolumeLabel, info.VolumeLabelLength))
        return info.TotalSize, info.FreeSize, label.decode("utf-16-le")

    def set_label(self, label: str) -> None:
        info = self.ffi.new("FSP_FSCTL_VOLUME_INFO *")
        self.check(self.call.SetVolumeLabel(self.volume, self.text(label), info))

    # --- in one go ---------------------------------------------------------------

    @contextmanager
    def opened(self, path: str, **how: Any) -> Iterator["NtFile"]:
        file = self.open(path, **how)
        try:
            yield file
        finally:
            file.close()

    def put(self, path: str, data: bytes = b"") -> None:
        with self.opened(
            path, how=Disposition.OVERWRITE_IF, is_directory=False
        ) as file:
            if data:
                file.write(data)

    def get(self, path: str) -> bytes:
        with self.opened(path) as file:
            return file.read(file.info().size) if file.info().size else b""

    def make_directory(self, path: str) -> None:
        self.open(path, Disposition.CREATE, is_directory=True).close()

    def make_link(
        self, path: str, packed: bytes, *, is_directory: bool = False
    ) -> None:
        with self.opened(
            path, how=Disposition.CREATE, is_directory=is_directory
        ) as file:
            file.set_reparse(packed)

    def delete(self, path: str) -> None:
        with self.opened(path, is_link=True) as file:
            file.delete()

    def rename(self, path: str, new_path: str, *, replaces: bool = False) -> None:
        with self.opened(path, is_link=True) as file:
            file.rename(new_path, replaces=replaces)

    def list(self, path: str) -> list[str]:
        with self.opened(path, is_directory=True) as directory:
            return [name for name, _ in directory.list()]

    def info(self, path: str, *, is_link: bool = False) -> Info:
        with self.opened(path, is_link=is_link) as file:
            return file.info()


class _Opened:
    """Room for what is told of a file that is opened, its path among it."""

    def __init__(self, ffi: Any) -> None:
        self._ffi = ffi
        self._room = ffi.new("WCHAR[]", 1024)
        self._info = ffi.new("FSP_FSCTL_OPEN_FILE_INFO *")
        self._info.NormalizedName = self._room
        self._info.NormalizedNameSize = 2048
        self.as_info = ffi.cast("FSP_FSCTL_FILE_INFO *", self._info)

    def normalized(self) -> str:
        size = self._info.NormalizedNameSize
        return bytes(self._ffi.buffer(self._room, size)).decode("utf-16-le")


class NtFile:
    """An open file, directory or link."""

    def __init__(self, nt: Nt, context: Any, path: str) -> None:
        self._nt = nt
        self._ffi = nt.ffi
        self._call = nt.call
        self._at = (nt.volume, context)
        self.path = path
        self._is_to_go = False
        self._info = self._ffi.new("FSP_FSCTL_FILE_INFO *")

    def close(self) -> None:
        flags = CLEANUP_DELETE if self._is_to_go else 0
        name = self._nt.text(self.path) if self._is_to_go else self._ffi.NULL
        self._call.Cleanup(*self._at, name, flags)
        self._call.Close(*self._at)

    def delete(self) -> None:
        """FileDispositionInformation: the name goes when the file is closed."""
        if self.info().attributes & Attribute.READONLY:
            self._check(NtStatus.CANNOT_DELETE)
        self._check(self._call.CanDelete(*self._at, self._nt.text(self.path)))
        self._is_to_go = True

    def rename(self, new_path: str, *, replaces: bool = False) -> None:
        old, new = self._nt.text(self.path), self._nt.text(new_path)
        self._check(self._call.Rename(*self._at, old, new, replaces))
        self.path = new_path

    # --- content -----------------------------------------------------------------

    def read(self, size: int, offset: int = 0) -> bytes:
        buffer = self._ffi.new("char[]", size)
        done = self._ffi.new("ULONG *")
        self._check(self._call.Read(*self._at, buffer, offset, size, done))
        return bytes(self._ffi.buffer(buffer, done[0]))

    def write(
        self,
        data: bytes,
        offset: int = 0,
        *,
        to_end: bool = False,
        is_constrained: bool = False,
    ) -> int:
        done = self._ffi.new("ULONG *")
        buffer = self._ffi.from_buffer(bytearray(data))
        self._check(
            self._call.Write(
                *(*self._at, buffer, 2**64 - 1 if to_end else offset, len(data)),
                *(to_end, is_constrained, done, self._info),
            )
        )
        return int(done[0])

    def set_size(self, size: int, *, is_allocation: bool = False) -> None:
        self._check(self._call.SetFileSize(*self._at, size, is_allocation, self._info))

    def overwrite(self, attributes: int = 0, *, replaces: bool = False) -> None:
        self._check(
            self._call.Overwrite(*self._at, attributes, replaces, 0, self._info)
        )

    def flush(self) -> None:
        self._check(self._call.Flush(*self._at, self._info))

    # --- attributes --------------------------------------------------------------

    def info(self) -> Info:
        self._check(self._call.GetFileInfo(*self._at, self._info))
        return _info(self._info)

    def set_basic(
        self, attributes: int = UNCHANGED, *, accessed: int = 0, written: int = 0
    ) -> None:
        times = (0, accessed, written, 0)
        self._check(self._call.SetBasicInfo(*self._at, attributes, *times, self._info))

    def security(self) -> bytes:
        size = self._ffi.new("SIZE_T *", 0)
        status = self._call.GetSecurity(*self._at, self._ffi.NULL, size)
        assert unsigned(status) == NtStatus.BUFFER_OVERFLOW
        room = self._ffi.new("char[]", size[0])
        descriptor = self._ffi.cast("PSECURITY_DESCRIPTOR", room)
        self._check(self._call.GetSecurity(*self._at, descriptor, size))
        return bytes(self._ffi.buffer(room, size[0]))

    def set_security(self, packed: bytes, information: int = DACL) -> None:
        room = self._ffi.from_buffer(bytearray(packed))
        descriptor = self._ffi.cast("PSECURITY_DESCRIPTOR", room)
        self._check(self._call.SetSecurity(*self._at, information, descriptor))

    # --- directories and links ---------------------------------------------------

    def list(self, marker: str | None = None) -> Iterator[tuple[str, Info]]:
        """ReadDirectory, buffer by buffer."""
        while True:
            buffer = self._ffi.new("char[]", ROOM)
            used = self._ffi.new("ULONG *")
            behind = self._ffi.NULL if marker is None else self._nt.text(marker)
            self._check(
                self._call.ReadDirectory(
                    *self._at, self._ffi.NULL, behind, buffer, ROOM, used
                )
            )
            at = 0
            while at < used[0]:
                entry = self._ffi.cast("FSP_FSCTL_DIR_INFO *", buffer + at)
                if not entry.Size:
                    return
                length = entry.Size - self._ffi.sizeof("FSP_FSCTL_DIR_INFO")
                name = bytes(self._ffi.buffer(entry.FileNameBuf, length))
                marker = name.decode("utf-16-le")
                yield marker, _info(entry.FileInfo)
                at += -(-entry.Size // 8) * 8
            assert used[0], "an entry is longer than the buffer"

    def find(self, name: str) -> tuple[str, Info]:
        """GetDirInfoByName."""
        room = self._ffi.new("char[]", 1024)
        entry = self._ffi.cast("FSP_FSCTL_DIR_INFO *", room)
        self._check(self._call.GetDirInfoByName(*self._at, self._nt.text(name), entry))
        length = entry.Size - self._ffi.sizeof("FSP_FSCTL_DIR_INFO")
        found = bytes(self._ffi.buffer(entry.FileNameBuf, length))
        return found.decode("utf-16-le"), _info(entry.FileInfo)

    def reparse(self, room: int = REPARSE_ROOM) -> bytes:
        buffer = self._ffi.new("char[]", room)
        size = self._ffi.new("SIZE_T *", room)
        self._check(
            self._call.GetReparsePoint(
                *self._at, self._nt.text(self.path), buffer, size
            )
        )
        return bytes(self._ffi.buffer(buffer, size[0]))

    def set_reparse(self, packed: bytes) -> None:
        buffer = self._ffi.from_buffer(bytearray(packed))
        path = self._nt.text(self.path)
        self._check(self._call.SetReparsePoint(*self._at, path, buffer, len(packed)))

    def delete_reparse(self) -> None:
        path = self._nt.text(self.path)
        header = self._ffi.from_buffer(bytearray(struct.pack("<IHH", 0xA000000C, 0, 0)))
        self._check(self._call.DeleteReparsePoint(*self._at, path, header, 8))

    def stream_info(self) -> None:
        used = self._ffi.new("ULONG *")
        self._check(self._call.GetStreamInfo(*self._at, self._ffi.NULL, 0, used))

    def _check(self, status: int) -> None:
        self._nt.check(status)


def _info(info: Any) -> Info:
    return Info(
        *(info.FileAttributes, info.ReparseTag, info.AllocationSize, info.FileSize),
        *(info.CreationTime, info.LastAccessTime, info.LastWriteTime),
        *(info.ChangeTime, info.IndexNumber),
    )
