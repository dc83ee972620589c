"""What one side changes, the other sees as soon as the call returns."""

import contextlib
import os
import random
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from devdev_fs import Fs, Ino, SetAttr
from devdev_mount import mount

from tests.mount.programs import Program, run, run_python
from tests.processes import wait_until

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse

PAGE = 4096

MAPPING = """
import mmap, os, sys
mapping = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0)
for line in sys.stdin:
    offset, is_write, value = line.rstrip().partition("=")
    if is_write:
        mapping[int(offset)] = ord(value)
    print(chr(mapping[int(offset)]))
"""


@pytest.fixture
def mapping(fs: Fs, root: Path) -> Iterator[Program]:
    """A program with a shared mapping of /f: `OFFSET=BYTE` writes, `OFFSET` reads."""
    fs.write_bytes("/f", b"." * 4 * PAGE)
    with Program(MAPPING, root / "f") as program:
        yield program


# --- changes by the API, seen through the mount ------------------------------------


def test_content_and_size(fs: Fs, root: Path) -> None:
    for data in (b"first", b"second, longer", b"3", b"", b"x" * 100_000, b"y" * 50_000):
        fs.write_bytes("/f", data)
        assert os.stat(root / "f").st_size == len(data)
        assert (root / "f").read_bytes() == data


def test_content_seen_by_a_descriptor_that_was_open(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"a" * 3 * PAGE)
    fd = os.open(root / "f", os.O_RDONLY)
    assert os.pread(fd, 3 * PAGE, 0) == b"a" * 3 * PAGE
    fs.inodes.write(fs.stat("/f").ino, PAGE + 5, b"changed")
    assert os.pread(fd, 7, PAGE + 5) == b"changed"
    fs.append("/f", b"more")
    assert os.pread(fd, 100, 3 * PAGE) == b"more"
    assert os.fstat(fd).st_size == 3 * PAGE + 4
    fs.truncate("/f", 10)
    assert os.pread(fd, 3 * PAGE, 0) == b"a" * 10
    os.close(fd)


def test_the_end_of_a_file_that_was_longer(fs: Fs, root: Path) -> None:
    """Read in one go over pages that are cached, one in part, and what was beyond."""
    with open(root / "f", "w+b", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, 50 * PAGE)
        fs.truncate("/f", 0xBFFF)
        written = os.pwrite(file.fileno(), b"w" * 0x2DF0, 0xC000)
        assert (
            os.pread(file.fileno(), 12 * PAGE, 6 * PAGE)[6 * PAGE :] == b"w" * written
        )


def test_a_new_name_where_there_was_none(fs: Fs, root: Path) -> None:
    assert not (root / "f").exists()  # which the kernel remembers
    fs.write_bytes("/f", b"x")
    assert (root / "f").exists()


def test_a_name_that_is_gone(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"x")
    assert (root / "f").exists()
    fs.remove("/f")
    assert not (root / "f").exists()
    with pytest.raises(FileNotFoundError):
        os.unlink(root / "f")


def test_a_name_that_means_another_inode(fs: Fs, root: Path) -> None:
    fs.write_bytes("/a", b"a")
    fs.write_bytes("/b", b"b")
    assert (root / "a").read_bytes() + (root / "b").read_bytes() == b"ab"
    fs.rename("/a", "/b")
    assert (root / "b").read_bytes() == b"a"
    assert os.listdir(root) == ["b"]


def test_listings(fs: Fs, root: Path) -> None:
    """The kernel keeps a listing that was read to its end."""
    fs.mkdir("/d")
    for number in range(200):
        fs.write_bytes(f"/d/{number}", b"")
        if number % 20 == 0:
            assert len(os.listdir(root / "d")) == number + 1
    fs.remove("/d/7")
    fs.rename("/d/8", "/8")
    names = {str(number) for number in range(200)} - {"7", "8"}
    assert set(os.listdir(root / "d")) == names
    fs.remove_tree("/d")
    assert os.listdir(root) == ["8"]


