"""A workspace that keeps its state in a directory: what is left, whatever happens."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
from devdev_exec import (
    Cancellation,
    DriverChoice,
    ExecCancelled,
    StateDamaged,
    StateError,
    StateInUse,
    StateOptions,
    Workspace,
)

from tests.conftest import may_mount
from tests.exec.cli import READY, Background, devdev, error_line
from tests.exec.kill_state import kill_often
from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("a state is kept where there is flock(2)", allow_module_level=True)

FOREVER = 3600.0
"""An interval in which nothing is saved unasked."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 1 MiB."""
    if not may_mount():
        pytest.skip("a full disk is made by mount(2), which takes root")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def in_memory(state: Path, *, recover: bool = False) -> Workspace:
    """A workspace that nothing shows, and that saves only when it is asked to."""
    options = StateOptions(directory=state, interval=FOREVER, recover=recover)
    return Workspace(mount=False, state=options)


def copy_of(state: Path, name: str) -> Path:
    """What a crash at this moment would leave."""
    copy = state.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(state, copy, ignore=shutil.ignore_patterns("*.new")))


def saves(state: Path) -> list[str]:
    return sorted(name for name in os.listdir(state) if name != "lock")


# --- what is kept ----------------------------------------------------------------


@pytest.mark.parametrize(
    "driver", [pytest.param("fuse", marks=pytest.mark.fuse), "copy"]
)
def test_a_workspace_goes_on_where_it_was_closed(
    driver: DriverChoice, state: Path
) -> None:
    with Workspace(state=state, driver=driver) as ws:
        result = ws.exec(["sh", "-c", "mkdir d; echo x > d/f; ln d/f g; chmod 600 g"])
        assert (result.ok, result.unsaved) == (True, "")
        ws.fs.checkpoint("point")
        digest = ws.fs.tree_digest()
    with Workspace(state=state, driver=driver) as ws:
        assert ws.fs.tree_digest() == digest
        assert [point.label for point in ws.fs.checkpoints()] == ["point"]
        assert ws.exec(["cat", "g"], pty=False).output == b"x\n"


def test_a_state_has_everything_that_a_snapshot_has(state: Path) -> None:
    with in_memory(state) as ws:
        ws.fs.set_limits(max_bytes=2**20, max_inodes=100)
        ws.fs.write_text("/f", "one")
        ws.fs.symlink("f", "/l")
        ws.save()
        ws.fs.write_text("/f", "two")
        ws.fs.remove("/l")
    digest = ws.fs.image_digest()
    with in_memory(state) as ws:
        assert ws.fs.image_digest() == digest


def test_what_was_done_before_an_orderly_end_can_be_undone(state: Path) -> None:
    with in_memory(state) as ws:
        for number in ("1", "2", "3"):
            with ws.fs.actor(number):
                ws.fs.write_text("/f", number)
    with in_memory(state) as ws:
        first, second, third = ws.fs.log().spans
        assert [first.actor, second.actor, third.actor] == ["1", "2", "3"]
        assert ws.fs.undo(third.id).conflicts == []
        assert ws.fs.read_text("/f") == "2"
    with in_memory(state) as ws:
        assert ws.fs.redo(third.id).conflicts == []
        assert ws.fs.read_text("/f") == "3"


@pytest.mark.fuse
def test_what_a_command_changed_is_saved_when_it_has_ended(
    state: Path, tmp_path: Path
) -> None:
    options = StateOptions(directory=state, interval=FOREVER)
    with Workspace(state=options) as ws:
        ws.exec(["sh", "-c", "echo 1 > f"], actor="first")
        ws.exec(["sh", "-c", "echo 2 > f"], actor="second")
        crashed = copy_of(state, "crashed")
        before = saves(state)
        ws.exec(["true"])
        assert saves(state) == before, "nothing changed, and something was saved"
    with in_memory(crashed) as ws:
        assert ws.fs.read_text("/f") == "2\n"
        spans = ws.fs.log().spans
        assert [span.actor for span in spans] == ["first", "second"]
        assert ws.fs.undo(spans[-1].id).conflicts == []
        assert ws.fs.read_text("/f") == "1\n"


