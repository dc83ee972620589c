"""Any sequence of Windows' requests leaves what a map of folded names says."""

from collections.abc import Callable

import pytest
from devdev_fs import Fs
from devdev_fs.testing import ManualClock
from devdev_mount import MountOptions
from devdev_mount._winfsp._ntstatus import NtStatus
from devdev_mount._winfsp._session import WinFspSession
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.windows.nt import Disposition, Nt, NtFailure
from tests.windows.owners import ME
from tests.windows.standin import StandIn

NAMES = st.sampled_from(["a", "A", "b", "\u00e4", "\u00c4", "long name.txt"])
DIRECTORIES = st.sampled_from(["", "d", "D"])
PLACES = st.builds(lambda above, name: (above, name), DIRECTORIES, NAMES)
Place = tuple[str, str]


class Volumes(RuleBasedStateMachine):
    """A volume, and what is in it by the folded paths: a name and its content.

    The API changes some of it too, behind the driver's index of folded names.
    """

    standin: StandIn
    place: str

    def __init__(self) -> None:
        super().__init__()
        self.fs = Fs(clock=ManualClock(10**18))
        self.fs.mkdir("/d")
        self.session = WinFspSession(
            self.standin.winfspy, self.fs, self.place, MountOptions(), ME
        )
        self.nt = Nt(self.standin, self.place)
        self.files: dict[Place, tuple[str, bytes]] = {}

    def teardown(self) -> None:
        self.session.stop()
        self.fs.inodes.check_invariants()

    def attempt(self, change: Callable[[], object]) -> NtStatus:
        try:
            change()
        except NtFailure as failure:
            return failure.status
        return NtStatus.SUCCESS

    @rule(place=PLACES, data=st.binary(max_size=9))
    def put(self, place: Place, data: bytes) -> None:
        self.nt.put(path_of(place), data)
        name, _ = self.files.get(key_of(place), (place[1], b""))
        self.files[key_of(place)] = (name, data)

    @rule(place=PLACES, data=st.binary(min_size=1, max_size=9))
    def append(self, place: Place, data: bytes) -> None:
        with self.nt.opened(path_of(place), how=Disposition.OPEN_IF) as file:
            file.write(data, to_end=True)
        name, before = self.files.get(key_of(place), (place[1], b""))
        self.files[key_of(place)] = (name, before + data)

    @rule(place=PLACES)
    def create(self, place: Place) -> None:
        status = self.attempt(
            lambda: self.nt.open(path_of(place), Disposition.CREATE).close()
        )
        if key_of(place) in self.files:
            assert status is NtStatus.OBJECT_NAME_COLLISION
        else:
            assert status is NtStatus.SUCCESS
            self.files[key_of(place)] = (place[1], b"")

    @rule(place=PLACES)
    def delete(self, place: Place) -> None:
        status = self.attempt(lambda: self.nt.delete(path_of(place)))
        if self.files.pop(key_of(place), None) is None:
            assert status is NtStatus.OBJECT_NAME_NOT_FOUND
        else:
            assert status is NtStatus.SUCCESS

    @rule(old=PLACES, new=PLACES, replaces=st.booleans())
    def rename(self, old: Place, new: Place, replaces: bool) -> None:
        status = self.attempt(
            lambda: self.nt.rename(path_of(old), path_of(new), replaces=replaces)
        )
        if key_of(old) not in self.files:
            assert status is NtStatus.OBJECT_NAME_NOT_FOUND
        elif key_of(new) in self.files and key_of(new) != key_of(old) and not replaces:
            assert status is NtStatus.OBJECT_NAME_COLLISION
        else:
            assert status is NtStatus.SUCCESS
            _, data = self.files.pop(key_of(old))
            self.files[key_of(new)] = (new[1], data)

    @rule(place=PLACES, data=st.binary(max_size=9))
    def change_by_the_api(self, place: Place, data: bytes) -> None:
        name, _ = self.files.get(key_of(place), (place[1], b""))
        self.fs.write_bytes(f"/{place[0].lower()}/{name}", data)
        self.files[key_of(place)] = (name, data)

    @rule(place=PLACES)
    def remove_by_the_api(self, place: Place) -> None:
        name, _ = self.files.pop(key_of(place), ("", b""))
        if name:
            self.fs.remove(f"/{place[0].lower()}/{name}")

    @invariant()
    def all_is_where_it_should_be(self) -> None:
        for above in ("", "d"):
            listed = set(self.nt.list(f"\\{above}")) - {".", "..", "d"}
            here = {at: of for at, of in self.files.items() if at[0] == above}
            assert listed == {name for name, _ in here.values()}
            for (_, folded), (_, data) in here.items():
                assert self.nt.get(path_of((above, folded.upper()))) == data


def path_of(place: Place) -> str:
    above, name = place
    return f"\\{above}\\{name}" if above else f"\\{name}"


def key_of(place: Place) -> Place:
    above, name = place
    return above.lower(), name.lower()


def test_any_sequence_of_requests_is_answered_as_a_map_says(
    standin: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    class Here(Volumes):
        pass

    Here.standin = standin
    Here.place = str(tmp_path_factory.mktemp("volume"))
    case = Here.TestCase
    # To look for a shorter sequence would take longer than a test may.
    case.settings = settings(
        max_examples=25, stateful_step_count=20, deadline=None, phases=[Phase.generate]
    )
    case("runTest").runTest()
