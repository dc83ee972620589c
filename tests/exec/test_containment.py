"""What a contained program finds, what it may use, and how it is told of failures."""

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("containment is for Linux", allow_module_level=True)

from devdev_exec import (
    Containment,
    ContainmentError,
    Environment,
    ExecError,
    Level,
    Limits,
    SpawnError,
    Workspace,
    probe_containment,
)

from tests.exec.levels import need
from tests.processes import Mark, wait_until

pytestmark = pytest.mark.fuse

CONTAINED: tuple[Level, ...] = ("landlock", "namespaces")
PYTHON = (sys.prefix, sys.base_prefix, os.path.dirname(sys.executable))


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


def at(level: Level) -> Containment:
    need(level)
    return Containment(level=level, require=level)


@pytest.mark.parametrize("level", CONTAINED)
def test_it_works_in_the_workspace_as_ever(ws: Workspace, level: Level) -> None:
    ws.fs.mkdir("/sub")
    script = "cd; pwd; cd -; echo in > file; mktemp >/dev/null; cat; exit 3"
    result = ws.exec(
        ["sh", "-c", script], cwd="/sub", stdin=b"input", containment=at(level)
    )
    root = "/workspace" if level == "namespaces" else f"{ws.path}"
    lines = result.output.decode().splitlines()
    assert lines == [f"{root}/home", f"{root}/sub", "input"]
    assert (result.exit_code, result.argv[0]) == (3, "sh")
    assert result.containment == level
    assert result.changed == ("/home", "/sub/file")[1:]
    assert ws.fs.log().spans[-1].actor.startswith("sh -c")


def test_the_level_is_none_unless_asked_for(ws: Workspace) -> None:
    assert ws.exec(["true"]).containment == "none"


@pytest.mark.parametrize("level", CONTAINED)
def test_its_variables_have_no_effect_before_it_is_contained(
    ws: Workspace, level: Level, tmp_path: Path
) -> None:
    """What LD_PRELOAD names would run in what contains the program, too."""
    variables = {"LD_PRELOAD": "/workspace/evil.so", "A": "1", "PYTHONPATH": "/"}
    result = ws.exec(
        ["env"], environment=Environment(variables=variables), containment=at(level)
    )
    assert result.output.count(b"evil.so' from LD_PRELOAD cannot be preloaded") == 1
    assert b"\nA=1\r\n" in result.output
    assert b"DEVDEV" not in result.output


@pytest.mark.parametrize("level", CONTAINED)
def test_a_secret_is_in_the_environment_and_nowhere_else(
    ws: Workspace, level: Level
) -> None:
    environment = Environment(secrets={"TOKEN": "s3cret"})
    with ws.start(
        ["sh", "-c", "echo $TOKEN; exec sleep 60"],
        environment=environment,
        containment=at(level),
    ) as session:
        session.wait_for("s3cret")
        shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True)
        assert b"s3cret" not in shown.stdout
        assert "s3cret" not in repr(session)


@pytest.mark.parametrize("level", CONTAINED)
def test_what_cannot_be_executed_is_an_error(ws: Workspace, level: Level) -> None:
    with pytest.raises(SpawnError, match=f"no-such.*{level}") as caught:
        ws.exec(["no-such"], containment=at(level))
    assert caught.value.errno == 2
    ws.fs.write_text("/text", "")
    with pytest.raises(SpawnError, match=level) as caught:
        ws.exec(["./text"], containment=at(level))
    assert caught.value.errno == 13


@pytest.mark.parametrize("level", CONTAINED)
@pytest.mark.parametrize("code", [1, 125])
def test_a_program_may_fail_as_what_contains_it_does(
    ws: Workspace, level: Level, code: int
) -> None:
    script = f"echo 'bwrap: execvp x: Permission denied' >&2; exit {code}"
    result = ws.exec(["sh", "-c", script], containment=at(level))
    assert result.exit_code == code


@pytest.mark.parametrize("level", CONTAINED)
def test_it_does_not_run_where_it_cannot_be_contained(
    ws: Workspace, level: Level, tmp_path: Path
) -> None:
    """A path whose parent is no directory can be neither shown nor allowed."""
    file = tmp_path / "file"
    file.touch()
    containment = Containment(level=level, require=level, write=(f"{file}/below",))
    need(level)
    with pytest.raises(ContainmentError, match=r"was not run: .* Not a directory"):
        ws.exec(["sh", "-c", "echo ran > /workspace/ran; echo ran > ran"],
                containment=containment)  # fmt: skip
    assert ws.fs.listdir("/") == ["home"]


