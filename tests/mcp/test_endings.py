"""However the server ends, it ends promptly and leaves nothing; so with its store."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leaks import find_mounts
from tests.mcp.raw import RawServer
from tests.processes import command_of, pids_with, wait_until

if sys.platform == "win32":
    pytest.skip("the signals are POSIX's", allow_module_level=True)

pytestmark = pytest.mark.fuse

PROMPTLY = 2.0  # seconds; hosts wait that long before they kill
STUCK = 2 * PROMPTLY  # where the SDK waits for a client that takes no answers


def close_input(server: RawServer) -> None:
    assert server.process.stdin is not None
    server.process.stdin.close()


def sender(number: signal.Signals) -> Callable[[RawServer], None]:
    return lambda server: server.process.send_signal(number)


ENDINGS: dict[str, tuple[Callable[[RawServer], None], int]] = {
    "stdin closed": (close_input, 0),
    "SIGTERM": (sender(signal.SIGTERM), 128 + signal.SIGTERM),
    "SIGINT": (sender(signal.SIGINT), 128 + signal.SIGINT),
    "SIGHUP": (sender(signal.SIGHUP), 128 + signal.SIGHUP),
    "SIGKILL": (sender(signal.SIGKILL), -signal.SIGKILL),
}


def leftovers(root: Path) -> list[str]:
    """What is left of a server that had `root` as its TMPDIR."""
    return [
        *(mount.path for mount in find_mounts((root,))),
        *(str(path) for path in root.glob("devdev-*")),
        *map(command_of, pids_with("TMPDIR", str(root))),
    ]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_busy_server_ends_promptly_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    end, status = ENDINGS[name]
    command = {
        "command": 'cd "$WORKSPACE"; setsid sleep 60 & touch begun; exec sleep 60 < a',
        "env": {"TMPDIR": str(tmp_path)},
    }
    with RawServer(tmp_path) as server:
        server.handshake()
        server.call("write_file", path="/a", content="1")
        server.send("tools/call", {"name": "exec_command", "arguments": command})
        (mount,) = find_mounts((tmp_path,))
        wait_until((Path(mount.path) / "begun").exists, "the command to begin")
        begin = time.monotonic()
        end(server)
        assert server.process.wait(PROMPTLY) == status
        remaining = begin + PROMPTLY - time.monotonic()
        wait_until(lambda: not leftovers(tmp_path), "nothing to be left", remaining)


def test_a_server_that_is_ended_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    with RawServer(tmp_path) as server:
        wait_until(lambda: any(find_mounts((tmp_path,))), "the mount")
        server.process.terminate()
        server.process.wait(PROMPTLY)
        wait_until(lambda: not leftovers(tmp_path), "nothing to be left", PROMPTLY)


def take_no_answers(server: RawServer) -> None:
    """Ask for more than the pipe holds, and read nothing of it."""
    server.call("write_file", path="/a", content="x\n" * 100_000)
    for _ in range(50):
        arguments = {"path": "/a", "max_tokens": 20_000}
        server.send("tools/call", {"name": "read_file", "arguments": arguments})


@pytest.mark.parametrize("name", ["stdin closed", "SIGTERM"])
def test_a_server_whose_client_takes_no_answers_ends(name: str, tmp_path: Path) -> None:
    end, status = ENDINGS[name]
    with RawServer(tmp_path) as server:
        server.handshake()
        take_no_answers(server)
        end(server)
        assert server.process.wait(STUCK) == status
        wait_until(lambda: not leftovers(tmp_path), "nothing to be left", PROMPTLY)


def test_a_server_that_can_answer_nobody_ends(tmp_path: Path) -> None:
    with RawServer(tmp_path) as server:
        server.handshake()
        assert server.process.stdout is not None
        server.process.stdout.close()
        server.send("ping")
        server.process.wait(PROMPTLY)
        wait_until(lambda: not leftovers(tmp_path), "nothing to be left", PROMPTLY)


def test_a_workspace_that_is_lost_is_told(tmp_path: Path) -> None:
    with RawServer(tmp_path) as server:
        server.handshake()
        server.call("write_file", path="/a", content="1")
        os.kill(store_of(server.process.pid), signal.SIGKILL)
        for tool, arguments in (
            ("read_file", {"path": "/a"}),
            ("exec_command", {"command": "true"}),
            ("workspace_info", {}),
        ):
            refused = server.call(tool, **arguments)
            error = refused["structuredContent"]["error"]
            assert error["code"] == "WORKSPACE_LOST"
            assert "Restart this MCP server" in error["hint"]


def store_of(owner: int) -> int:
    """The process that owns the files of a server."""
    threads = Path(f"/proc/{owner}/task").glob("*/children")
    children = [child for each in threads for child in each.read_text().split()]
    (store,) = (
        int(child)
        for child in children
        if b"devdev_mount._server" in Path(f"/proc/{child}/cmdline").read_bytes()
    )
    return store
