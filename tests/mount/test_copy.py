"""A directory of the host kept in step with a filesystem: both ways, and safely."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from devdev_fs import Fs, FsError, Kind, SetAttr
from devdev_mount import (
    DriverUnavailable,
    Mount,
    MountError,
    MountOptions,
    check_mountable,
    mount,
)

from tests.posix.cases.acls import DEFAULT, acl
from tests.processes import wait_until
from tests.users import as_ordinary_user, why_no_ordinary_user

if sys.platform != "linux":
    pytest.skip("these tests look at Linux's errors and files", allow_module_level=True)

import resource

from tests.trees import tree_of_directory, tree_of_store


@pytest.fixture
def root(copy: Mount) -> Path:
    return copy.path


# --- both ways -------------------------------------------------------------------


def test_what_is_written_on_one_side_is_read_on_the_other(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.write_text("/a", "by the api")
    copy.push()
    assert (root / "a").read_text() == "by the api"
    (root / "a").write_text("by a program")
    copy.pull()
    assert fs.read_text("/a") == "by a program"


def test_what_is_renamed_keeps_its_number_and_its_links(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.mkdir("/d/e", parents=True)
    fs.write_text("/d/e/f", "x")
    fs.link("/d/e/f", "/g")
    numbers = [fs.stat(path).ino for path in ("/d", "/d/e", "/d/e/f")]
    copy.push()
    os.rename(root / "d/e", root / "x")
    os.rename(root / "d", root / "x/d")
    copy.pull()
    assert [fs.stat(path).ino for path in ("/x/d", "/x", "/x/f")] == numbers
    assert fs.stat("/g").ino == fs.stat("/x/f").ino
    fs.rename("/x/d", "/d")
    fs.rename("/x", "/d/e")
    copy.push()
    assert (root / "d/e/f").stat().st_ino == (root / "g").stat().st_ino


def test_two_names_change_places(fs: Fs, copy: Mount, root: Path) -> None:
    for name in "ab":
        fs.mkdir(f"/{name}")
        fs.write_text(f"/{name}/{name}", name)
    copy.push()
    fs.rename("/a", "/t")
    fs.rename("/b", "/a")
    fs.rename("/t", "/b")
    copy.push()
    assert sorted(os.listdir(root)) == ["a", "b"]
    assert os.listdir(root / "a") == ["b"]
    assert copy.pull().span == 0


def test_only_what_may_have_changed_is_opened(fs: Fs, copy: Mount, root: Path) -> None:
    for name in "abc":
        fs.write_text(f"/{name}", name)
    copy.push()
    settle(copy)
    opened = _Opened()
    assert copy.pull().changed == 0
    assert opened.take() == []
    (root / "b").write_text("B")
    copy.pull()
    assert opened.take() == [b"b"]


class _Opened:
    """The files that this process opens, by their names; directories are none."""

    def __init__(self) -> None:
        self._names: list[bytes] | None = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and self._names is not None:
            name, _, flags = arguments
            if isinstance(name, bytes) and not int(str(flags)) & os.O_DIRECTORY:
                self._names.append(name)

    def take(self) -> list[bytes]:
        names, self._names = self._names or [], []
        return names


def settle(copy: Mount) -> None:
    """Pull until the host's clock has ticked since what was written last."""
    wait_until(lambda: copy.pull().changed == 0, "the host's clock")


def test_a_change_within_a_tick_of_the_clock_is_seen(
    fs: Fs, copy: Mount, root: Path
) -> None:
    for number in range(300):
        (root / "f").write_text(f"{number:04}")
        os.utime(root / "f", ns=(1, 1))
        copy.pull()
        assert fs.read_text("/f") == f"{number:04}"


def test_extended_attributes_go_both_ways(fs: Fs, copy: Mount, root: Path) -> None:
    (root / "f").touch()
    try:
        os.setxattr(root / "f", "user.a", b"1")
    except OSError:
        pytest.skip("the host's filesystem has no user attributes")
    copy.pull()
    ino = fs.stat("/f").ino
    assert fs.inodes.getxattr(ino, b"user.a") == b"1"
    fs.inodes.setxattr(ino, b"user.b", b"2")
    fs.inodes.removexattr(ino, b"user.a")
    copy.push()
    assert os.listxattr(root / "f") == ["user.b"]