def test_an_actor_of_any_name_does_not_hinder_a_save(state: Path) -> None:
    options = StateOptions(directory=state, interval=FOREVER)
    with Workspace(state=options, driver="copy") as ws:
        for actor in ("\udcff", "a\nb" * 300, "\N{SNOWMAN}" * 340):
            result = ws.exec(["sh", "-c", "echo >> f"], actor=actor)
            assert result.unsaved == ""
        in_memory(copy_of(state, "crashed")).close()


@pytest.mark.fuse
def test_what_a_command_changed_that_was_ended_is_saved_too(
    state: Path, tmp_path: Path
) -> None:
    options = StateOptions(directory=state, interval=FOREVER)
    with Workspace(state=options) as ws:
        cancellation = Cancellation()
        with pytest.raises(ExecCancelled):
            ws.exec(
                ["sh", "-c", "echo x > f; echo written; sleep 60"],
                on_output=lambda output: cancellation.cancel(),
                cancellation=cancellation,
            )
        with in_memory(copy_of(state, "crashed")) as left:
            assert left.fs.read_text("/f") == "x\n"


@pytest.mark.fuse
def test_what_a_running_command_changes_is_saved_by_itself(state: Path) -> None:
    options = StateOptions(directory=state, interval=0.05)
    with Workspace(state=options) as ws:

        def has_file() -> bool:
            with in_memory(copy_of(state, "crashed")) as left:
                return left.fs.exists("/f") and left.fs.read_text("/f") == "x\n"

        def look(output: bytes) -> None:
            wait_until(has_file, "a save of what is written")
            cancellation.cancel()

        cancellation = Cancellation()
        script = "echo x > f; echo written; sleep 60"
        with pytest.raises(ExecCancelled):
            ws.exec(["sh", "-c", script], on_output=look, cancellation=cancellation)


def test_with_the_copy_driver_a_running_program_is_saved_at_its_end(
    state: Path,
) -> None:
    """Limitation L-EXEC-020."""
    options = StateOptions(directory=state, interval=0.01)
    with Workspace(state=options, driver="copy") as ws:
        found = []

        def look(output: bytes) -> None:
            ws.save()
            found.append(ws.fs.exists("/f"))

        ws.exec(["sh", "-c", "echo x > f; echo written"], on_output=look)
        assert (found[0], ws.fs.exists("/f")) == (False, True)


def test_a_crash_loses_checkpoints_since_the_last_save_with_history(
    state: Path,
) -> None:
    """Limitation L-EXEC-021."""
    options = StateOptions(directory=state, interval=0.01)
    with Workspace(mount=False, state=options) as ws:
        ws.fs.checkpoint("kept")
        before = ws.save()
        ws.fs.checkpoint("lost")
        ws.fs.write_text("/f", "kept")
        wait_until(lambda: ws.state != before, "a save that nobody asked for")
        with in_memory(copy_of(state, "crashed")) as left:
            assert [point.label for point in left.fs.checkpoints()] == ["kept"]
            assert left.fs.read_text("/f") == "kept"


def test_a_save_costs_what_changed(state: Path) -> None:
    with in_memory(state) as ws:
        ws.fs.write_bytes("/large", os.urandom(3_000_000))
        before = ws.save()
        assert ws.save() == before
        ws.fs.write_text("/small", "x")
        after = ws.save()
        assert 0 < after.bytes - before.bytes < 2000
        assert after.changes == before.changes + 1
        assert after.saved_at >= before.saved_at
        assert ws.state == after


def test_many_saves_leave_a_chain_of_bounded_length(state: Path) -> None:
    with in_memory(state) as ws:
        longest = 0
        for number in range(510):
            ws.fs.write_text("/f", f"{number}")
            longest = max(longest, ws.save().changes)
        assert 100 < longest <= 500
        assert len(saves(state)) == ws.save().changes + 1
    with in_memory(state) as ws:
        assert ws.fs.read_text("/f") == "509"


