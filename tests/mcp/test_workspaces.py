"""Several workspaces: forks, merges, and the way in and out of the host."""

import os
import sys
import tarfile
from pathlib import Path

import anyio
import pytest

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio

LICENSE = Path(__file__).parents[2] / "LICENSE"


async def _fork(agent: Agent, **arguments: object) -> str:
    fork = await agent.call("workspace_fork", **arguments)
    assert isinstance(fork["workspace"], str)
    return fork["workspace"]


async def test_a_fork_goes_its_own_way_and_is_merged(agent: Agent) -> None:
    await agent.call("write_file", path="/w/text", content="1\n2\n3\n4\n5\n")
    fork = await _fork(agent, label="trial")
    pair = {"old_string": "5", "new_string": "five"}
    await agent.call("edit_file", path="/w/text", edits=[pair], workspace=fork)
    await agent.call("move", source="/w", destination="/v", workspace=fork)
    pair = {"old_string": "1", "new_string": "one"}
    await agent.call("edit_file", path="/w/text", edits=[pair])
    assert await agent.read("/w/text") == "one\n2\n3\n4\n5\n"
    rehearsed = await agent.call("merge", source=fork, dry_run=True)
    assert rehearsed["op"] == 0
    assert await agent.read("/w/text") == "one\n2\n3\n4\n5\n"
    merged = await agent.call("merge", source=fork)
    assert await agent.read("/v/text") == "one\n2\n3\n4\nfive\n"
    assert merged["files"] == rehearsed["files"]
    await agent.call("undo", op=merged["op"])
    assert await agent.read("/w/text") == "one\n2\n3\n4\n5\n"
    await agent.call("workspace_close", workspace=fork, discard=True)
    refused = await agent.refused("read_file", path="/v", workspace=fork)
    assert refused.code == "NO_WORKSPACE"


async def test_conflicts_are_told_and_resolved_as_asked(agent: Agent) -> None:
    await agent.call("write_file", path="/wc", content="1\n")
    fork = await _fork(agent)
    await agent.call("write_file", path="/wc", content="theirs\n", workspace=fork)
    await agent.call("write_file", path="/wc", content="ours\n")
    refused = await agent.refused("merge", source=fork)
    assert refused.code == "CONFLICT"
    assert refused.error["conflicts"][0]["path"] == "/wc"
    told = await agent.call("merge", source=fork, on_conflict="data")
    assert (told["op"], len(told["conflicts"])) == (0, 1)
    assert await agent.read("/wc") == "ours\n"
    await agent.call("merge", source=fork, on_conflict="markers")
    content = await agent.read("/wc")
    assert "ours\n" in content
    assert "theirs\n" in content
    await agent.call("workspace_close", workspace=fork, discard=True)


async def test_a_fork_of_a_snapshot_begins_there(agent: Agent) -> None:
    await agent.call("write_file", path="/ws", content="then")
    taken = await agent.call("snapshot")
    await agent.call("write_file", path="/ws", content="now")
    fork = await _fork(agent, **{"from": taken["id"]})
    there = await agent.call("read_file", path="/ws", workspace=fork)
    assert there["content"] == "then"
    info = await agent.call("workspace_info", workspace=fork)
    assert info["digest"] == taken["digest"]
    await agent.call("workspace_close", workspace=fork)


@pytest.mark.fuse
async def test_programs_of_a_fork_see_only_its_files(agent: Agent) -> None:
    fork = await _fork(agent)
    assert await agent.shell("echo fork > /dev/stdout; echo 1 > wf", workspace=fork)
    assert await agent.shell("cat wf", workspace=fork) == "1\n"
    assert (await agent.refused("read_file", path="/wf")).code == "ENOENT"
    listed = (await agent.call("workspace_list"))["workspaces"]
    assert {each["id"]: each.get("origin") for each in listed} == {
        "w1": None,
        fork: "w1",
    }
    assert len({each["mount"] for each in listed}) == 2
    refused = await agent.refused("workspace_close", workspace=fork)
    assert refused.code == "UNSAVED"
    await agent.call("workspace_close", workspace=fork, discard=True)


