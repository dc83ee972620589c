"""What the real tools work on: made here, so that nothing is fetched.

It lies on a tmpfs of the host, so that every contender reads its input as fast.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

from tree import Tree, content

FILES = 2000
PACKAGES = 20
PACKAGE_FILES = 40
MODULES = 30
TOOL_TIMEOUT = 300.0
WORD = "needle"

STANDARD = ("asyncio", "concurrent", "email", "html", "http", "importlib", "json")
"""Packages of the standard library that are compiled."""

_MODULE = """\
#include "shared.h"
struct pair{n} {{ int key; const char *name; }};
static int order{n}(const void *a, const void *b) {{
    return ((const struct pair{n} *)a)->key - ((const struct pair{n} *)b)->key;
}}
int module{n}(struct pair{n} *all, size_t count) {{
    qsort(all, count, sizeof *all, order{n});
    for (size_t i = 0; i < count; i++) printf("%d %s\\n", all[i].key, all[i].name);
    return (int)count;
}}
"""

_MAKEFILE = """\
objects = $(patsubst %.c,%.o,$(wildcard *.c))
program: $(objects)
\t$(CC) -o $@ $(objects)
%.o: %.c shared.h
\t$(CC) -O1 -g -MMD -c -o $@ $<
"""


@dataclass(frozen=True)
class Material:
    """Input, made when it is first asked for."""

    top: Path

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """That tools neither read nor write elsewhere, nor reach out."""
        home = self.top / "home"
        home.mkdir()
        return os.environ | {
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "A",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_CACHE_DIR": "1",
            "npm_config_cache": str(self.top / "npm-cache"),
            "npm_config_update_notifier": "false",
        }

    def tool(self, *command: str | Path, expected: Sequence[int] = (0,)) -> None:
        """Run a program where we are.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        done = subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TOOL_TIMEOUT,
            check=False,
        )
        if done.returncode not in expected:
            said = done.stdout.decode(errors="replace")[-2000:]
            raise RuntimeError(f"{command} failed ({done.returncode}): {said}")

    @cached_property
    def archive(self) -> Path:
        """A tar of some thousand small files; every hundredth has the word."""
        made = self.top / "tree.tar"
        tree = Tree(FILES)
        with tarfile.open(made, "w") as tar:
            for name in tree.directories:
                entry = tarfile.TarInfo(name.lstrip("/"))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            for number, name in enumerate(tree.paths):
                add(tar, name.lstrip("/"), text(number))
        return made

    @cached_property
    def repository(self) -> Path:
        """A bare git repository: ten commits that change some of its files."""
        work, made = self.top / "repository", self.top / "repository.git"
        self.tool("tar", "xf", self.archive, "-C", self.top)
        (self.top / "tree").rename(work)
        git = ("git", "-C", work)
        self.tool("git", "init", "-q", "-b", "main", work)
        files = sorted(work.rglob("*.txt"))
        for commit in range(10):
            for path in files[commit::10]:
                path.write_bytes(path.read_bytes() + b"commit %d\n" % commit)
            self.tool(*git, "add", "-A")
            self.tool(*git, "commit", "-q", "-m", f"number {commit}")
        self.tool("git", "clone", "-q", "--bare", work, made)
        return made

    @cached_property
    def python(self) -> Path:
        """An environment that has pip, which installs into others."""
        made = self.top / "python"
        self.tool(sys.executable, "-m", "venv", made)
        return made / "bin" / "python"

    @cached_property
    def wheels(self) -> list[Path]:
        """Wheels that Python brings along: that of pip has some hundred modules."""
        source = Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled")
        return sorted(source.glob("*.whl"))

    @cached_property
    def npm_project(self) -> Path:
        """A project that depends on packages that lie beside it."""
        made = self.top / "project"
        made.mkdir()
        needs = {}
        for number in range(PACKAGES):
            name = f"package{number}"
            archive = self.top / f"{name}.tgz"
            with tarfile.open(archive, "w:gz") as tar:
                about = {"name": name, "version": "1.0.0", "main": "file0.js"}
                add(tar, "package/package.json", json.dumps(about).encode())
                for file in range(PACKAGE_FILES):
                    code = b"module.exports = %r;\n" % content(file).hex()
                    add(tar, f"package/lib/file{file}.js", code)
            needs[name] = f"file:{archive}"
        project = {"name": "project", "version": "1.0.0", "dependencies": needs}
        (made / "package.json").write_text(json.dumps(project))
        return made

    @cached_property
    def c_project(self) -> Path:
        """A program of some modules, a header and a makefile."""
        made = self.top / "c"
        made.mkdir()
        headers = ("stdio", "stdlib", "string", "errno", "unistd", "sys/stat")
        shared = "".join(f"#include <{name}.h>\n" for name in headers)
        (made / "shared.h").write_text(shared)
        for number in range(MODULES):
            (made / f"module{number}.c").write_text(_MODULE.format(n=number))
        (made / "main.c").write_text("int main(void) { return 0; }\n")
        (made / "Makefile").write_text(_MAKEFILE)
        return made

    def copy_standard(self, top: Path) -> None:
        """Some of Python's standard library, uncompiled."""
        for name in STANDARD:
            shutil.copytree(
                Path(sysconfig.get_path("stdlib"), name),
                top / "library" / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )


def text(number: int) -> bytes:
    """What a file of the archive holds: lines of text."""
    line = content(number).hex()
    word = WORD if number % 100 == 0 else "hay"
    return f"{word} {number}\n{line[:200]}\n{line[200:]}\n".encode()


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Put a file into an archive."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, BytesIO(data))
