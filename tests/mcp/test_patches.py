"""Patches of several files, in both forms: all of it, or nothing."""

import pytest

from tests.mcp.calls import Agent

pytestmark = pytest.mark.anyio


async def _write(agent: Agent, **files: str) -> None:
    for name, content in files.items():
        await agent.call("write_file", path=f"/p/{name}", content=content)


async def test_a_unified_diff_adds_changes_renames_and_deletes(agent: Agent) -> None:
    await _write(agent, one="1\n2\n3\n", two="x\n", three="same\n")
    patch = """\
diff --git a/p/one b/p/one
--- a/p/one
+++ b/p/one
@@ -1,3 +1,3 @@
 1
-2
+two
 3
diff --git a/p/two b/p/two
deleted file mode 100644
--- a/p/two
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/p/three b/p/deep/moved
rename from p/three
rename to p/deep/moved
diff --git a/p/run b/p/run
new file mode 100755
--- /dev/null
+++ b/p/run
@@ -0,0 +1,2 @@
+#!/bin/sh
+echo
\\ No newline at end of file
"""
    result = await agent.call("apply_patch", patch=patch)
    changes = {each["path"]: each["status"] for each in result["files"]}
    assert changes == {
        "/p/one": "modified",
        "/p/two": "removed",
        "/p/deep": "added",
        "/p/deep/moved": "renamed",
        "/p/run": "added",
    }
    assert await agent.read("/p/one") == "1\ntwo\n3\n"
    assert await agent.read("/p/deep/moved") == "same\n"
    assert await agent.read("/p/run") == "#!/bin/sh\necho"
    assert (await agent.call("stat", path="/p/run"))["mode"] == "0755"
    etags = {each["path"]: each.get("etag") for each in result["files"]}
    assert etags["/p/one"] == (await agent.call("stat", path="/p/one"))["etag"]
    # The whole patch is one operation.
    await agent.call("undo", op=result["op"])
    assert await agent.read("/p/two") == "x\n"
    assert await agent.read("/p/three") == "same\n"


async def test_the_other_form_says_where_by_lines(agent: Agent) -> None:
    await _write(agent, code="def a():\n    return 1\n\ndef b():\n    return 1\n")
    patch = """\
*** Begin Patch
*** Update File: p/code
*** Move to: p/code.py
@@ def b():
-    return 1
+    return 2
*** Add File: /p/new
+first
+second
*** End Patch
"""
    result = await agent.call("apply_patch", patch=patch)
    content = "def a():\n    return 1\n\ndef b():\n    return 2\n"
    assert await agent.read("/p/code.py") == content
    assert await agent.read("/p/new") == "first\nsecond\n"
    assert (await agent.refused("read_file", path="/p/code")).code == "ENOENT"
    removal = "*** Begin Patch\n*** Delete File: p/new\n*** End Patch"
    await agent.call("apply_patch", patch=removal)
    assert (await agent.refused("read_file", path="/p/new")).code == "ENOENT"
    await agent.call("undo", op=result["op"])
    assert await agent.read("/p/code") == content.replace("2", "1")


async def test_a_hunk_is_found_although_lines_were_added_above(agent: Agent) -> None:
    lines = "".join(f"{n}\n" for n in range(50))
    await _write(agent, moved=f"new\nnew\n{lines}")
    patch = "--- p/moved\n+++ p/moved\n@@ -30,2 +30,2 @@\n 29\n-30\n+thirty\n"
    await agent.call("apply_patch", patch=patch)
    assert await agent.read("/p/moved") == f"new\nnew\n{lines}".replace(
        "\n30\n", "\nthirty\n"
    )


async def test_line_ends_and_the_mark_at_the_beginning_are_kept(agent: Agent) -> None:
    await _write(agent, dos="\ufeffa\r\nb\r\n")
    patch = "--- p/dos\n+++ p/dos\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    await agent.call("apply_patch", patch=patch)
    read = await agent.call("read_file", path="/p/dos")
    assert (read["content"], read["bom"]) == ("a\r\nc\r\n", True)


async def test_if_one_file_does_not_match_none_is_changed(agent: Agent) -> None:
    await _write(agent, good="1\n", bad="alpha beta gamma\n")
    patch = """\
--- a/p/good
+++ b/p/good
@@ -1 +1 @@
-1
+2
--- a/p/bad
+++ b/p/bad
@@ -1 +1 @@
-alpha beta delta
+nothing
"""
    refused = await agent.refused("apply_patch", patch=patch)
    assert (refused.code, refused.error["path"]) == ("NO_MATCH", "/p/bad")
    assert refused.error["nearest"]["line"] == 1
    assert await agent.read("/p/good") == "1\n"


async def test_a_rehearsal_changes_nothing(agent: Agent) -> None:
    await _write(agent, dry="1\n")
    patch = "--- a/p/dry\n+++ b/p/dry\n@@ -1 +1 @@\n-1\n+2\n"
    result = await agent.call("apply_patch", patch=patch, dry_run=True)
    assert "-1\n+2" in result["diff"]
    assert result["op"] == 0
    assert await agent.read("/p/dry") == "1\n"


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "hello",
        "@@ -1 +1 @@\n-1\n+2\n",
        "--- a/p/x\n+++ b/p/x\n@@ -1,5 +1,5 @@\n-1\n",
        "--- a/p/x\n+++ b/p/x\n@@ -1 +1 @@\n*1\n",
        "*** Begin Patch\n*** Update File: p/x\n",
        "*** Begin Patch\n-1\n*** End Patch\n",
        "*** Begin Patch\n*** Add File: p/x\nno plus\n*** End Patch\n",
        "diff --git a/x b/x\nGIT binary patch\n",
    ],
)
async def test_what_is_no_patch_is_refused(agent: Agent, patch: str) -> None:
    refused = await agent.refused("apply_patch", patch=patch)
    assert refused.code == "BAD_PATCH"


async def test_a_file_that_is_there_is_not_added(agent: Agent) -> None:
    await _write(agent, there="1\n")
    patch = "*** Begin Patch\n*** Add File: p/there\n+2\n*** End Patch\n"
    assert (await agent.refused("apply_patch", patch=patch)).code == "EEXIST"
    assert await agent.read("/p/there") == "1\n"
