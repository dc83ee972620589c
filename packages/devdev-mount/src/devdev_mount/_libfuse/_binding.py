"""libfuse 2, through fusepy: fusepy's layouts and loading, but not its loop.

fusepy's `FUSE` class decodes names strictly, takes over signals, lets exceptions out
of callbacks and never says which request a callback is part of. So what it knows of
each platform's structures is used from it, and the session is run here.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from devdev_mount._errors import DriverUnavailable, MountError

DONT_MASK = 1 << 6
"""FUSE_CAP_DONT_MASK (fuse_common.h): the umask comes with the request."""
BIG_WRITES = 1 << 5
"""FUSE_CAP_BIG_WRITES: writes of more than a page."""

Callback = Callable[..., int]

_INSTALL = "pip install 'devdev-mount[libfuse]'"
_PACKAGE = (
    "macFUSE (https://macfuse.io)"
    if sys.platform == "darwin"
    else "libfuse 2 (Debian: libfuse2, since version 13 libfuse2t64)"
)


class _Args(ctypes.Structure):
    """struct fuse_args."""

    _fields_ = (
        ("argc", ctypes.c_int),
        ("argv", ctypes.POINTER(ctypes.c_char_p)),
        ("allocated", ctypes.c_int),
    )


class _ConnInfo(ctypes.Structure):
    """struct fuse_conn_info, as far as it is used here."""

    _fields_ = (
        ("proto_major", ctypes.c_uint),
        ("proto_minor", ctypes.c_uint),
        ("async_read", ctypes.c_uint),
        ("max_write", ctypes.c_uint),
        ("max_readahead", ctypes.c_uint),
        ("capable", ctypes.c_uint),
        ("want", ctypes.c_uint),
    )


class Library:
    """The functions and structures of libfuse 2 that a session needs.

    They are called with the interpreter's lock held, since they only answer from
    memory; the two that can wait, to mount and to unmount, without it.

    Raises:
        DriverUnavailable: fusepy or libfuse 2 is missing.
    """

    def __init__(self) -> None:
        module = _load_fusepy()
        self.Stat: Any = module.c_stat
        self.FileInfo: Any = module.fuse_file_info
        held = ctypes.PyDLL(None, handle=module._libfuse._handle)
        free = ctypes.CDLL(None, handle=module._libfuse._handle)
        self.Operations = _extended_operations(module)
        pointer = ctypes.c_void_p
        args = ctypes.POINTER(_Args)
        text = ctypes.c_char_p

        self.mount = _declared(free.fuse_mount, pointer, text, args)
        self.unmount = _declared(free.fuse_unmount, None, text, pointer)
        self.new = _declared(
            _newest(held, "fuse_new", "FUSE_2.6"),
            pointer,
            *(pointer, args, pointer, ctypes.c_size_t, pointer),
        )
        self.destroy = _declared(held.fuse_destroy, None, pointer)
        self.session = _declared(held.fuse_get_session, pointer, pointer)
        self.has_exited = _declared(held.fuse_session_exited, ctypes.c_int, pointer)
        self.process = _declared(
            held.fuse_session_process,
            None,
            *(pointer, pointer, ctypes.c_size_t, pointer),
        )
        self.descriptor = _declared(held.fuse_chan_fd, ctypes.c_int, pointer)
        self.request_size = _declared(held.fuse_chan_bufsize, ctypes.c_size_t, pointer)
        self.invalidate_inode = _declared(
            free.fuse_lowlevel_notify_inval_inode,
            ctypes.c_int,
            *(pointer, ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64),
        )
        context = _context_type(module)
        self._context = _declared(held.fuse_get_context, ctypes.POINTER(context))

    def umask(self) -> int:
        """The umask of who asks, within a callback."""
        return int(self._context().contents.umask)

    def operations(self, callbacks: Mapping[str, Callback]) -> Any:
        """The table of callbacks; what is not among them libfuse answers ENOSYS.

        No path is wanted for what has an open file, and UTIME_OMIT is understood.
        """
        table = self.Operations()
        prototypes = {field[0]: field[1] for field in _fields(self.Operations)}
        # Its fields do not keep these alive: ctypes mixes up those of two classes.
        table.kept = {name: prototypes[name](call) for name, call in callbacks.items()}
        for name, pointer in table.kept.items():
            setattr(table, name, pointer)
        table.flag_nullpath_ok = 1
        table.flag_nopath = 1
        table.flag_utime_omit_ok = 1
        return table


def agree(connection: int) -> None:
    """Within `init`: ask for what the kernel offers and the operations rely on."""
    info = _ConnInfo.from_address(connection)
    info.want |= info.capable & (DONT_MASK | BIG_WRITES)


def make_args(words: Sequence[str]) -> Any:
    """A struct fuse_args; it keeps what it points to."""
    encoded = [os.fsencode(word) for word in words]
    vector = (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
    return _Args(len(encoded), vector, 0)


def _load_fusepy() -> Any:
    try:
        module = import_module("fuse")
    except ImportError:
        raise DriverUnavailable(f"fusepy is not installed: {_INSTALL}") from None
    except OSError as exc:  # it looks for the library when it is imported
        raise DriverUnavailable(f"{_PACKAGE} is not installed: {exc}") from None
    if not hasattr(module, "fuse_operations"):
        raise DriverUnavailable(
            f"the module `fuse` ({module.__file__}) is another package's than "
            f"fusepy's: uninstall that (fuse-python has the same name), {_INSTALL}"
        )
    return module


def _declared(function: Any, result: Any, *arguments: Any) -> Any:
    function.restype = result
    function.argtypes = arguments
    return function


def _newest(library: Any, name: str, version: str) -> Any:
    """A function of this version: glibc finds one for programs of 2001 by its name."""
    try:
        dlvsym = ctypes.CDLL(None).dlvsym
    except AttributeError:  # libraries have no versions here
        return getattr(library, name)
    _declared(
        dlvsym, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p
    )
    address = dlvsym(library._handle, name.encode(), version.encode())
    if not address:
        raise MountError(f"this libfuse has no {name} of version {version}")
    # A prototype of ctypes.pythonapi's kind: the lock stays held.
    return ctypes.PYFUNCTYPE(
        ctypes.c_void_p,
        *(ctypes.c_void_p, ctypes.POINTER(_Args), ctypes.c_void_p),
        *(ctypes.c_size_t, ctypes.c_void_p),
    )(address)


def _fields(structure: Any) -> list[Any]:
    """The fields of a structure with those that it extends."""
    return [
        field
        for part in reversed(structure.__mro__)
        for field in getattr(part, "__dict__", {}).get("_fields_", ())
    ]


def _extended_operations(module: Any) -> Any:
    """The table of operations of fusepy, with what libfuse 2.9 has behind it."""
    pointer = ctypes.c_void_p

    class Operations(module.fuse_operations):  # type: ignore[misc]
        _fields_ = (
            ("poll", pointer),
            ("write_buf", pointer),
            ("read_buf", pointer),
            ("flock", pointer),
            (
                "fallocate",
                ctypes.CFUNCTYPE(
                    ctypes.c_int,
                    *(ctypes.c_char_p, ctypes.c_int, module.c_off_t, module.c_off_t),
                    ctypes.POINTER(module.fuse_file_info),
                ),
            ),
        )

    return Operations


def _context_type(module: Any) -> Any:
    """The struct fuse_context of fusepy, with the umask, which came later."""

    class Context(module.fuse_context):  # type: ignore[misc]
        _fields_ = (("umask", module.c_mode_t),)

    return Context