def test_changes_larger_than_the_base_make_another_base(state: Path) -> None:
    with in_memory(state) as ws:
        sizes = []
        for _ in range(8):
            ws.fs.write_bytes("/f", os.urandom(3_000_000))
            sizes.append(ws.save().bytes)
        assert max(sizes) < 12_000_000
        assert sorted(sizes) != sizes


def test_a_snapshot_is_what_a_new_state_begins_with(state: Path) -> None:
    with Workspace(mount=False) as ws:
        ws.fs.write_text("/f", "from the snapshot")
        snapshot = ws.snapshot()
    for text in ("from the snapshot", "changed"):
        with Workspace(mount=False, state=state, snapshot=snapshot) as ws:
            assert ws.fs.read_text("/f") == text
            ws.fs.write_text("/f", "changed")


# --- processes that are killed ---------------------------------------------------


@pytest.mark.fuse
@pytest.mark.timeout(60)
def test_who_is_killed_loses_nothing_that_was_saved(state: Path) -> None:
    """`python -m tests.exec.kill_state` does this for longer."""
    kill_often(state, "fuse", 5, seed=7)


@pytest.mark.timeout(60)
def test_who_is_killed_with_the_copy_driver_loses_nothing_that_was_saved(
    state: Path,
) -> None:
    kill_often(state, "copy", 3, seed=8)


def test_what_a_save_that_was_cut_off_left_is_removed(state: Path) -> None:
    with in_memory(state) as ws:
        ws.fs.write_text("/f", "saved")
    (state / "000000000009.change.new").write_bytes(b"the begin")
    with in_memory(state) as ws:
        assert ws.fs.read_text("/f") == "saved"
    assert not any(name.endswith(".new") for name in os.listdir(state))


def test_what_a_new_base_was_to_replace_is_removed(state: Path) -> None:
    """A crash between the base's rename and the removal of what is older."""
    with in_memory(state) as ws:
        ws.fs.write_text("/f", "old")
        ws.save()
        older = copy_of(state, "older")
        for size in (5_000_000, 1):
            ws.fs.write_bytes("/g", os.urandom(size))
            ws.fs.write_text("/f", "new")
            ws.save()
    for name in saves(older):
        shutil.copy(older / name, state)
    with in_memory(state) as ws:
        assert ws.fs.read_text("/f") == "new"
    assert not set(saves(older)) & set(saves(state))


def test_a_save_that_is_interrupted_anywhere_hinders_no_later_one(state: Path) -> None:
    """After each call that what keeps the state makes, one after the other."""
    at, is_over = 0, False
    while not is_over:
        with in_memory(state / f"{at}") as ws:
            is_over = not is_interrupted(ws, at)
            ws.fs.write_text("/g", "saved")
            ws.save()
            with in_memory(copy_of(state / f"{at}", "crashed")) as left:
                assert left.fs.read_text("/g") == "saved", f"interrupted at call {at}"
        at += 1
    assert at > 20


