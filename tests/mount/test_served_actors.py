"""What a command does on a served mount belongs to its span."""

import os
import subprocess
import sys

import pytest
from devdev_mount import serve

if sys.platform != "linux":
    pytest.skip("only Linux has a mount driver", allow_module_level=True)

pytestmark = pytest.mark.fuse


def test_a_command_on_a_served_mount_belongs_to_its_span() -> None:
    script = 'read line; cd "$0"; echo x > f; (setsid sh -c "echo y > g")'
    with serve() as served, served.fs.actor("one") as span:
        with subprocess.Popen(
            ["sh", "-c", script, served.path],
            stdin=subprocess.PIPE,
            env=os.environ | served.environment(span),
        ) as command:
            served.attribute(command.pid, span)
            command.communicate(b"\n", timeout=10)
        served.attribute(command.pid, 0)
        (served.path / "h").write_text("z")
        by = {each.actor: each.changes for each in served.fs.log().spans}
        assert [change.path for change in by["one"]] == ["/f", "/g"]
        assert [change.path for change in by[""]] == ["/h"]


def test_a_served_mount_refuses_a_process_that_is_not_there() -> None:
    with serve() as served, subprocess.Popen(["true"]) as gone:
        gone.wait()
        with pytest.raises(ProcessLookupError, match=str(gone.pid)):
            served.attribute(gone.pid, 1)
        assert served.requests["INIT"] == 1
