"""`devdev demo`: the main job on real input, from an import to a restored snapshot."""

import argparse
import json
import sys
from contextlib import ExitStack
from dataclasses import asdict

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
those are skipped. It ends with exit code 1 at the first step that fails.

With --json all of that goes to standard error, and standard output has an object with
ok, seconds, skipped (how many) and steps (title, seconds, detail, has_failed)."""

_INTRODUCTION = "real programs on a filesystem that exists only in memory"


def set_up(parser: argparse.ArgumentParser) -> None:
    """Say what `devdev demo` can be given."""
    parser.usage = "devdev demo [-v] [--json]"
    parser.description = _DESCRIPTION
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show commands and their output"
    )
    parser.add_argument("--json", action="store_true", help="tell it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what `devdev demo` is for; return its exit code."""
    if find_program("git") is None:
        message = f"the demo needs git, which is not installed; {how_to_install('git')}"
        raise CommandError(message)
    stream = sys.stderr if args.json else sys.stdout
    steps = Steps(verbose=args.verbose, stream=stream)
    steps.print(f"{steps.style('bold', 'devdev demo')}: {_INTRODUCTION}")
    try:
        with ExitStack() as stack:
            before, after = _run_steps(steps, stack)
    except StepFailed:
        end = steps.style("red", "That step failed, so the demo ends here.")
        steps.print(f"\n{end}")
        code = FAILED
    else:
        _print_changes(steps, before, after)
        _print_end(steps)
        code = 0
    if args.json:
        _print_json(steps, ok=code == 0)
    return code


def _print_end(steps: Steps) -> None:
    done = f"Everything worked: {plural(steps.done, 'step')} in {steps.seconds:.1f} s"
    skipped = f", {steps.skipped} skipped" if steps.skipped else ""
    end = steps.style("green", done + skipped)
    steps.print(f"\n{end}. Nothing of it is left behind.")


def _print_json(steps: Steps, *, ok: bool) -> None:
    report = {
        "ok": ok,
        "seconds": steps.seconds,
        "skipped": steps.skipped,
        "steps": [asdict(each) for each in steps.all_done],
    }
    print(json.dumps(report, indent=2))


def _run_steps(steps: Steps, stack: ExitStack) -> tuple[Listing, Listing]:
    """Do everything; return what there was after the import, and at the end."""
    python = RunningPython(TREE)
    steps.heading("workspace")
    with steps.step("mount") as step:
        first = stack.enter_context(Workspace())
        step.detail = f"{first.driver}, at {first.path}"
    with steps.step("import") as step:
        report = first.import_tree(
            python.library,
            f"{TREE}/{python.relative_library}",
            exclude=python.no_part_of_library,
            progress=step.activity.note_import,
        )
        count = plural(report.files, "file")
        step.detail = f"{count}, {size_text(report.bytes)}, from {python.library}"
    before = list_paths(first.fs)
    jobs = Jobs(first, steps)
    use_git(jobs)
    use_python(jobs, python)
    build_in_c(jobs)
    use_sqlite(jobs, python)
    after = list_paths(first.fs)
    steps.heading("snapshot")
    second = _restore(steps, stack, first)
    check_restored(Jobs(second, steps))
    with steps.step("unmount both"):
        second.close()
        first.close()
    return before, after


def _restore(steps: Steps, stack: ExitStack, first: Workspace) -> Workspace:
    """Make a second workspace from a snapshot of the first, and compare the two."""
    with steps.step("snapshot") as step:
        snapshot = first.snapshot()
        step.detail = size_text(len(snapshot))
    with steps.step("restore") as step:
        second = stack.enter_context(Workspace(snapshot=snapshot))
        step.detail = f"into a second workspace, at {second.path}"
    with steps.step("same tree") as step:
        digest = first.fs.tree_digest()
        if second.fs.tree_digest() != digest:
            raise StepFailed("the second workspace has another tree_digest")
        step.detail = f"tree_digest {digest[:16]}... in both"
    with steps.step("same state") as step:
        digest = first.fs.image_digest()
        if second.fs.image_digest() != digest or second.snapshot() != snapshot:
            raise StepFailed("the second workspace is in another state")
        step.detail = f"image_digest {digest[:16]}... in both"
    return second


def _print_changes(steps: Steps, before: Listing, after: Listing) -> None:
    then, now = f"{len(before):,}", plural(len(after), "path")
    steps.heading(f"what changed since the import: {then} then, {now} now")
    changes = list(compare(before, after))
    width = max(len(each.directory) for each in changes)
    titles = f"{'added':>8}{'changed':>9}{'removed':>9}"
    steps.print(f"  {'':<{width}}{steps.style('dim', titles)}")
    for directory, *counts in changes:
        added, changed, removed = map(_count_text, counts)
        steps.print(f"  {directory:<{width}}{added:>8}{changed:>9}{removed:>9}")


def _count_text(count: int) -> str:
    return f"{count:,}" if count else "-"
