"""The winfsp driver: winfspy's real Python, on a stand-in for what is below it."""

import pytest
from devdev_fs import PATH_MAX, Fs, NotFound, SetAttr
from devdev_fs.testing import ManualClock
from devdev_mount import MountOptions
from devdev_mount._winfsp import _links
from devdev_mount._winfsp._attributes import Attribute
from devdev_mount._winfsp._ntstatus import NtStatus
from devdev_mount._winfsp._security import Descriptor, Entry, Sid
from devdev_mount._winfsp._session import WinFspSession
from devdev_mount._winfsp._times import to_filetime

from tests.windows.nt import Disposition, Nt
from tests.windows.owners import ME
from tests.windows.refusals import refused
from tests.windows.standin import StandIn

READ_ONLY = pytest.mark.parametrize("options", [MountOptions(read_only=True)])
OTHERS = pytest.mark.parametrize("options", [MountOptions(allow_other=True)])
EXACT = pytest.mark.parametrize(
    "options", [MountOptions(ownership="exact", allow_other=True)]
)
TICK = 100


# --- opening ---------------------------------------------------------------------


def test_what_is_written_is_read(nt: Nt, fs: Fs) -> None:
    nt.put("\\a.txt", b"hello")
    assert nt.get("\\a.txt") == b"hello"
    assert fs.read_bytes("/a.txt") == b"hello"


def test_what_is_made_has_the_mode_that_the_umask_leaves(nt: Nt, fs: Fs) -> None:
    nt.put("\\file")
    nt.make_directory("\\directory")
    assert fs.stat("/file").perm == 0o644
    assert fs.stat("/directory").perm == 0o755


@pytest.mark.parametrize("how", list(Disposition))
def test_what_is_there_is_opened_in_each_way(nt: Nt, fs: Fs, how: Disposition) -> None:
    fs.write_bytes("/file", b"old")
    if how is Disposition.CREATE:
        with refused(NtStatus.OBJECT_NAME_COLLISION):
            nt.open("\\FILE", how)
        return
    nt.open("\\file", how).close()
    keeps = how in (Disposition.OPEN, Disposition.OPEN_IF)
    assert fs.read_bytes("/file") == (b"old" if keeps else b"")


@pytest.mark.parametrize("how", list(Disposition))
def test_what_is_not_there_is_made_in_most_ways(
    nt: Nt, fs: Fs, how: Disposition
) -> None:
    if how in (Disposition.OPEN, Disposition.OVERWRITE):
        with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
            nt.open("\\file", how)
        return
    nt.open("\\file", how).close()
    assert fs.stat("/file").size == 0


