"""However the server ends, it ends promptly and leaves nothing."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.leaks import find_mounts
from tests.mcp.processes import processes_with
from tests.mcp.raw import RawServer
from tests.processes import wait_until

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


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RawServer]]:
    """A server for each ending, started side by side."""
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(RawServer(tmp_path_factory.mktemp("ending")))
            for name in ENDINGS
        }
        for server in servers.values():
            server.handshake()
            server.call("exec_command", command="true")
        yield servers


def leftovers(root: Path) -> list[str]:
    """What is left of a server that had `root` as its TMPDIR."""
    return [
        *(mount.path for mount in find_mounts((root,))),
        *(str(path) for path in root.glob("devdev-*")),
        *processes_with("TMPDIR", str(root)),
    ]


@pytest.mark.parametrize("name", ENDINGS)
def test_a_busy_server_ends_promptly_and_leaves_nothing(
    name: str, servers: dict[str, RawServer]
) -> None:
    end, status = ENDINGS[name]
    server = servers[name]
    server.call("write_file", path="/a", content="1")
    command = {
        "command": 'cd "$WORKSPACE"; setsid sleep 60 & touch begun; exec sleep 60 < a',
        "env": {"TMPDIR": str(server.root)},
    }
    server.send("tools/call", {"name": "exec_command", "arguments": command})
    (mount,) = find_mounts((server.root,))
    wait_until((Path(mount.path) / "begun").exists, "the command to begin")
    begin = time.monotonic()
    end(server)
    assert server.process.wait(PROMPTLY) == status
    remaining = begin + PROMPTLY - time.monotonic()
    wait_until(lambda: not leftovers(server.root), "nothing to be left", remaining)


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
