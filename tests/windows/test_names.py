"""Names of the store, as Windows shows them."""

import re

import pytest
from devdev_mount._winfsp._names import fold, shown, split, stored
from devdev_mount._winfsp._ntstatus import NtError, NtStatus
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.text(min_size=1, max_size=20).map(lambda text: text.encode("utf-8", "replace")),
    st.text(
        "aux.con \u00b9:\\\uf041\uf0ef\U0001f600e\u0301", min_size=1, max_size=9
    ).map(str.encode),
).filter(lambda name: b"/" not in name and b"\0" not in name and name.strip(b"."))

FORBIDDEN = re.compile(r'[\x00-\x1f"*/:<>?\\|]|[ .]$')
DEVICES = ["con", "PRN", "Aux", "nul", "com1", "LPT9", "com\u00b9", "conin$", "CONOUT$"]


@given(NAMES)
def test_every_name_is_shown_as_one_that_windows_can_have(name: bytes) -> None:
    assert not FORBIDDEN.search(shown(name))


@given(NAMES)
def test_what_is_shown_means_the_name(name: bytes) -> None:
    assert stored(shown(name)) == name


@given(NAMES)
def test_no_name_becomes_longer(name: bytes) -> None:
    assert len(shown(name).encode("utf-16-le")) <= 2 * len(name)


@given(st.text(min_size=1, max_size=9))
def test_a_name_that_is_accepted_is_shown_as_it_was_given(name: str) -> None:
    try:
        given_name = stored(name)
    except NtError:
        return
    assert shown(given_name) == name


@pytest.mark.parametrize(
    "name", ["README.md", "with space", ".git", "a.b.c", "\u00fcber", "\U0001f600"]
)
def test_a_usual_name_is_shown_as_it_is(name: str) -> None:
    assert shown(name.encode()) == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"a:b", "a\uf03ab"),
        (b"back\\slash", "back\uf05cslash"),
        (b"tab\there", "tab\uf009here"),
        (b"dot.", "dot\uf02e"),
        (b"dots..", "dots.\uf02e"),
        (b"space ", "space\uf020"),
        (b"latin\xe9", "latin\uf0e9"),
        ("\uf041".encode(), "\uf0ef\uf081\uf081"),
        (b"\xed\xa0\x80", "\uf0ed\uf0a0\uf080"),
    ],
)
def test_what_windows_cannot_have_is_a_private_character(
    name: bytes, expected: str
) -> None:
    assert shown(name) == expected


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("extension", ["", ".txt", ".tar.gz", " .x"])
def test_the_name_of_a_device_is_shown_as_another(device: str, extension: str) -> None:
    name = device + extension
    assert shown(name.encode()) == chr(0xF000 + ord(name[0])) + name[1:]
    assert stored(shown(name.encode())) == name.encode()


@pytest.mark.parametrize("name", ["console", "com", "com10", "nullable", "xcon"])
def test_what_only_begins_like_a_device_is_none(name: str) -> None:
    assert shown(name.encode()) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "\ud800",
        "a\udfffb",
        "\uf041",  # stands for "A", which needs no standing for
        "\uf02f",
        "\uf000",
        "\uf02e",
        "\uf02e\uf02e",
        "dot.",
        "nul",
        "a?b",
    ],
)
def test_a_name_that_nothing_is_shown_as_is_refused(name: str) -> None:
    with pytest.raises(NtError) as error:
        stored(name)
    assert error.value.status is NtStatus.OBJECT_NAME_INVALID


def test_a_path_is_its_names() -> None:
    assert split("\\") == []
    assert split("\\a\\b c") == ["a", "b c"]


def test_a_stream_is_refused() -> None:
    with pytest.raises(NtError) as error:
        split("\\a\\b:stream")
    assert error.value.status is NtStatus.OBJECT_NAME_INVALID


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("readme", "README"),
        ("\u00e9", "\u00c9"),
        ("\u03c3", "\u03a3"),
        ("\u044f", "\u042f"),
    ],
)
def test_names_that_differ_in_case_fold_to_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0131", "I"),  # the dotless i
        ("\u017f", "S"),  # the long s
        ("\u00df", "SS"),
        ("\ufb01", "FI"),
        ("\U00010428", "\U00010400"),  # beyond the first 65,536
        ("e\u0301", "\u00e9"),  # no normalisation
    ],
)
def test_what_only_a_language_takes_for_the_same_stays_apart(
    one: str, other: str
) -> None:
    assert fold(one) != fold(other)


@given(st.text(max_size=9))
def test_to_fold_twice_changes_nothing_more(name: str) -> None:
    assert fold(fold(name)) == fold(name)
