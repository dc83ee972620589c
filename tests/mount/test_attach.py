"""Several clients of one served filesystem: each for itself, none in another's way."""

import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest
from devdev_mount import (
    FsError,
    MountError,
    MountOptions,
    Served,
    ServerDied,
    attach,
    list_served,
    serve,
)

from tests.mount.programs import Program
from tests.processes import is_gone, is_listed, wait_until
from tests.users import as_ordinary_user, why_no_ordinary_user

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = [pytest.mark.fuse, pytest.mark.usefixtures("own_servers")]

HEADER = struct.Struct("!BQ")  # of a frame: its kind and its length
HELLO, JOIN, STATUS, CALL = 12, 13, 14, 4

READ_LARGE = b"\x84\x00\x00\x71_paths.read_bytes\x66/large"


@pytest.fixture
def served() -> Iterator[Served]:
    with serve() as served:
        yield served


CLIENT = """
    import sys
    from devdev_mount import attach
    with attach(sys.argv[1], actor=sys.argv[2]) as client:
        for line in sys.stdin:
            print(eval(line), flush=True)
"""


class Client(Program):
    """A client in another process, which evaluates what it is asked."""

    def __init__(self, served: Served, actor: str = "other") -> None:
        super().__init__(CLIENT, served.path, Path(actor))
        self.pid = self._process.pid
        assert self.ask("client.is_alive") == "True"

    def tell(self, line: str) -> None:
        """Send a line without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait(self) -> int:
        return self._process.wait(10)


def changes(served: Served) -> dict[str, list[str | bytes]]:
    spans = served.fs.log().spans
    return {span.actor: [change.path for change in span.changes] for span in spans}


def is_clients(served: Served, count: int) -> bool:
    return len(served.status().clients) == count


# --- what a client has -----------------------------------------------------------


def test_two_clients_and_the_owner_see_the_same_each_with_its_actor(
    served: Served,
) -> None:
    with Client(served, "alice") as alice, attach(served.path, actor="bob") as bob:
        alice.ask("client.fs.write_text('/a', 'by alice')")
        bob.fs.write_text("/b", "by bob")
        (served.path / "c").write_text("by a program")
        assert alice.ask("sorted(client.fs.listdir('/'))") == "['a', 'b', 'c']"
        assert bob.fs.read_text("/a") == "by alice"
        assert changes(served) == {"alice": ["/a"], "bob": ["/b"], "": ["/c"]}
        assert bob.path == served.path
        assert (bob.pid, bob.driver) == (served.pid, "fuse")
        clients = {each.actor: each.pid for each in served.status().clients}
        assert clients == {"alice": alice.pid, "bob": os.getpid()}


def test_an_actor_inside_a_client_counts_before_the_clients(served: Served) -> None:
    with attach(served.path, actor="outer") as client:
        client.fs.write_text("/one", "")
        with client.fs.actor("inner"):
            client.fs.write_text("/two", "")
    assert changes(served) == {"outer": ["/one"], "inner": ["/two"]}
    (outer, _) = served.fs.log().spans
    wait_until(lambda: not served.fs.log().spans[0].is_open, "the span to end")
    served.fs.undo(outer.id)
    assert served.fs.listdir("/") == ["two"]


def test_a_clients_own_span_cannot_be_undone_while_it_is_attached(
    served: Served,
) -> None:
    with attach(served.path, actor="me") as client:
        client.fs.write_text("/f", "")
        with pytest.raises(FsError, match="has not ended"):
            served.fs.undo(client.span)


def test_a_program_on_the_mount_can_belong_to_a_clients_span(served: Served) -> None:
    with attach(served.path, actor="me") as client:
        client.attribute(os.getpid(), client.span)
        (served.path / "f").touch()
        client.attribute(os.getpid(), 0)
        assert changes(served) == {"me": ["/f"]}


def test_a_server_is_found_by_its_address_and_through_links(
    served: Served, tmp_path: Path
) -> None:
    assert served.address is not None
    (tmp_path / "link").symlink_to(served.path)
    for place in (served.address, tmp_path / "link"):
        with attach(place) as client:
            assert client.path == served.path


def test_nothing_is_attached_where_nothing_is_served(tmp_path: Path) -> None:
    with pytest.raises(MountError, match=f"nothing is served at {tmp_path}"):
        attach(tmp_path)


def test_a_client_has_forks_and_mounts_of_its_own(served: Served) -> None:
    served.fs.write_text("/f", "then")
    with attach(served.path) as client:
        fork = client.fs.fork()
        fork.write_text("/f", "now")
        with client.mount(fork, options=MountOptions(read_only=True)) as view:
            assert (view.path / "f").read_text() == "now"
            with attach(view.path) as visitor:
                assert visitor.fs.read_text("/f") == "now"
        with pytest.raises(ValueError, match="no fork"):
            served.mount(fork)
    assert served.fs.read_text("/f") == "then"


def test_an_attached_copy_is_pulled_and_pushed_by_the_clients_actor() -> None:
    with serve(driver="copy") as served, attach(served.path, actor="me") as client:
        client.fs.write_text("/f", "one")
        assert client.push().made == 1
        (client.path / "f").write_text("two")
        client.pull()
        assert served.fs.read_text("/f") == "two"
        assert set(changes(served)) == {"me"}


def test_an_import_belongs_to_the_clients_actor(served: Served, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with attach(served.path, actor="me") as client:
        assert client.import_tree(tmp_path, "/in").files == 1
        assert client.requests["INIT"] == 1
    assert set(changes(served)) == {"me"}


def test_an_actor_with_too_long_a_name_is_refused(served: Served) -> None:
    with pytest.raises(FsError, match="name of an actor"):
        attach(served.path, actor="x" * 2000)


# --- how a client ends -----------------------------------------------------------


def test_a_client_that_leaves_ends_nothing_but_what_it_held(served: Served) -> None:
    with attach(served.path) as client:
        client.fs.write_bytes("/f", b"x" * 8192)
        client.fs.open("/f")
        view = client.mount(client.fs.fork())
        client.fs.remove("/f")
        assert served.status().mounts[0].used_bytes == 8192
    client.close()
    assert not client.is_alive
    with pytest.raises(MountError, match="closed"):
        client.fs.exists("/")
    wait_until(lambda: len(served.status().mounts) == 1, "its mount to go")
    assert not is_listed(view.path)
    assert served.status().mounts[0].used_bytes == 0
    assert served.is_alive
    served.fs.check_invariants()


@pytest.mark.parametrize("call", ["client.fs.watch().take(60)", "0"])
def test_a_killed_client_is_forgotten(served: Served, call: str) -> None:
    served.fs.write_bytes("/f", b"x" * 8192)
    with Client(served) as client:
        client.ask("client.fs.open('/f')")
        client.ask("client.mount(client.fs.fork()).path")
        served.fs.remove("/f")
        assert served.status().mounts[0].used_bytes == 8192
        client.tell(call)
        os.kill(client.pid, signal.SIGKILL)
        begun = time.monotonic()
        served.fs.write_text("/g", "")
        assert time.monotonic() - begun < 1.0
    # A call that waits on the other side is waited for: 10 seconds at most.
    wait_until(lambda: len(served.status().mounts) == 1, "its mount to go", 12.0)
    assert is_clients(served, 0)
    assert served.status().mounts[0].used_bytes == 0


def test_a_forked_child_has_no_part_in_a_client(served: Served) -> None:
    with attach(served.path) as client:
        client.fs.exists("/")
        child = os.fork()
        if not child:
            try:
                client.fs.exists("/")
            except MountError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert client.fs.exists("/")


# --- the server ends -------------------------------------------------------------


def test_clients_of_a_killed_server_are_told(served: Served) -> None:
    address = served.address
    assert address is not None
    with attach(served.path) as client, Client(served) as other:
        other.tell("client.fs.watch().take(60)")
        client.fs.exists("/")
        os.kill(served.pid, signal.SIGKILL)
        with pytest.raises(ServerDied, match=f"pid {served.pid}"):
            client.fs.exists("/")
        wait_until(lambda: not client.is_alive, "the client to know")
        assert other.wait() == 1
    wait_until(lambda: not is_listed(Path(address)), "the address to go")


def test_clients_of_a_server_that_ends_in_order_are_told(served: Served) -> None:
    with attach(served.path) as client:
        begun = time.monotonic()
        served.close()
        assert time.monotonic() - begun < 4.0
        with pytest.raises(ServerDied):
            client.fs.exists("/")
    assert served.address is not None
    assert not is_listed(Path(served.address))


def test_a_stopped_server_is_not_waited_for_when_listing(served: Served) -> None:
    os.kill(served.pid, signal.SIGSTOP)
    try:
        (place,) = list_served()
        assert (place.path, place.pid) == (str(served.path), served.pid)
        assert place.status is None
        with pytest.raises(MountError, match="did not answer in 5 s"):
            attach(served.path)
    finally:
        os.kill(served.pid, signal.SIGCONT)


@pytest.mark.parametrize("driver", ["fuse", "copy"])
def test_what_a_server_and_its_owner_leave_when_both_are_killed_goes(
    driver: str,
) -> None:
    """By the watcher of a mount; by who looks next, where nothing is mounted."""
    script = f"""
        import os
        from devdev_mount import serve
        served = serve(driver={driver!r})
        for fact in (served.address, served.pid, os.getpid()):
            input()
            print(fact)
        input()
        """
    with Program(script) as program:
        address = Path(program.ask())
        server, owner = int(program.ask()), int(program.ask())
        assert stat.S_IMODE(address.stat().st_mode) == 0o700
        os.kill(owner, signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        os.kill(owner, signal.SIGKILL)
        wait_until(lambda: is_gone(server), "the server to end")
    if driver == "fuse":
        wait_until(lambda: not is_listed(address), "the watcher")
    # A process that is a zombie may still have threads, which have its descriptors.
    wait_until(lambda: list_served() == [], "the listener to end")
    assert not is_listed(address)


# --- slow, hostile, many ---------------------------------------------------------


def test_a_client_that_stops_in_the_middle_of_an_answer_slows_nobody(
    served: Served,
) -> None:
    served.fs.write_bytes("/large", b"x" * 50_000_000)
    with Client(served) as slow, attach(served.path) as client:
        slow.tell("[len(client.fs.read_bytes('/large')) for _ in range(100)]")
        pause_until_busy(slow.pid)
        os.kill(slow.pid, signal.SIGSTOP)
        took = []
        for number in range(200):
            begun = time.monotonic()
            client.fs.write_text("/f", f"{number}")
            assert (served.path / "f").read_text() == f"{number}"
            took.append(time.monotonic() - begun)
        assert max(took) < 1.0, sorted(took)[-5:]
        os.kill(slow.pid, signal.SIGCONT)
        assert served.is_alive


def pause_until_busy(pid: int) -> None:
    """Wait until a process has received some of a large answer."""

    def resident() -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])

    before = resident()
    wait_until(lambda: resident() > before + 1000, "the answer to begin", 10.0)


def connect(served: Served) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5.0)
    sock.connect(f"{served.address}/socket")
    return sock


def frame(kind: int, payload: bytes) -> bytes:
    return HEADER.pack(kind, len(payload)) + payload


def read_frame(sock: socket.socket) -> bytes:
    with sock.makefile("rb") as file:
        _, length = HEADER.unpack(file.read(HEADER.size))
        return file.read(length)


@contextmanager
def raw_client(served: Served) -> Iterator[socket.socket]:
    """A connection for calls, of a client that keeps to no rules."""
    key = key_of(served)
    with connect(served) as control, connect(served) as calls:
        hello = {"mount": 0, "actor": None, "key": key}
        control.sendall(frame(HELLO, json.dumps(hello).encode()))
        token = json.loads(read_frame(control))["token"]
        join = {"token": token, "key": key}
        calls.sendall(frame(JOIN, json.dumps(join).encode()))
        assert read_frame(calls) == b""
        yield calls


def key_of(served: Served) -> str:
    assert served.address is not None
    record = json.loads(Path(served.address, "served.json").read_text())
    return str(record["key"])


def is_ended(sock: socket.socket) -> bool:
    """Whether the other side ends the connection without an answer."""
    try:
        return not sock.recv(10)
    except ConnectionResetError:  # it left something unread
        return True


GARBAGE = {
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "kind": frame(99, b""),
    "length": HEADER.pack(CALL, 2**63),
    "order": frame(3, b""),
    "start": frame(1, b"\0" * 8),
    "json": frame(6, b"{"),
    "argument": frame(6, b'{"nonsense": 1}'),
    "list": frame(8, b"[]"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_nonsense_ends_who_says_it_and_nobody_else(served: Served, what: str) -> None:
    with attach(served.path) as client:
        with connect(served) as sock:
            sock.sendall(GARBAGE[what])
            assert is_ended(sock)
        with raw_client(served) as calls:
            calls.sendall(GARBAGE[what])
            assert is_ended(calls)
        client.fs.write_text("/f", "x")
        wait_until(lambda: is_clients(served, 1), "the others to be forgotten")
    assert served.is_alive


def test_half_a_frame_is_forgotten_with_its_client(served: Served) -> None:
    with raw_client(served) as calls:
        calls.sendall(HEADER.pack(CALL, 2**32) + b"half")
        assert is_clients(served, 1)
    wait_until(lambda: is_clients(served, 0), "the client to be forgotten")


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_an_answer_that_nobody_takes_is_given_up(served: Served) -> None:
    """After 30 seconds, so that its memory and its thread come free."""
    served.fs.write_bytes("/large", b"x" * 50_000_000)
    with raw_client(served) as calls:
        calls.settimeout(5.0)
        calls.sendall(frame(CALL, READ_LARGE))
        threads = Path(f"/proc/{served.pid}/task")
        before = len(os.listdir(threads))
        wait_until(lambda: len(os.listdir(threads)) < before, "it to give up", 40.0)
        with calls.makefile("rb") as file:
            assert len(file.read()) < 50_000_000


def test_a_call_that_means_nothing_is_answered(served: Served) -> None:
    with raw_client(served) as calls:
        calls.sendall(frame(CALL, b"\xff\xff"))
        assert b"Traceback" in read_frame(calls)


def test_thirty_clients_work_at_once(served: Served) -> None:
    with ExitStack() as stack:
        clients = [
            stack.enter_context(attach(served.path, actor=f"actor {number}"))
            for number in range(30)
        ]

        def work(number: int) -> None:
            for count in range(10):
                clients[number].fs.write_text(f"/{number}", f"{count}")
                assert clients[number].fs.read_text(f"/{number}") == f"{count}"

        with ThreadPoolExecutor(30) as pool:
            list(pool.map(work, range(30)))
        expected = {f"actor {number}": [f"/{number}"] for number in range(30)}
        assert changes(served) == expected
    wait_until(lambda: is_clients(served, 0), "them to be forgotten")


def test_there_is_a_limit_of_clients_and_their_places_come_free(served: Served) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(attach(served.path)) for _ in range(64)]
        with pytest.raises(MountError, match="64 clients"):
            attach(served.path)
        clients[0].close()
        wait_until(lambda: is_clients(served, 63), "a place to come free")
        with attach(served.path) as late:
            assert late.fs.exists("/")


def test_a_client_waits_for_a_connection_when_it_has_many_threads(
    served: Served,
) -> None:
    with attach(served.path) as client, ThreadPoolExecutor(20) as pool:
        names = [f"/{number}" for number in range(200)]
        list(pool.map(lambda name: client.fs.write_text(name, "x"), names))
        assert len(served.fs.listdir("/")) == 200


# --- who may ---------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "", "0" * 32, 7])
def test_who_cannot_read_the_key_is_refused(served: Served, key: object) -> None:
    """A program at level "landlock" can connect to a socket, but read no file."""
    for kind, request in ((HELLO, {"mount": 0, "actor": None}), (STATUS, {})):
        with connect(served) as sock:
            sock.sendall(frame(kind, json.dumps(request | {"key": key}).encode()))
            assert is_ended(sock)
        with connect(served) as sock:
            sock.sendall(frame(kind, json.dumps(request).encode()))
            assert is_ended(sock)


STRANGER = """
    import socket, struct, sys
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5.0)
    try:
        sock.connect(sys.argv[1] + "/socket")
    except OSError as error:
        print(type(error).__name__)
    else:
        print(sock.recv(1000)[9:].decode())
