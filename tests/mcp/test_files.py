"""Reading and writing files."""

import base64

import pytest
from mcp.types import ImageContent

from tests.mcp.calls import PNG, Agent, text_of

pytestmark = pytest.mark.anyio


async def test_what_is_written_is_read(agent: Agent) -> None:
    written = await agent.call("write_file", path="/wr/a.txt", content="one\ntwo\n")
    assert written["created"] is True
    read = await agent.call("read_file", path="/wr/a.txt")
    assert read == {
        "path": "/wr/a.txt",
        "encoding": "utf-8",
        "content": "one\ntwo\n",
        "etag": written["etag"],
        "size": 8,
        "truncated": False,
        "start_line": 1,
        "end_line": 2,
        "total_lines": 2,
        "eol": "lf",
        "bom": False,
    }


async def test_the_text_form_is_the_content_and_a_line_about_it(agent: Agent) -> None:
    fields = await agent.call("write_file", path="/tx/a", content="one\n")
    result = await agent.result("read_file", path="/tx/a")
    note = f"[/tx/a, lines 1-1 of 1, 4 bytes, etag {fields['etag']}]"
    assert text_of(result) == f"one\n\n{note}"


async def test_an_empty_file_has_no_lines(agent: Agent) -> None:
    await agent.call("write_file", path="/empty", content="")
    read = await agent.call("read_file", path="/empty")
    assert (read["content"], read["total_lines"], read["eol"]) == ("", 0, "none")


async def test_a_range_of_lines_is_read_and_where_to_go_on(agent: Agent) -> None:
    content = "".join(f"line {n}\n" for n in range(1, 11))
    await agent.call("write_file", path="/rg/a", content=content)
    read = await agent.call("read_file", path="/rg/a", start_line=3, end_line=5)
    assert read["content"] == "line 3\nline 4\nline 5\n"
    assert (read["next_line"], read["total_lines"]) == (6, 10)
    assert read["truncated"] is False
    rest = await agent.call("read_file", path="/rg/a", start_line=6, end_line=99)
    assert "next_line" not in rest
    assert read["content"] + rest["content"] == content.split("2\n", 1)[1]


async def test_lines_beyond_the_end_are_refused(agent: Agent) -> None:
    await agent.call("write_file", path="/beyond", content="one\n")
    refused = await agent.refused("read_file", path="/beyond", start_line=2)
    assert refused.code == "BAD_RANGE"
    assert "within 1 to 1" in refused.text
    swapped = await agent.refused("read_file", path="/beyond", start_line=1, end_line=0)
    assert swapped.code == "BAD_ARGUMENTS"


async def test_a_long_file_is_read_in_parts_within_the_budget(agent: Agent) -> None:
    content = "".join(f"{n:09}\n" for n in range(1000))
    await agent.call("write_file", path="/long", content=content)
    parts = []
    line = 1
    while line:
        part = await agent.call(
            "read_file", path="/long", start_line=line, max_tokens=500
        )
        assert len(part["content"]) <= 2000
        parts.append(part["content"])
        line = part.get("next_line", 0)
        assert part["truncated"] is bool(line)
    assert len(parts) == 5
    assert "".join(parts) == content


async def test_a_line_over_the_budget_is_read_by_byte_offset(agent: Agent) -> None:
    content = "first\n" + "\u20ac" * 500
    await agent.call("write_file", path="/wide", content=content)
    part = await agent.call("read_file", path="/wide", start_line=2, max_tokens=100)
    parts = [part["content"]]
    while "next_byte_offset" in part:
        assert part["truncated"] is True
        part = await agent.call(
            "read_file",
            path="/wide",
            byte_offset=part["next_byte_offset"],
            max_tokens=100,
        )
        parts.append(part["content"])
    assert "first\n" + "".join(parts) == content
    assert len(parts) == 4


