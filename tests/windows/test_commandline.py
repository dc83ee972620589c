"""Command lines and environments of Windows, as values."""

import pytest
from devdev_exec import SpawnError
from devdev_exec._windows._commandline import arguments_of, candidates, command_line
from devdev_exec._windows._environment import block, complete
from hypothesis import given
from hypothesis import strategies as st


def parsed(line: str) -> list[str]:
    """The arguments that Microsoft's C library makes of a line (2008 and later)."""
    arguments, current, is_quoted, has_any = [], "", False, False
    at = 0
    while at < len(line):
        backslashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        at += backslashes
        if at < len(line) and line[at] == '"':
            current += "\\" * (backslashes // 2)
            if backslashes % 2:
                current += '"'
            elif is_quoted and line[at + 1 : at + 2] == '"':
                current += '"'
                at += 1
            else:
                is_quoted = not is_quoted
            has_any = True
            at += 1
            continue
        current += "\\" * backslashes
        has_any = has_any or backslashes > 0
        if at >= len(line):
            break
        if line[at] in " \t" and not is_quoted:
            if has_any:
                arguments.append(current)
            current, has_any = "", False
        else:
            current += line[at]
            has_any = True
        at += 1
    return [*arguments, current] if has_any else arguments


@given(st.lists(st.text('ab \\"\t&|', max_size=6), max_size=4))
def test_a_program_gets_the_arguments_that_it_is_given(arguments: list[str]) -> None:
    given_arguments = ["program.exe", *arguments]
    assert parsed(command_line("C:\\program.exe", given_arguments)) == given_arguments


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a", "b c"], 'a "b c"'),
        (["a", ""], 'a ""'),
        (["a", 'say "hi"'], 'a "say \\"hi\\""'),
        (["a", "C:\\dir name\\"], 'a "C:\\dir name\\\\"'),
        (["a", "C:\\dir\\"], "a C:\\dir\\"),
    ],
)
def test_a_line_is_quoted_as_little_as_can_be(arguments: list[str], line: str) -> None:
    assert command_line("a.exe", arguments) == line


@pytest.mark.parametrize("program", ["x.bat", "X.CMD", "C:\\dir\\y.Bat"])
@pytest.mark.parametrize(
    "argument", ["%PATH%", "a&b", 'a"b', "a|b", "a^b", "a\nb", "!x!"]
)
def test_what_cmd_would_take_for_its_own_is_not_given_to_a_batch_file(
    program: str, argument: str
) -> None:
    with pytest.raises(SpawnError, match="batch file"):
        command_line(program, [program, argument])
    assert command_line("x.exe", ["x", argument])


def test_a_nul_is_refused() -> None:
    with pytest.raises(SpawnError, match="NUL"):
        command_line("x.exe", ["x", "a\0b"])


@pytest.mark.parametrize(
    ("line", "rest"),
    [('a.exe b "c d"', 'b "c d"'), ('"a b.exe" c', "c"), ("a", ""), ('"a b"', "")],
)
def test_a_line_is_the_program_and_the_rest(line: str, rest: str) -> None:
    assert arguments_of(line) == rest


ENVIRONMENT = {"Path": 'C:\\a;;"C:\\b c"', "PATHEXT": ".EXE;.BAT"}


def test_a_name_is_looked_up_in_path_with_each_ending() -> None:
    assert list(candidates("git", "D:\\work", ENVIRONMENT)) == [
        "C:\\a\\git.exe",
        "C:\\a\\git.bat",
        "C:\\b c\\git.exe",
        "C:\\b c\\git.bat",
    ]


def test_a_name_with_an_ending_gets_no_other() -> None:
    assert list(candidates("git.EXE", "D:\\work", ENVIRONMENT)) == [
        "C:\\a\\git.EXE",
        "C:\\b c\\git.EXE",
    ]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (".\\tool.exe", "D:\\work\\tool.exe"),
        ("sub/tool.exe", "D:\\work\\sub\\tool.exe"),
        ("\\tool.exe", "D:\\tool.exe"),
        ("E:\\x\\tool.exe", "E:\\x\\tool.exe"),
    ],
)
def test_a_name_with_a_place_starts_there(name: str, path: str) -> None:
    assert list(candidates(name, "D:\\work", ENVIRONMENT)) == [path]


def test_the_directory_of_a_command_is_not_in_its_path() -> None:
    assert list(candidates("tool", "D:\\work", {})) == []


def test_what_windows_needs_is_added_and_nothing_else() -> None:
    host = {"SYSTEMROOT": "C:\\Windows", "temp": "C:\\T", "SECRET": "x"}
    assert complete({"HOME": "Z:\\home"}, host) == {
        "HOME": "Z:\\home",
        "SystemRoot": "C:\\Windows",
        "TEMP": "C:\\T",
    }


def test_what_is_given_counts_whatever_its_case() -> None:
    host = {"TEMP": "C:\\T"}
    assert complete({"a": "1", "A": "2", "temp": "Z:\\tmp"}, host) == {
        "A": "2",
        "temp": "Z:\\tmp",
    }


def test_a_block_has_a_nul_behind_each_variable() -> None:
    assert block({"A": "1", "B": "2"}) == "A=1\0B=2\0"
