"""What `devdev demo` has real programs do in a workspace."""

import re
from pathlib import PurePosixPath

from devdev_exec._cli import _demo_files as files
from devdev_exec._cli._programs import SEARCH_PATH, find_program, how_to_install
from devdev_exec._cli._pythons import DOCTEST_MODULES, RunningPython
from devdev_exec._cli._steps import Step, StepFailed, Steps
from devdev_exec._cli._style import size_text
from devdev_exec._env import Environment
from devdev_exec._runner import HOME
from devdev_exec._workspace import Workspace

TREE = "/python"
"""What is imported, and made a git repository."""

_CLONE = "/clone"
_TEMPORARY = "/tmp"
_TALLY = "/tally"
_DATABASES = "/databases"
_ROWS = 5000
_JOURNALS = {"delete": "rollback journal", "wal": "write-ahead log"}
_TOOLS = {"cc": "gcc", "ar": "binutils", "make": "make"}
"""What the build in C runs, and the packages that have it."""
_TIMEOUT = 600.0


class Jobs:
    """Runs programs in a workspace, as steps or parts of them."""

    def __init__(self, workspace: Workspace, steps: Steps) -> None:
        assert workspace.path is not None
        self.fs = workspace.fs
        self.root = workspace.path
        self.steps = steps
        self._workspace = workspace

    def run(
        self,
        step: Step,
        *argv: str,
        cwd: str = "/",
        variables: dict[str, str] | None = None,
    ) -> str:
        """Run a program under a terminal; return what it wrote.

        Raises:
            StepFailed: it did not succeed.
        """
        result = self._workspace.exec(
            argv,
            cwd=cwd,
            timeout=_TIMEOUT,
            environment=Environment(
                inherit=("LD_LIBRARY_PATH",),  # a Python may need it to start at all
                variables={"TMPDIR": f"{self.root}{_TEMPORARY}"} | (variables or {}),
                path=SEARCH_PATH,
            ),
            on_output=step.note_output,
        )
        output = result.output.decode("utf-8", "replace")
        step.transcript += [f"$ {' '.join(argv)}", *output.splitlines()]
        if not result.ok:
            raise StepFailed(f"{PurePosixPath(argv[0]).name} {result.ending}")
        return output.strip()


def use_git(jobs: Jobs) -> None:
    """Make the imported tree a repository, and a clone of it."""
    steps = jobs.steps
    jobs.fs.mkdir(HOME, exist_ok=True)
    jobs.fs.write_text(f"{HOME}/.gitconfig", files.GITCONFIG)
    jobs.fs.write_text(f"{TREE}/.gitignore", files.GITIGNORE)
    steps.heading("git")
    with steps.step("git init") as step:
        jobs.run(step, "git", "init", "-q", cwd=TREE)
    with steps.step("git add") as step:
        jobs.run(step, "git", "add", ".", cwd=TREE)
    with steps.step("git commit") as step:
        jobs.run(step, "git", "commit", "-q", "-m", "The library", cwd=TREE)
        step.detail = jobs.run(step, "git", "count-objects", cwd=TREE)
    with steps.step("git clone") as step:
        jobs.run(step, "git", "clone", "-q", f".{TREE}", f".{_CLONE}")
        _check_status(jobs, step, _CLONE)
        step.detail = "its status is clean"
    with steps.step("git fsck") as step:
        _check_objects(jobs, step)


def _check_status(jobs: Jobs, step: Step, repository: str) -> None:
    """Have git compare what is checked out with what was committed."""
    status = jobs.run(step, "git", "status", "--porcelain", cwd=repository)
    if status:
        raise StepFailed(f"{repository} is not as it was committed")


def _check_objects(jobs: Jobs, step: Step) -> None:
    """Have git verify both object stores."""
    for repository in (TREE, _CLONE):
        jobs.run(step, "git", "fsck", "--full", "--strict", cwd=repository)
    step.detail = "both repositories are sound"


