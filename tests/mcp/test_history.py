"""Snapshots, differences, and taking back what single calls did."""

import pytest

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio


async def test_a_restore_brings_back_what_was_there(agent: Agent) -> None:
    await agent.call("write_file", path="/h/a", content="before")
    taken = await agent.call("snapshot", label="before")
    assert taken["label"] == "before"
    await agent.call("write_file", path="/h/a", content="after")
    await agent.call("write_file", path="/h/b", content="new")
    restored = await agent.call("restore", to=taken["id"])
    assert restored["digest"] == taken["digest"]
    assert {each["path"]: each["status"] for each in restored["files"]} == {
        "/h/a": "modified",
        "/h/b": "removed",
    }
    assert await agent.read("/h/a") == "before"
    assert (await agent.refused("read_file", path="/h/b")).code == "ENOENT"
    await agent.call("undo", op=restored["op"])
    assert await agent.read("/h/b") == "new"


async def test_a_restore_of_some_paths_leaves_the_others(agent: Agent) -> None:
    for name in "ab":
        await agent.call("write_file", path=f"/hp/{name}", content="1")
    await agent.call("snapshot", label="some")
    for name in "ab":
        await agent.call("write_file", path=f"/hp/{name}", content="2")
    await agent.call("restore", to="some", paths=["/hp/a"])
    assert await agent.read("/hp/a") + await agent.read("/hp/b") == "12"


async def test_the_digest_is_of_the_content(agent: Agent) -> None:
    await agent.call("write_file", path="/hd", content="1")
    one = await agent.call("snapshot")
    await agent.call("write_file", path="/hd", content="2")
    other = await agent.call("snapshot")
    await agent.call("write_file", path="/hd", content="1")
    again = await agent.call("snapshot")
    assert one["digest"] == again["digest"] != other["digest"]
    assert one["id"] != again["id"]


async def test_an_unknown_snapshot_is_refused_and_those_kept_are_named(
    agent: Agent,
) -> None:
    taken = await agent.call("snapshot")
    for tool, arguments in (
        ("restore", {"to": "nope"}),
        ("diff", {"from": "nope"}),
        ("workspace_fork", {"from": "nope"}),
    ):
        refused = await agent.refused(tool, **arguments)
        assert refused.code == "NO_SNAPSHOT"
        assert taken["id"] in refused.text


async def test_undo_takes_back_exactly_one_call(agent: Agent) -> None:
    await agent.call("make_directory", path="/hu")
    first = await agent.call("write_file", path="/hu/a", content="a")
    await agent.call("write_file", path="/hu/b", content="b")
    undone = await agent.call("undo", op=first["op"])
    assert undone["reverted"] == [first["op"]]
    assert (await agent.refused("read_file", path="/hu/a")).code == "ENOENT"
    assert await agent.read("/hu/b") == "b"
    redone = await agent.call("redo", op=first["op"])
    assert [each["path"] for each in redone["files"]] == ["/hu/a"]
    assert await agent.read("/hu/a") == "a"


async def test_undo_and_redo_without_a_number_mean_the_latest(agent: Agent) -> None:
    for n in "123":
        await agent.call("write_file", path="/hl", content=n)
    await agent.call("undo")
    await agent.call("undo")
    assert await agent.read("/hl") == "1"
    await agent.call("redo")
    assert await agent.read("/hl") == "2"
    await agent.call("redo")
    assert await agent.read("/hl") == "3"


async def test_the_latest_ops_are_undone_and_redone_together(agent: Agent) -> None:
    ops = []
    for n in "123":
        written = await agent.call("write_file", path="/hn", content=n)
        ops.append(written["op"])
    undone = await agent.call("undo", count=2)
    assert undone["reverted"] == [ops[2], ops[1]]
    assert [each["path"] for each in undone["files"]] == ["/hn", "/hn"]
    assert await agent.read("/hn") == "1"
    redone = await agent.call("redo", count=2)
    assert redone["reverted"] == [ops[1], ops[2]]
    assert await agent.read("/hn") == "3"
    assert (await agent.refused("undo", op=ops[0], count=2)).code == "BAD_ARGUMENTS"
    assert (await agent.refused("redo", count=100)).code == "NOTHING_TO_REDO"


