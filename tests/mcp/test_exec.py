"""Running commands, and files seen from both sides."""

import re

import pytest
from mcp import MCPError

from tests.mcp.calls import Agent, text_of
from tests.processes import Mark

pytestmark = [pytest.mark.anyio, pytest.mark.fuse]


async def test_programs_read_what_tools_write(agent: Agent) -> None:
    await agent.call("write_file", path="/x/in.txt", content="from the tool\n")
    assert await agent.shell("cat x/in.txt") == "from the tool\n"
    assert await agent.shell("cat in.txt", cwd="/x") == "from the tool\n"
    assert await agent.shell('cat "$WORKSPACE/x/in.txt"') == "from the tool\n"


async def test_tools_read_what_programs_write(agent: Agent) -> None:
    await agent.shell("mkdir -p y && echo from the program > y/out.txt")
    read = await agent.call("read_file", path="/y/out.txt")
    assert read["content"] == "from the program\n"
    await agent.call("write_file", path="/y/out.txt", content="1")
    assert await agent.shell("cat y/out.txt; echo 2 >> y/out.txt") == "1"
    assert await agent.read("/y/out.txt") == "12\n"


async def test_an_edit_by_a_program_changes_the_etag(agent: Agent) -> None:
    written = await agent.call("write_file", path="/et.txt", content="1")
    await agent.shell("echo 2 > et.txt")
    refused = await agent.refused(
        "write_file", path="/et.txt", content="3", if_match=written["etag"]
    )
    assert refused.code == "ETAG_MISMATCH"
    assert await agent.read("/et.txt") == "2\n"


async def test_a_running_program_sees_a_restore(agent: Agent) -> None:
    await agent.call("write_file", path="/rs/a", content="before")
    taken = await agent.call("snapshot")
    await agent.shell("echo after > rs/a; touch rs/b")
    await agent.call("restore", to=taken["id"])
    assert await agent.shell("cat rs/a; ls rs") == "beforea\n"


async def test_host_paths_in_the_mount_mean_workspace_paths(agent: Agent) -> None:
    where = (await agent.shell("mkdir -p hp; cd hp; echo 1 > a; pwd")).strip()
    read = await agent.call("read_file", path=f"{where}/a")
    assert (read["path"], read["content"]) == ("/hp/a", "1\n")
    assert await agent.shell("cat a", cwd=where) == "1\n"
    mount = (await agent.call("workspace_info"))["mount"]
    listed = await agent.call("list_directory", path=mount)
    assert "/hp" in [entry["path"] for entry in listed["entries"]]


async def test_a_symbolic_link_is_listed_with_its_target(agent: Agent) -> None:
    await agent.shell("mkdir -p ln; ln -s ../et.txt ln/a; mkfifo ln/b")
    listed = await agent.call("list_directory", path="/ln")
    link, fifo = listed["entries"]
    assert (link["type"], link["target"]) == ("symlink", "../et.txt")
    assert (fifo["type"], "target" in fifo) == ("fifo", False)
    refused = await agent.refused("read_file", path="/ln/b")
    assert refused.code == "EINVAL"


async def test_a_loop_of_links_is_named(agent: Agent) -> None:
    await agent.shell("ln -s loop1 loop2; ln -s loop2 loop1")
    refused = await agent.refused("read_file", path="/loop1")
    assert refused.code == "ELOOP"
    assert "list_directory shows targets" in refused.text


async def test_a_file_too_large_for_the_tools_is_for_programs(agent: Agent) -> None:
    await agent.shell("truncate -s 65M huge")
    pairs = [{"old_string": "a", "new_string": "b"}]
    for tool, more in (("read_file", {}), ("edit_file", {"edits": pairs})):
        refused = await agent.refused(tool, path="/huge", **more)
        assert refused.code == "TOO_LARGE"
        assert "exec_command" in refused.text
    await agent.shell("rm huge")


async def test_a_name_that_is_no_text_is_shown_with_escapes(agent: Agent) -> None:
    await agent.shell(r"mkdir -p nt; touch nt/$(printf 'a\377b')")
    listed = await agent.call("list_directory", path="/nt")
    assert [entry["path"] for entry in listed["entries"]] == [r"/nt/a\xffb"]


async def test_output_errors_and_exit_code_are_told_apart(agent: Agent) -> None:
    result = await agent.result(
        "exec_command", command="echo out; echo err >&2; exit 3"
    )
    fields = result.structured_content
    assert fields is not None
    assert not result.is_error
    duration = fields.pop("duration_ms")
    assert fields.pop("max_rss") > 0
    assert fields == {
        "status": "exited",
        "exit_code": 3,
        "output": "out\n",
        "stderr": "err\n",
        "truncated": False,
        "original_bytes": 8,
        "op": 0,
        "changed": [],
    }
    assert text_of(result) == (f"out\n\n[stderr]\nerr\n\n[exit code 3, {duration} ms]")


async def test_a_signal_is_told_by_its_name(agent: Agent) -> None:
    fields = await agent.call("exec_command", command="kill -SEGV $$")
    assert (fields["status"], fields["signal"]) == ("killed", "SIGSEGV")
    assert "exit_code" not in fields


async def test_a_program_is_run_without_a_shell(agent: Agent) -> None:
    fields = await agent.call("exec_command", argv=["echo", "$HOME", "a b"])
    assert fields["output"] == "$HOME a b\n"
    for both in ({}, {"command": "true", "argv": ["true"]}):
        refused = await agent.refused("exec_command", **both)
        assert refused.code == "BAD_ARGUMENTS"
        assert "either command or argv" in refused.text