@pytest.mark.parametrize("level", CONTAINED)
def test_what_is_listed_can_be_read_or_changed(
    ws: Workspace, level: Level, tmp_path: Path
) -> None:
    readable, writable = tmp_path / "r", tmp_path / "w"
    for path in (readable, writable):
        path.mkdir()
        (path / "file").write_text("host\n")
    containment = Containment(
        level=level, require=level, read=(str(readable),), write=(str(writable),)
    )
    need(level)
    script = f"cat {readable}/file; echo new > {writable}/new; echo no > {readable}/no"
    result = ws.exec(["sh", "-c", script], containment=containment)
    assert result.output.startswith(b"host\r\n")
    assert (writable / "new").read_text() == "new\n"
    assert os.listdir(readable) == ["file"]


@pytest.mark.parametrize("level", CONTAINED)
def test_a_descendant_is_contained_too_and_ends_with_it(
    ws: Workspace, level: Level, mark: Mark
) -> None:
    result = ws.exec(
        ["sh", "-c", "(trap '' HUP TERM; sleep 60) & cat /etc/shadow"],
        environment=Environment(variables=mark.variables),
        containment=at(level),
    )
    assert result.exit_code == 1
    mark.wait_for_none()


@pytest.mark.parametrize("level", CONTAINED)
def test_time_ends_it(ws: Workspace, level: Level, mark: Mark) -> None:
    result = ws.exec(
        ["sleep", "60"],
        timeout=0.5,
        environment=Environment(variables=mark.variables),
        containment=at(level),
    )
    assert result.timed_out
    assert result.containment == level
    mark.wait_for_none()


def test_a_signal_shows_as_an_exit_code_with_namespaces(ws: Workspace) -> None:
    script = ["sh", "-c", "kill -9 $$"]
    assert ws.exec(script, containment=at("landlock")).signal == signal.SIGKILL
    assert ws.exec(script, containment=at("namespaces")).exit_code == 128 + 9


def test_temporary_files_of_landlock_are_private_and_go(ws: Workspace) -> None:
    script = ["sh", "-c", "stat -c %a $TMPDIR; mkdir $TMPDIR/a; chmod 0 $TMPDIR/a; env"]
    output = ws.exec(script, containment=at("landlock")).output.decode()
    assert output.startswith("700")
    place = next(x for x in output.splitlines() if x.startswith("TMPDIR=")).split("=")[
        1
    ]
    assert os.listdir(place) == ["a"]
    ws.close()
    assert not os.path.lexists(place)


def test_temporary_files_go_with_an_owner_that_is_killed() -> None:
    need("landlock")
    script = (
        "from devdev_exec import *; ws = Workspace();"
        "print(ws.exec(['sh', '-c', 'echo $TMPDIR'], pty=False,"
        " containment=Containment(level='landlock')).output.decode(), flush=True);"
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout
        place = owner.stdout.readline().decode().strip()
        assert os.path.isdir(place)
        owner.kill()
    wait_until(lambda: not os.path.lexists(place), "the temporary files to go")


@pytest.mark.parametrize("level", CONTAINED)
def test_calls_that_reach_beyond_are_refused(ws: Workspace, level: Level) -> None:
    """With arguments that make each fail in another way where it is let through."""
    numbers = {
        "x86_64": (
            101,
            310,
            165,
            272,
            321,
            298,
            323,
            304,
            425,
            250,
            246,
            175,
            438,
            428,
        ),
        "aarch64": (117, 270, 40, 97, 280, 241, 282, 265, 425, 219, 104, 105, 438, 428),
    }[platform.machine()]
    script = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"
        f"for number in {numbers}:\n"
        "    assert libc.syscall(number, -1, -1, -1, -1, -1) == -1\n"
        "    print(ctypes.get_errno())\n"
        "assert libc.syscall(435, 0, 0) == -1 and ctypes.get_errno() == 38"
    )
    policy = Containment(level=level, require=level, read=PYTHON)
    need(level)
    result = ws.exec(
        [sys.executable, "-I", "-S", "-c", script],
        pty=False,
        environment=Environment(inherit=("LD_LIBRARY_PATH",)),
        containment=policy,
    ).check()
    assert result.output.split() == [b"1"] * len(numbers)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="code of x86_64")