def test_a_directory_above_that_is_missing_is_told_apart(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    for path in ("\\missing\\name", "\\file\\name"):
        for how in (Disposition.OPEN, Disposition.CREATE):
            with refused(NtStatus.OBJECT_PATH_NOT_FOUND):
                nt.open(path, how)


def test_a_stream_is_refused(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    for how in (Disposition.OPEN, Disposition.CREATE):
        with refused(NtStatus.OBJECT_NAME_INVALID):
            nt.open("\\file:stream", how)
    with nt.opened("\\file") as file, refused(NtStatus.INVALID_DEVICE_REQUEST):
        file.stream_info()


def test_a_name_that_is_too_long_is_refused(nt: Nt) -> None:
    with refused(NtStatus.NAME_TOO_LONG):
        nt.put("\\" + "\u00e9" * 128)


# --- names -----------------------------------------------------------------------


def test_case_does_not_matter_but_is_kept(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/Some")
    fs.write_bytes("/Some/ReadMe.TXT", b"text")
    assert nt.get("\\SOME\\readme.txt") == b"text"
    with nt.opened("\\some\\README.txt") as file:
        assert file.path == "\\Some\\ReadMe.TXT"
    assert nt.list("\\sOmE")[2:] == ["ReadMe.TXT"]


def test_a_new_name_has_the_case_that_it_is_given(nt: Nt) -> None:
    nt.make_directory("\\Dir")
    with nt.opened("\\DIR\\NeW", how=Disposition.CREATE) as file:
        assert file.path == "\\Dir\\NeW"


def test_of_names_that_differ_in_case_the_exact_one_is_meant(nt: Nt, fs: Fs) -> None:
    for name in ("file", "FILE", "File"):
        fs.write_bytes(f"/{name}", name.encode())
    assert nt.get("\\file") == b"file"
    assert nt.get("\\File") == b"File"
    assert nt.get("\\fILE") == b"FILE", "the first by its bytes"
    fs.remove("/FILE")
    assert nt.get("\\fILE") == b"File"
    nt.delete("\\fILE")
    assert fs.listdir() == ["file"]
    nt.delete("\\fILE")
    assert fs.listdir() == []


def test_what_the_api_makes_and_removes_is_found_in_any_case(nt: Nt, fs: Fs) -> None:
    with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
        nt.open("\\NAME")
    fs.write_bytes("/name", b"")
    nt.open("\\NAME").close()
    fs.remove("/name")
    with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
        nt.open("\\NAME")


def test_a_name_that_windows_cannot_have_is_shown_and_used(nt: Nt, fs: Fs) -> None:
    names = [b"a:b", b"nul", b"dot.", b"latin\xe9", b"back\\slash"]
    for name in names:
        fs.write_bytes(b"/" + name, name)
    listed = nt.list("\\")
    assert {nt.get(f"\\{shown}") for shown in listed} == set(names)
    for shown in listed:
        nt.delete(f"\\{shown}")
    assert fs.listdir() == []


# --- content ---------------------------------------------------------------------


def test_beyond_the_end_there_is_nothing_to_read(nt: Nt) -> None:
    nt.put("\\file", b"12345")
    with nt.opened("\\file") as file:
        assert file.read(10, 3) == b"45"
        for offset in (5, 100):
            with refused(NtStatus.END_OF_FILE):
                file.read(1, offset)


def test_append_goes_to_the_end_wherever_that_is(nt: Nt, fs: Fs) -> None:
    nt.put("\\log", b"one,")
    with nt.opened("\\log") as file:
        fs.append("/log", b"two,")
        assert file.write(b"three", to_end=True) == 5
    assert fs.read_bytes("/log") == b"one,two,three"


def test_a_constrained_write_does_not_make_a_file_longer(nt: Nt, fs: Fs) -> None:
    nt.put("\\file", b"12345")
    with nt.opened("\\file") as file:
        assert file.write(b"abcdef", 3, is_constrained=True) == 2
        assert file.write(b"x", 5, is_constrained=True) == 0
        assert file.write(b"x", 9, is_constrained=True) == 0
        assert file.write(b"x", to_end=True, is_constrained=True) == 0
    assert fs.read_bytes("/file") == b"123ab"


def test_a_write_beyond_the_end_leaves_a_hole(nt: Nt, fs: Fs) -> None:
    with nt.opened("\\file", how=Disposition.CREATE) as file:
        assert file.write(b"end", 10_000) == 3
    assert fs.read_bytes("/file") == bytes(10_000) + b"end"
    assert fs.stat("/file").blocks == 8


def test_a_file_is_cut_and_extended(nt: Nt, fs: Fs) -> None:
    nt.put("\\file", b"12345")
    with nt.opened("\\file") as file:
        file.set_size(7)
        assert fs.read_bytes("/file") == b"12345\0\0"
        file.set_size(2)
        assert fs.read_bytes("/file") == b"12"
        file.set_size(4096, is_allocation=True)
        assert file.info().size == 2
        file.set_size(1, is_allocation=True)
        assert file.info().size == 1
        file.flush()


def test_a_full_disk_is_told_and_nothing_is_written(nt: Nt, fs: Fs) -> None:
    fs.set_limits(max_bytes=8192)
    with nt.opened("\\file", how=Disposition.CREATE) as file:
        with refused(NtStatus.DISK_FULL):
            file.write(bytes(8193))
        assert file.info().size == 0
        assert file.write(bytes(8192)) == 8192
    total, free, _ = nt.space()
    assert (total, free) == (8192, 0)


# --- deletion and renaming -------------------------------------------------------


def test_a_name_goes_when_its_file_is_closed(nt: Nt, fs: Fs) -> None:
    nt.put("\\file", b"1")
    file = nt.open("\\file")
    file.delete()
    assert fs.exists("/file")
    file.close()
    assert not fs.exists("/file")


def test_what_loses_its_name_while_open_is_still_there(nt: Nt, fs: Fs) -> None:
    nt.put("\\file", b"12345")
    with nt.opened("\\file") as file:
        fs.remove("/file")
        assert file.read(5) == b"12345"
        assert file.write(b"abc") == 3
        assert file.info().size == 5
        nt.put("\\file", b"another")
        file.delete()
    assert fs.read_bytes("/file") == b"another", "only what was opened is deleted"


def test_a_directory_that_is_not_empty_is_not_deleted(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/a/b", parents=True)
    with refused(NtStatus.DIRECTORY_NOT_EMPTY):
        nt.delete("\\a")
    nt.delete("\\a\\b")
    nt.delete("\\a")
    assert fs.listdir() == []


def test_neither_the_root_nor_what_is_read_only_is_deleted(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    fs.chmod("/file", 0o444)
    for path in ("\\", "\\file"):
        with refused(NtStatus.CANNOT_DELETE):
            nt.delete(path)


def test_a_name_is_moved(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/to")
    fs.write_bytes("/file", b"1")
    nt.rename("\\FILE", "\\TO\\new")
    assert fs.read_bytes("/to/new") == b"1"
    nt.rename("\\to", "\\moved")
    assert fs.read_bytes("/moved/new") == b"1"


def test_only_the_case_of_a_name_is_changed(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"1")
    nt.rename("\\file", "\\FILE")
    assert fs.listdir() == ["FILE"]


def test_what_is_there_is_replaced_only_if_that_is_wanted(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/new", b"new")
    fs.write_bytes("/old", b"old")
    with refused(NtStatus.OBJECT_NAME_COLLISION):
        nt.rename("\\new", "\\OLD")
    assert fs.read_bytes("/old") == b"old"
    with nt.opened("\\old") as file:
        nt.rename("\\new", "\\OLD", replaces=True)
        assert file.read(3) == b"old"
    assert fs.listdir() == ["OLD"]
    assert fs.read_bytes("/OLD") == b"new"


def test_a_directory_is_neither_replaced_nor_replaces(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/directory")
    fs.mkdir("/another")
    fs.write_bytes("/file", b"")
    for old, new in (("file", "another"), ("directory", "another")):
        with refused(NtStatus.ACCESS_DENIED):
            nt.rename(f"\\{old}", f"\\{new}", replaces=True)
    with refused(NtStatus.INVALID_PARAMETER):
        nt.rename("\\directory", "\\directory\\below")
    assert fs.listdir() == ["another", "directory", "file"]


def test_one_name_of_a_file_replaces_another(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/one", b"1")
    fs.link("/one", "/two")
    nt.rename("\\one", "\\two", replaces=True)
    assert fs.listdir() == ["two"]
    assert fs.stat("/two").nlink == 1


# --- listing ---------------------------------------------------------------------


def test_a_large_directory_is_listed_over_several_buffers(nt: Nt, fs: Fs) -> None:
    names = [f"file {number:04}" for number in range(500)]
    fs.mkdir("/many")
    for name in names:
        fs.write_bytes(f"/many/{name}", b"")
    assert nt.list("\\many") == [".", "..", *names]


def test_the_root_has_no_dots(nt: Nt, fs: Fs) -> None:
    assert nt.list("\\") == []
    fs.write_bytes("/x", b"")
    assert nt.list("\\") == ["x"]


def test_a_listing_goes_on_behind_a_name_that_went(nt: Nt, fs: Fs) -> None:
    for name in "abcdef":
        fs.write_bytes(f"/{name}", b"")
    with nt.opened("\\") as directory:
        entries = directory.list("b")
        fs.remove("/b")
        fs.remove("/d")
        assert [name for name, _ in entries] == ["c", "e", "f"]
        fs.write_bytes("/a0", b"")
        assert [name for name, _ in directory.list()] == ["a", "a0", "c", "e", "f"]


def test_entries_tell_what_opening_tells(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/file", bytes(5000))
    fs.symlink("file", "/link")
    with nt.opened("\\") as directory:
        for name, info in directory.list():
            assert info == nt.info(f"\\{name}", is_link=True)
            assert directory.find(name.upper()) == (name, info)
        with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
            directory.find("missing")


def test_everything_can_be_deleted_while_it_is_listed(nt: Nt, fs: Fs) -> None:
    for number in range(300):
        fs.write_bytes(f"/{number}", b"")
    with nt.opened("\\") as directory:
        for name, _ in directory.list():
            nt.delete(f"\\{name}")
    assert fs.listdir() == []


# --- attributes and times --------------------------------------------------------


def test_the_times_are_the_stores(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", bytes(5000))
    stat = fs.setattr("/file", SetAttr(atime_ns=10**18 + 1, mtime_ns=-TICK))
    info = nt.info("\\file")
    assert info.accessed == to_filetime(stat.atime_ns)
    assert info.written == to_filetime(-TICK)
    assert info.changed == to_filetime(stat.ctime_ns)
    assert info.created == to_filetime(stat.btime_ns)
    assert (info.size, info.allocation, info.ino) == (5000, 8192, stat.ino)


def test_times_are_set_one_by_one(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    before = fs.stat("/file")
    with nt.opened("\\file") as file:
        file.set_basic(written=to_filetime(5 * TICK))
        assert fs.stat("/file").mtime_ns == 5 * TICK
        assert fs.stat("/file").atime_ns == before.atime_ns
        file.set_basic(accessed=to_filetime(7 * TICK))
        assert fs.stat("/file").atime_ns == 7 * TICK


def test_what_the_driver_looks_at_by_itself_is_no_access(
    fs: Fs, nt: Nt, clock: ManualClock
) -> None:
    fs.mkdir("/d")
    fs.write_bytes("/d/Name", b"")
    fs.symlink("d", "/link")
    fs.symlink("link", "/link to link")
    before = [fs.lstat(path) for path in ("/", "/d", "/link", "/link to link")]
    clock.advance(10**9)
    nt.info("\\D\\NAME")
    nt.info("\\link to link", is_link=True)
    with refused(NtStatus.DIRECTORY_NOT_EMPTY):
        nt.delete("\\d")
    after = [fs.lstat(path) for path in ("/", "/d", "/link", "/link to link")]
    assert after == before
    nt.list("\\d")
    assert fs.stat("/d").atime_ns > before[1].atime_ns


def test_a_list_that_says_the_same_is_a_change(
    fs: Fs, nt: Nt, clock: ManualClock
) -> None:
    fs.write_bytes("/file", b"")
    before = fs.stat("/file")
    clock.advance(10**9)
    with nt.opened("\\file") as file:
        file.set_security(file.security())
    after = fs.stat("/file")
    assert (after.mode, after.ctime_ns) == (before.mode, before.ctime_ns + 10**9)


def test_attributes_are_kept(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    wanted = Attribute.HIDDEN | Attribute.ARCHIVE | Attribute.READONLY
    with nt.opened("\\file") as file:
        file.set_basic(wanted)
        assert file.info().attributes == wanted
        assert fs.stat("/file").perm == 0o444
        file.set_basic(Attribute.NORMAL)
        assert file.info().attributes == Attribute.NORMAL
    assert fs.stat("/file").perm == 0o644
    ino = fs.inodes.resolve("/file")
    assert fs.inodes.listxattr(ino) == []


def test_overwriting_adds_attributes_and_superseding_replaces_them(nt: Nt) -> None:
    nt.open("\\file", Disposition.CREATE, attributes=Attribute.SYSTEM).close()
    nt.open("\\file", Disposition.OVERWRITE, attributes=Attribute.HIDDEN).close()
    assert nt.info("\\file").attributes == Attribute.SYSTEM | Attribute.HIDDEN
    nt.open("\\file", Disposition.SUPERSEDE, attributes=Attribute.ARCHIVE).close()
    assert nt.info("\\file").attributes == Attribute.ARCHIVE


def test_a_volume_has_a_label(nt: Nt) -> None:
    assert nt.space()[2] == "devdev"
    nt.set_label("workspace")
    assert nt.space()[2] == "workspace"


# --- security --------------------------------------------------------------------


def test_this_user_owns_everything(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    fs.setattr("/file", SetAttr(uid=77, gid=88))
    with nt.opened("\\file") as file:
        descriptor = Descriptor.unpack(file.security())
        assert (descriptor.owner, descriptor.group) == (ME.user, ME.group)
        given = Descriptor(Sid(5, (18,)), None, ())
        file.set_security(given.pack(), 1)
    assert fs.stat("/file").uid == 77


def test_nobody_else_gets_in(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    fs.chmod("/file", 0o666)
    with nt.opened("\\file") as file:
        entries = Descriptor.unpack(file.security()).entries
        assert entries is not None
        assert {str(entry.sid) for entry in entries} == {str(ME.user), "S-1-5-18"}
        file.set_security(Descriptor(None, None, (Entry(ME.user, 0x120089),)).pack())
    assert fs.stat("/file").perm == 0o466, "what is not shown stays"


@OTHERS
def test_a_list_that_is_set_becomes_a_mode(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    with nt.opened("\\file") as file:
        file.set_security(Descriptor(None, None, (Entry(ME.user, 0x10000000),)).pack())
        assert fs.stat("/file").perm == 0o600
        with refused(NtStatus.INVALID_SECURITY_DESCR):
            file.set_security(b"\2\0\0\x80" + bytes(16))  # of revision 2
    assert fs.stat("/file").perm == 0o600


@EXACT
def test_users_of_the_store_are_shown_and_set(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"")
    fs.setattr("/file", SetAttr(uid=77, gid=88))
    with nt.opened("\\file") as file:
        descriptor = Descriptor.unpack(file.security())
        assert str(descriptor.owner) == "S-1-22-1-77"
        assert str(descriptor.group) == "S-1-22-2-88"
        file.set_security(Descriptor(Sid(22, (1, 5)), None, ()).pack(), 1)
        assert fs.stat("/file").uid == 5
        with refused(NtStatus.INVALID_OWNER):
            file.set_security(Descriptor(Sid(5, (18,)), None, ()).pack(), 1)


# --- links -----------------------------------------------------------------------


def test_links_lead_where_they_do_in_the_store(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/a/b", parents=True)
    fs.write_bytes("/a/b/file", b"content")
    fs.symlink("b/file", "/a/relative")
    fs.symlink("/a", "/absolute")
    fs.symlink("../a/./b", "/a/dots")
    fs.symlink("absolute/relative", "/twice")
    for path in ("\\a\\relative", "\\absolute\\b\\file", "\\a\\dots\\file", "\\twice"):
        assert nt.get(path) == b"content", path
    assert nt.get("\\ABSOLUTE\\DOTS\\FILE") == b"content"
    nt.put("\\absolute\\new", b"1")
    assert fs.read_bytes("/a/new") == b"1"


def test_the_longest_target_is_told(nt: Nt, fs: Fs) -> None:
    """There is no room for it twice, once for programs and once for people."""
    target = "n" * (PATH_MAX - 1)
    fs.symlink(target, "/link")
    with nt.opened("\\link", is_link=True) as file:
        assert _links.unpack(file.reparse()) == target


def test_a_link_itself_is_a_reparse_point(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/d")
    fs.symlink("d", "/to directory")
    fs.symlink("missing", "/dangling")
    both = Attribute.REPARSE_POINT | Attribute.DIRECTORY
    info = nt.info("\\to directory", is_link=True)
    assert (info.attributes, info.reparse_tag) == (both, _links.TAG)
    assert nt.info("\\dangling", is_link=True).attributes == Attribute.REPARSE_POINT
    with nt.opened("\\dangling", is_link=True) as file:
        assert _links.unpack(file.reparse()) == "missing"
        with refused(NtStatus.BUFFER_TOO_SMALL):
            file.reparse(room=8)
        with refused(NtStatus.INVALID_DEVICE_REQUEST):
            file.delete_reparse()
    with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
        nt.open("\\dangling")
    nt.delete("\\to directory")
    assert fs.listdir() == ["d", "dangling"]


def test_a_link_is_made(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"content")
    nt.make_link("\\link", _links.pack("file"))
    nt.make_link("\\again", _links.pack("\\link"))
    assert fs.readlink("/link") == "file"
    assert fs.readlink("/again") == "/link"
    assert nt.get("\\again") == b"content"
    with nt.opened("\\link", is_link=True) as file:
        file.set_reparse(_links.pack("..\\elsewhere"))
    assert fs.readlink("/link") == "../elsewhere"


def test_only_what_is_empty_becomes_a_link(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"content")
    fs.mkdir("/d/e", parents=True)
    with nt.opened("\\file") as file:
        with refused(NtStatus.IO_REPARSE_DATA_INVALID):
            file.set_reparse(_links.pack("x"))
        with refused(NtStatus.NOT_A_REPARSE_POINT):
            file.reparse()
    with nt.opened("\\d") as file, refused(NtStatus.DIRECTORY_NOT_EMPTY):
        file.set_reparse(_links.pack("x"))
    assert fs.read_bytes("/file") == b"content"


def test_links_in_circles_are_given_up(nt: Nt, fs: Fs) -> None:
    fs.symlink("b", "/a")
    fs.symlink("a", "/b")
    for path in ("\\a", "\\a\\x"):
        with refused(NtStatus.REPARSE_POINT_NOT_RESOLVED):
            nt.open(path)


def test_a_link_to_a_drive_leaves_the_volume(nt: Nt, fs: Fs) -> None:
    fs.symlink("C:/Users", "/home")
    assert nt.resolve("\\home\\me", 1, is_last=True) == "\\??\\C:\\Users\\me"
    nt.make_link("\\windows", _links.pack("C:\\Windows"))
    assert fs.readlink("/windows") == "C:/Windows"


def test_a_link_to_itself_by_index_is_found_behind_surrogates(nt: Nt, fs: Fs) -> None:
    fs.mkdir("/\U0001f600")
    fs.symlink(".", "/\U0001f600/link")
    fs.write_bytes("/\U0001f600/file", b"1")
    assert nt.get("\\\U0001f600\\link\\file") == b"1"


# --- the mount -------------------------------------------------------------------


@READ_ONLY
def test_a_read_only_volume_takes_no_change(nt: Nt, fs: Fs) -> None:
    fs.write_bytes("/file", b"1")
    fs.mkdir("/d")
    before = fs.dump()
    with nt.opened("\\file") as file:
        assert file.read(1) == b"1"
        for change in (
            lambda: file.write(b"2"),
            lambda: file.set_size(0),
            lambda: file.overwrite(),
            lambda: file.set_basic(Attribute.HIDDEN),
            lambda: file.set_security(file.security()),
            lambda: file.delete(),
            lambda: file.set_reparse(_links.pack("x")),
            lambda: file.rename("\\new"),
            lambda: nt.put("\\new"),
            lambda: nt.make_directory("\\new"),
        ):
            with refused(NtStatus.MEDIA_WRITE_PROTECTED):
                change()
    assert fs.dump() == before


def test_the_volume_has_the_parameters_that_its_rules_need(
    standin: StandIn, session: WinFspSession
) -> None:
    given = standin.library.parameters
    assert given["case_sensitive_search"] == 0
    assert given["case_preserved_names"] == given["unicode_on_disk"] == 1
    assert given["persistent_acls"] == given["reparse_points"] == 1
    assert given["file_info_timeout"] == 0, "changes through the API are seen at once"
    assert given["named_streams"] == given["hard_links"] == 0


def test_requests_are_counted(nt: Nt, session: WinFspSession) -> None:
    nt.put("\\file", b"1")
    assert session.requests["write"] == 1
    assert session.requests["create"] == 1


def test_an_inode_that_a_restore_leaves_out_stays_usable(nt: Nt, fs: Fs) -> None:
    point = fs.checkpoint()
    nt.put("\\file", b"12345")
    with nt.opened("\\file") as file:
        fs.restore(point)
        assert file.read(5) == b"12345"
        with refused(NtStatus.OBJECT_NAME_NOT_FOUND):
            nt.open("\\file")


def test_after_the_end_nothing_is_held(
    standin: StandIn, session: WinFspSession, nt: Nt, fs: Fs
) -> None:
    nt.put("\\file", b"1")
    nt.open("\\file")
    assert session.is_alive
    session.stop()
    assert not session.is_alive
    assert not standin.library.is_dispatching
    fs.remove("/file")
    fs.inodes.check_invariants()
    with pytest.raises(NotFound):
        fs.stat("/file")
    session.stop()
