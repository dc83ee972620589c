"""Moving, copying, removing, linking; several files read at once; attributes."""

import pytest

from tests.mcp.calls import PNG, Agent

pytestmark = pytest.mark.anyio


async def test_a_move_replaces_only_when_asked_to(agent: Agent) -> None:
    for name in "ab":
        await agent.call("write_file", path=f"/n/{name}", content=name)
    pair = {"source": "/n/a", "destination": "/n/b"}
    assert (await agent.refused("move", **pair)).code == "EEXIST"
    await agent.call("move", **pair, overwrite=True)
    assert await agent.read("/n/b") == "a"
    assert (await agent.refused("move", **pair)).code == "ENOENT"


async def test_what_is_moved_or_copied_has_the_etag_of_its_content(
    agent: Agent,
) -> None:
    written = await agent.call("write_file", path="/ne/a", content="1")
    copied = await agent.call("copy", source="/ne/a", destination="/ne/b")
    moved = await agent.call("move", source="/ne/b", destination="/ne/c")
    assert written["etag"] == copied["etag"] == moved["etag"]
    listed = await agent.call("move", source="/ne", destination="/ne2")
    assert "etag" not in listed


async def test_a_directory_is_copied_with_all_in_it(agent: Agent) -> None:
    await agent.call("write_file", path="/nc/deep/file", content="1")
    pair = {"source": "/nc", "destination": "/nc2"}
    copied = await agent.call("copy", **pair)
    assert await agent.read("/nc2/deep/file") == "1"
    assert (await agent.refused("copy", **pair)).code == "EEXIST"
    await agent.call("undo", op=copied["op"])
    assert (await agent.refused("stat", path="/nc2")).code == "ENOENT"


async def test_a_directory_that_is_not_empty_is_removed_only_when_asked_to(
    agent: Agent,
) -> None:
    await agent.call("write_file", path="/nr/deep/file", content="1")
    refused = await agent.refused("remove", path="/nr")
    assert refused.code == "ENOTEMPTY"
    assert "recursive" in refused.text
    removed = await agent.call("remove", path="/nr", recursive=True)
    assert removed["removed"] == 3
    await agent.call("undo", op=removed["op"])
    assert await agent.read("/nr/deep/file") == "1"


async def test_a_link_is_removed_and_not_its_target(agent: Agent) -> None:
    await agent.call("write_file", path="/nl/file", content="1")
    await agent.call("symlink", path="/nl/link", target="file")
    assert await agent.read("/nl/link") == "1"
    link = await agent.call("stat", path="/nl/link", follow=False)
    assert (link["type"], link["target"]) == ("symlink", "file")
    assert (await agent.call("stat", path="/nl/link"))["type"] == "file"
    await agent.call("remove", path="/nl/link")
    assert await agent.read("/nl/file") == "1"


async def test_directories_and_permissions_are_made(agent: Agent) -> None:
    made = await agent.call("make_directory", path="/nd/a/b")
    again = await agent.call("make_directory", path="/nd/a/b")
    assert made["op"] != 0
    assert again["path"] == "/nd/a/b"
    await agent.call("chmod", path="/nd/a", mode="750")
    assert (await agent.call("stat", path="/nd/a"))["mode"] == "0750"
    refused = await agent.refused("chmod", path="/nd/a", mode="rwx")
    assert refused.code == "BAD_ARGUMENTS"


async def test_attributes_have_the_etag_that_reading_gives(agent: Agent) -> None:
    written = await agent.call("write_file", path="/ns", content="1")
    found = await agent.call("stat", path="/ns")
    assert found["etag"] == written["etag"]
    assert (found["nlink"], found["size"], found["xattrs"]) == (1, 1, [])


async def test_one_of_several_files_may_fail(agent: Agent) -> None:
    await agent.call("write_file", path="/nm/a", content="A")
    await agent.call("write_file", path="/nm/b", content="B")
    read = await agent.call("read_files", paths=["/nm/a", "/nm/nope", "/nm/b"])
    contents = [each.get("file", {}).get("content") for each in read["files"]]
    assert contents == ["A", None, "B"]
    assert read["files"][1]["error"]["code"] == "ENOENT"


async def test_several_files_share_the_budget(agent: Agent) -> None:
    for name in "ab":
        await agent.call("write_file", path=f"/nb/{name}", content="line\n" * 2000)
    read = await agent.call("read_files", paths=["/nb/a", "/nb/b"], max_tokens=1000)
    first, second = (each["file"] for each in read["files"])
    assert first["truncated"]
    assert second["truncated"]
    assert len(first["content"]) + len(second["content"]) <= 4000
    assert second["next_line"] > 300


async def test_an_image_among_several_files_is_an_image(agent: Agent) -> None:
    import base64

    await agent.call(
        "write_file",
        path="/ni.png",
        content=base64.b64encode(PNG).decode(),
        encoding="base64",
    )
    result = await agent.result("read_files", paths=["/ni.png"])
    assert [block.type for block in result.content] == ["image", "text"]