def test_attributes(fs: Fs, root: Path) -> None:
    fs.write_bytes("/f", b"x")
    assert stat.S_IMODE(os.stat(root / "f").st_mode) == 0o644
    fs.chmod("/f", 0o600)
    assert stat.S_IMODE(os.stat(root / "f").st_mode) == 0o600
    fs.inodes.setattr(fs.stat("/f").ino, SetAttr(mtime_ns=12_345))
    assert os.stat(root / "f").st_mtime_ns == 12_345


def test_link_counts(fs: Fs, root: Path) -> None:
    fs.write_bytes("/a", b"x")
    assert os.stat(root / "a").st_nlink == 1
    fs.inodes.link(fs.stat("/a").ino, Ino(1), b"b")
    assert os.stat(root / "a").st_nlink == os.stat(root / "b").st_nlink == 2
    fs.remove("/a")
    assert os.stat(root / "b").st_nlink == 1
    assert os.stat(root).st_nlink == 2
    fs.mkdir("/d")
    assert os.stat(root).st_nlink == 3


def test_a_symlink_replaced_by_another(fs: Fs, root: Path) -> None:
    fs.symlink("one", "/l")
    assert os.readlink(root / "l") == "one"
    fs.remove("/l")
    fs.symlink("another", "/l")
    assert os.readlink(root / "l") == "another"


def test_a_directory_moved_under_a_program_that_is_in_it(fs: Fs, root: Path) -> None:
    fs.mkdir("/a/b", parents=True)
    fs.write_bytes("/a/b/f", b"x")
    script = """
        import os, sys
        os.chdir(sys.argv[1])
        for line in sys.stdin:
            print(os.getcwd(), os.listdir("."), os.listdir("../.."))
        """
    with Program(script, root / "a/b") as program:
        assert program.ask() == f"{root}/a/b ['f'] ['a']"
        fs.rename("/a", "/moved")
        # The kernel learns where it is now when somebody goes there.
        assert os.listdir(root / "moved/b") == ["f"]
        assert program.ask() == f"{root}/moved/b ['f'] ['moved']"


def test_a_directory_removed_under_a_program_that_is_in_it(fs: Fs, root: Path) -> None:
    fs.mkdir("/d")
    script = """
        import os, sys
        os.chdir(sys.argv[1])
        for line in sys.stdin:
            try:
                open("f", "w")
            except FileNotFoundError:
                print("gone", os.stat(".").st_nlink, os.listdir("."))
            else:
                print("made")
        """
    with Program(script, root / "d") as program:
        assert program.ask() == "made"
        fs.remove_tree("/d")
        assert program.ask() == "gone 0 []"


# --- changes by programs, seen by the API -------------------------------------------


def test_changes_through_the_mount_are_seen_by_the_api(fs: Fs, root: Path) -> None:
    run("sh", "-c", "mkdir d; echo one > d/f; echo two >> d/f; ln -s f d/l", cwd=root)
    assert fs.read_bytes("/d/l") == b"one\ntwo\n"
    run("sh", "-c", "mv d/f g; chmod 600 g; truncate -s 3 g; rm -r d", cwd=root)
    assert (fs.listdir("/"), fs.read_bytes("/g")) == (["g"], b"one")
    assert fs.stat("/g").perm == 0o600


def test_what_a_program_wrote_to_a_mapping_is_read_by_the_api(
    fs: Fs, mapping: Program
) -> None:
    mapping.ask("5000=X")
    assert fs.read_bytes("/f")[5000:5001] == b"X"
    mapping.ask("5000=Y")
    assert fs.read_bytes("/f")[5000:5001] == b"Y"


