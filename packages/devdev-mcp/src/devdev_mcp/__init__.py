"""An MCP server that gives an agent files and real programs in memory.

It is a program: `devdev-mcp`, or `python -m devdev_mcp`. There is no API to import.
"""

__version__ = "0.1.0"

__all__ = ()
