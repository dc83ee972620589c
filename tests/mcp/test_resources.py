"""Resources: files and outputs by their URIs, completion, and what changed."""

import base64

import anyio
import pytest
from mcp import MCPError
from mcp.server.subscriptions import ResourceUpdated
from mcp.types import (
    BlobResourceContents,
    ResourceTemplateReference,
    TextResourceContents,
)

from tests.mcp.calls import PNG, Agent

pytestmark = pytest.mark.anyio

WORKSPACE = "workspace://{workspace}/{+path}"
SNAPSHOT = "snapshot://{workspace}/{snapshot}/{+path}"


async def _text(agent: Agent, uri: str) -> str:
    (content,) = (await agent.client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "text/plain"
    return content.text


async def _bytes(agent: Agent, uri: str) -> tuple[str | None, bytes]:
    (content,) = (await agent.client.read_resource(uri)).contents
    assert isinstance(content, BlobResourceContents)
    return content.mime_type, base64.b64decode(content.blob)


async def test_there_are_templates_and_no_list(agent: Agent) -> None:
    templates = (await agent.client.list_resource_templates()).resource_templates
    assert [each.uri_template for each in templates] == [
        WORKSPACE,
        SNAPSHOT,
        "exec://{session}/log",
    ]
    assert (await agent.client.list_resources()).resources == []


async def test_a_file_is_read_as_it_is_now_and_as_it_was(agent: Agent) -> None:
    await agent.call("write_file", path="/r/a b", content="then")
    taken = await agent.call("snapshot")
    await agent.call("write_file", path="/r/a b", content="now")
    assert await _text(agent, "workspace://w1/r/a%20b") == "now"
    assert await _text(agent, f"snapshot://w1/{taken['id']}/r/a%20b") == "then"


async def test_what_is_too_large_to_be_read_whole_says_how_to_read_it(
    agent: Agent,
) -> None:
    await agent.call("write_file", path="/r.fits", content="x" * 2**20)
    assert len(await _text(agent, "workspace://w1/r.fits")) == 2**20
    await agent.call("write_file", path="/r.large", content="x" * (2**20 + 1))
    taken = await agent.call("snapshot")
    for space in ("workspace://w1", f"snapshot://w1/{taken['id']}"):
        with pytest.raises(MCPError, match=r"TOO_LARGE: .*1048576 bytes.* read_file"):
            await agent.client.read_resource(f"{space}/r.large")


@pytest.mark.fuse
async def test_output_that_is_too_large_says_how_to_read_it(agent: Agent) -> None:
    command = "head -c 2000000 /dev/zero; exec sleep 60"
    ran = await agent.call("exec_command", command=command, yield_time_ms=1000)
    with pytest.raises(MCPError, match=r"TOO_LARGE: .* exec_output"):
        await agent.client.read_resource(f"exec://{ran['session_id']}/log")
    await agent.call("exec_signal", session_id=ran["session_id"], signal="KILL")


async def test_images_and_binary_files_are_as_such(agent: Agent) -> None:
    for path, data in (("/r.png", PNG), ("/r.bin", b"\0\xff")):
        content = base64.b64encode(data).decode()
        await agent.call("write_file", path=path, content=content, encoding="base64")
    assert await _bytes(agent, "workspace://w1/r.png") == ("image/png", PNG)
    kind = "application/octet-stream"
    assert await _bytes(agent, "workspace://w1/r.bin") == (kind, b"\0\xff")


@pytest.mark.fuse
async def test_the_output_of_a_session_is_a_resource(agent: Agent) -> None:
    started = await agent.call("exec_command", command="echo logged", background=True)
    session = started["session_id"]
    await agent.call("exec_input", session_id=session, yield_time_ms=10_000)
    assert await _text(agent, f"exec://{session}/log") == "logged\n"


@pytest.mark.parametrize(
    "uri",
    [
        "workspace://w1/nope",
        "workspace://nope/a",
        "workspace://w1/../../etc/passwd",
        "snapshot://w1/nope/a",
        "exec://nope/log",
        "file:///etc/passwd",
        "nothing",
    ],
)
async def test_what_is_not_there_is_an_error_of_the_request(
    agent: Agent, uri: str
) -> None:
    with pytest.raises(MCPError) as caught:
        await agent.client.read_resource(uri)
    assert caught.value.error.code == -32602


async def test_values_of_templates_are_completed(agent: Agent) -> None:
    for name in ("alpha", "alert", "beta"):
        await agent.call("write_file", path=f"/rc/{name}", content=name)
    reference = ResourceTemplateReference(type="ref/resource", uri=WORKSPACE)
    found = await agent.client.complete(
        reference,
        {"name": "path", "value": "rc/al"},
        context_arguments={"workspace": "w1"},
    )
    assert found.completion.values == ["rc/alert", "rc/alpha"]
    found = await agent.client.complete(reference, {"name": "workspace", "value": ""})
    assert "w1" in found.completion.values
    reference = ResourceTemplateReference(type="ref/resource", uri=SNAPSHOT)
    found = await agent.client.complete(reference, {"name": "snapshot", "value": "ba"})
    assert found.completion.values == ["base"]


async def test_who_listens_is_told_what_programs_and_tools_change(
    agent: Agent,
) -> None:
    if agent.era != "2026-07-28":
        pytest.skip("clients of earlier protocols have no such subscription")
    uri = "workspace://w1/rw/file"
    async with agent.client.listen(resource_subscriptions=[uri]) as events:
        with anyio.fail_after(10):
            while True:
                # The watch begins a moment after the subscription.
                await agent.call("write_file", path="/rw/file", content="1")
                with anyio.move_on_after(0.5):
                    async for event in events:
                        assert event == ResourceUpdated(uri=uri)
                        return
