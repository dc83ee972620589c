"""Patterns of paths, and text in files."""

import time

import pytest

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio

SEARCH_TIMEOUT = 15.0  # its own bound is 10 s


@pytest.fixture
async def tree(agent: Agent) -> str:
    """A few files, the same for every test."""
    for name, content in {
        "a.py": "import os\nprint('Hello')\n",
        "sub/b.py": "hello = 1\nhello.there\nbye\n",
        "sub/c.txt": "hello [world]\n",
        "sub/deep/d.py": "nothing\n",
    }.items():
        await agent.call("write_file", path=f"/s/{name}", content=content)
    await agent.call(
        "write_file", path="/s/binary", content="aGVsbG8A", encoding="base64"
    )
    return "/s"


async def _grep(agent: Agent, **arguments: object) -> list[str]:
    found = await agent.call("grep", path="/s", **arguments)
    return [
        ":".join(str(each[key]) for key in ("path", "line", "count") if key in each)
        for each in found["matches"]
    ]


async def test_a_fixed_string_is_found_with_its_lines(agent: Agent, tree: str) -> None:
    assert await _grep(agent, pattern="hello") == [
        "/s/sub/b.py:1",
        "/s/sub/b.py:2",
        "/s/sub/c.txt:1",
    ]
    assert await _grep(agent, pattern="hello [world]") == ["/s/sub/c.txt:1"]
    assert "/s/a.py:2" in await _grep(agent, pattern="hello", ignore_case=True)
    assert await _grep(agent, pattern="hello", glob="*.txt") == ["/s/sub/c.txt:1"]


async def test_an_expression_is_found_when_asked_for(agent: Agent, tree: str) -> None:
    assert await _grep(agent, pattern=r"^hel+o\.", regex=True) == ["/s/sub/b.py:2"]
    assert await _grep(agent, pattern="HELLO", regex=True, ignore_case=True) != []
    refused = await agent.refused("grep", pattern="(", regex=True)
    assert refused.code == "BAD_REGEX"


async def test_files_and_counts_are_told_instead(agent: Agent, tree: str) -> None:
    found = await _grep(agent, pattern="hello", output_mode="files")
    assert found == ["/s/sub/b.py", "/s/sub/c.txt"]
    found = await _grep(agent, pattern="hello", output_mode="count")
    assert found == ["/s/sub/b.py:2", "/s/sub/c.txt:1"]


async def test_lines_around_a_match_are_shown(agent: Agent, tree: str) -> None:
    found = await agent.call("grep", pattern="there", path="/s/sub/b.py", context=1)
    assert found["matches"][0]["text"] == "hello = 1\nhello.there\nbye"


@pytest.mark.parametrize("mode", ["content", "files", "count"])
async def test_pages_have_everything_once(agent: Agent, tree: str, mode: str) -> None:
    whole = await _grep(agent, pattern="e", output_mode=mode)
    pages: list[str] = []
    cursor = ""
    while True:
        found = await agent.call(
            "grep", pattern="e", path="/s", output_mode=mode, limit=1, cursor=cursor
        )
        pages += [
            ":".join(str(each[key]) for key in ("path", "line", "count") if key in each)
            for each in found["matches"]
        ]
        if "next_cursor" not in found:
            break
        cursor = found["next_cursor"]
    assert pages == whole
    refused = await agent.refused("grep", pattern="e", cursor="nope")
    assert refused.code == "BAD_CURSOR"


async def test_an_expression_that_takes_for_ever_is_ended_while_others_are_served(
    agent: Agent,
) -> None:
    await agent.call("write_file", path="/bomb", content="a" * 40 + "b\n")
    begin = time.monotonic()
    refused = await agent.refused("grep", pattern=r"(a+)+$", path="/bomb", regex=True)
    assert refused.code == "REGEX_TIMEOUT"
    assert time.monotonic() - begin < SEARCH_TIMEOUT
    assert await agent.read("/bomb") == "a" * 40 + "b\n"


async def test_names_are_found_at_any_depth(agent: Agent, tree: str) -> None:
    found = await agent.call("find_files", pattern="*.py", path="/s")
    assert found["paths"] == ["/s/a.py", "/s/sub/b.py", "/s/sub/deep/d.py"]
    found = await agent.call("find_files", pattern="sub/*", path="/s", type="file")
    assert found["paths"] == ["/s/sub/b.py", "/s/sub/c.txt"]
    found = await agent.call("find_files", pattern="*", path="/s", type="directory")
    assert found["paths"] == ["/s/sub", "/s/sub/deep"]
    assert (await agent.refused("find_files", pattern="*", path="/nope")).code == (
        "ENOENT"
    )


async def test_what_changed_since_a_snapshot_is_found(agent: Agent, tree: str) -> None:
    taken = await agent.call("snapshot")
    await agent.call("write_file", path="/s/sub/b.py", content="other\n")
    await agent.call("write_file", path="/s/sub/z.py", content="new\n")
    await agent.call("remove", path="/s/a.py")
    found = await agent.call(
        "find_files", pattern="*.py", path="/s", modified_since=taken["id"]
    )
    assert found["paths"] == ["/s/sub/b.py", "/s/sub/z.py"]
    await agent.call("remove", path="/s/sub/z.py")


async def test_found_paths_come_in_pages(agent: Agent, tree: str) -> None:
    found = await agent.call("find_files", pattern="*.py", path="/s", limit=2)
    assert len(found["paths"]) == 2
    rest = await agent.call(
        "find_files", pattern="*.py", path="/s", cursor=found["next_cursor"]
    )
    assert rest["paths"] == ["/s/sub/deep/d.py"]
    assert "next_cursor" not in rest


async def test_pattern_characters_in_the_place_to_search_are_only_themselves(
    agent: Agent,
) -> None:
    await agent.call("write_file", path="/s[1]*/x", content="")
    await agent.call("write_file", path="/s1/x", content="")
    found = await agent.call("find_files", pattern="x", path="/s[1]*")
    assert found["paths"] == ["/s[1]*/x"]
