"""Many threads at once: every operation happens as a whole, or not at all."""

import sys
from collections.abc import Callable, Iterator
from random import Random
from threading import Barrier, Thread

import pytest
from devdev_fs import (
    ROOT_INO,
    AlreadyExists,
    Fs,
    FsBase,
    FsError,
    RenameFlags,
    SetAttr,
)

from tests.fs.checks import names, used_inodes

PATIENCE = 15.0
THREADS = 4


@pytest.fixture(autouse=True)
def threads_take_turns_often() -> Iterator[None]:
    """A thousand times as often as they would, within operations too."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def run_together(*jobs: Callable[[], None]) -> None:
    """Run each job in a thread, all begun at once; the first error is raised."""
    errors: list[BaseException] = []
    barrier = Barrier(len(jobs), timeout=PATIENCE)

    def run(job: Callable[[], None]) -> None:
        try:
            barrier.wait()
            job()
        except BaseException as error:
            errors.append(error)

    threads = [Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def test_one_of_many_makes_a_name(fs: FsBase) -> None:
    made = []

    def make() -> None:
        for number in range(50):
            try:
                made.append(fs.inodes.create(ROOT_INO, b"%d" % number).ino)
            except AlreadyExists:
                continue

    run_together(*[make] * THREADS)
    assert sorted(made) == list(range(2, 52))
    assert len(names(fs)) == 50


def test_no_append_is_lost_or_torn(fs: FsBase) -> None:
    fs.touch("/log")

    def append(letter: str) -> None:
        for _ in range(300):
            fs.append("/log", letter.encode() * 7)

    run_together(*[lambda letter=letter: append(letter) for letter in "abcd"])
    content = fs.read_bytes("/log")
    pieces = [content[at : at + 7] for at in range(0, len(content), 7)]
    assert sorted(pieces) == sorted(letter.encode() * 7 for letter in "abcd" * 300)


def test_a_reader_sees_one_whole_content_or_the_other(fs: FsBase) -> None:
    contents = [b"a" * 10_000, b"b" * 5_000]
    fs.write_bytes("/f", contents[0])

    def write() -> None:
        for number in range(100):
            fs.write_bytes("/f", contents[number % 2])

    def read() -> None:
        for _ in range(300):
            assert fs.read_bytes("/f") in contents

    run_together(write, read, read)


def test_a_name_that_is_replaced_is_never_missing(fs: FsBase) -> None:
    fs.write_bytes("/f", b"")
    fs.write_bytes("/g", b"")

    def replace() -> None:
        for _ in range(300):
            fs.write_bytes("/new", b"")
            fs.rename("/new", "/f")
            fs.rename("/f", "/g", RenameFlags.EXCHANGE)

    def look() -> None:
        for _ in range(200):
            assert fs.exists("/f")
            assert fs.exists("/g")

    run_together(replace, look, look)


def test_a_directory_in_motion_never_closes_a_circle(fs: FsBase) -> None:
    fs.mkdir("/a")
    fs.mkdir("/b")

    def move(source: str, target: str) -> None:
        for _ in range(300):
            for old, new in (
                (source, f"{target}{source}"),
                (f"{target}{source}", source),
            ):
                try:
                    fs.rename(old, new)
                except FsError:
                    continue

    run_together(lambda: move("/a", "/b"), lambda: move("/b", "/a"))
    fs.check_invariants()
    assert len(fs.walk()) == 3


def churn(fs: FsBase, seed: int) -> None:
    """Whatever there is, in a small tree, so that threads meet."""
    random = Random(seed)

    def path() -> str:
        return "".join(f"/{random.choice('abc')}" for _ in range(random.randint(1, 3)))

    calls: list[Callable[[], object]] = [
        lambda: fs.mkdir(path()),
        lambda: fs.mkdir(path(), parents=True, exist_ok=True),
        lambda: fs.write_bytes(path(), random.randbytes(random.randint(0, 9_000))),
        lambda: fs.append(path(), b"x" * 100),
        lambda: fs.remove(path()),
        lambda: fs.rmdir(path()),
        lambda: fs.remove_tree(path()),
        lambda: fs.rename(path(), path()),
        lambda: fs.rename(path(), path(), RenameFlags.EXCHANGE),
        lambda: fs.link(path(), path()),
        lambda: fs.symlink(random.choice(["/a", "../b", "c"]), path()),
        lambda: fs.copy(path(), path()),
        lambda: fs.setattr(path(), SetAttr(size=random.randint(0, 20_000))),
        lambda: fs.read_bytes(path()),
        lambda: fs.glob("/**/a"),
        lambda: fs.listdir(path()),
    ]
    for _ in range(500):
        try:
            random.choice(calls)()
        except FsError:
            continue


def use_files(fs: FsBase, seed: int) -> None:
    """Open files of that tree, and use them whatever becomes of their names."""
    random = Random(seed)
    for _ in range(40):
        try:
            with fs.open(f"/{random.choice('abc')}", "a+") as file:
                for _ in range(3):
                    file.write(b"held")
                    file.seek(-4, 2)
                    file.read(4)
        except FsError:
            continue


def dump(fs: FsBase) -> None:
    """Every snapshot taken meanwhile is a good one."""
    for _ in range(15):
        Fs().load(fs.dump())


def look(fs: FsBase) -> None:
    for _ in range(50):
        assert fs.walk()[0][0] == "/"


@pytest.mark.parametrize("seed", range(3))
def test_everything_at_once_leaves_a_sound_filesystem(fs: FsBase, seed: int) -> None:
    run_together(
        lambda: churn(fs, seed),
        lambda: churn(fs, seed + 100),
        lambda: use_files(fs, seed + 200),
        lambda: dump(fs),
        lambda: look(fs),
    )
    fs.check_invariants()
    found = {
        fs.lstat(f"{path}/{name}").ino
        for path, directories, files in fs.walk()
        for name in [*directories, *files, "."]
    }
    assert used_inodes(fs) == len(found)


def test_restoring_while_others_work_leaves_a_sound_filesystem(fs: FsBase) -> None:
    fs.mkdir("/a/b/c", parents=True)
    snapshot = fs.dump()

    def restore() -> None:
        for _ in range(20):
            fs.load(snapshot)

    run_together(restore, lambda: churn(fs, 1), lambda: use_files(fs, 2))
    fs.load(snapshot)
    assert fs.dump() == snapshot
    assert used_inodes(fs) == 4


def grow(fs: FsBase, name: str, seed: int) -> None:
    """The same changes below `/name` each time, all by one actor a round."""
    random = Random(seed)
    fs.mkdir(f"/{name}")
    for round_ in range(8):
        with fs.actor(name):
            for number in range(6):
                path = f"/{name}/{random.randrange(10)}"
                fs.write_bytes(path, random.randbytes(random.choice([1, 5000])))
                fs.rename(path, f"/{name}/{round_}-{number}")


def keep(fs: FsBase) -> None:
    """Checkpoints and forks stay what they were, whatever goes on meanwhile."""
    kept = []
    for number in range(10):
        point = fs.checkpoint(str(number))
        with fs.fork(point) as fork:
            kept.append((point, fork.tree_digest(), fork.image_digest()))
            fork.write_bytes("/forks-own", b"x" * 5000)
            fork.check_invariants()
    for point, tree, image in kept:
        with fs.fork(point) as fork:
            assert (fork.tree_digest(), fork.image_digest()) == (tree, image)


def test_versions_are_taken_while_others_write(make_fs: Callable[..., FsBase]) -> None:
    """In the end there is what each would have written alone."""
    fs, alone = make_fs(), Fs()
    run_together(
        lambda: grow(fs, "a", 1),
        lambda: grow(fs, "b", 2),
        lambda: keep(fs),
        lambda: dump(fs),
        lambda: look(fs),
    )
    grow(alone, "a", 1)
    grow(alone, "b", 2)
    fs.check_invariants()
    assert fs.tree_digest() == alone.tree_digest()
    log = fs.log().spans
    assert [span.actor for span in log].count("a") == 8
    for span in reversed(log):
        if span.actor == "b":
            assert fs.undo(span.id).conflicts == []
    fs.check_invariants()
    assert fs.listdir("/b") == []
    assert fs.tree_digest("/a") == alone.tree_digest("/a")