async def test_a_byte_offset_behind_the_end_or_beside_lines_is_refused(
    agent: Agent,
) -> None:
    await agent.call("write_file", path="/off", content="abc")
    behind = await agent.refused("read_file", path="/off", byte_offset=4)
    both = await agent.refused("read_file", path="/off", byte_offset=1, start_line=2)
    assert behind.code == both.code == "BAD_RANGE"


async def test_line_ends_and_byte_order_mark_are_told(agent: Agent) -> None:
    data = b"\xef\xbb\xbfone\r\ntwo\r\n"
    await agent.call(
        "write_file",
        path="/dos",
        content=base64.b64encode(data).decode(),
        encoding="base64",
    )
    read = await agent.call("read_file", path="/dos")
    assert read["content"] == "one\r\ntwo\r\n"
    assert (read["eol"], read["bom"], read["size"]) == ("crlf", True, len(data))
    await agent.call("write_file", path="/both", content="one\r\ntwo\n")
    assert (await agent.call("read_file", path="/both"))["eol"] == "mixed"
    part = await agent.call("read_file", path="/dos", byte_offset=0)
    assert part["content"] == "one\r\ntwo\r\n"


async def test_binary_files_are_read_as_base64_in_parts(agent: Agent) -> None:
    data = bytes(range(256)) * 2
    await agent.call(
        "write_file",
        path="/binary",
        content=base64.b64encode(data).decode(),
        encoding="base64",
    )
    part = await agent.call("read_file", path="/binary", max_tokens=100)
    assert part["encoding"] == "base64"
    assert "total_lines" not in part
    read = b""
    while True:
        read += base64.b64decode(part["content"])
        if "next_byte_offset" not in part:
            break
        part = await agent.call(
            "read_file",
            path="/binary",
            max_tokens=100,
            byte_offset=part["next_byte_offset"],
        )
    assert read == data


async def test_text_is_read_as_base64_when_asked_for(agent: Agent) -> None:
    await agent.call("write_file", path="/as64", content="abc")
    read = await agent.call("read_file", path="/as64", encoding="base64")
    assert base64.b64decode(read["content"]) == b"abc"


async def test_an_image_is_read_as_an_image(agent: Agent) -> None:
    encoded = base64.b64encode(PNG).decode()
    await agent.call("write_file", path="/dot.png", content=encoded, encoding="base64")
    result = await agent.result("read_file", path="/dot.png")
    image = result.content[0]
    assert isinstance(image, ImageContent)
    assert (image.mime_type, image.data) == ("image/png", encoded)
    assert result.structured_content is not None
    assert result.structured_content["encoding"] == "image"
    as_bytes = await agent.call("read_file", path="/dot.png", encoding="base64")
    assert as_bytes["content"] == encoded


async def test_a_missing_file_is_named_with_what_may_be_meant(agent: Agent) -> None:
    await agent.call("write_file", path="/miss/app.py", content="")
    refused = await agent.refused("read_file", path="/miss/ap.py")
    assert refused.text == (
        "ENOENT: /miss/ap.py: no such file or directory. "
        "Did you mean /miss/app.py? Call list_directory on /miss."
    )
    assert refused.error == {
        "code": "ENOENT",
        "path": "/miss/ap.py",
        "hint": "Did you mean /miss/app.py? Call list_directory on /miss.",
        "retryable": False,
    }
    deeper = await agent.refused("read_file", path="/miss/none/deep/a")
    assert deeper.error["hint"] == "Call list_directory on /miss."


async def test_a_file_in_the_middle_of_a_path_is_named(agent: Agent) -> None:
    await agent.call("write_file", path="/obst", content="")
    for tool, more in (("read_file", {}), ("write_file", {"content": ""})):
        refused = await agent.refused(tool, path="/obst/a/b", **more)
        assert refused.code == "ENOTDIR"
        assert "/obst is no directory" in refused.text


