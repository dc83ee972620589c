"""The tools, by family, in the order in which they are listed."""

from typing import Literal

from devdev_mcp._tools import (
    exec,
    history,
    host,
    looking,
    names,
    reading,
    workspace,
    writing,
)
from devdev_mcp._tools.tool import WorkspaceTool as WorkspaceTool

Profile = Literal["core", "full", "readonly"]
"""What is offered: the usual, all, or what changes nothing."""

TOOLS: tuple[WorkspaceTool, ...] = (
    *workspace.TOOLS,
    *reading.TOOLS,
    *writing.TOOLS,
    *looking.TOOLS,
    *names.TOOLS,
    *exec.TOOLS,
    *history.TOOLS,
    *host.TOOLS,
)


def tools_of(profile: Profile) -> list[WorkspaceTool]:
    """The tools that a profile offers; the others are not there at all."""
    match profile:
        case "core":
            return [tool for tool in TOOLS if tool.core]
        case "full":
            return list(TOOLS)
        case "readonly":
            return [tool for tool in TOOLS if _changes_nothing(tool)]


def _changes_nothing(tool: WorkspaceTool) -> bool:
    return tool.annotations is not None and bool(tool.annotations.read_only_hint)
