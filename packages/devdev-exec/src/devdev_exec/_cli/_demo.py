"""`devdev demo`: the main job on real input, from an import to a restored snapshot."""

import argparse
import hashlib
import sys

from devdev_exec._cli._changes import Listing, compare, list_paths
from devdev_exec._cli._demo_jobs import (
    TREE,
    Jobs,
    build_in_c,
    check_restored,
    use_git,
    use_python,
    use_sqlite,
)
from devdev_exec._cli._errors import FAILED, CommandError
from devdev_exec._cli._programs import find_program, how_to_install
from devdev_exec._cli._pythons import RunningPython
from devdev_exec._cli._steps import StepFailed, Steps
from devdev_exec._cli._style import plural, size_text
from devdev_exec._workspace import Workspace

_DESCRIPTION = """\
Run the main job on real input, and time each step: import the library of the running
Python, mount it, and run git, Python's own tests, a C build and sqlite3 in it; then
take a snapshot, restore it into a second workspace, and compare the two.

It needs git, and a C compiler, make and sqlite3 for the steps that use them: without,
those are skipped. It ends with exit code 1 at the first step that fails."""

_INTRODUCTION = """\
devdev demo: real programs on a filesystem that exists only in memory"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `devdev demo` to the commands."""
    parser = commands.add_parser(
        "demo",
        help="run the main job on real input",
        usage="devdev demo [-v]",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=_run)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show commands and their output"
    )


def _run(args: argparse.Namespace) -> int:
    if find_program("git") is None:
        message = f"the demo needs git, which is not installed; {how_to_install('git')}"
        raise CommandError(message)
    print(_INTRODUCTION)
    steps = Steps(verbose=args.verbose)
    try:
        before, after = _run_steps(steps)
    except StepFailed:
        print(
            f"\n{steps.style('red', 'The step above failed, so the demo ends here.')}"
        )
        return FAILED
    _print_changes(steps, before, after)
    done = f"Everything worked: {plural(steps.done, 'step')} in {steps.seconds:.1f} s"
    skipped = f", {steps.skipped} skipped" if steps.skipped else ""
    print(
        f"\n{steps.style('green', done + skipped)}. Nothing of it is left on the disk."
    )
    return 0


def _run_steps(steps: Steps) -> tuple[Listing, Listing]:
    """Do everything; return what there was after the import, and at the end."""
    python = RunningPython(TREE)
    steps.heading("workspace")
    with steps.step("mount") as step:
        workspace = Workspace()
        step.detail = f"{workspace.driver}, at {workspace.path}"
    with workspace:
        with steps.step("import") as step:
            report = workspace.import_tree(
                python.library,
                f"{TREE}/{python.relative_library}",
                exclude=python.no_part_of_library,
                progress=step.activity.note_import,
            )
            count = plural(report.files, "file")
            step.detail = f"{count}, {size_text(report.bytes)} from {python.library}"
        before = list_paths(workspace.fs)
        jobs = Jobs(workspace, steps)
        use_git(jobs)
        use_python(jobs, python)
        build_in_c(jobs)
        use_sqlite(jobs, python)
        after = list_paths(workspace.fs)
        _snapshot_and_restore(workspace, steps)
        with steps.step("unmount"):
            workspace.close()
    return before, after


def _snapshot_and_restore(workspace: Workspace, steps: Steps) -> None:
    steps.heading("snapshot")
    with steps.step("snapshot") as step:
        snapshot = workspace.snapshot()
        step.detail = size_text(len(snapshot))
    with steps.step("restore") as step:
        second = Workspace(snapshot=snapshot)
        step.detail = f"into a second workspace, at {second.path}"
    with second:
        with steps.step("same tree") as step:
            digest = workspace.fs.tree_digest()
            if second.fs.tree_digest() != digest:
                raise StepFailed("the second workspace has another tree_digest")
            step.detail = f"tree_digest {digest[:16]}... in both"
        with steps.step("same state") as step:
            digest = hashlib.sha256(snapshot).hexdigest()
            if {workspace.fs.image_digest(), second.fs.image_digest()} != {digest}:
                raise StepFailed("the image_digests are not that of the snapshot")
            step.detail = f"image_digest {digest[:16]}... in both"
        check_restored(Jobs(second, steps))
        with steps.step("unmount"):
            second.close()


def _print_changes(steps: Steps, before: Listing, after: Listing) -> None:
    then, now = plural(len(before), "path"), plural(len(after), "path")
    steps.heading(f"what changed since the import ({then} then, {now} now)")
    changes = list(compare(before, after))
    width = max(len(each.directory) for each in changes)
    titles = f"{'added':>8}{'changed':>9}{'removed':>9}"
    print(f"  {'':<{width}}{steps.style('dim', titles)}")
    for each in changes:
        counts = f"{each.added:>8,}{each.changed:>9,}{each.removed:>9,}"
        print(f"  {each.directory:<{width}}{counts}")
    sys.stdout.flush()
