"""A longer run against hostile snapshots, with atheris: see CONTRIBUTING.md.

    python -m tests.fs.fuzz_snapshot CORPUS [-max_total_time=600 ...]

CORPUS is a directory, made if missing, that keeps what was found between runs.
Whatever comes in is sealed with the digests that fit it, where it can be read so far,
so that changes come through to the rules behind them. What is loaded must be what
dump writes; everything else is a `SnapshotError`. Options are libFuzzer's.
"""

import sys
from contextlib import suppress
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["devdev_fs"]):
    from devdev_fs import Fs, FsError, SnapshotError

from tests.fs.hostile import GOOD
from tests.fs.snapshots import END_SIZE, seal
from tests.fs.vectors import VECTORS, golden

MAX_BYTES, MAX_INODES = 2**28, 2**16


def one_input(data: bytes) -> None:
    for snapshot in (data, seal(data[:-END_SIZE])):
        fs = Fs()
        before = fs.dump()
        try:
            fs.load(snapshot, max_bytes=MAX_BYTES, max_inodes=MAX_INODES)
        except SnapshotError:
            assert fs.dump() == before
            continue
        fs.check_invariants()
        assert snapshot in (fs.dump(), fs.dump(history=True))
        for span in fs.log().spans:
            with suppress(FsError):
                fs.undo(span.id)
        fs.check_invariants()
        fs.tree_digest()


def main() -> None:
    program, corpus, *options = sys.argv
    Path(corpus).mkdir(parents=True, exist_ok=True)
    seeds = {"good": GOOD} | {name: golden(name) for name in VECTORS}
    for name, seed in seeds.items():
        Path(corpus, name).write_bytes(seed)
    atheris.Setup([program, corpus, *options], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