def is_interrupted(ws: Workspace, at: int) -> bool:
    """Save, and interrupt it as Control-C would after so many calls; False if fewer."""
    calls = 0

    def interrupt(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        # What is interrupted before it has the file that it opened leaves that open.
        opens = getattr(argument, "__name__", "") in ("open", "_open_at")
        is_judged = "/_state/" in frame.f_code.co_filename and not opens
        if is_judged and event in ("return", "c_return"):
            calls += 1
            if calls > at:
                sys.setprofile(None)
                raise KeyboardInterrupt

    ws.fs.write_text("/f", "text")
    sys.setprofile(interrupt)
    try:
        ws.save()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


# --- two at once -----------------------------------------------------------------


def test_a_second_owner_is_refused_with_the_first_ones_process(state: Path) -> None:
    with in_memory(state):
        with pytest.raises(StateInUse, match=f"in use by process {os.getpid()}"):
            in_memory(state)
        result = devdev("exec", "--state", state, "--driver", "copy", "--", "true")
        assert f"in use by process {os.getpid()}" in error_line(result)
    in_memory(state).close()


def test_a_second_owner_is_refused_whatever_is_in_the_lock(state: Path) -> None:
    with in_memory(state):
        (state / "lock").write_bytes(b"garbage here\n")
        with pytest.raises(StateInUse, match="in use by another process"):
            in_memory(state)


def test_a_forked_child_does_not_keep_the_state_from_others(state: Path) -> None:
    told, tell = os.pipe()
    with in_memory(state) as ws:
        child = os.fork()
        if child == 0:
            try:
                ws.save()
            except StateError:
                os.close(tell)
                os.read(told, 1)
            finally:
                os._exit(0)
    in_memory(state).close()
    os.close(tell)
    os.close(told)
    os.kill(child, 9)
    os.waitpid(child, 0)


# --- damage ----------------------------------------------------------------------


def make_state(state: Path) -> list[str]:
    """A state with three saves: of 0, 1 and 2 in /f."""
    with in_memory(state) as ws:
        for number in range(1, 3):
            ws.fs.write_text("/f", f"{number}")
            ws.save()
    return saves(state)


@pytest.mark.parametrize("at", [3, 14, 40, -200, -40, -1])
def test_a_damaged_save_is_named_and_the_last_good_one_offered(
    at: int, state: Path
) -> None:
    names = make_state(state)
    damaged = state / names[2]
    data = bytearray(damaged.read_bytes())
    data[at] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(StateDamaged, match=f"{names[2]}.*good one is '{names[1]}'"):
        in_memory(state)
    assert saves(state) == names
    assert damaged.read_bytes() == data
    with in_memory(state, recover=True) as ws:
        assert ws.fs.read_text("/f") == "1"
        assert (state / "damaged-1" / names[2]).read_bytes() == data
        ws.fs.write_text("/f", "after")
    with in_memory(state) as ws:
        assert ws.fs.read_text("/f") == "after"


@pytest.mark.parametrize("length", [0, 10, 100, 150])
def test_a_save_that_was_cut_off_later_is_damaged(length: int, state: Path) -> None:
    names = make_state(state)
    os.truncate(state / names[1], length)
    with pytest.raises(StateDamaged, match=f"{names[1]}.*good one is '{names[0]}'"):
        in_memory(state)
    with in_memory(state, recover=True) as ws:
        assert ws.fs.listdir() == []
    assert sorted(os.listdir(state / "damaged-1")) == names[1:]


def test_what_is_set_aside_has_a_number_above_those_that_are_there(state: Path) -> None:
    names = make_state(state)
    (state / "damaged-2").mkdir()
    os.truncate(state / names[2], 10)
    in_memory(state, recover=True).close()
    assert os.listdir(state / "damaged-3") == [names[2]]


def test_a_save_that_is_missing_is_told(state: Path) -> None:
    names = make_state(state)
    os.unlink(state / names[1])
    with pytest.raises(StateDamaged, match=f"{names[2]}.*number 2 is missing"):
        in_memory(state)


def test_a_base_that_is_damaged_cannot_be_recovered_and_is_left_alone(
    state: Path,
) -> None:
    names = make_state(state)
    os.truncate(state / names[0], 100)
    for recover in (False, True):
        with pytest.raises(StateDamaged, match=f"{names[0]}.*No save before it"):
            in_memory(state, recover=recover)
    assert saves(state) == names


def test_a_save_of_another_version_is_refused(state: Path) -> None:
    (base,) = make_state(state)[:1]
    data = (state / base).read_bytes()
    (state / base).write_bytes(data.replace(b"devdev-state 1", b"devdev-state 2", 1))
    with pytest.raises(StateDamaged, match=f"{base}.*version '2', and only 1"):
        in_memory(state)


def test_a_directory_with_something_else_in_it_is_refused(state: Path) -> None:
    state.mkdir()
    (state / "thesis.txt").write_text("mine")
    with pytest.raises(StateError, match=r"thesis\.txt' is no part of a state"):
        in_memory(state)
    assert (state / "thesis.txt").read_text() == "mine"


# --- a host that refuses ---------------------------------------------------------


def test_a_full_disk_is_told_and_the_next_save_tries_again(small_disk: Path) -> None:
    state = small_disk / "state"
    filler = small_disk / "filler"
    with in_memory(state) as ws:
        ws.fs.write_text("/f", "saved")
        ws.save()
        filler.write_bytes(bytes(900_000))
        ws.fs.write_bytes("/g", os.urandom(300_000))
        with pytest.raises(StateError, match="No space left on device"):
            ws.save()
        assert ws.state is not None
        assert "No space left on device" in ws.state.failure
        assert not any(name.endswith(".new") for name in os.listdir(state))
        ws.fs.write_text("/h", "it goes on")
        with pytest.raises(StateError):
            ws.close()
        filler.unlink()
        assert ws.save().failure == ""
        digest = ws.fs.image_digest()
    with in_memory(state) as ws:
        assert ws.fs.image_digest() == digest


@pytest.mark.fuse
def test_a_command_whose_changes_cannot_be_saved_says_so(small_disk: Path) -> None:
    with Workspace(state=small_disk / "state") as ws:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(900_000))
        result = ws.exec(["sh", "-c", "head -c 300000 /dev/urandom > f"])
        assert result.ok
        assert "No space left on device" in result.unsaved
        filler.unlink()
        assert ws.exec(["sh", "-c", "echo > g"]).unsaved == ""


