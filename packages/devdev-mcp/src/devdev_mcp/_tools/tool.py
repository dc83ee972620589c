"""What all tools have in common: their schemas, their threads and their errors.

A tool is a function from arguments to a result, and may raise what the workspace
raises. Here alone that becomes an answer.
"""

import errno
import functools
import inspect
import logging
from collections.abc import Callable
from keyword import iskeyword
from typing import Any, Self, TypeVar

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from mcp.types import CallToolResult, ContentBlock, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from devdev_mcp._callers import ANYBODY, CALLER, Callers
from devdev_mcp._errors import Refusal, ToolFailure, from_refusal
from devdev_mcp._ownership import owning
from devdev_mcp._space import Space
from devdev_mcp._state import ServerState
from devdev_mcp._text import showable

logger = logging.getLogger(__name__)

T = TypeVar("T")

Call = Context[Callers]
"""The call that a tool answers."""

_SHOWN_ERRORS = 5


def space_of(call: Call, workspace: str) -> Space:
    """The workspace that a call is about; waits until it is open."""
    return state_of(call).space(workspace)


def state_of(call: Call) -> ServerState:
    """What the server holds for who makes this call."""
    return call.request_context.lifespan_context.of(_caller(call))


def _caller(call: Call) -> str:
    request = call.request_context.request
    return ANYBODY if request is None else getattr(request.state, CALLER)


async def in_turn(call: Call, function: Callable[[], T]) -> T:
    """Run what blocks in a thread, one of those that this caller may have.

    A call that is cancelled, or whose client is gone, does not wait for it, and ends
    the processes that it owns.
    """
    turns = call.request_context.lifespan_context.turns
    with owning():
        return await anyio.to_thread.run_sync(
            function, abandon_on_cancel=True, limiter=turns.of(_caller(call))
        )


def hints(
    *,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
) -> ToolAnnotations:
    """All four annotations: what is left out would mean the worst case."""
    return ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=idempotent,
        open_world_hint=open_world,
    )


def answer(result: BaseModel, *content: str | ContentBlock) -> CallToolResult:
    """A result in both forms: fields, and a short one for who reads only text."""
    blocks = [
        TextContent(type="text", text=showable(block))
        if isinstance(block, str)
        else block
        for block in content
    ]
    fields = result.model_dump(exclude_defaults=True)
    return CallToolResult(content=blocks, structured_content=showable(fields))


class WorkspaceTool(Tool):
    """A tool that takes no unknown arguments and answers every error as a result."""

    core: bool = True
    """Whether it is offered unless more is asked for."""

    @classmethod
    def make(
        cls,
        function: Callable[..., Any],
        title: str,
        annotations: ToolAnnotations,
        *,
        core: bool = True,
    ) -> Self:
        """Make a tool of a function, its signature and its docstring."""
        tool = cls.from_function(
            _in_thread(function),
            title=title,
            description=inspect.getdoc(function),
            annotations=annotations,
        )
        assert isinstance(tool, cls)
        tool.core = core
        metadata = tool.fn_metadata
        metadata.arg_model = create_model(
            metadata.arg_model.__name__, __base__=(metadata.arg_model, _Strict)
        )
        tool.parameters = _compact(metadata.arg_model.model_json_schema())
        assert metadata.output_schema is not None
        metadata.output_schema = _compact(metadata.output_schema, words=False)
        return tool

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,
    ) -> Any:
        """Run the tool; whatever goes wrong is a result too."""
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            explain = functools.partial(
                self._explain, error.__cause__, context, arguments
            )
            # To say what may have been meant, it looks into the workspace.
            failure = await in_turn(context, explain)
        return CallToolResult(
            content=[TextContent(type="text", text=showable(str(failure)))],
            structured_content={"error": showable(failure.fields())},
            is_error=True,
        )

    def _explain(
        self, cause: BaseException | None, call: Call, arguments: dict[str, Any]
    ) -> ToolFailure:
        if isinstance(cause, ValidationError):
            return self._bad_arguments(cause)
        given = arguments.get("path") or arguments.get("source")
        about = given if isinstance(given, str) else None
        if isinstance(cause, ToolFailure):
            cause.path = cause.path or about
            return cause
        if isinstance(cause, Refusal):
            space = space_of(call, arguments.get("workspace", ""))
            inside = None if about is None else space.inside(about)
            return from_refusal(cause, space.fs, inside)
        if isinstance(cause, OSError):  # of the host: import and export
            code = errno.errorcode.get(cause.errno or 0, "HOST")
            where = cause.filename if isinstance(cause.filename, str) else about
            return ToolFailure(code, cause.strerror or str(cause), path=where)
        logger.error("a bug in the tool %s", self.name, exc_info=cause)
        hint = "This is a bug in the server, whose log on stderr says more."
        return ToolFailure("INTERNAL", f"{self.name} failed", hint=hint)

    def _bad_arguments(self, error: ValidationError) -> ToolFailure:
        problems = []
        for found in error.errors()[:_SHOWN_ERRORS]:
            name = ".".join(map(str, found["loc"]))
            if found["type"] == "extra_forbidden":
                problems.append(f"unknown argument {name!r}")
            else:
                problems.append(f"{name}: {found['msg']}")
        known = ", ".join(self.parameters["properties"]) or "no arguments"
        hint = f"{self.name} takes {known}."
        return ToolFailure("BAD_ARGUMENTS", "; ".join(problems), hint=hint)


class _Strict(ArgModelBase):
    model_config = ConfigDict(extra="forbid")


def _in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Have a function that blocks run in turn; one that does not, as it is."""
    if inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    async def run(call: Call, **arguments: object) -> object:
        # A parameter that is called as a keyword of Python has an alias for its name.
        named = {
            f"{name}_" * iskeyword(name) or name: arguments[name] for name in arguments
        }
        return await in_turn(call, functools.partial(function, call, **named))

    return run


def _compact(schema: dict[str, Any], words: bool = True) -> Any:
    """A schema without what its reader does not need.

    Names are not repeated as titles. What may be null because it may be left out
    is only described as what it otherwise is. Without words there are no descriptions:
    who lists the tools pays for those of each result, and the results are seen.
    Definitions stand where they are used: clients validate each item of a list by
    them, and to follow a reference takes a quarter of that time.
    """
    schema = dict(schema)
    return _shortened(schema, schema.pop("$defs", {}), words)


def _shortened(schema: Any, defined: dict[str, Any], words: bool) -> Any:
    if isinstance(schema, list):
        return [_shortened(item, defined, words) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _shortened(defined[name], defined, words)
    compact: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            compact[key] = {
                name: _shortened(each, defined, words) for name, each in value.items()
            }
        elif key == "description":
            if words and "properties" not in schema:
                compact[key] = value
        elif key != "title":
            compact[key] = _shortened(value, defined, words)
    if "default" in compact and compact["default"] is None:
        del compact["default"]
        choices = [each for each in compact.pop("anyOf") if each != {"type": "null"}]
        compact |= choices[0] if len(choices) == 1 else {"anyOf": choices}
    return compact
