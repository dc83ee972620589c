"""Listing directories."""

import pytest

from tests.mcp.calls import Agent, text_of

pytestmark = pytest.mark.anyio


async def make(agent: Agent, *paths: str) -> None:
    for path in paths:
        await agent.call("write_file", path=path, content=path)


async def paths_of(agent: Agent, path: str, **more: object) -> list[str]:
    fields = await agent.call("list_directory", path=path, **more)
    return [entry["path"] for entry in fields["entries"]]


async def test_entries_are_sorted_and_say_what_they_are(agent: Agent) -> None:
    await make(agent, "/ls/b.txt", "/ls/a/deep", "/ls/c")
    fields = await agent.call("list_directory", path="/ls")
    assert [entry["path"] for entry in fields["entries"]] == [
        "/ls/a",
        "/ls/b.txt",
        "/ls/c",
    ]
    directory, file, _ = fields["entries"]
    assert (directory["type"], file["type"]) == ("directory", "file")
    assert (file["size"], file["mode"]) == (9, "0644")
    assert file["mtime"].endswith("Z")
    result = await agent.result("list_directory", path="/ls")
    assert text_of(result) == "/ls/a/\n/ls/b.txt 9\n/ls/c 5"


async def test_a_depth_lists_the_tree(agent: Agent) -> None:
    await make(agent, "/tree/a/b/c", "/tree/d")
    assert await paths_of(agent, "/tree", depth=2) == [
        "/tree/a",
        "/tree/a/b",
        "/tree/d",
    ]
    assert "/tree/a/b/c" in await paths_of(agent, "/tree", depth=3)


async def test_pages_together_are_the_whole(agent: Agent) -> None:
    names = [f"/pg/{directory}/{n}" for directory in "xyz" for n in range(5)]
    await make(agent, *names)
    whole = await paths_of(agent, "/pg", depth=2)
    pages = []
    cursor = ""
    while True:
        page = await agent.call(
            "list_directory", path="/pg", depth=2, limit=4, cursor=cursor
        )
        assert len(page["entries"]) <= 4
        pages += [entry["path"] for entry in page["entries"]]
        if "next_cursor" not in page:
            break
        cursor = page["next_cursor"]
        # What comes and goes meanwhile neither repeats nor hides the others.
        await agent.call("write_file", path="/pg/x/0", content="again")
    assert pages == whole
    assert len(whole) == 18


async def test_a_page_ends_where_the_budget_does(agent: Agent) -> None:
    await make(agent, *(f"/bg/{n:03}-{'x' * 200}" for n in range(200)))
    page = await agent.call("list_directory", path="/bg", limit=1000)
    assert len(page["entries"]) < 200
    assert "next_cursor" in page


async def test_ignored_names_are_left_out_with_all_below(agent: Agent) -> None:
    await make(agent, "/ig/node_modules/a", "/ig/a.pyc", "/ig/a.py")
    listed = await paths_of(agent, "/ig", depth=3, ignore=["node_*", "*.pyc"])
    assert listed == ["/ig/a.py"]


async def test_an_empty_directory_says_so(agent: Agent) -> None:
    result = await agent.result("list_directory", path="/ig", ignore=["*"])
    assert text_of(result) == "[/ig is empty]"


async def test_a_file_a_missing_directory_and_a_bad_cursor_are_refused(
    agent: Agent,
) -> None:
    await make(agent, "/lsf/a")
    file = await agent.refused("list_directory", path="/lsf/a")
    assert (file.code, file.error["path"]) == ("ENOTDIR", "/lsf/a")
    missing = await agent.refused("list_directory", path="/lsff")
    assert missing.code == "ENOENT"
    assert "Did you mean /lsf?" in missing.text
    for cursor in ("???", "YQ", "Ly8="):
        bad = await agent.refused("list_directory", path="/lsf", cursor=cursor)
        assert bad.code == "BAD_CURSOR"
    deep = await agent.refused("list_directory", path="/", depth=1000)
    assert deep.code == "BAD_ARGUMENTS"
