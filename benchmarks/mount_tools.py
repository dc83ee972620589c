"""Rows of real tools: each is run on input of its own, in an empty directory."""

import sys

if sys.platform != "linux":
    raise ImportError("these are mounts of Linux")

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from mount_material import FILES, PACKAGES, WORD, Material
from mount_work import METADATA, TOOL, Work, nothing

COMMITS = 200
CHANGED = 200
"""Files that a commit changes."""


class Tools:
    """The rows that can be run here; why others are left out is in `remarks`."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._tool = material.tool
        self.remarks: list[str] = []
        self.works: list[Work] = []
        self._add(self.untar, needs=("tar",), bar=METADATA, is_ground=True)
        self._add(self.grep, needs=("tar", "grep"), bar=None)
        self._add(self.grep_again, needs=("tar", "grep"), bar=None)
        self._add(self.ripgrep, needs=("tar", "rg"), bar=None)
        self._add(self.rm_rf, needs=("tar", "rm"), bar=METADATA)
        self._add(self.git_clone, needs=("git",), is_ground=True)
        self._add(self.git_status, needs=("git",), before=self.touch)
        self._add(self.git_commit, needs=("git",), before=self.edit, is_ground=True)
        self._add(self.git_gc, needs=("git",))
        if material.wheels:
            self._add(self.pip_install, needs=(), before=self.make_environment)
        else:
            self.remarks.append("pip_install left out: this Python has no ensurepip")
        self._add(self.npm_install, needs=("npm",), before=self.copy_project)
        self._add(self.compileall, needs=(), before=material.copy_standard)
        self._add(self.sqlite_delete, needs=(), unit="us a commit", count=COMMITS)
        self._add(self.sqlite_wal, needs=(), unit="us a commit", count=COMMITS)
        self._add(self.c_build, needs=("make", "cc"), before=self.copy_sources)

    def _add(
        self,
        run: Callable[[Path], None],
        *,
        needs: tuple[str, ...],
        before: Callable[[Path], None] = nothing,
        bar: float | None = TOOL,
        unit: str = "ms",
        count: int = 1,
        is_ground: bool = False,
    ) -> None:
        missing = [name for name in needs if shutil.which(name) is None]
        name = run.__name__
        if missing:
            self.remarks.append(f"{name} left out: no {' and '.join(missing)} on PATH")
            return
        self.works.append(
            Work(
                name=name,
                run=run,
                unit=unit,
                count=count,
                before=before,
                is_ground=is_ground,
                bar=bar,
            )
        )

    # --- a tree of files ---------------------------------------------------------

    def untar(self, top: Path) -> None:
        self._tool("tar", "xf", self._material.archive)

    def grep(self, top: Path) -> None:
        self._tool("grep", "-rl", WORD, "tree")

    def grep_again(self, top: Path) -> None:
        self.grep(top)

    def ripgrep(self, top: Path) -> None:
        self._tool("rg", "-l", WORD, "tree")

    def rm_rf(self, top: Path) -> None:
        self._tool("rm", "-rf", "tree")

    # --- git ---------------------------------------------------------------------

    def git_clone(self, top: Path) -> None:
        self._tool("git", "clone", "-q", f"file://{self._material.repository}", "clone")

    def touch(self, top: Path) -> None:
        for path in self._changed():
            os.utime(path)

    def git_status(self, top: Path) -> None:
        self._tool("git", "-C", "clone", "status", "--porcelain")

    def edit(self, top: Path) -> None:
        for path in self._changed():
            with path.open("ab") as file:
                file.write(b"edited\n")

    def _changed(self) -> list[Path]:
        return sorted(Path("clone").rglob("*.txt"))[:: FILES // CHANGED]

    def git_commit(self, top: Path) -> None:
        self._tool("git", "-C", "clone", "add", "-A")
        self._tool("git", "-C", "clone", "commit", "-q", "-m", "edited")

    def git_gc(self, top: Path) -> None:
        self._tool("git", "-C", "clone", "gc", "-q")

    # --- languages ---------------------------------------------------------------

    def make_environment(self, top: Path) -> None:
        self._tool(self._material.python, "-m", "venv", "--without-pip", "environment")

    def pip_install(self, top: Path) -> None:
        into = ("--python", "environment/bin/python")
        how = ("install", "-q", "--no-index", "--no-deps")
        wheels = self._material.wheels
        self._tool(self._material.python, "-m", "pip", *into, *how, *wheels)

    def copy_project(self, top: Path) -> None:
        shutil.copytree(self._material.npm_project, "project")

    def npm_install(self, top: Path) -> None:
        quiet = ("--offline", "--no-audit", "--no-fund", "--silent")
        self._tool("npm", "install", "--prefix", "project", *quiet)
        assert len(os.listdir("project/node_modules")) >= PACKAGES

    def compileall(self, top: Path) -> None:
        self._tool(self._material.python, "-m", "compileall", "-q", "library")

    # --- a database, and a compiler ----------------------------------------------

    def sqlite_delete(self, top: Path) -> None:
        self._commit("delete")

    def sqlite_wal(self, top: Path) -> None:
        self._commit("wal")

    def _commit(self, mode: str) -> None:
        with closing(sqlite3.connect(f"{mode}.db")) as database:
            database.execute(f"pragma journal_mode={mode}")
            database.execute("create table t (n integer primary key, s text)")
            for number in range(COMMITS):
                database.execute("insert into t values (?, ?)", (number, "x" * 100))
                database.commit()

    def copy_sources(self, top: Path) -> None:
        shutil.copytree(self._material.c_project, "c")

    def c_build(self, top: Path) -> None:
        self._tool("make", "-s", "-C", "c", f"-j{os.cpu_count()}")