async def test_a_directory_comes_in_and_goes_out(
    agent: Agent, host_root: Path, tmp_path: Path
) -> None:
    source = host_root / f"in-{os.urandom(4).hex()}"
    (source / "deep").mkdir(parents=True)
    (source / "deep/file").write_text("content\n")
    (source / "deep/file").chmod(0o755)
    (source / "link").symlink_to("deep/file")
    if sys.platform == "linux":
        os.mkfifo(source / "fifo")
    taken = await agent.call(
        "import_path", source=str(source), destination=f"/in/{agent.era}"
    )
    assert taken["count"] == 3
    assert await agent.read(f"/in/{agent.era}/link") == "content\n"
    out = source.with_name(f"{source.name}-out")
    await agent.call("export_path", path=f"/in/{agent.era}", destination=str(out))
    assert (out / "link").readlink() == Path("deep/file")
    assert (out / "deep/file").read_text() == "content\n"
    assert (out / "deep/file").stat().st_mode & 0o777 == 0o755
    again = await agent.refused("export_path", destination=str(out))
    assert again.code == "EEXIST"
    await agent.call("undo", op=taken["op"])
    assert (await agent.refused("stat", path=f"/in/{agent.era}")).code == "ENOENT"


@pytest.mark.parametrize("form", ["tar", "zip"])
async def test_an_archive_goes_out_and_comes_in(
    agent: Agent, host_root: Path, form: str
) -> None:
    await agent.call("write_file", path="/arc/deep/file", content="1")
    file = host_root / f"{agent.era}.{form}"
    out = await agent.call(
        "export_path", path="/arc", destination=str(file), format=form
    )
    assert out["bytes"] == file.stat().st_size
    taken = await agent.call("import_path", source=str(file), destination="/arc2")
    assert await agent.read("/arc2/deep/file") == "1"
    await agent.call("undo", op=taken["op"])


async def test_a_compressed_archive_comes_in(agent: Agent, host_root: Path) -> None:
    file = host_root / f"{agent.era}.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.add(LICENSE, "license")
    await agent.call("import_path", source=str(file), destination=f"/gz{agent.era}")
    assert (await agent.read(f"/gz{agent.era}/license")).startswith("MIT License")


async def test_a_patch_goes_out_that_git_applies(agent: Agent, host_root: Path) -> None:
    await agent.call("write_file", path="/pt", content="1\n")
    await agent.call("snapshot", label="patch")
    await agent.call("write_file", path="/pt", content="2\n")
    file = host_root / f"{agent.era}.patch"
    await agent.call(
        "export_path", destination=str(file), format="patch", since="patch"
    )
    where = host_root / f"apply-{agent.era}"
    where.mkdir()
    (where / "pt").write_text("1\n")
    await anyio.run_process(["git", "apply", str(file)], cwd=where)
    assert (where / "pt").read_text() == "2\n"


async def test_no_other_host_path_is_used(
    agent: Agent, host_root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (host_root / f"way-out-{agent.era}").symlink_to(outside)
    way_out = host_root / f"way-out-{agent.era}"
    for path in (
        str(outside),
        f"{host_root}/../{outside.name}",
        f"{host_root}-other",
        str(way_out),
        str(way_out / "x"),
        "/etc",
        "relative",
    ):
        for call in (
            agent.refused("import_path", source=path),
            agent.refused("export_path", destination=f"{path}/new"),
        ):
            refused = await call
            assert refused.code in ("HOST_PATH_REFUSED", "ENOTDIR"), path
    assert list(outside.iterdir()) == []


async def test_what_is_no_archive_is_refused_and_changes_nothing(
    agent: Agent, host_root: Path
) -> None:
    file = host_root / f"{agent.era}.junk"
    file.write_bytes(b"junk" * 1000)
    before = (await agent.call("workspace_info"))["digest"]
    refused = await agent.refused("import_path", source=str(file), destination="/junk")
    assert refused.code == "BAD_ARCHIVE"
    assert (await agent.call("workspace_info"))["digest"] == before
    missing = await agent.refused("import_path", source=f"{file}-missing")
    assert missing.code == "ENOENT"