def test_names_of_all_lengths_and_bytes_go_both_ways(
    fs: Fs, copy: Mount, root: Path
) -> None:
    names = [bytes([byte]) + b"\xff" for byte in range(1, 256) if byte != ord("/")]
    names += [b"n" * 255, b"\xf0" * 255, b".devdev-", b".devdev-0-1", b"x~devdev-1"]
    for name in names:
        os.close(os.open(os.fsencode(root) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    copy.pull()
    assert tree_of_store(fs) == tree_of_directory(root)
    assert {b"/" + name for name in names} <= tree_of_store(fs).keys()


@pytest.mark.parametrize("kind", [Kind.REGULAR, Kind.DIRECTORY, Kind.FIFO])
def test_what_has_no_list_though_its_directory_hands_one_down(
    fs: Fs, copy: Mount, root: Path, kind: Kind
) -> None:
    handed_down = acl(("u", 7), ("user", 7, 1002), ("g", 6), ("m", 7), ("o", 0))
    (root / "d").mkdir()
    try:
        os.setxattr(root / "d", DEFAULT, handed_down)
    except OSError:
        pytest.skip("the host's filesystem has no access control lists")
    copy.pull()
    make = os.mkdir if kind == Kind.DIRECTORY else os.mknod
    make(root / "d/host", 0o600 if make is os.mkdir else kind | 0o600)
    for name in os.listxattr(root / "d/host"):
        os.removexattr(root / "d/host", name)
    copy.pull()
    directory = fs.stat("/d").ino
    fs.inodes.removexattr(directory, DEFAULT.encode())
    if kind == Kind.DIRECTORY:
        fs.mkdir("/d/store")
    else:
        fs.inodes.mknod(directory, b"store", kind | 0o600)
    fs.inodes.setxattr(directory, DEFAULT.encode(), handed_down)
    copy.push()
    assert os.listxattr(root / "d") == [DEFAULT]
    assert tree_of_store(fs) == tree_of_directory(root)
    assert not any(
        each.xattrs for path, each in tree_of_store(fs).items() if b"/d/" in path
    )


def test_a_sparse_file_of_a_tebibyte_stays_one(fs: Fs, copy: Mount, root: Path) -> None:
    fs.write_text("/s", "x")
    fs.truncate("/s", 2**40)
    copy.push()
    assert (root / "s").stat().st_size == 2**40
    assert (root / "s").stat().st_blocks < 100
    with open(root / "s", "r+b") as file:
        file.seek(2**39)
        file.write(b"middle")
    copy.pull()
    assert fs.inodes.read(fs.stat("/s").ino, 2**39, 6) == b"middle"
    assert fs.stat("/s").blocks < 100


def test_a_deep_tree_is_no_obstacle(fs: Fs, copy: Mount, root: Path) -> None:
    fs.mkdir("/" + "d/" * 1200, parents=True)
    copy.push()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for _ in range(1200):
            os.chdir("d")
        Path("bottom").write_text("x")
    copy.pull()
    assert fs.read_text("/" + "d/" * 1200 + "bottom") == "x"


def test_what_a_snapshot_brings_replaces_all(fs: Fs, copy: Mount, root: Path) -> None:
    other = Fs()
    other.mkdir("/a")
    other.symlink("a", "/b")
    fs.write_text("/a", "a file here")
    fs.mkdir("/b/c", parents=True)
    copy.push()
    fs.load(other.dump())
    copy.push()
    assert (root / "a").is_dir()
    assert os.readlink(root / "b") == "a"
    assert copy.pull().span == 0


def test_an_actor_has_what_programs_did(fs: Fs, copy: Mount, root: Path) -> None:
    (root / "f").write_text("x")
    span = copy.pull(actor="make").span
    assert [(each.id, each.actor) for each in fs.log().spans][-1] == (span, "make")
    fs.undo(span)
    copy.push()
    assert not (root / "f").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owners_are_real_if_asked_for() -> None:
    fs = Fs()
    fs.write_text("/f", "x")
    fs.setattr("/f", SetAttr(uid=1000, gid=1001))
    with mount(fs, driver="copy", options=MountOptions(ownership="exact")) as copy:
        info = os.stat(copy.path / "f")
        assert (info.st_uid, info.st_gid) == (1000, 1001)
        os.chown(copy.path / "f", 5, 6)
    assert fs.stat("/f")[3:5] == (5, 6)


# --- what both sides change ------------------------------------------------------


def test_changes_of_different_lines_are_merged(fs: Fs, copy: Mount, root: Path) -> None:
    fs.write_text("/f", "1\n2\n3\n4\n5\n")
    copy.push()
    fs.write_text("/f", "one\n2\n3\n4\n5\n")
    (root / "f").write_text("1\n2\n3\n4\nfive\n")
    assert not copy.pull().conflicts
    assert fs.read_text("/f") == "one\n2\n3\n4\nfive\n"
    assert (root / "f").read_text() == "one\n2\n3\n4\nfive\n"


def test_a_conflict_keeps_both(fs: Fs, copy: Mount, root: Path) -> None:
    fs.write_bytes("/f", b"\0before")
    fs.write_text("/gone", "before")
    copy.push()
    fs.write_bytes("/f", b"\0by the api")
    fs.remove("/gone")
    fs.mkdir("/new")
    (root / "f").write_bytes(b"\0by a program")
    (root / "gone").write_text("not gone")
    (root / "new").write_text("a file")
    report = copy.pull()
    assert len(report.conflicts) == 3
    assert sorted(report.kept_beside) == [
        "/f~devdev-1",
        "/gone~devdev-1",
        "/new~devdev-1",
    ]
    assert fs.read_bytes("/f") == (root / "f").read_bytes() == b"\0by the api"
    assert (root / "f~devdev-1").read_bytes() == b"\0by a program"
    assert (root / "gone~devdev-1").read_text() == "not gone"
    assert (root / "new~devdev-1").read_text() == "a file"
    assert (root / "new").is_dir()


def test_a_push_first_pulls_what_it_would_overwrite(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.write_bytes("/f", b"\0before")
    copy.push()
    (root / "f").write_bytes(b"\0by a program")
    fs.write_bytes("/f", b"\0by the api")
    copy.push()
    assert fs.read_bytes("/f~devdev-1") == b"\0by a program"


def test_a_file_that_is_being_written_is_right_in_the_end(
    fs: Fs, copy: Mount, root: Path
) -> None:
    stop = Event()

    def write() -> None:
        with open(root / "log", "wb", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x" * 4096)
                stop.wait(0.0005)

    writer = Thread(target=write)
    writer.start()
    for _ in range(20):
        copy.pull()
    stop.set()
    writer.join()
    copy.pull()
    assert fs.read_bytes("/log") == (root / "log").read_bytes()


# --- what cannot be --------------------------------------------------------------


def test_a_pull_beyond_the_quota_changes_nothing(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.set_limits(max_bytes=64 * 1024)
    before = fs.image_digest()
    (root / "small").write_text("x")
    (root / "large").write_bytes(b"x" * 100_000)
    with pytest.raises(FsError, match="large") as caught:
        copy.pull()
    assert caught.value.errno == errno.ENOSPC
    assert fs.image_digest() == before
    fs.set_limits(max_bytes=2**20)
    copy.pull()
    assert fs.stat("/large").size == 100_000


def test_a_push_that_fails_is_finished_by_the_next(
    fs: Fs, copy: Mount, root: Path
) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/f", b"a" * 200_000)
    fs.write_text("/z", "z")
    copy.push()
    fs.rename("/d", "/e")
    fs.write_bytes("/e/f", b"b" * 300_000)
    fs.write_bytes("/e/g", b"c" * 300_000)
    fs.remove("/z")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, hard))
    try:
        with pytest.raises(MountError, match="cannot show /e/"):
            copy.push()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    copy.push()
    assert sorted(os.listdir(root)) == ["e"]
    assert (root / "e/f").read_bytes() == b"b" * 300_000
    assert (root / "e/g").read_bytes() == b"c" * 300_000
    assert copy.pull().span == 0


def test_device_nodes_are_told_of_and_not_lost(fs: Fs) -> None:
    fs.inodes.mknod(fs.stat("/").ino, b"null", Kind.CHARACTER_DEVICE | 0o666, 0x103)
    with mount(fs, driver="copy") as copy:
        fs.write_text("/f", "")
        report = copy.push()
        assert os.listdir(copy.path) == ["f"]
        (copy.path / "g").touch()
        copy.pull()
    assert fs.lstat("/null").kind == Kind.CHARACTER_DEVICE
    assert [each.path for each in report.unkept] == ["/null"]


@pytest.mark.skipif(os.geteuid() != 0, reason="these attributes are for root")
@pytest.mark.parametrize("kind", ["file", "directory", "link", "fifo"])
def test_attributes_of_other_kinds_are_told_of_and_not_lost(
    fs: Fs, copy: Mount, root: Path, kind: str
) -> None:
    makers: dict[str, Callable[[Path], None]] = {
        "file": Path.touch,
        "directory": Path.mkdir,
        "link": lambda path: path.symlink_to("nowhere"),
        "fifo": os.mkfifo,
    }
    makers[kind](root / "a")
    try:
        os.setxattr(root / "a", "trusted.x", b"1", follow_symlinks=False)
    except OSError:
        pytest.skip("the host's filesystem has no such attributes")
    (told,) = copy.pull().unkept
    assert (told.path, "trusted.x" in told.reason) == ("/a", True)
    ino = fs.lstat("/a").ino
    assert fs.inodes.listxattr(ino) == []
    fs.inodes.setxattr(ino, b"trusted.y", b"2")
    (told,) = copy.push().unkept
    assert (told.path, "trusted.y" in told.reason) == ("/a", True)
    assert os.listxattr(root / "a", follow_symlinks=False) == ["trusted.x"]
    os.chown(root / "a", 1, 1, follow_symlinks=False)
    copy.pull()
    assert fs.inodes.getxattr(ino, b"trusted.y") == b"2"


def test_a_directory_cannot_be_read_only() -> None:
    with pytest.raises(DriverUnavailable, match="read_only"):
        check_mountable(MountOptions(read_only=True), driver="copy")


def test_a_directory_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(MountError, match="not empty"):
        mount(Fs(), tmp_path, driver="copy")


# --- hostile programs ------------------------------------------------------------


def test_nothing_is_written_through_a_link_put_in_a_directorys_place(
    fs: Fs, copy: Mount, root: Path, tmp_path: Path
) -> None:
    fs.mkdir("/d")
    fs.write_text("/d/f", "inside")
    copy.push()
    (tmp_path / "f").write_text("outside")
    shutil.rmtree(root / "d")
    (root / "d").symlink_to(tmp_path)
    fs.write_text("/d/f", "by the api")
    fs.write_text("/d/new", "by the api")
    copy.push()
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_text() == "outside"
    copy.unmount()
    assert (tmp_path / "f").read_text() == "outside"


def test_nothing_is_read_through_a_link(
    fs: Fs, copy: Mount, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    fs.write_text("/f", "x")
    fs.mkdir("/d")
    copy.push()
    (root / "f").unlink()
    (root / "f").symlink_to(tmp_path / "secret")
    (root / "d").rmdir()
    (root / "d").symlink_to(tmp_path)
    copy.pull()
    assert fs.lstat("/f").is_symlink
    assert fs.lstat("/d").is_symlink


# --- the end ---------------------------------------------------------------------


def test_what_was_not_pulled_is_pulled_at_the_end(fs: Fs) -> None:
    copy = mount(fs, driver="copy")
    (copy.path / "f").write_text("x")
    copy.unmount()
    copy.unmount()
    assert fs.read_text("/f") == "x"
    assert not os.path.lexists(copy.path.parent)


def test_what_cannot_be_pulled_at_the_end_is_kept_until_it_is_given_up(
    fs: Fs,
) -> None:
    fs.set_limits(max_bytes=64 * 1024)
    copy = mount(fs, driver="copy")
    (copy.path / "large").write_bytes(b"x" * 100_000)
    with pytest.raises(FsError, match="large"):
        copy.unmount()
    assert copy.is_alive
    assert (copy.path / "large").stat().st_size == 100_000
    copy.unmount()
    assert not copy.is_alive
    assert not os.path.lexists(copy.path.parent)


def test_a_directory_of_the_caller_is_emptied_and_kept(fs: Fs, tmp_path: Path) -> None:
    fs.write_text("/f", "x")
    with mount(fs, tmp_path, driver="copy") as copy:
        assert copy.path == tmp_path
        assert os.listdir(tmp_path) == ["f"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("level", ["files", "directory"])
def test_a_directory_that_is_gone_needs_no_removing(
    fs: Fs, level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fs.write_text("/f", "x")
    copy = mount(fs, driver="copy")
    shutil.rmtree(copy.path if level == "files" else copy.path.parent)
    copy.unmount()
    assert not copy.is_alive
    assert not os.path.lexists(copy.path.parent)
    assert capfd.readouterr() == ("", "")


def test_a_directory_of_the_caller_may_be_gone_too(fs: Fs, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with mount(fs, place, driver="copy"):
        place.rmdir()
    assert os.listdir(tmp_path) == []


def test_others_do_not_get_in(copy: Mount) -> None:
    assert copy.path.parent.stat().st_mode & 0o777 == 0o700


_OWNER = """
import sys
from devdev_fs import Fs
from devdev_mount import mount
fs = Fs()
fs.mkdir("/d")
fs.write_text("/d/f", "x")
copy = mount(fs, driver="copy")
print(copy.path, flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_nothing() -> None:
    with owner_of(_OWNER) as owner:
        path = read_path(owner)
        assert os.listdir(path) == ["d"]
        os.chmod(os.path.join(path, "d"), 0)
        owner.send_signal(signal.SIGKILL)
    directory = os.path.dirname(path)
    wait_until(lambda: not os.path.lexists(directory), "the directory to go")


def owner_of(program: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe)


def read_path(owner: subprocess.Popen[bytes]) -> str:
    assert owner.stdout
    return os.fsdecode(owner.stdout.readline().strip())


_AT_WORK = """
import os, shutil, sys
from devdev_fs import Fs
from devdev_mount import mount
fs = Fs()
copy = mount(fs, driver="copy")
print(copy.path, flush=True)
while True:
    for top in range(20):
        fs.mkdir(f"/d{top}")
        for name in range(50):
            fs.write_bytes(f"/d{top}/{name}", b"x" * 5000)
    copy.push()
    for top in range(20):
        os.rename(copy.path / f"d{top}", copy.path / f"e{top}")
    copy.pull()
    for top in range(20):
        fs.remove_tree(f"/e{top}")
"""


@pytest.mark.parametrize("entry", ["d0", "d19", "e0", "e19"])
def test_an_owner_killed_in_the_midst_leaves_nothing(entry: str) -> None:
    with owner_of(_AT_WORK) as owner:
        path = read_path(owner)
        place = os.path.join(path, entry)
        wait_until(lambda: os.path.lexists(place), "the owner at work")
        owner.send_signal(signal.SIGKILL)
    directory, name = os.path.split(os.path.dirname(path))

    def is_gone() -> bool:
        """Also under the name that it has while it is removed."""
        return not any(each.startswith(name) for each in os.listdir(directory))

    wait_until(is_gone, "the directory to go", 10)


_ORDINARY = """
import os
from devdev_fs import Fs
from devdev_mount import mount
fs = Fs()
fs.mkdir("/closed")
fs.write_text("/closed/f", "1")
fs.chmod("/closed/f", 0)
fs.chmod("/closed", 0)
copy = mount(fs, driver="copy")
path = str(copy.path)
assert os.stat(path + "/closed").st_mode & 0o777 == 0
os.mkdir(path + "/new")
open(path + "/new/g", "w").write("2")
os.chmod(path + "/new/g", 0o200)
os.chmod(path + "/new", 0o300)
copy.pull()
assert fs.read_text("/new/g") == "2"
assert fs.stat("/new").perm == 0o300 and fs.stat("/new/g").perm == 0o200
assert os.stat(path + "/new").st_mode & 0o777 == 0o300
fs.write_text("/closed/f", "3")
fs.write_text("/closed/h", "4")
fs.chmod("/", 0o555)
copy.push()
assert os.stat(path).st_mode & 0o777 == 0o555
report = copy.pull()
assert report.span == 0, (report, fs.log().spans[-1])
os.chmod(path + "/closed", 0o700)
os.chmod(path + "/closed/f", 0o400)
assert open(path + "/closed/f").read() == "3"
copy.unmount()
fs.check_invariants()
assert not os.path.lexists(os.path.dirname(path))
print("fine")
"""


def test_an_ordinary_user_loses_nothing_for_want_of_permission(
    tmp_path: Path,
) -> None:
    reason = why_no_ordinary_user()
    if reason is not None:
        pytest.skip(reason)
    done = subprocess.run(
        as_ordinary_user([sys.executable, "-c", _ORDINARY], tmp_path),
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