"""


@pytest.mark.timeout(40)
def test_another_user_is_refused(served: Served) -> None:
    reason = why_no_ordinary_user()
    if reason is not None:
        if "fuse" in os.environ.get("DEVDEV_REQUIRE", ""):
            pytest.fail(f"DEVDEV_REQUIRE=fuse, but {reason}")
        pytest.skip(reason)
    assert served.address is not None
    program = [sys.executable, "-I", "-c", dedent(STRANGER), served.address]
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)

        def ask() -> str:
            with tempfile.TemporaryDirectory(dir=scratch) as own:
                done = subprocess.run(
                    as_ordinary_user(program, Path(own)),
                    capture_output=True,
                    text=True,
                    timeout=15,
                    check=True,
                )
            return done.stdout

        assert ask() == "PermissionError\n"
        # And even if somebody opens what is closed.
        os.chmod(served.address, 0o777)
        os.chmod(f"{served.address}/socket", 0o777)
        assert "another user's" in ask()


def test_a_directory_of_another_user_is_no_server_of_ours(own_servers: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make what belongs to another user")
    directory = own_servers / f"devdev-served-{os.geteuid()}-0123456789abcdef"
    directory.mkdir()
    os.chown(directory, 65534, 65534)
    try:
        assert list_served() == []
        assert directory.exists()
    finally:
        directory.rmdir()


def test_what_a_server_did_not_finish_is_removed_after_a_while(
    own_servers: Path,
) -> None:
    name = f"devdev-served-{os.geteuid()}-0123456789abcdef"
    old, young = own_servers / f"{name}.new", own_servers / f"{name}0.new"
    for directory in (old, young):
        directory.mkdir()
        (directory / "socket").touch()
    os.utime(old, (0, 0))
    assert list_served() == []
    assert not is_listed(old)
    assert is_listed(young)
    shutil.rmtree(young)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"mounts": 1}', "x" * 2**21])
def test_what_is_no_record_of_a_server_is_passed_over(
    own_servers: Path, content: str
) -> None:
    directory = own_servers / f"devdev-served-{os.geteuid()}-0123456789abcdef"
    directory.mkdir()
    (directory / "served.json").write_text(content)
    assert list_served() == []
    with pytest.raises(MountError, match="nothing is served"):
        attach(directory)
    shutil.rmtree(directory)


def test_servers_are_found_whatever_the_length_of_their_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's own name is limited to 107 bytes."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.delenv("DEVDEV_RUNTIME_DIR")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with serve() as served, attach(served.path) as client:
        assert served.address is not None
        assert Path(served.address).parent == deep
        assert client.fs.exists("/")
    assert list(deep.iterdir()) == []


def test_a_server_without_a_place_to_be_found_serves_nevertheless(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DEVDEV_RUNTIME_DIR", str(tmp_path / "missing"))
    with serve() as served:
        assert served.address is None
        assert served.fs.exists("/")
        with pytest.raises(MountError, match="nothing is served"):
            attach(served.path)
    assert "nobody can attach" in capfd.readouterr().err


def test_two_servers_do_not_mount_at_one_place_at_the_same_time(tmp_path: Path) -> None:
    def try_to_serve(_: int) -> Served | None:
        try:
            return serve(tmp_path)
        except MountError as error:
            refusals.append(str(error))
            return None

    refusals: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        served = [each for each in pool.map(try_to_serve, range(4)) if each]
    for each in served:
        each.close()
    assert len(served) == 1
    assert [text.partition(": ")[0] for text in refusals] == [
        f"{tmp_path} is already a mount of devdev"
    ] * 3
