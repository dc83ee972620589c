"""The environment: what a program finds in it, and nothing else."""

import pytest
from devdev_exec import Environment, ExecError

HOST = {
    "PATH": "/host/bin",
    "TOKEN": "s3cret",
    "LD_PRELOAD": "evil.so",
    "PYTHONSTARTUP": "evil.py",
    "BASH_ENV": "evil.sh",
    "TZ": "UTC",
    "LC_ALL": "C",
    "LC_TIME": "de_DE",
}
STANDARD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INTERACTIVE = {
    "HOME": "/m/home",
    "PATH": STANDARD_PATH,
    "USER": "user",
    "LOGNAME": "user",
    "SHELL": "/bin/sh",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}
STANDARD = {
    **INTERACTIVE,
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "EDITOR": "true",
    "GIT_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
}


def resolve(environment: Environment) -> dict[str, str]:
    return environment.resolve(home="/m/home", host=HOST)


def test_nothing_of_the_host_is_inherited_unless_named() -> None:
    assert resolve(Environment()) == STANDARD


def test_presets_say_what_it_begins_with() -> None:
    assert resolve(Environment(preset="interactive")) == INTERACTIVE
    minimal = {"HOME": "/m/home", "PATH": STANDARD_PATH}
    assert resolve(Environment(preset="minimal")) == minimal


def test_named_variables_are_inherited_and_no_other() -> None:
    some = resolve(Environment(inherit=("TZ", "PATH")))
    assert some == {**STANDARD, "TZ": "UTC", "PATH": "/host/bin"}


def test_a_pattern_inherits_all_that_match_it() -> None:
    some = resolve(Environment(inherit=("LC_*",)))
    assert some == {**STANDARD, "LC_ALL": "C", "LC_TIME": "de_DE"}


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PYTHONSTARTUP", "BASH_ENV"])
def test_what_has_programs_load_things_passes_only_if_named_in_full(name: str) -> None:
    for pattern in ("*", f"{name[:4]}*", f"[{name[0]}]{name[1:]}"):
        assert name not in resolve(Environment(inherit=(pattern,)))
    assert resolve(Environment(inherit=(name,)))[name] == HOST[name]
    assert resolve(Environment(variables={name: "mine"}))[name] == "mine"


def test_a_named_variable_that_the_host_lacks_is_left_out() -> None:
    assert resolve(Environment(inherit=("NOT_SET_THERE",))) == STANDARD


def test_later_sources_win() -> None:
    env = resolve(
        Environment(
            inherit=("TZ", "TOKEN"),
            variables={"TZ": "Asia/Tokyo", "TOKEN": "variable", "EMPTY": ""},
            secrets={"TOKEN": "secret"},
        )
    )
    assert (env["TZ"], env["TOKEN"], env["EMPTY"]) == ("Asia/Tokyo", "secret", "")


def test_a_path_replaces_the_standard_one() -> None:
    assert resolve(Environment(path="/opt/tools"))["PATH"] == "/opt/tools"


def test_it_is_a_value() -> None:
    variables = {"A": "1"}
    env = Environment(variables=variables)
    variables["A"] = "2"
    resolve(env)["A"] = "3"
    assert env == Environment(variables={"A": "1"})


def test_secrets_are_named_but_never_shown() -> None:
    env = Environment(variables={"A": "1"}, secrets={"TOKEN": "s3cret"})
    assert repr(env) == (
        "Environment(preset='standard', inherit=(), variables={'A': '1'}, "
        "secrets={'TOKEN': ***}, path=None)"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [("", "is empty"), ("A=1", "cannot hold '='"), ("A\0", "cannot hold a NUL")],
)
def test_a_bad_name_is_refused_wherever_it_stands(name: str, message: str) -> None:
    with pytest.raises(ExecError, match=message):
        Environment(inherit=(name,))
    with pytest.raises(ExecError, match=message):
        Environment(variables={name: "x"})
    with pytest.raises(ExecError, match=message):
        Environment(secrets={name: "x"})


def test_a_nul_in_a_value_is_refused_with_the_name_but_not_the_value() -> None:
    with pytest.raises(ExecError, match="'TOKEN' holds a NUL") as caught:
        Environment(secrets={"TOKEN": "s3\0cret"})
    assert "s3" not in str(caught.value)


def test_a_relative_home_is_refused() -> None:
    with pytest.raises(ExecError, match="absolute"):
        Environment().resolve(home="home", host=HOST)


def test_one_string_in_place_of_a_list_of_names_is_refused() -> None:
    with pytest.raises(ExecError, match="a list of names"):
        Environment(inherit="PATH")  # type: ignore[arg-type]


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ExecError, match="standard, interactive, minimal"):
        Environment(preset="full")  # type: ignore[arg-type]
