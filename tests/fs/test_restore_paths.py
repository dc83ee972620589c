"""restore of single paths: they are as they were, and the rest stays."""

import pytest
from devdev_fs import Errno, Fs, FsBase, Kind, NotADirectory, NotFound, RenameFlags
from devdev_fs.testing import ManualClock
from hypothesis import given
from hypothesis import strategies as st

from tests.fs.checks import examples, ino_of, refused
from tests.fs.edits import EDITS, PATHS, START, Edit, apply_all
from tests.fs.looks import Look, link_groups, look


def make_tree(fs: FsBase) -> None:
    fs.mkdir("/d/sub", parents=True)
    fs.write_text("/d/f", "f")
    fs.write_text("/d/sub/g", "g")
    fs.link("/d/sub/g", "/g")
    fs.write_text("/other", "other")


def test_a_file_gets_its_content_attributes_and_number_back(fs: FsBase) -> None:
    make_tree(fs)
    before = fs.stat("/d/f")
    point = fs.checkpoint()
    fs.write_text("/d/f", "changed")
    fs.chmod("/d/f", 0o600)
    fs.write_text("/other", "changed")
    with fs.open("/d/f") as file:
        fs.restore(point, ["/d/f"])
        assert fs.stat("/d/f") == before
        assert file.read() == b"f"
    assert fs.read_text("/other") == "changed"


def test_a_file_comes_back_with_the_directories_above_it_and_nothing_else(
    fs: FsBase,
) -> None:
    make_tree(fs)
    fs.chmod("/d/sub", 0o750)
    point = fs.checkpoint()
    fs.remove_tree("/d")
    fs.restore(point, ["d/./sub//g/"])
    assert [path for path, _, _ in fs.walk()] == ["/", "/d", "/d/sub"]
    assert fs.listdir("/d/sub") == ["g"]
    assert fs.stat("/d/sub").perm == 0o750


def test_what_was_not_there_goes_with_all_below_it(fs: FsBase) -> None:
    point = fs.checkpoint()
    make_tree(fs)
    fs.restore(point, ["/d"])
    assert fs.listdir() == ["g", "other"]
    assert fs.stat("/g").nlink == 1
    fs.restore(point, ["/other"])
    assert fs.listdir() == ["g"]


