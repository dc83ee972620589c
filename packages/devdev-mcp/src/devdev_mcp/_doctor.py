"""`devdev-mcp doctor`: what works here, and what is missing."""

import sys
import time

from devdev_exec import ExecError, MountError, Workspace

_SLOW = 5.0  # seconds


def examine() -> int:
    """Try what the server does, and print what came of it; 1 if programs cannot run."""
    print(f"Python {sys.version.split()[0]} on {sys.platform}")
    begin = time.monotonic()
    try:
        with Workspace() as workspace:
            workspace.fs.write_text("/file", "from a tool")
            ran = workspace.exec(["cat", "file"], pty=False)
            is_seen = ran.output == b"from a tool"
            driver = workspace.driver
    except (MountError, ExecError) as error:
        print(f"programs: no. {error}")
        print("The file tools work all the same, in memory only.")
        return 1
    seconds = time.monotonic() - begin
    print(f"driver: {driver}")
    if driver == "copy":
        print("Nothing can be mounted, so files are copied before and after programs:")
        print("see `devdev doctor` for what is missing.")
    print(f"programs: {'yes' if is_seen else 'no: a program did not see a file'}")
    slow = ", which is slow" if seconds > _SLOW else ""
    print(f"a workspace and a program took {seconds:.1f} s{slow}")
    return 0 if is_seen else 1