def test_a_directory_that_cannot_be_written_to_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StateError, match="Read-only file system; choose another"):
        in_memory(small_disk / "state")


def test_a_state_is_not_lost_to_a_disk_that_is_full(small_disk: Path) -> None:
    state = small_disk / "state"
    with in_memory(state) as ws:
        ws.fs.write_text("/f", "saved")
    (state / "lock").write_bytes(b"")  # so that it takes room to write into it
    with suppress(OSError), open(small_disk / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    with in_memory(state) as ws:  # to read would change a time, which is to be saved
        assert ws.fs.stat("/f").size == len("saved")


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot keep state in .*file"):
        in_memory(tmp_path / "file")


def test_without_a_state_nothing_is_saved() -> None:
    with Workspace(mount=False) as ws:
        assert ws.state is None
        with pytest.raises(StateError, match="no directory for it"):
            ws.save()


# --- the command line ------------------------------------------------------------


def test_the_command_goes_on_with_its_state(state: Path) -> None:
    for expected in (b"1\n", b"1\n1\n"):
        script = "echo 1 >> f; cat f"
        shell = ("--driver", "copy", "--no-pty", "--", "sh", "-c", script)
        result = devdev("exec", "--state", state, *shell)
        assert (result.returncode, result.stdout) == (0, expected), result.stderr
    last = state / saves(state)[-1]
    last.write_bytes(b"damaged")
    refused = devdev("exec", "--state", state, *shell)
    assert refused.returncode == 1
    assert os.fspath(last) in error_line(refused)
    result = devdev("exec", "--state", state, "--recover", *shell)
    assert (result.returncode, result.stdout) == (0, b"1\n1\n1\n"), result.stderr


@pytest.mark.fuse
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_mounted_with_a_state_is_there_the_next_time(
    number: signal.Signals, state: Path, place: Path
) -> None:
    for expected in ([], ["file"]):
        with Background("mount", "--state", state, place) as running:
            running.wait_for(READY)
            assert os.listdir(place) == expected
            (place / "file").write_text("text")
            running.end(number)
        wait_until(lambda: not os.path.ismount(place), "the end of the mount")


def test_to_recover_takes_a_state() -> None:
    result = devdev("exec", "--recover", "--", "true")
    assert result.returncode == 2
    assert "--recover goes with --state" in error_line(result)