def use_python(jobs: Jobs, python: RunningPython) -> None:
    """Run the imported library's own tests, by itself."""
    steps = jobs.steps
    variables = python.variables(jobs.root)
    command = (python.executable, "-s")
    jobs.fs.mkdir(_TEMPORARY, 0o1777)
    steps.heading("Python")
    with steps.step("which library") as step:
        script = files.WHERE_PYTHON_IS
        where = f"{jobs.root}{TREE}/"
        output = jobs.run(
            step, *command, "-c", script, where, cwd=_TEMPORARY, variables=variables
        )
        step.detail = f"{output.removeprefix(str(jobs.root))} of the workspace"
    tests = python.find_tests()
    if tests:
        title, arguments = "python -m unittest", ["-m", "unittest", *tests]
    else:
        title, arguments = "doctests", ["-c", files.RUN_DOCTESTS, *DOCTEST_MODULES]
    with steps.step(title) as step:
        output = jobs.run(
            step, *command, *arguments, cwd=_TEMPORARY, variables=variables
        )
        counted = re.search(r"Ran [1-9]\d* tests?", output)
        if counted is None:
            raise StepFailed("no test was run")
        names = ", ".join(name.removeprefix("test.") for name in tests)
        step.detail = f"{counted[0]}: {names or ', '.join(DOCTEST_MODULES)}"


def build_in_c(jobs: Jobs) -> None:
    """Build a program from a library of its own, and check what it counts."""
    steps = jobs.steps
    steps.heading("C")
    missing = [name for name in _TOOLS if find_program(name) is None]
    if missing:
        what = f"{' and '.join(missing)} not installed"
        how = how_to_install(*(_TOOLS[name] for name in missing))
        steps.skip("make", f"{what}; {how}")
        return
    for path, text in files.TALLY.items():
        parent = PurePosixPath(f"{_TALLY}/{path}").parent
        jobs.fs.mkdir(str(parent), parents=True, exist_ok=True)
        jobs.fs.write_text(f"{_TALLY}/{path}", text)
    with steps.step("make") as step:
        jobs.run(step, "make", "-j2", cwd=_TALLY)
        step.detail = "a library and a program that maps what it reads"
    with steps.step("make check") as step:
        output = jobs.run(step, "make", "check", f"TREE=..{TREE}", cwd=_TALLY)
        lines, size = map(int, output.splitlines()[-1].split())
        step.detail = f"it counts {lines:,} lines, {size_text(size)}, as wc(1) does"


def use_sqlite(jobs: Jobs, python: RunningPython) -> None:
    """Fill a database in both journal modes, and have it checked."""
    steps = jobs.steps
    steps.heading("sqlite3")
    program = find_program("sqlite3")
    if not python.has_sqlite and program is None:
        reason = "there is neither Python's module nor the program"
        steps.skip("integrity check", f"{reason}; {how_to_install('sqlite3')}")
        return
    jobs.fs.mkdir(_DATABASES)
    for mode, title in _JOURNALS.items():
        with steps.step(title) as step:
            if python.has_sqlite:
                output = _use_sqlite_module(jobs, step, python, mode)
            else:
                sql = files.SQL.format(mode=mode, rows=_ROWS)
                output = jobs.run(
                    step, "sqlite3", "-bail", f"{mode}.db", sql, cwd=_DATABASES
                )
            rows, *checked = output.splitlines()[-2:][::-1]
            if checked != ["ok"]:
                raise StepFailed("the integrity check found something")
            step.detail = f"{rows}, integrity_check ok"


def _use_sqlite_module(jobs: Jobs, step: Step, python: RunningPython, mode: str) -> str:
    return jobs.run(
        step,
        *(python.executable, "-s", "-c", files.USE_SQLITE),
        *(f"{mode}.db", mode, str(_ROWS)),
        cwd=_DATABASES,
        variables=python.variables(jobs.root),
    )


def check_restored(jobs: Jobs) -> None:
    """Have programs look at what a snapshot brought back."""
    with jobs.steps.step("git status there") as step:
        for repository in (TREE, _CLONE):
            _check_status(jobs, step, repository)
        step.detail = "both work trees are clean"
    with jobs.steps.step("git fsck there") as step:
        _check_objects(jobs, step)
