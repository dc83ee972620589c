"""Tries to get out of a contained program: what each level stops, and what it does not.

Run as a program, with a level, it prints what came of each attempt, as JSON. It is one
program so that any user can run it.
"""

import sys

if sys.platform != "linux":
    raise ImportError("containment is for Linux")

import ctypes
import json
import os
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from devdev_exec import Containment, Environment, Level, Workspace

_IPC_PRIVATE = 0
_IPC_RMID = 0

# What runs inside. It gets at the world outside by `w`, a dictionary.
INSIDE = r"""
import ctypes, errno, fcntl, json, os, resource, signal, socket, sys

w = json.loads(os.environ["WORLD"])
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result

def read(path):
    with open(path, "rb") as file:
        return file.read(1)

def write(path, mode):
    with open(path, mode) as file:
        file.write("x")

def send(family, kind, address):
    with socket.socket(family, kind) as sock:
        sock.settimeout(2)
        sock.connect(address)
        sock.send(b"out")

def read_environment():
    assert b"VICTIM=" in open(f"/proc/{w['victim']}/environ", "rb").read()

def inherited():
    links = [f"/proc/self/fd/{fd}" for fd in range(3, 256)]
    assert any(os.path.lexists(link) for link in links)

def type_at_terminal():
    fcntl.ioctl(1, 0x5412, b"\n")

def open_terminal():
    os.close(os.open(w["terminal"], os.O_RDWR | os.O_NOCTTY))

def change_the_kernel():
    try:
        os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    except OSError:  # EACCES, or EROFS
        raise AssertionError from None

def watch(directory):
    with open(checked(libc.inotify_init()), "rb") as watches:
        checked(libc.inotify_add_watch(watches.fileno(), directory.encode(), 0x100))

AF_VSOCK = 40
IPC_STAT = 2
core = resource.RLIMIT_CORE
segment = ctypes.create_string_buffer(1024)
outside = w["outside"]
secret = outside + "/secret"
attempts = {
    "read a file": lambda: read(secret),
    "list a directory": lambda: os.listdir(outside),
    "learn of a file": lambda: os.stat(secret),
    "watch a directory": lambda: watch(outside),
    "change a file": lambda: write(secret, "a"),
    "truncate a file": lambda: os.truncate(secret, 1),
    "make a file": lambda: write(outside + "/new", "w"),
    "remove a file": lambda: os.unlink(outside + "/old"),
    "chmod": lambda: os.chmod(secret, 0o644),
    "chmod a device": lambda: os.chmod("/dev/null", 0o666),
    "chown": lambda: os.chown(secret, -1, os.getgid()),
    "utime": lambda: os.utime(secret),
    "setxattr": lambda: os.setxattr(secret, "user.a", b"b"),
    "TCP": lambda: send(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", w["tcp"])),
    "UDP": lambda: send(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", w["udp"])),
    "abstract socket": lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, w["abstract"]),
    "named socket": lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, w["named"]),
    "VM socket": lambda: socket.socket(AF_VSOCK, socket.SOCK_STREAM).close(),
    "System V's IPC": lambda: checked(libc.shmctl(w["segment"], IPC_STAT, segment)),
    "signal a process": lambda: os.kill(w["victim"], signal.SIGCONT),
    "limit a process": lambda: resource.prlimit(w["victim"], core, (0, 0)),
    "slow down a process": lambda: os.setpriority(os.PRIO_PROCESS, w["victim"], 5),
    "see a process": lambda: os.stat(f"/proc/{w['victim']}"),
    "read its environment": read_environment,
    "ptrace": lambda: checked(libc.ptrace(0x4206, w["victim"], None, None)),
    "a descriptor": inherited,
    "type at a terminal": type_at_terminal,
    "another terminal": open_terminal,
    "settings of the kernel": change_the_kernel,
    "new namespaces": lambda: checked(libc.unshare(0x10000000)),
}
came_of_it = {}
for name, attempt in attempts.items():
    try:
        attempt()
        came_of_it[name] = "out"
    except OSError as error:
        came_of_it[name] = errno.errorcode[error.errno]
    except AssertionError:
        came_of_it[name] = "nothing"
with open("came_of_it", "w") as file:
    json.dump(came_of_it, file)
"""


def try_all(level: Level, *, network: bool = False) -> dict[str, str]:
    """What came of each attempt, contained so: "out", or how it was stopped."""
    with ExitStack() as stack:
        outside = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("secret", "old"):
            (outside / name).write_text("secret")
        tcp, udp = _internet(stack)
        abstract = f"\0devdev-test-{os.getpid()}"
        named = str(outside / "socket")
        for name in (abstract, named):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.bind(name)
            sock.listen()
        victim = subprocess.Popen(["sleep", "60"], env={"VICTIM": "1"})
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        libc = ctypes.CDLL(None)
        segment = libc.shmget(_IPC_PRIVATE, 1, 0o600)
        stack.callback(libc.shmctl, segment, _IPC_RMID, None)
        for fd in os.openpty():
            stack.callback(os.close, fd)
        world = {
            "outside": str(outside),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": abstract,
            "named": named,
            "victim": victim.pid,
            "segment": segment,
            "terminal": os.ttyname(fd),
        }
        workspace = stack.enter_context(Workspace())
        containment = Containment(
            level=level,
            require=level,
            network=network,
            read=(sys.prefix, sys.base_prefix, os.path.dirname(sys.executable)),
        )
        variables = {"WORLD": json.dumps(world)}
        # A Python may need it to start at all.
        inherit = ("LD_LIBRARY_PATH",)
        result = workspace.exec(
            [sys.executable, "-I", "-S", "-c", INSIDE],
            environment=Environment(variables=variables, inherit=inherit),
            containment=containment,
            timeout=20,
        ).check()
        assert result.containment == level
        came_of_it: dict[str, str] = json.loads(workspace.fs.read_text("/came_of_it"))
        if came_of_it["UDP"] == "out" and not _has_arrived(udp):
            came_of_it["UDP"] = "lost"
        return came_of_it


def _internet(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket of this machine to be reached."""
    tcp, udp = (
        stack.enter_context(socket.socket(socket.AF_INET, kind))
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    )
    for sock in (tcp, udp):
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.2)
    tcp.listen()
    return tcp, udp


def _has_arrived(udp: socket.socket) -> bool:
    try:
        return bool(udp.recv(10))
    except TimeoutError:
        return False


if __name__ == "__main__":
    print(json.dumps(try_all(cast(Level, sys.argv[1]))))
