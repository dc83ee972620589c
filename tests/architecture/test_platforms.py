"""Every package can be imported on every platform, and says there what is missing.

The platforms are played by what `sys.platform` says; nothing of theirs is run. The
standard library's modules are loaded before, since they would look for the real one.
"""

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import sys
    import asyncio, ctypes, logging, shutil, socket, subprocess, tempfile
    sys.platform = sys.argv[1]
    import devdev_exec, devdev_fs, devdev_mcp, devdev_mount

    def refused(function, error):
        try:
            function()
        except error as exc:
            print(exc)

    refused(devdev_mount.serve, devdev_mount.DriverUnavailable)
    refused(lambda: devdev_mount.mount(devdev_fs.Fs()), devdev_mount.DriverUnavailable)
    refused(devdev_exec.Workspace, devdev_exec.DriverUnavailable)
    with devdev_exec.Workspace(mount=False) as ws:
        ws.fs.write_text("/f", "x")
        refused(lambda: ws.exec(["true"]), devdev_exec.ExecError)
"""


@pytest.mark.parametrize("platform", ["win32", "darwin", "freebsd14"])
def test_what_is_missing_on_a_platform_is_named_when_it_is_used(platform: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM), platform],
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *mounting, running = done.stdout.splitlines()
    nothing = f"there is no mount driver for {platform!r}"
    by_mount = "winfspy is not installed" if platform == "win32" else nothing
    for line, expected in zip(mounting, [nothing, by_mount, nothing], strict=True):
        assert line.startswith(expected)
    assert "nothing is mounted" in running