def test_a_call_by_another_architectures_numbers_ends_it(ws: Workspace) -> None:
    need("landlock")
    script = (
        "import ctypes, mmap\n"
        "code = mmap.mmap(-1, 4096, prot=7)\n"
        "code.write(bytes.fromhex('b814000000cd80c3'))  # getpid of i386; return\n"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(code))\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(at)()"
    )
    result = ws.exec(
        [sys.executable, "-I", "-S", "-c", script],
        environment=Environment(inherit=("LD_LIBRARY_PATH",)),
        containment=Containment(level="landlock", read=PYTHON),
    )
    assert result.signal == signal.SIGSYS


@pytest.mark.parametrize("level", CONTAINED)
def test_signals_are_as_without_containment(ws: Workspace, level: Level) -> None:
    """Python ignores some, which a program would inherit.

    Those from 32 on belong to C libraries; musl's posix_spawn(3) leaves one ignored.
    """
    result = ws.exec(["grep", "SigIgn", "/proc/self/status"], containment=at(level))
    assert int(result.output.split()[1], 16) & 0x7FFFFFFF == 0


# --- limits ------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["none", *CONTAINED])
def test_limits_hold_at_each_level(ws: Workspace, level: Level) -> None:
    need(level)
    limits = Limits(
        memory=2**30, cpu_seconds=7, file_size=4096, processes=None
    )  # fmt: skip
    result = ws.exec(
        ["sh", "-c", "ulimit -v; ulimit -t; head -c 5000 /dev/zero > file"],
        containment=Containment(level=level, require=level, limits=limits),
    )
    assert result.output.split()[:2] == [str(2**20).encode(), b"7"]
    assert ws.fs.stat("/file").size == 4096
    assert result.containment == level


def test_root_is_told_that_it_has_no_limit_of_processes(ws: Workspace) -> None:
    if os.geteuid() != 0:
        pytest.skip("not root")
    limits = Limits(processes=10)
    with pytest.raises(ContainmentError, match="holds root to no limit"):
        ws.exec(["true"], containment=Containment(level="none", limits=limits))


# --- sessions ----------------------------------------------------------------------


@pytest.mark.parametrize("level", CONTAINED)
def test_a_session_is_contained(ws: Workspace, level: Level) -> None:
    with ws.start(["sh"], containment=at(level)) as session:
        session.write("cat /etc/shadow; echo a > file; exit\n")
        result = session.wait()
        assert result is not None
        assert result.containment == level
        assert result.changed == ("/file",)
        assert b"shadow: " in result.output


def test_a_session_that_cannot_be_contained_is_not_started(ws: Workspace) -> None:
    need("landlock")
    with pytest.raises(SpawnError, match="no-such"):
        ws.start(["no-such"], containment=Containment(level="landlock"))
    assert ws.sessions() == ()


@pytest.mark.parametrize("level", CONTAINED)
def test_a_transaction_is_contained(ws: Workspace, level: Level) -> None:
    script = ["sh", "-c", "cat /etc/shadow; echo new > file"]
    with ws.run_transaction(script, containment=at(level)) as done:
        assert done.result.containment == level
        assert b"shadow: " in done.result.output
    assert ws.fs.read_text("/file") == "new\n"


# --- policies ----------------------------------------------------------------------


def test_what_is_offered_is_told_from_the_lowest_on() -> None:
    offers = probe_containment()
    assert [offer.level for offer in offers] == ["none", "landlock", "namespaces"]
    assert all(offer.detail for offer in offers)


def test_less_than_is_required_is_refused() -> None:
    """In a process that finds no bubblewrap, whatever this one has found."""
    script = (
        "import shutil; shutil.which = lambda *_, **__: None\n"
        "from devdev_exec import *\n"
        "with Workspace() as ws:\n"
        "    print(ws.exec(['true'], containment=Containment()).containment)\n"
        "    try: ws.exec(['true'], containment=Containment(require='namespaces'))\n"
        "    except ContainmentError as error: print(error)\n"
    )
    need("landlock")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    reached, refusal = done.stdout.splitlines()
    assert reached == "landlock"
    assert "offers 'landlock' only" in refusal
    assert "bubblewrap is not installed" in refusal


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"level": "jail"}, "no level 'jail'"),
        ({"level": "landlock", "require": "namespaces"}, "but asks for 'landlock'"),
        ({"read": ("here",)}, "absolute paths, not 'here'"),
        ({"write": "/tmp"}, "not one string"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExecError, match=message):
        Containment(**fields)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ExecError, match=r"above 0, not 0 \(RLIMIT_AS\)"):
        Limits(memory=0)