async def test_a_program_that_is_missing_is_named(agent: Agent) -> None:
    refused = await agent.refused("exec_command", argv=["no-such-program"])
    assert refused.code == "ENOENT"
    assert "'no-such-program' is not in PATH" in refused.text
    fields = await agent.call("exec_command", command="no-such-program")
    assert fields["exit_code"] == 127


async def test_a_missing_working_directory_is_named(agent: Agent) -> None:
    await agent.shell("mkdir -p work")
    refused = await agent.refused("exec_command", command="true", cwd="/wrok")
    assert (refused.code, refused.error["path"]) == ("ENOENT", "/wrok")
    assert "Did you mean /work?" in refused.text


async def test_input_and_variables_are_given(agent: Agent) -> None:
    output = await agent.shell(
        "cat; echo $ONE", stdin='{"json": [1]}\n', env={"ONE": "1"}
    )
    assert output == '{"json": [1]}\n1\n'
    assert await agent.shell("cat; echo end") == "end\n"
    refused = await agent.refused("exec_command", command="true", env={"A=B": "1"})
    assert "'A=B'" in refused.text


async def test_nothing_of_the_server_s_environment_is_inherited(agent: Agent) -> None:
    mount = (await agent.call("workspace_info"))["mount"]
    variables = dict(
        line.split("=", 1) for line in (await agent.shell("env")).splitlines()
    )
    assert "TMPDIR" not in variables
    assert variables["HOME"] == f"{mount}/home"
    assert variables["WORKSPACE"] == mount


async def test_a_terminal_is_there_when_asked_for(agent: Agent) -> None:
    fields = await agent.call("exec_command", command="tty; echo e >&2", tty=True)
    assert fields["output"].startswith("/dev/pts/")
    assert fields["output"].endswith("\ne\n")
    assert "stderr" not in fields
    fields = await agent.call("exec_command", command="tty")
    assert fields["output"] == "not a tty\n"


async def test_a_command_is_ended_with_all_it_started_in_time(agent: Agent) -> None:
    mark = Mark()
    fields = await agent.call(
        "exec_command",
        command="echo begun; setsid sleep 60 & sleep 60",
        env=mark.variables,
        timeout_ms=300,
    )
    assert (fields["status"], fields["output"]) == ("timeout", "begun\n")
    assert 250 < fields["duration_ms"] < 2000
    mark.wait_for_none()


async def test_no_call_is_held_for_longer_than_hosts_wait(agent: Agent) -> None:
    refused = await agent.refused("exec_command", command="true", yield_time_ms=60_000)
    assert refused.code == "BAD_ARGUMENTS"
    assert "less than or equal to 40000" in refused.text


async def test_long_output_loses_its_middle_and_is_kept_whole(agent: Agent) -> None:
    result = await agent.result(
        "exec_command", command="seq 1 5000", max_output_tokens=100
    )
    fields = result.structured_content
    assert fields is not None
    whole = "".join(f"{n}\n" for n in range(1, 5001))
    assert fields["truncated"] is True
    assert fields["original_bytes"] == len(whole)
    head, elided, tail = re.split(r"\[(\d+) bytes elided\]\n", fields["output"])
    assert len(head) + int(elided) + len(tail) == len(whole)
    assert whole.startswith(head)
    assert whole.endswith(tail)
    assert head.endswith("\n")
    assert 350 < len(head + tail) <= 400  # whole lines of 100 tokens
    path = fields["output_path"]
    assert path in text_of(result)
    assert await agent.read(path) == whole
    last = await agent.call("read_file", path=path, start_line=4999)
    assert last["content"] == "4999\n5000\n"
    assert await agent.shell(f'grep -c 7 "$WORKSPACE{path}"') == "1355\n"


async def test_long_errors_are_kept_too(agent: Agent) -> None:
    fields = await agent.call(
        "exec_command",
        command="echo short; seq 1 5000 >&2",
        max_output_tokens=100,
    )
    assert fields["output"] == "short\n"
    assert "output_path" not in fields
    assert len(fields["stderr"]) > 350  # what stdout leaves is for it
    whole = await agent.read(fields["stderr_path"])
    assert whole.endswith("4999\n5000\n")


async def test_only_the_newest_outputs_are_kept(agent: Agent) -> None:
    paths = []
    for _ in range(34):
        fields = await agent.call(
            "exec_command", command="seq 1 200", max_output_tokens=100
        )
        paths.append(fields["output_path"])
    refused = await agent.refused("read_file", path=paths[0])
    assert refused.code == "ENOENT"
    assert (await agent.read(paths[-1])).endswith("200\n")


async def test_output_that_is_no_text_is_shown_as_far_as_it_goes(agent: Agent) -> None:
    assert await agent.shell(r"printf 'a\377\0b'") == "a\ufffd\0b"


async def test_progress_is_told_while_a_command_runs(agent: Agent) -> None:
    seen = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    await agent.client.call_tool(
        "exec_command",
        {"command": "echo one; sleep 1.3; echo two", "timeout_ms": 5000},
        progress_callback=note,
    )
    assert len(seen) == 1
    progress, total, message = seen[0]
    assert 1 <= progress <= 1.3
    assert total == 5
    assert message == "4 bytes of output: one"


@pytest.mark.parametrize(
    "command",
    ["sleep 60", "trap '' TERM; while :; do echo x; sleep 0.05; done"],
    ids=["silent", "talking"],
)
async def test_cancelling_a_call_ends_its_processes(agent: Agent, command: str) -> None:
    mark = Mark()
    with pytest.raises(MCPError):
        await agent.client.call_tool(
            "exec_command",
            {"command": f"setsid sleep 60 & {command}", "env": mark.variables},
            read_timeout_seconds=0.5,
        )
    assert await agent.shell("echo still here") == "still here\n"
    mark.wait_for_none()
