"""Requests that cannot be met: what is said, and that nothing else happens."""

import errno
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from devdev_exec._errors import ExecError, SpawnError
from devdev_exec._pty import WindowSize

from tests.exec.conftest import Run

if sys.platform != "linux":
    pytest.skip("the launcher is for Linux", allow_module_level=True)

BOTH_WAYS = pytest.mark.parametrize("pty", [True, False], ids=["pty", "pipes"])


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def missing(directory: Path) -> None:
    pass


def subdirectory(directory: Path) -> None:
    (directory / "x").mkdir()


def without_execute_permission(directory: Path) -> None:
    script(directory / "x", "#!/bin/sh\n", 0o644)


def with_missing_interpreter(directory: Path) -> None:
    script(directory / "x", "#!/no/such/interpreter -f\n")


def without_interpreter(directory: Path) -> None:
    script(directory / "x", "echo hello\n")


def dangling(directory: Path) -> None:
    (directory / "x").symlink_to("nothing")


@BOTH_WAYS
@pytest.mark.parametrize(
    ("prepare", "code", "message"),
    [
        (missing, errno.ENOENT, r"'\./x' does not exist \(seen from '/.*'\)"),
        (subdirectory, errno.EACCES, "is a directory"),
        (without_execute_permission, errno.EACCES, r"is not executable; chmod \+x"),
        (with_missing_interpreter, errno.ENOENT, "interpreter '/no/such/interpreter"),
        (without_interpreter, errno.ENOEXEC, "a script begins with #!"),
        (dangling, errno.ENOENT, "a symbolic link to nothing"),
    ],
)
def test_an_unfit_program_is_named_with_the_reason(
    run: Run,
    tmp_path: Path,
    pty: bool,
    prepare: Callable[[Path], None],
    code: int,
    message: str,
) -> None:
    prepare(tmp_path)
    with pytest.raises(SpawnError, match=message) as caught:
        run("./x", pty=pty)
    assert caught.value.errno == code


@BOTH_WAYS
def test_a_program_that_is_not_in_path_is_named_with_the_path(
    run: Run, pty: bool
) -> None:
    with pytest.raises(SpawnError, match=r"'nope' is not in PATH \(/usr/bin:/bin\)"):
        run("nope", pty=pty)


def test_programs_are_found_by_the_path_of_their_environment(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "later").mkdir()
    script(tmp_path / "later" / "tool", "#!/bin/sh\necho found $0\n")
    for other in ("is-directory", "not-executable"):
        (tmp_path / other).mkdir()
    (tmp_path / "is-directory" / "tool").mkdir()
    script(tmp_path / "not-executable" / "tool", "", 0o644)
    path = f"{tmp_path}/is-directory:/none:not-executable:later"
    assert run("tool", env={"PATH": path}).output == b"found later/tool\r\n"


def test_an_empty_entry_of_path_is_the_working_directory(
    run: Run, tmp_path: Path
) -> None:
    script(tmp_path / "tool", "#!/bin/sh\necho here\n")
    assert run("tool", env={"PATH": "/usr/bin:"}).output == b"here\r\n"


def test_a_relative_path_starts_at_the_working_directory(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "tool", "#!/bin/sh\npwd\n")
    expected = f"{tmp_path}/bin\r\n".encode()
    assert run("./tool", cwd=f"{tmp_path}/bin").output == expected
    assert run("bin/tool").output == f"{tmp_path}\r\n".encode()


def test_the_first_argument_is_the_name_as_given(run: Run) -> None:
    result = run("sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline")
    assert result.output.startswith(b"sh -c ")


@BOTH_WAYS
def test_a_missing_working_directory_is_an_error_and_nothing_runs(
    run: Run, tmp_path: Path, pty: bool
) -> None:
    """ptyprocess runs the caller's code in the child then; others fall back to HOME."""
    witness = tmp_path / "witness"
    for cwd, message, code in (
        (tmp_path / "gone", "does not exist; create it first", errno.ENOENT),
        (script(tmp_path / "file", ""), "is not a directory", errno.ENOTDIR),
    ):
        with pytest.raises(SpawnError, match=message) as caught:
            run("touch", str(witness), cwd=str(cwd), env={"HOME": "/"}, pty=pty)
        assert caught.value.errno == code
        assert repr(str(cwd)) in str(caught.value)
    assert not witness.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cwd": "here"}, "an absolute path, not 'here'"),
        ({"timeout": 0}, "a number of seconds above 0, not 0"),
        ({"timeout": -1.5}, "not -1.5"),
        ({"timeout": math.inf}, "not inf"),
        ({"timeout": math.nan}, "not nan"),
        ({"env": {"A=B": "c"}}, "'true' was not started: illegal environment"),
        ({"env": {"A": "b\0"}}, "'true' was not started: embedded null"),
    ],
)
def test_a_bad_option_is_refused(
    run: Run, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExecError, match=message):
        run("true", **options)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], r"names no program: \[\]"),
        ([""], r"names no program: \[''\]"),
        ("ls -l", "a list, not one string: 'ls -l'"),
        (["ls", 1], "1 in argv is no string"),
        (["ls", "a\0b"], "'ls' was not started: embedded null byte"),
    ],
)
def test_bad_arguments_are_refused(launcher: Any, argv: Any, message: str) -> None:
    with pytest.raises(SpawnError, match=message) as caught:
        launcher.run(argv, cwd="/", env={})
    assert caught.value.errno == errno.EINVAL


def test_more_arguments_than_the_kernel_takes_are_an_error(run: Run) -> None:
    with pytest.raises(SpawnError, match="more arguments") as caught:
        run("true", *["x" * 100_000] * 100)
    assert caught.value.errno == errno.E2BIG


@pytest.mark.parametrize(("rows", "columns"), [(0, 80), (24, -1), (70_000, 80)])
def test_an_impossible_window_is_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match="1 to 65535"):
        WindowSize(rows, columns)


def test_a_program_open_for_writing_is_refused(run: Run, tmp_path: Path) -> None:
    program = tmp_path / "x"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    fd = os.open(program, os.O_WRONLY)
    try:
        with pytest.raises(SpawnError, match="open for writing") as caught:
            run("./x")
    finally:
        os.close(fd)
    assert caught.value.errno == errno.ETXTBSY
