"""Snapshots of the whole workspace, and going back to them."""

import pytest

from tests.mcp.calls import Agent, text_of

pytestmark = pytest.mark.anyio


async def test_a_restore_brings_back_what_was_there(agent: Agent) -> None:
    await agent.call("write_file", path="/h/a", content="before")
    taken = await agent.call("snapshot", label="before")
    assert taken["label"] == "before"
    assert taken["dropped"] == []
    await agent.call("write_file", path="/h/a", content="after")
    await agent.call("write_file", path="/h/b", content="new")
    restored = await agent.call("restore", to=taken["id"])
    assert restored["digest"] == taken["digest"]
    assert await agent.read("/h/a") == "before"
    assert (await agent.refused("read_file", path="/h/b")).code == "ENOENT"


async def test_the_same_state_is_the_same_snapshot(agent: Agent) -> None:
    one = await agent.call("snapshot")
    other = await agent.call("snapshot")
    assert one == other


async def test_the_digest_is_of_the_content(agent: Agent) -> None:
    await agent.call("write_file", path="/hd", content="1")
    one = await agent.call("snapshot")
    await agent.call("write_file", path="/hd", content="2")
    other = await agent.call("snapshot")
    await agent.call("write_file", path="/hd", content="1")
    again = await agent.call("snapshot")
    assert one["digest"] == again["digest"] != other["digest"]
    # Times differ, so it is not the same state.
    assert one["id"] != again["id"]


async def test_an_unknown_snapshot_is_refused_and_those_kept_are_named(
    agent: Agent,
) -> None:
    taken = await agent.call("snapshot")
    refused = await agent.refused("restore", to="nope")
    assert refused.code == "NO_SNAPSHOT"
    assert taken["id"] in refused.text


async def test_old_snapshots_are_dropped_and_that_is_said(agent: Agent) -> None:
    taken: list[str] = []
    dropped: list[str] = []
    while not dropped:
        await agent.call("write_file", path="/hn", content=str(len(taken)))
        result = await agent.result("snapshot")
        assert result.structured_content is not None
        taken.append(result.structured_content["id"])
        dropped = result.structured_content["dropped"]
        assert len(taken) <= 100
    assert dropped[0] in text_of(result)
    refused = await agent.refused("restore", to=dropped[0])
    assert refused.code == "NO_SNAPSHOT"
    info = await agent.call("workspace_info")
    assert info["snapshots"][-1]["id"] == taken[-1]
    assert dropped[0] not in [kept["id"] for kept in info["snapshots"]]
