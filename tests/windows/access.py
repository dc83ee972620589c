"""What stat(2) tells, and who may do what, as programs of Windows see and set it.

Like Cygwin's, written apart from the driver's own. Whom an entry does not name, it
says nothing about; of each right, the first entry that has it decides (AccessCheck).
"""

from devdev_mount._winfsp._attributes import Attribute
from devdev_mount._winfsp._security import (
    DACL_SECURITY_INFORMATION,
    EVERYONE,
    GROUP_SECURITY_INFORMATION,
    OWNER_SECURITY_INFORMATION,
    Access,
    Descriptor,
    Entry,
    Sid,
    group_of,
    sid_of_group,
    sid_of_user,
    user_of,
)
from devdev_mount._winfsp._times import from_filetime

from tests.posix.abi import S_IFDIR, S_IFLNK, S_IFREG
from tests.posix.protocol import Attributes
from tests.windows.nt import Info, NtFile

READ = Access.READ_DATA | Access.READ_EA
WRITE = Access.WRITE_DATA | Access.APPEND_DATA | Access.WRITE_EA
RIGHTS = {4: READ, 2: WRITE, 1: Access.EXECUTE}
"""What the bits of a mode come to."""


def list_for(mode: int, owner: Sid, group: Sid) -> tuple[Entry, ...]:
    """A list that says what a mode does; what is granted further down is denied."""
    entries = []
    below = 0
    for who, shift in ((EVERYONE, 0), (group, 3), (owner, 6)):
        bits = mode >> shift & 7
        rights = sum(right for bit, right in RIGHTS.items() if bits & bit)
        if rights:
            entries.append(Entry(who, rights))
        if below & ~rights:
            entries.append(Entry(who, below & ~rights, is_denial=True))
        below |= rights
    return tuple(entries[::-1])


def granted(descriptor: Descriptor, *who: Sid) -> int:
    """The rights that a list gives to who is all of these, and everybody."""
    allowed = denied = 0
    for entry in descriptor.entries or ():
        if entry.sid not in (*who, EVERYONE):
            continue
        if entry.is_denial:
            denied |= entry.access & ~allowed
        else:
            allowed |= entry.access & ~denied
    return allowed


def mode_of(descriptor: Descriptor, *, is_directory: bool) -> int:
    """The permission bits that a descriptor comes to; files have none to execute."""
    mode = 0
    assert descriptor.owner is not None
    assert descriptor.group is not None
    for who, shift in (((descriptor.owner,), 6), ((descriptor.group,), 3), ((), 0)):
        rights = granted(descriptor, *who)
        for bit, wanted in RIGHTS.items():
            if rights & wanted == wanted and (bit != 1 or is_directory):
                mode |= bit << shift
    return mode


def set_mode(file: NtFile, mode: int) -> None:
    now = Descriptor.unpack(file.security())
    assert now.owner is not None
    assert now.group is not None
    entries = list_for(mode, now.owner, now.group)
    file.set_security(Descriptor(None, None, entries).pack(), DACL_SECURITY_INFORMATION)


def begin_with(file: NtFile, mode: int) -> None:
    """Have what was made have a mode; often it is the one that things are made with."""
    if attributes_of(file).perm != mode:
        set_mode(file, mode)


def set_owner(file: NtFile, uid: int, gid: int) -> None:
    information = OWNER_SECURITY_INFORMATION * (uid != -1)
    information |= GROUP_SECURITY_INFORMATION * (gid != -1)
    owner = None if uid == -1 else sid_of_user(uid)
    group = None if gid == -1 else sid_of_group(gid)
    file.set_security(Descriptor(owner, group, None).pack(), information)


def kind_of(info: Info) -> int:
    if info.attributes & Attribute.REPARSE_POINT:
        return S_IFLNK
    return S_IFDIR if info.attributes & Attribute.DIRECTORY else S_IFREG


def attributes_of(file: NtFile) -> Attributes:
    info = file.info()
    descriptor = Descriptor.unpack(file.security())
    assert descriptor.owner is not None
    assert descriptor.group is not None
    uid, gid = user_of(descriptor.owner), group_of(descriptor.group)
    assert uid is not None
    assert gid is not None
    kind = kind_of(info)
    is_link = kind == S_IFLNK
    perm = 0o777 if is_link else mode_of(descriptor, is_directory=kind == S_IFDIR)
    times = map(from_filetime, (info.accessed, info.written, info.changed))
    blocks = info.allocation // 512
    return Attributes(info.ino, kind | perm, 1, uid, gid, 0, info.size, blocks, *times)