def test_a_directory_that_gets_a_name_is_stamped(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.remove("/d/f")
    fs.remove("/d/sub/g")
    stat = fs.stat("/d")
    linked = fs.stat("/g")
    fs.restore(point, ["/d/f"])
    assert fs.stat("/d").mtime_ns == fs.stat("/d").ctime_ns > stat.mtime_ns
    fs.restore(point, ["/d/sub/g"])
    assert fs.stat("/g").nlink == 2
    assert ino_of(fs, "/g") == linked.ino


def test_what_has_its_place_elsewhere_stays_there(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.rename("/d", "/moved")
    fs.write_text("/moved/f", "changed")
    fs.restore(point, ["/d"])
    assert fs.read_text("/moved/f") == "changed"
    assert fs.read_text("/d/f") == "f"
    assert ino_of(fs, "/d/f") != ino_of(fs, "/moved/f")
    assert ino_of(fs, "/d/sub/g") == ino_of(fs, "/g"), "they had been hard links"


def test_a_directory_above_that_is_elsewhere_now_is_made_anew(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.rename("/d", "/moved")
    fs.restore(point, ["/d/sub"])
    assert fs.listdir("/d") == ["sub"]
    assert fs.listdir("/moved") == ["f", "sub"]


def test_a_hard_link_comes_back_if_the_file_is_as_it_was(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.remove("/d/sub/g")
    fs.restore(point, ["/d"])
    assert ino_of(fs, "/d/sub/g") == ino_of(fs, "/g")


def test_a_hard_link_to_what_has_changed_comes_back_as_a_file(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.write_text("/g", "changed")
    fs.restore(point, ["/d"])
    assert fs.read_text("/g") == "changed"
    assert fs.read_text("/d/sub/g") == "g"
    assert fs.stat("/g").nlink == 1


def test_all_names_of_a_file_are_restored_together(fs: FsBase) -> None:
    make_tree(fs)
    number = ino_of(fs, "/g")
    point = fs.checkpoint()
    fs.write_text("/g", "changed")
    fs.rename("/g", "/d/sub/g2")
    fs.restore(point, ["/d", "/g"])
    assert ino_of(fs, "/d/sub/g") == ino_of(fs, "/g") == number
    assert fs.read_text("/g") == "g"


def test_a_number_that_was_given_again_is_not_mistaken() -> None:
    """A snapshot from elsewhere brings another inode of the same number."""
    fs, other = Fs(clock=ManualClock(1)), Fs(clock=ManualClock(2))
    fs.write_text("/mine", "mine")
    other.write_text("/theirs", "theirs")
    point = fs.checkpoint()
    fs.load(other.dump())
    fs.restore(point, ["/mine"])
    fs.check_invariants()
    assert fs.read_text("/mine") == "mine"
    assert fs.read_text("/theirs") == "theirs"


def test_the_root_is_everything(fs: FsBase) -> None:
    make_tree(fs)
    before = look(fs)
    point = fs.checkpoint()
    fs.rename("/d", "/g", RenameFlags.EXCHANGE)
    fs.restore(point, ["/d", "/"])
    assert look(fs) == before


@pytest.mark.parametrize(
    ("path", "errno"),
    [("/none", Errno.ENOENT), ("/d/../other", Errno.EINVAL), ("/d/f", Errno.ENOTDIR)],
)
def test_a_path_that_makes_no_sense_is_refused(
    fs: FsBase, path: str, errno: Errno
) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.remove_tree("/d")
    fs.symlink("other", "/d")
    with refused(fs, errno):
        fs.restore(point, ["/other", path])


def test_nothing_is_restored_of_no_paths(fs: FsBase) -> None:
    make_tree(fs)
    point = fs.checkpoint()
    fs.remove_tree("/d")
    assert fs.restore(point, []) == 0


def is_within(path: str, tops: list[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def seen(tree: dict[str, Look], path: str, linked: set[str]) -> object:
    """What there is; a directory's time moves, and that of what is linked elsewhere."""
    there = tree.get(path)
    if there is None or there.kind == Kind.DIRECTORY or path in linked:
        return there and there[:5]
    return there[:6]


def parts(groups: set[frozenset[str]], tops: list[str], inside: bool) -> object:
    found = {
        frozenset(path for path in group if is_within(path, tops) == inside)
        for group in groups
    }
    return found - {frozenset()}


@examples(200)
@given(EDITS, EDITS, st.lists(st.sampled_from(PATHS), min_size=1, max_size=3))
def test_the_paths_are_as_they_were_and_the_rest_stays(
    before: list[Edit], later: list[Edit], tops: list[str]
) -> None:
    fs = Fs(clock=ManualClock(step_ns=1))
    apply_all(fs, START + before)
    old, old_links, point = look(fs), link_groups(fs), fs.checkpoint()
    apply_all(fs, later)
    now, links = look(fs), link_groups(fs)
    try:
        fs.restore(point, tops)
    except (NotFound, NotADirectory):
        assert look(fs) == now
        return
    fs.check_invariants()
    result, result_links = look(fs), link_groups(fs)
    linked = {path for group in result_links if len(group) > 1 for path in group}
    for path in result.keys() | old.keys() | now.keys():
        if is_within(path, tops):
            assert seen(result, path, linked) == seen(old, path, linked)
        elif path in now:
            assert seen(result, path, linked) == seen(now, path, linked)
        elif path in result:
            assert any(top.startswith(f"{path}/") for top in tops)
    assert parts(result_links, tops, True) == parts(old_links, tops, True)
    assert parts(result_links, tops, False) == parts(links, tops, False)
