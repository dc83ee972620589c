"""The tools, by family, in the order in which they are listed."""

from devdev_mcp._tools import exec, files, history, workspace
from devdev_mcp._tools.tool import WorkspaceTool as WorkspaceTool

TOOLS: tuple[WorkspaceTool, ...] = (
    *workspace.TOOLS,
    *files.TOOLS,
    *exec.TOOLS,
    *history.TOOLS,
)
