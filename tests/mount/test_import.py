"""A host directory taken into a filesystem, in this process."""

import os
import sys
from pathlib import Path

import pytest
from devdev_fs import Fs
from devdev_mount import import_tree


@pytest.fixture(autouse=True)
def nothing_is_left() -> None:
    """Nothing is mounted or started here."""


def test_hard_links_stay_links_of_symbolic_links_too(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    os.link(tmp_path / "f", tmp_path / "g")
    (tmp_path / "to-f").symlink_to("f")
    os.link(tmp_path / "to-f", tmp_path / "too", follow_symlinks=False)
    fs = Fs()
    import_tree(fs, tmp_path)
    assert fs.stat("/f").ino == fs.stat("/g").ino
    assert fs.lstat("/to-f").ino == fs.lstat("/too").ino
    assert fs.readlink("/too") == "f"
    fs.check_invariants()


def test_set_id_and_sticky_bits_are_kept(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o3775)
    (tmp_path / "d" / "program").write_text("#!/bin/sh\n")
    (tmp_path / "d" / "program").chmod(0o4755)
    fs = Fs()
    import_tree(fs, tmp_path)
    assert fs.stat("/d").perm == 0o3775
    assert fs.stat("/d/program").perm == 0o4755


def test_extended_attributes_are_kept(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the attributes are Linux's")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    try:
        os.setxattr(tmp_path / "d" / "f", "user.note", b"\x00\xff")
        os.setxattr(tmp_path / "d", "user.where", b"here")
    except OSError as exc:
        pytest.skip(f"no extended attributes in {tmp_path}: {exc.strerror}")
    fs = Fs()
    import_tree(fs, tmp_path)
    assert fs.inodes.getxattr(fs.stat("/d/f").ino, b"user.note") == b"\x00\xff"
    assert fs.inodes.getxattr(fs.stat("/d").ino, b"user.where") == b"here"