def test_all_of_a_large_scattered_mapping_is_read_by_the_api(
    fs: Fs, root: Path
) -> None:
    """The kernel sends thousands of writes, and does not wait for them itself."""
    pages = 2048
    fs.write_bytes("/f", b"." * pages * PAGE)
    script = """
        import mmap, os, sys
        mapping = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0)
        for line in sys.stdin:
            mapping[::8192] = b"X" * (len(mapping) // 8192)
            print("dirty")
        """
    with Program(script, root / "f") as program:
        assert program.ask() == "dirty"
        assert fs.read_bytes("/f")[:: 2 * PAGE] == b"X" * (pages // 2)


# --- both at once -------------------------------------------------------------------


def test_an_api_write_beside_a_dirty_mapping_loses_neither(
    fs: Fs, mapping: Program
) -> None:
    mapping.ask("10=X")
    fs.inodes.write(fs.stat("/f").ino, 20, b"Y")  # in the same page
    assert mapping.ask("20") == "Y"
    assert mapping.ask("10") == "X"
    data = fs.read_bytes("/f")
    assert (data[10:11], data[20:21]) == (b"X", b"Y")


def test_an_append_after_growth_by_the_api_comes_after_it(fs: Fs, root: Path) -> None:
    """The kernel's own idea of the end would overwrite what the API added."""
    fs.write_bytes("/f", b"12345")
    fd = os.open(root / "f", os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"a")
    fs.append("/f", b"67890")
    os.write(fd, b"X")
    fs.append("/f", b"Y")
    os.write(fd, b"Z")
    os.close(fd)
    assert fs.read_bytes("/f") == b"12345a67890XYZ"
    assert (root / "f").read_bytes() == b"12345a67890XYZ"


def test_appends_of_both_sides_at_once_are_all_there(fs: Fs, root: Path) -> None:
    fs.write_bytes("/log", b"")
    count = 300

    def append() -> None:
        for _ in range(count):
            fs.append("/log", b"api\n")

    api = threading.Thread(target=append)
    api.start()
    run("sh", "-c", f"for i in $(seq {count}); do echo prg >> log; done", cwd=root)
    api.join()
    lines = fs.read_bytes("/log").splitlines()
    assert sorted(lines) == [b"api"] * count + [b"prg"] * count
    expected = fs.read_bytes("/log")
    wait_until(lambda: (root / "log").read_bytes() == expected, "the kernel to see it")


def test_two_sides_change_one_tree_without_a_hang(fs: Fs, root: Path) -> None:
    """Notifications wait for the kernel's locks, which wait for our answers."""
    program = """
        import os, random, sys
        choose = random.Random(sys.argv[1])
        def some_name():
            return f"d{choose.randrange(3)}/{choose.randrange(8)}"
        for _ in range(1500):
            name, other = some_name(), some_name()
            try:
                match choose.randrange(6):
                    case 0: os.rename(name, other)
                    case 1: os.unlink(name)
                    case 2: os.listdir(os.path.dirname(name))
                    case 3: os.stat(name)
                    case _: open(name, "ab").write(b"x" * choose.randrange(5000))
            except FileNotFoundError:
                pass
        """
    for number in range(3):
        fs.mkdir(f"/d{number}")
    programs = [
        threading.Thread(target=run_python, args=(program, seed), kwargs={"cwd": root})
        for seed in ("one", "two")
    ]
    for thread in programs:
        thread.start()
    choose = random.Random(4)
    changes = 0
    while any(thread.is_alive() for thread in programs):
        name, other = (f"/d{choose.randrange(3)}/{choose.randrange(8)}" for _ in "ab")
        try:
            match choose.randrange(4):
                case 0:
                    fs.rename(name, other)
                case 1:
                    fs.remove(name)
                case 2:
                    fs.append(name, b"y" * choose.randrange(5000))
                case _:
                    fs.write_bytes(name, b"z" * choose.randrange(5000))
        except FileNotFoundError:
            continue
        changes += 1
    assert changes > 100
    for path in root.glob("*/*"):
        inside = f"/{path.relative_to(root)}"
        assert path.read_bytes() == fs.read_bytes(inside), path
        assert os.stat(path).st_ino == fs.stat(inside).ino
    for number in range(3):
        assert sorted(os.listdir(root / f"d{number}")) == sorted(
            fs.listdir(f"/d{number}")
        )
    fs.check_invariants()


# --- restore ------------------------------------------------------------------------


def test_a_restore_is_seen_at_once(fs: Fs, root: Path) -> None:
    fs.write_bytes("/kept", b"old")
    fs.mkdir("/d")
    fs.write_bytes("/d/gone", b"back again")
    snapshot = fs.dump()
    (root / "kept").write_bytes(b"changed and longer")
    run("rm", "-r", "d", cwd=root)
    (root / "new").write_bytes(b"n")
    assert not (root / "d").exists()
    fs.load(snapshot)
    assert sorted(os.listdir(root)) == ["d", "kept"]
    assert (root / "kept").read_bytes() == b"old"
    assert (root / "d/gone").read_bytes() == b"back again"
    assert not (root / "new").exists()


def test_a_file_that_a_restore_takes_away_stays_readable(fs: Fs, root: Path) -> None:
    snapshot = fs.dump()
    (root / "new").write_bytes(b"still here")
    with open(root / "new", "rb", buffering=0) as file:
        fs.load(snapshot)
        (root / "another").write_bytes(b"with the same number")
        assert os.stat(root / "another").st_ino == fs.stat("/another").ino
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert file.read() == b"still here"
        assert os.fstat(file.fileno()).st_nlink == 0
    assert os.listdir(root) == ["another"]


def test_a_number_that_comes_back_is_another_file(fs: Fs, root: Path) -> None:
    snapshot = fs.dump()
    for content in (b"first", b"second", b"third"):
        (root / "f").write_bytes(content)
        assert (root / "f").read_bytes() == content
        assert os.stat(root / "f").st_ino == 2
        fs.load(snapshot)
        assert not (root / "f").exists()


# --- what the kernel holds ----------------------------------------------------------


def free(fs: Fs) -> tuple[int, int]:
    vfs = fs.inodes.statvfs()
    return vfs.inodes_free, vfs.blocks_free


@pytest.fixture
def read_through(fs: Fs, root: Path) -> tuple[int, int]:
    """What was free before a tree was made and read through the mount."""
    before = free(fs)
    fs.mkdir("/d/e", parents=True)
    for number in range(20):
        fs.write_bytes(f"/d/e/{number}", b"x" * 9000)
        (root / f"d/e/{number}").read_bytes()
    return before


def test_what_the_api_removes_is_let_go_of(
    fs: Fs, root: Path, read_through: tuple[int, int]
) -> None:
    fs.remove_tree("/d")
    wait_until(lambda: free(fs) == read_through, "the kernel to forget it")


def test_what_the_api_replaces_is_let_go_of(
    fs: Fs, root: Path, read_through: tuple[int, int]
) -> None:
    for number in range(1, 20):
        fs.rename(f"/d/e/{number}", "/d/e/0")
    inodes, blocks = read_through
    wait_until(lambda: free(fs) == (inodes - 3, blocks - 3), "the kernel to forget it")


def test_what_a_restore_replaces_is_let_go_of(fs: Fs, root: Path) -> None:
    snapshot = fs.dump()
    before = free(fs)
    for _ in range(3):
        (root / "d/e").mkdir(parents=True)
        for number in range(20):
            (root / f"d/e/{number}").write_bytes(b"x" * 9000)
        fs.load(snapshot)
    wait_until(lambda: free(fs) == before, "the kernel to forget it")


def test_nothing_is_held_after_the_unmount(fs: Fs) -> None:
    before = free(fs)
    with mount(fs) as mounted:
        fd = os.open(mounted.path / "f", os.O_RDWR | os.O_CREAT)
        os.write(fd, b"x")
        os.unlink(mounted.path / "f")
        assert free(fs) != before
    with contextlib.suppress(OSError):  # ENOTCONN, but it is closed
        os.close(fd)
    assert free(fs) == before
    fs.write_bytes("/works", b"as before")
    fs.check_invariants()


# --- two mounts of one filesystem ---------------------------------------------------


def test_two_mounts_show_each_others_changes(fs: Fs, root: Path) -> None:
    with mount(fs) as second:
        other = second.path
        (root / "f").write_bytes(b"one")
        wait_until((other / "f").exists, "the name")
        assert (other / "f").read_bytes() == b"one"
        (other / "f").write_bytes(b"another one")
        wait_until(lambda: (root / "f").read_bytes() == b"another one", "the content")
        os.rename(root / "f", root / "g")
        wait_until(lambda: os.listdir(other) == ["g"], "the listing")
        fs.write_bytes("/g", b"by the API")
        assert (root / "g").read_bytes() == (other / "g").read_bytes() == b"by the API"


def test_two_mounts_changed_at_once_do_not_wait_for_each_other(
    fs: Fs, root: Path
) -> None:
    """Each would tell the other while that one tells it: answers come first."""
    program = """
        import os, sys
        for round in range(60):
            for number in range(10):
                with open(f"{number}", "ab") as file:
                    file.write(b"x")
            for number in range(0, 10, 2):
                try:
                    os.rename(f"{number}", f"{number + 1}")
                except FileNotFoundError:
                    pass
        """
    with mount(fs) as second:
        threads = [
            threading.Thread(target=run_python, args=(program,), kwargs={"cwd": path})
            for path in (root, second.path)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = sorted(fs.listdir("/"))
        wait_until(
            lambda: (
                sorted(os.listdir(root)) == sorted(os.listdir(second.path)) == names
            ),
            "both to show the same",
        )


# --- who only writes a new file, and may be let past the page cache -----------------


def test_what_is_written_to_a_new_file_is_read_and_mapped_by_others(
    fs: Fs, root: Path
) -> None:
    """By a descriptor that can only write: it may have no part in the page cache."""
    writer = os.open(root / "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(writer, b"." * 4 * PAGE)
    reader = os.open(root / "f", os.O_RDONLY)
    content = bytearray(b"." * 4 * PAGE)
    random_ = random.Random(1)
    with Program(MAPPING, root / "f") as mapping:
        for step in range(100):
            offset, value = random_.randrange(4 * PAGE), 97 + step % 26
            size = min(random_.choice((1, 100, PAGE, 2 * PAGE)), 4 * PAGE - offset)
            content[offset : offset + size] = bytes([value]) * size
            os.pwrite(writer, bytes([value]) * size, offset)
            assert mapping.ask(str(offset)) == chr(value)
            assert os.pread(reader, 4 * PAGE, 0) == content
            assert fs.read_bytes("/f") == content
            mapped = random_.randrange(4 * PAGE)
            content[mapped] = ord("M")
            mapping.ask(f"{mapped}=M")
    assert fs.read_bytes("/f") == content
    os.close(reader)
    os.close(writer)


def test_a_reader_beside_a_new_files_writer_never_keeps_what_was_before(
    root: Path,
) -> None:
    """Also what it was reading while it was written."""
    with open(root / "f", "xb", buffering=0) as writer:
        writer.write(b"." * PAGE)
        script = """
            import os, sys
            fd = os.open(sys.argv[1], os.O_RDONLY)
            while True:
                os.pread(fd, 4096, 0)
            """
        argv = [sys.executable, "-I", "-c", dedent(script), os.fspath(root / "f")]
        with subprocess.Popen(argv) as reader, open(root / "f", "rb") as seen:
            for step in range(2000):
                data = step.to_bytes(4) * (PAGE // 4)
                os.pwrite(writer.fileno(), data, 0)
                assert os.pread(seen.fileno(), PAGE, 0) == data
            reader.kill()


def test_a_new_files_appends_go_behind_those_of_the_api(fs: Fs, root: Path) -> None:
    expected = b""
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
    writer = os.open(root / "f", flags)
    reader = os.open(root / "f", os.O_RDONLY)
    for step in range(50):
        os.write(writer, b"m" * (step * 37))
        fs.append("/f", b"a" * (step * 53))
        expected += b"m" * (step * 37) + b"a" * (step * 53)
        assert os.pread(reader, len(expected) + 1, 0) == expected
    assert fs.read_bytes("/f") == expected
    os.close(reader)
    os.close(writer)


def test_what_programs_pour_into_a_new_file_arrives(fs: Fs, root: Path) -> None:
    """By sendfile, splice and copy_file_range, not from memory of theirs."""
    data = random.Random(2).randbytes(300_001)
    fs.write_bytes("/source", data)
    run_python(
        """
        import os
        size = os.stat("source").st_size
        def opened(name):
            return os.open("source", os.O_RDONLY), os.open(
                name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        source, target = opened("sent")
        while os.sendfile(target, source, None, size): pass
        source, target = opened("spliced")
        out, into = os.pipe()
        while count := os.splice(source, into, 65536):
            while count:
                count -= os.splice(out, target, count)
        source, target = opened("copied")
        while os.copy_file_range(source, target, size): pass
        """,
        cwd=root,
    )
    for name in ("sent", "spliced", "copied"):
        assert fs.read_bytes(f"/{name}") == data == (root / name).read_bytes()
