"""Kills a process of a workspace that keeps its state, and looks what is left.

    python -m tests.exec.kill_state [COUNT [SEED]]

kills COUNT times (default 200), one kind of process after the other, or all of them,
after a random moment under load. The load is such that every few saves there is another
base. The state goes on from one kill to the next.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
from contextlib import suppress
from pathlib import Path
from threading import Event

from devdev_exec import StateOptions, Workspace

from tests.processes import children, helper_of, wait_until

VICTIMS = ("server", "owner", "supervisor", "all", "helper")
INTERVAL = 0.05

OWNER = textwrap.dedent(
    """
    import sys
    from threading import Thread
    from devdev_exec import StateOptions, Workspace

    state, driver, interval = sys.argv[1:]
    options = StateOptions(directory=state, interval=float(interval))
    load = '''
        while :; do
            i=$((i+1)); echo $i > load.new; mv load.new load
            seq 500 > "big$((i%7))"; head -c 100000 /dev/urandom > "blob$((i%5))"
        done
    '''

    def keep_busy(ws):
        while True:
            try:
                ws.exec(["sh", "-c", load], timeout=3600, pty=False)
            except Exception:
                pass

    with Workspace(state=options, driver=driver) as ws:
        if driver != "copy":
            Thread(target=keep_busy, args=(ws,), daemon=True).start()
        count = int(ws.fs.read_text("/count")) if ws.fs.exists("/count") else 0
        print("pid", ws._served.pid, flush=True)
        while True:
            count += 1
            ws.fs.write_text(f"/kept{count % 100}", f"{count}")
            if count % 5:
                ws.fs.write_text("/count", f"{count}")
                ws.save()
            else:
                script = f"printf {count} > new; mv new count"
                result = ws.exec(["sh", "-c", script], pty=False)
                assert result.ok and not result.unsaved, result
            print("saved", count, flush=True)
    """
)


def kill_once(
    state: Path, driver: str, victim: str, after: float, script: Path
) -> tuple[int, int]:
    """Kill `victim` some time after the first save; what was saved, and what is left.

    Raises:
        AssertionError: what is left is not whole.
    """
    if sys.platform == "win32":
        raise NotImplementedError("there is no SIGKILL")
    script.write_text(OWNER)
    owner = subprocess.Popen(
        [sys.executable, script, state, driver, str(INTERVAL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    assert owner.stdout is not None
    try:
        server = int(owner.stdout.readline().split()[1])
        lines = [owner.stdout.readline()]
        Event().wait(after)
        for pid in _processes(victim, owner.pid, server):
            with suppress(ProcessLookupError):  # its program has just ended
                os.kill(pid, signal.SIGKILL)
        if victim in ("helper", "supervisor"):  # after which the rest goes on
            Event().wait(after)
            os.kill(owner.pid, signal.SIGKILL)
        if victim == "server":
            owner.wait(30)
        lines += owner.stdout.readlines()
    finally:
        owner.kill()
        owner.stdout.close()
        owner.wait()
    wait_until(lambda: not os.path.exists(f"/proc/{server}"), "the server's end", 30)
    # The kill may have cut off the last line.
    saved = [line for line in lines if line.endswith("\n")]
    return int(saved[-1].split()[1]), left_in(state)


def _processes(victim: str, owner: int, server: int) -> list[int]:
    if victim == "owner":
        return [owner]
    if victim == "server":
        return [server]
    helper = helper_of(owner)
    if victim == "helper":
        return [helper]
    wait_until(lambda: bool(children(helper)), "a program with a supervisor")
    supervisors = children(helper)
    return supervisors if victim == "supervisor" else [owner, server, helper]


def left_in(state: Path) -> int:
    """The count that is left in a state, which must be whole."""
    options = StateOptions(directory=state)
    with Workspace(mount=False, state=options) as ws:
        ws.fs.check_invariants()
        count = int(ws.fs.read_text("/count") or 0)
        for number in range(max(count - 98, 1), count + 1):
            assert ws.fs.read_text(f"/kept{number % 100}") == f"{number}", number
        return count


def kill_often(state: Path, driver: str, count: int, seed: int) -> None:
    """Kill one after the other; each time all that was saved must be there."""
    choices = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        for number in range(count):
            victim = VICTIMS[number % len(VICTIMS)]
            after = choices.uniform(0.0, 0.4)
            what = f"kill {number} of the {victim} after {after:.3f} s (seed {seed})"
            saved, left = kill_once(state, driver, victim, after, Path(name) / "owner")
            assert left >= saved > 0, f"{what}: {saved} was saved, {left} is left"


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    kills, first = [*given, *(200, 1)[len(given) :]]
    with tempfile.TemporaryDirectory() as directory:
        kill_often(Path(directory) / "state", "fuse", kills, first)