@pytest.mark.fuse
async def test_of_several_ops_all_are_undone_or_none(agent: Agent) -> None:
    await agent.call("write_file", path="/ho-a", content="1")
    await agent.call("write_file", path="/ho-b", content="1")
    started = await agent.call(
        "exec_command", command="echo 2 > ho-a; read x", background=True, tty=True
    )
    while await agent.read("/ho-a") != "2\n":
        pass
    refused = await agent.refused("undo", count=2)
    assert refused.code == "CONFLICT"
    assert await agent.read("/ho-b") == "1"
    await agent.call("exec_signal", session_id=started["session_id"])


@pytest.mark.fuse
async def test_undo_takes_back_what_a_command_did(agent: Agent) -> None:
    await agent.call("write_file", path="/hc/keep", content="precious")
    ran = await agent.call("exec_command", command="rm -rf hc; echo > hc-new")
    assert {each["path"] for each in ran["changed"]} == {"/hc", "/hc/keep", "/hc-new"}
    undone = await agent.call("undo", op=ran["op"])
    assert undone["reverted"] == [ran["op"]]
    assert await agent.read("/hc/keep") == "precious"
    assert (await agent.refused("read_file", path="/hc-new")).code == "ENOENT"


async def test_an_undo_that_others_stand_in_the_way_of_changes_nothing(
    agent: Agent,
) -> None:
    first = await agent.call("write_file", path="/hx", content="1\n")
    await agent.call("write_file", path="/hx", content="2\n")
    refused = await agent.refused("undo", op=first["op"])
    assert refused.code == "CONFLICT"
    assert refused.error["conflicts"]
    assert await agent.read("/hx") == "2\n"


async def test_what_was_undone_or_never_was_cannot_be_undone(agent: Agent) -> None:
    op = (await agent.call("write_file", path="/hw", content="1"))["op"]
    await agent.call("undo", op=op)
    assert (await agent.refused("undo", op=op)).code == "EINVAL"
    assert (await agent.refused("undo", op=10**9)).code == "ENOENT"


async def test_history_tells_who_changed_what_the_latest_first(agent: Agent) -> None:
    await agent.call("write_file", path="/hh/a", content="1")
    await agent.call("move", source="/hh/a", destination="/hh/b")
    ops = (await agent.call("history", path="/hh", limit=10))["ops"]
    assert [each["actor"] for each in ops] == [
        "move /hh/a /hh/b",
        "write_file /hh/a",
    ]
    assert ops[0]["changes"] == [
        {"path": "/hh/b", "status": "renamed", "old_path": "/hh/a"}
    ]
    page = await agent.call("history", path="/hh", limit=1)
    page = await agent.call("history", path="/hh", cursor=page["next_cursor"])
    assert [each["op"] for each in page["ops"]] == [ops[1]["op"]]
    later = await agent.call("history", since=ops[1]["op"])
    assert [each["op"] for each in later["ops"]] == [ops[0]["op"]]


async def test_a_diff_is_a_patch_and_a_summary(agent: Agent) -> None:
    await agent.call("write_file", path="/hf/a", content="1\n")
    await agent.call("snapshot", label="diff")
    await agent.call("write_file", path="/hf/a", content="2\n")
    await agent.call("write_file", path="/hf/b", content="new\n")
    found = await agent.call("diff", **{"from": "diff"})
    assert [(each["path"], each["status"]) for each in found["files"]] == [
        ("/hf/a", "modified"),
        ("/hf/b", "added"),
    ]
    assert "-1\n+2\n" in found["diff"]
    one = await agent.call("diff", **{"from": "diff"}, paths=["/hf/b"])
    assert [each["path"] for each in one["files"]] == ["/hf/b"]
    assert "hf/a" not in one["diff"]
    short = await agent.call("diff", **{"from": "diff"}, format="summary")
    assert "diff" not in short
    assert short["files"] == found["files"]
    # It is what apply_patch takes.
    await agent.call("restore", to="diff")
    applied = await agent.call("apply_patch", patch=found["diff"])
    assert [each["path"] for each in applied["files"]] == ["/hf/a", "/hf/b"]
    again = await agent.call("diff", **{"from": "diff"})
    assert again["diff"] == found["diff"]
