"""The curated environment: what a program finds in it, and nothing else."""

import pytest
from devdev_exec._env import STANDARD_PATH, curated_environment
from devdev_exec._errors import ExecError

HOST = {"PATH": "/host/bin", "SECRET": "s3cret", "LD_PRELOAD": "evil.so", "TZ": "UTC"}


def test_nothing_of_the_host_is_inherited_unless_named() -> None:
    assert curated_environment(home="/m/home", host=HOST) == {
        "HOME": "/m/home",
        "PATH": STANDARD_PATH,
        "USER": "user",
        "LOGNAME": "user",
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "EDITOR": "true",
        "GIT_EDITOR": "true",
        "GIT_TERMINAL_PROMPT": "0",
    }


def test_named_variables_are_inherited_and_no_other() -> None:
    plain = curated_environment(home="/m", host=HOST)
    some = curated_environment(home="/m", host=HOST, inherit=["TZ", "PATH"])
    assert some == {**plain, "TZ": "UTC", "PATH": "/host/bin"}


def test_a_named_variable_that_the_host_lacks_is_left_out() -> None:
    env = curated_environment(home="/m", host=HOST, inherit=["NOT_SET_THERE"])
    assert "NOT_SET_THERE" not in env


def test_given_variables_win_over_inherited_and_fixed_ones() -> None:
    env = curated_environment(
        home="/m",
        host=HOST,
        inherit=["TZ"],
        variables={"TZ": "Asia/Tokyo", "TERM": "xterm-256color", "EMPTY": ""},
    )
    assert env["TZ"] == "Asia/Tokyo"
    assert env["TERM"] == "xterm-256color"
    assert env["EMPTY"] == ""


def test_a_path_replaces_the_standard_one() -> None:
    env = curated_environment(home="/m", host=HOST, path="/opt/tools")
    assert env["PATH"] == "/opt/tools"


def test_neither_host_nor_variables_are_changed() -> None:
    host, variables = dict(HOST), {"A": "1"}
    env = curated_environment(home="/m", host=host, variables=variables)
    env["A"] = "2"
    assert (host, variables) == (HOST, {"A": "1"})


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is empty"), ("A=1", "cannot hold '='"), ("A\0", "cannot hold a NUL")],
)
def test_a_bad_name_is_refused_wherever_it_stands(name: str, message: str) -> None:
    with pytest.raises(ExecError, match=message):
        curated_environment(home="/m", host=HOST, inherit=[name])
    with pytest.raises(ExecError, match=message):
        curated_environment(home="/m", host=HOST, variables={name: "x"})


def test_a_nul_in_a_value_is_refused_with_the_name_but_not_the_value() -> None:
    with pytest.raises(ExecError, match="'TOKEN' holds a NUL") as caught:
        curated_environment(home="/m", host=HOST, variables={"TOKEN": "s3\0cret"})
    assert "s3" not in str(caught.value)


def test_a_relative_home_is_refused() -> None:
    with pytest.raises(ExecError, match="absolute"):
        curated_environment(home="home", host=HOST)


def test_one_string_in_place_of_a_list_of_names_is_refused() -> None:
    with pytest.raises(ExecError, match="a list of names"):
        curated_environment(home="/m", host=HOST, inherit="PATH")
