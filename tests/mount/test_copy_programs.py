"""The same programs on a real mount and on a copied directory: the same tree after."""

import os
import shutil
import stat
import subprocess
import sys

import pytest
from devdev_fs import Fs
from devdev_mount import Mount, mount, serve

_ENVIRONMENT = {
    "PATH": os.defpath + ":/usr/bin:/bin",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "SOURCE_DATE_EPOCH": "1700000000",
    "PYTHON": sys.executable,
    "LC_ALL": "C",
}

_NAMES = """
mkdir -p a/b/c d; echo one > a/b/c/1; echo two > d/2; ln -s b/c a/l; ln d/2 a/hard
mkfifo p; mv a/b d/b; mv d e; mkdir d; mv e/b/c/1 d/one; rmdir e/b/c
mkdir 'with space' "$(printf '\\377\\376')"; : > "$(printf '\\377\\376')/x"
mkdir swap1 swap2; : > swap1/1; : > swap2/2; mv swap1 t; mv swap2 swap1; mv t swap2
"""
_MODES = """
: > f; chmod 4755 f; mkdir s; chmod 1777 s; mkdir g; chmod 2775 g
: > none; chmod 0 none
mkdir locked; : > locked/in; chmod 0 locked
umask 077; : > private; mkdir m; chmod 555 m
"""
_SPACE = """
dd if=/dev/zero of=sparse bs=1 count=1 seek=10000000 2>/dev/null
printf hello | dd of=sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null
truncate -s 3M cut; printf data > cut; truncate -s 2 cut; printf more >> cut
truncate -s 20000 grown; cp sparse dense; rm cut; printf again > cut
"""
_GIT = """
git init -q -b main repo; cd repo; printf 'a\\nb\\n' > a.txt
mkdir src; echo x > src/x.c; ln -s src/x.c link
git add -A; git commit -qm one; printf 'c\\n' >> a.txt
git mv src lib; git commit -qam two
git status --porcelain; git checkout -q HEAD~1; git checkout -q main
git branch other; git tag t; git rm -q --cached link; rm -rf .git/hooks .git/index
find .git -name '*.pack' -o -name '*.idx' | xargs rm -f
"""
_TAR = """
mkdir -p in/x/y; i=0; while [ $i -lt 200 ]; do echo $i > in/x/f$i; i=$((i+1)); done
ln in/x/f1 in/x/y/hard; ln -s f2 in/x/soft; chmod 640 in/x/f3
touch -d @1000000000.5 in/x/f4
tar cf t.tar in; mkdir out; tar xpf t.tar -C out; rm t.tar; rm -rf in/x/y in/x/f1*
"""
_COMPILE = """
mkdir pkg; for n in one two three; do echo "def $n(): return 1" > pkg/$n.py; done
"$PYTHON" -S -m compileall -q --invalidation-mode unchecked-hash pkg
"""
_BUILD = """
printf 'int f(void){return 3;}\\n' > f.c
printf 'int f(void); int main(void){return f();}\\n' > main.c
cc -c f.c; cc -c main.c; cc -o prog main.o f.o; ./prog || test $? = 3
"""
_COPIES = """
mkdir -p in/d; echo one > in/one; ln in/one in/d/two; ln -s ../one in/d/soft
mkfifo in/p; chmod 2750 in/d; chmod 4711 in/one; : > in/none; chmod 0 in/none
truncate -s 1M in/holes; cp -R --sparse=never in/holes dense
cp -a in out; cp -al in linked; cp -rs "$PWD/in" soft
mv linked/d moved; ln -f moved/two out/one; find soft -type l -delete
"""
_MAKE = """
cat > Makefile <<'END'
all: prog libf.a
prog: main.o libf.a
\tcc -o $@ main.o -L. -lf
libf.a: f.o
\tar rcD $@ f.o
%.o: %.c
\tcc -c -o $@ $<
clean:
\trm -f *.o prog
END
printf 'int f(void){return 4;}\\n' > f.c
printf 'int f(void); int main(void){return f();}\\n' > main.c
make -s; ./prog || test $? = 4
make -s clean; test -z "$(find . -name '*.o')"; make -s prog
"""
_EDITS = """
echo old > config; echo new > .config.tmp; mv .config.tmp config
sed -i s/new/newer/ config; cp -p config backup; rm config; mv backup config
echo a > x; ln x y; echo b > x; cp x z; mv z y; exec 3>open; rm open; echo late >&3
"""
SCRIPTS = {
    "names": (_NAMES, ()),
    "modes": (_MODES, ()),
    "space": (_SPACE, ()),
    "git": (_GIT, ("git",)),
    "tar": (_TAR, ("tar",)),
    "compileall": (_COMPILE, ()),
    "build": (_BUILD, ("cc",)),
    "edits": (_EDITS, ("sed",)),
    "copies": (_COPIES, ("cp", "find")),
    "make": (_MAKE, ("make", "cc", "ar")),
}


def run(script: str, directory: os.PathLike[str] | str) -> None:
    """Run a shell script there; it must succeed."""
    done = subprocess.run(
        ["sh", "-euc", "umask 022\n" + script],
        cwd=directory,
        env=_ENVIRONMENT,
        capture_output=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == 0, done.stderr


if sys.platform == "win32":
    pytest.skip("the copy driver is for POSIX hosts", allow_module_level=True)


@pytest.mark.fuse
@pytest.mark.parametrize("name", SCRIPTS)
def test_the_tree_is_the_one_that_a_mount_has(fs: Fs, copy: Mount, name: str) -> None:
    script, programs = SCRIPTS[name]
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    run(script, copy.path)
    report = copy.pull()
    assert not report.conflicts
    assert not report.unkept
    with serve() as served:
        run(script, served.path)
        assert fs.tree_digest() == served.fs.tree_digest()


@pytest.mark.fuse
def test_so_it_is_when_each_program_sees_what_the_one_before_left(
    fs: Fs, copy: Mount
) -> None:
    scripts = [_NAMES, _EDITS, "rm -rf d; mv 'with space' d; chmod 700 swap1", _SPACE]
    with serve() as served:
        for script in scripts:
            copy.push()
            run(script, copy.path)
            copy.pull()
            run(script, served.path)
            assert fs.tree_digest() == served.fs.tree_digest()


def test_a_second_directory_shows_what_came_of_the_first(fs: Fs, copy: Mount) -> None:
    run(_NAMES + _MODES + _SPACE, copy.path)
    copy.pull()
    twin_fs = Fs()
    twin_fs.load(fs.dump())
    with mount(twin_fs, driver="copy") as twin:
        shown = _tree(str(copy.path))
        assert len(shown) > 20
        assert _tree(str(twin.path)) == shown


def _tree(top: str) -> dict[str, tuple[int, int, int, str]]:
    """What lstat tells of all that is in a directory."""
    found = {}
    for directory, names, others in os.walk(top):
        for name in [*names, *others]:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            size = 0 if stat.S_ISDIR(info.st_mode) else info.st_size
            target = os.readlink(path) if os.path.islink(path) else ""
            found[path[len(top) :]] = (info.st_mode, info.st_mtime_ns, size, target)
    return found
