"""Editing files by exact strings."""

import base64
from typing import Any

import pytest

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio

SOURCE = """\
def area(width, height):
    return width * height


def volume(width, height, depth):
    return area(width, height) * depth
"""


async def edit(agent: Agent, path: str, *edits: tuple[str, str]) -> dict[str, Any]:
    pairs = [{"old_string": old, "new_string": new} for old, new in edits]
    return await agent.call("edit_file", path=path, edits=pairs)


async def write_bytes(agent: Agent, path: str, data: bytes) -> None:
    content = base64.b64encode(data).decode()
    await agent.call("write_file", path=path, content=content, encoding="base64")


async def read_bytes(agent: Agent, path: str) -> bytes:
    fields = await agent.call("read_file", path=path, encoding="base64")
    return base64.b64decode(fields["content"])


async def test_an_edit_replaces_and_shows_a_diff(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/a.py", content=SOURCE)
    fields = await edit(agent, "/ed/a.py", ("return width * height", "return 1"))
    assert fields["diff"] == (
        "--- /ed/a.py\n+++ /ed/a.py\n@@ -1,5 +1,5 @@\n"
        " def area(width, height):\n-    return width * height\n+    return 1\n"
        " \n \n def volume(width, height, depth):\n"
    )
    assert (fields["first_changed_line"], fields["replacements"]) == (2, 1)
    read = await agent.call("read_file", path="/ed/a.py")
    assert read["content"] == SOURCE.replace("return width * height", "return 1")
    assert read["etag"] == fields["etag"]


async def test_edits_build_upon_each_other(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/b", content="one two")
    fields = await edit(agent, "/ed/b", ("one", "1 and"), ("and two", "2"))
    assert await agent.read("/ed/b") == "1 2"
    assert fields["replacements"] == 2


async def test_all_edits_are_made_or_none(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/c", content="one two")
    pairs = [
        {"old_string": "one", "new_string": "1"},
        {"old_string": "three", "new_string": "3"},
    ]
    refused = await agent.refused("edit_file", path="/ed/c", edits=pairs)
    assert (refused.code, refused.error["index"]) == ("NO_MATCH", 1)
    assert refused.error["path"] == "/ed/c"
    assert await agent.read("/ed/c") == "one two"


async def test_a_string_that_occurs_more_often_is_refused(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/d", content="a\nb\na\n")
    pair: dict[str, Any] = {"old_string": "a\n", "new_string": "c\n"}
    refused = await agent.refused("edit_file", path="/ed/d", edits=[pair])
    assert (refused.code, refused.error["lines"]) == ("MATCH_COUNT", [1, 3])
    assert 'set expected_count to 2 or "all"' in refused.text
    too_many = await agent.refused(
        "edit_file", path="/ed/d", edits=[{**pair, "expected_count": 3}]
    )
    assert too_many.code == "MATCH_COUNT"
    for expected in (2, "all"):
        await agent.call("write_file", path="/ed/d", content="a\nb\na\n")
        fields = await agent.call(
            "edit_file", path="/ed/d", edits=[{**pair, "expected_count": expected}]
        )
        assert fields["replacements"] == 2
        assert await agent.read("/ed/d") == "c\nb\nc\n"


async def test_a_miss_shows_the_nearest_lines(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/e.py", content=SOURCE)
    wrong = "def volume(width, height, depth):\n  return area(width, height) * depth\n"
    refused = await agent.refused(
        "edit_file",
        path="/ed/e.py",
        edits=[{"old_string": wrong, "new_string": ""}],
    )
    assert refused.error["nearest"] == {
        "line": 5,
        "diff": " def volume(width, height, depth):\n"
        "-  return area(width, height) * depth\n"
        "+    return area(width, height) * depth",
    }
    assert "line 5" in refused.text


async def test_a_miss_of_a_similar_line_shows_it(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/f.py", content=SOURCE)
    refused = await agent.refused(
        "edit_file",
        path="/ed/f.py",
        edits=[{"old_string": "return width*height", "new_string": ""}],
    )
    assert refused.error["nearest"]["line"] == 2


async def test_a_miss_of_nothing_similar_says_so(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/g", content="abc\n")
    refused = await agent.refused(
        "edit_file",
        path="/ed/g",
        edits=[{"old_string": "12345", "new_string": ""}],
    )
    assert "nearest" not in refused.error
    assert "read_file" in refused.text


async def test_an_edit_that_changes_nothing_is_refused(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/h", content="abc\n")
    pair = {"old_string": "abc", "new_string": "abc"}
    refused = await agent.refused("edit_file", path="/ed/h", edits=[pair])
    assert refused.code == "NO_CHANGE"
    empty = {"old_string": "", "new_string": "abc"}
    refused = await agent.refused("edit_file", path="/ed/h", edits=[empty])
    assert refused.code == "BAD_ARGUMENTS"
    refused = await agent.refused("edit_file", path="/ed/h", edits=[])
    assert refused.code == "BAD_ARGUMENTS"


async def test_line_ends_byte_order_mark_and_mode_are_kept(agent: Agent) -> None:
    await write_bytes(agent, "/ed/dos", b"\xef\xbb\xbfone\r\ntwo\r\nthree\r\n")
    await agent.call("write_file", path="/ed/dos", content="", append=True, mode="700")
    await edit(agent, "/ed/dos", ("one\ntwo\n", "1\n2\n"))
    assert await read_bytes(agent, "/ed/dos") == b"\xef\xbb\xbf1\r\n2\r\nthree\r\n"
    listed = await agent.call("list_directory", path="/ed", limit=1000)
    modes = {entry["path"]: entry["mode"] for entry in listed["entries"]}
    assert modes["/ed/dos"] == "0700"


async def test_foreign_line_ends_do_not_get_into_a_file(agent: Agent) -> None:
    await write_bytes(agent, "/ed/unix", b"one\ntwo\n")
    await edit(agent, "/ed/unix", ("one\r\n", "1\r\n"))
    assert await read_bytes(agent, "/ed/unix") == b"1\ntwo\n"


async def test_mixed_line_ends_match_either_way(agent: Agent) -> None:
    await write_bytes(agent, "/ed/mix", b"one\r\ntwo\r\nthree\nfour\n")
    await edit(agent, "/ed/mix", ("one\ntwo\n", "1\n2\n"), ("three\n", "3\n"))
    assert await read_bytes(agent, "/ed/mix") == b"1\r\n2\r\n3\nfour\n"


async def test_a_missing_end_of_the_last_line_is_shown(agent: Agent) -> None:
    await agent.call("write_file", path="/ed/i", content="one\ntwo")
    fields = await edit(agent, "/ed/i", ("two", "2"))
    mark = "\\ No newline at end of file\n"
    assert fields["diff"].endswith(f" one\n-two\n{mark}+2\n{mark}")


async def test_a_dry_run_changes_nothing(agent: Agent) -> None:
    before = await agent.call("write_file", path="/ed/j", content="one\n")
    fields = await agent.call(
        "edit_file",
        path="/ed/j",
        edits=[{"old_string": "one", "new_string": "1"}],
        dry_run=True,
    )
    assert fields["dry_run"] is True
    assert "+1\n" in fields["diff"]
    read = await agent.call("read_file", path="/ed/j")
    assert (read["content"], read["etag"]) == ("one\n", before["etag"])


async def test_an_edit_is_refused_when_the_file_has_changed(agent: Agent) -> None:
    fields = await agent.call("write_file", path="/ed/k", content="one\n")
    await agent.call("write_file", path="/ed/k", content="one!\n")
    refused = await agent.refused(
        "edit_file",
        path="/ed/k",
        edits=[{"old_string": "one", "new_string": "1"}],
        if_match=fields["etag"],
    )
    assert refused.code == "ETAG_MISMATCH"
    assert await agent.read("/ed/k") == "one!\n"


async def test_an_edit_loses_nothing_that_a_program_appends(agent: Agent) -> None:
    """Where it wrote between the look and the change, the edit is made anew."""
    await agent.call("write_file", path="/log", content="one\n")
    script = "i=0; while [ $i -lt 300 ]; do echo $i >> log; i=$((i+1)); done"
    started = await agent.call(
        "exec_command", command=script, yield_time_ms=0, background=True
    )
    words = ["one", "two"]
    while "exit_code" not in (
        state := await agent.call(
            "exec_input", session_id=started["session_id"], yield_time_ms=0
        )
    ):
        await edit(agent, "/log", (f"{words[0]}\n", f"{words[1]}\n"))
        words.reverse()
    assert state["exit_code"] == 0
    lines = (await read_bytes(agent, "/log")).decode().split()
    assert lines == [words[0], *map(str, range(300))]


async def test_binary_and_missing_files_are_refused(agent: Agent) -> None:
    await write_bytes(agent, "/ed/bin", b"a\0b")
    pairs = [{"old_string": "a", "new_string": "b"}]
    refused = await agent.refused("edit_file", path="/ed/bin", edits=pairs)
    assert refused.code == "NOT_TEXT"
    refused = await agent.refused("edit_file", path="/ed/none", edits=pairs)
    assert refused.code == "ENOENT"


async def test_edits_given_as_a_string_of_json_are_understood(agent: Agent) -> None:
    """Some hosts send arrays so."""
    await agent.call("write_file", path="/ed/l", content="one\n")
    pairs = '[{"old_string": "one", "new_string": "1"}]'
    await agent.call("edit_file", path="/ed/l", edits=pairs)
    assert await agent.read("/ed/l") == "1\n"


async def test_a_change_all_over_a_large_file_is_shown_in_bounds(agent: Agent) -> None:
    content = "".join(f"x {n}\n" for n in range(20_000))
    await agent.call("write_file", path="/ed/large", content=content)
    fields = await agent.call(
        "edit_file",
        path="/ed/large",
        edits=[{"old_string": "x", "new_string": "y", "expected_count": "all"}],
    )
    assert fields["replacements"] == 20_000
    assert len(fields["diff"]) < 41_000
    assert "bytes elided]" in fields["diff"]