async def test_a_directory_is_no_file(agent: Agent) -> None:
    await agent.call("write_file", path="/isdir/a", content="")
    for tool, more in (("read_file", {}), ("write_file", {"content": ""})):
        refused = await agent.refused(tool, path="/isdir", **more)
        assert refused.code == "EISDIR"
        assert "list_directory on /isdir" in refused.text


async def test_arguments_of_the_wrong_type_are_refused(agent: Agent) -> None:
    refused = await agent.refused("read_file", path="/a", start_line="two")
    assert refused.code == "BAD_ARGUMENTS"
    assert "start_line" in refused.text
    missing = await agent.refused("write_file", path="/a")
    assert "content: Field required" in missing.text


async def test_overwriting_keeps_the_mode_unless_one_is_given(agent: Agent) -> None:
    await agent.call("write_file", path="/md/a", content="1", mode="750")
    again = await agent.call("write_file", path="/md/a", content="2")
    assert again["created"] is False
    assert await mode_of(agent, "/md/a") == "0750"
    await agent.call("write_file", path="/md/a", content="3", mode="0600")
    assert await mode_of(agent, "/md/a") == "0600"
    refused = await agent.refused("write_file", path="/md/a", content="", mode="rwx")
    assert refused.code == "BAD_ARGUMENTS"


async def mode_of(agent: Agent, path: str) -> str:
    directory, _, _ = path.rpartition("/")
    listed = await agent.call("list_directory", path=directory)
    modes = {entry["path"]: entry["mode"] for entry in listed["entries"]}
    return str(modes[path])


async def test_appending_adds_at_the_end_and_makes_the_file(agent: Agent) -> None:
    first = await agent.call("write_file", path="/ap", content="1", append=True)
    second = await agent.call("write_file", path="/ap", content="2", append=True)
    assert (first["created"], second["created"]) == (True, False)
    assert second["size"] == 2
    read = await agent.call("read_file", path="/ap")
    assert (read["content"], read["etag"]) == ("12", second["etag"])


async def test_parents_are_made_unless_that_is_declined(agent: Agent) -> None:
    refused = await agent.refused(
        "write_file", path="/par/ents/a", content="", create_parents=False
    )
    assert refused.code == "ENOENT"
    await agent.call("write_file", path="/par/ents/a", content="x")
    assert await agent.read("/par/ents/a") == "x"


async def test_a_write_is_refused_when_the_file_has_changed(agent: Agent) -> None:
    first = await agent.call("write_file", path="/match", content="1")
    second = await agent.call(
        "write_file", path="/match", content="2", if_match=first["etag"]
    )
    refused = await agent.refused(
        "write_file", path="/match", content="3", if_match=first["etag"]
    )
    assert refused.code == "ETAG_MISMATCH"
    assert refused.error["etag"] == second["etag"]
    assert await agent.read("/match") == "2"


async def test_the_same_content_has_the_same_etag(agent: Agent) -> None:
    one = await agent.call("write_file", path="/et/1", content="same")
    other = await agent.call("write_file", path="/et/2", content="same")
    assert one["etag"] == other["etag"]


async def test_what_is_no_base64_is_refused(agent: Agent) -> None:
    refused = await agent.refused(
        "write_file", path="/b64", content="!", encoding="base64"
    )
    assert refused.code == "BAD_ARGUMENTS"
    gone = await agent.refused("read_file", path="/b64")
    assert gone.code == "ENOENT"


async def test_names_that_cannot_be_are_refused(agent: Agent) -> None:
    too_long = await agent.refused("read_file", path="/" + "x" * 256)
    assert too_long.code == "ENAMETOOLONG"
    nul = await agent.refused("write_file", path="/a\0b", content="")
    assert nul.code == "EINVAL"


async def test_json_text_is_taken_as_text(agent: Agent) -> None:
    await agent.call("write_file", path="/j.json", content='{"a": [1, 2]}')
    assert await agent.read("/j.json") == '{"a": [1, 2]}'
