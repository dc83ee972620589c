"""devdev-mcp with the tools, resources and prompts that the conformance suite calls.

    python -m tests.mcp.conformance_server --http --port 0

The suite cannot know what a server offers, so most of its scenarios call things of
fixed names. They are added to what our own factory makes: what is tested is the
server, its transports and the SDK below. What asks the client for something in the
current protocol (`input-required-...`) is left out, for devdev asks for nothing.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import anyio
from devdev_mcp import __main__ as program
from devdev_mcp import _server
from devdev_mcp._callers import Callers
from devdev_mcp._server import WorkspaceServer, create_server
from devdev_mcp._tools import Profile
from mcp.server import MCPServer
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Audio, Context, Image
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    EmbeddedResource,
    InputRequiredResult,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import AnyUrl, BaseModel, Field

# One red pixel, and the header of a sound without samples.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944"
    "4154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
WAV = bytes.fromhex(
    "524946462400000057415645666d7420100000000100010044ac000088580100020010006461746100000000"
)


class Answer(BaseModel):
    """What a user is asked for."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """A form with a default for each primitive type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


TITLES = [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]
CHOICES: dict[str, Any] = {
    "untitledSingle": {"type": "string", "enum": ["one", "two"]},
    "titledSingle": {"type": "string", "oneOf": TITLES},
    "legacyEnum": {"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
    "untitledMulti": {
        "type": "array",
        "items": {"type": "string", "enum": ["one", "two"]},
    },
    "titledMulti": {"type": "array", "items": {"anyOf": TITLES}},
}
"""Each way in which a form can offer a choice."""


class ConformanceServer(WorkspaceServer):
    """The server, which also reads what is under `test:`."""

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Callers, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        if str(uri).startswith("test:"):
            found = await MCPServer.read_resource(self, uri, context)
            assert not isinstance(found, InputRequiredResult)
            return found
        return await super().read_resource(uri, context)


def embedded(uri: str, text: str) -> EmbeddedResource:
    """A resource in a message."""
    resource = TextResourceContents(uri=uri, mime_type="text/plain", text=text)
    return EmbeddedResource(type="resource", resource=resource)


def add_tools(server: MCPServer[Any]) -> None:
    """Those of one answer, and those that talk while they run."""

    @server.tool(structured_output=False)
    def test_simple_text() -> str:
        """A text."""
        return "This is a simple text response for testing."

    @server.tool(structured_output=False)
    def test_image_content() -> Any:
        """An image."""
        return Image(data=PNG, format="png")

    @server.tool(structured_output=False)
    def test_audio_content() -> Any:
        """A sound."""
        return Audio(data=WAV, format="wav")

    @server.tool(structured_output=False)
    def test_embedded_resource() -> Any:
        """A resource."""
        return embedded("test://embedded-resource", "This is an embedded resource.")

    @server.tool(structured_output=False)
    def test_multiple_content_types() -> Any:
        """A text, an image and a resource."""
        text = TextContent(type="text", text="Multiple content types test:")
        resource = embedded("test://mixed-content-resource", '{"test":"data"}')
        return [text, Image(data=PNG, format="png"), resource]

    @server.tool()
    def test_error_handling() -> str:
        """An error."""
        raise ValueError("This tool intentionally returns an error for testing")

    @server.tool(structured_output=False)
    async def test_tool_with_progress(context: Context[Any, Any]) -> str:
        """Tells how far it is."""
        for done in (0, 50, 100):
            await context.report_progress(done, 100)
            await anyio.lowlevel.checkpoint()
        return "Tool with progress executed successfully"

    @server.tool(structured_output=False)
    async def test_tool_with_logging(context: Context[Any, Any]) -> str:
        """Logs."""
        for message in ("Tool execution started", "processing data", "completed"):
            await context.info(message)
        return "Tool with logging executed successfully"

    @server.tool(structured_output=False)
    async def test_sampling(prompt: str, context: Context[Any, Any]) -> str:
        """Asks the client's model."""
        content = TextContent(type="text", text=prompt)
        message = SamplingMessage(role="user", content=content)
        result = await context.session.create_message([message], max_tokens=100)
        return f"LLM response: {result.content}"

    @server.tool(structured_output=False)
    async def test_elicitation(message: str, context: Context[Any, Any]) -> str:
        """Asks the user."""
        result = await context.elicit(message, Answer)
        return f"User response: {result.action}"

    @server.tool(structured_output=False)
    async def test_elicitation_sep1034_defaults(context: Context[Any, Any]) -> str:
        """Asks the user, with defaults."""
        result = await context.elicit("Please fill in the form", Defaults)
        return f"Elicitation completed: {result.action}"

    @server.tool(structured_output=False)
    async def test_elicitation_sep1330_enums(context: Context[Any, Any]) -> str:
        """Asks the user to choose."""
        form = {"type": "object", "properties": CHOICES}
        result = await context.session.elicit_form("Please choose", form)
        return f"Elicitation completed: {result.action}"


def add_resources(server: MCPServer[Any]) -> None:
    """A text, bytes, and a template."""

    @server.resource("test://static-text", mime_type="text/plain")
    def text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def binary() -> bytes:
        return PNG

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}'

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content"


def add_prompts(server: MCPServer[Any]) -> None:
    """Without arguments, with them, and with more than text."""

    @server.prompt()
    def test_simple_prompt() -> str:
        """A text."""
        return "This is a simple prompt for testing."

    @server.prompt()
    def test_prompt_with_arguments(
        arg1: Annotated[str, Field(description="First test argument")],
        arg2: Annotated[str, Field(description="Second test argument")],
    ) -> str:
        """A text made of arguments."""
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> Any:
        """A resource and a text."""
        text = TextContent(type="text", text="Please process the embedded resource.")
        resource = embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(resource), UserMessage(text)]

    @server.prompt()
    def test_prompt_with_image() -> Any:
        """An image and a text."""
        text = TextContent(type="text", text="Please analyze the image above.")
        return [UserMessage(Image(data=PNG, format="png")), UserMessage(text)]


def create(
    callers: Callers, when_closed: Callable[[], None], profile: Profile = "core"
) -> WorkspaceServer:
    """What the factory makes, and the fixtures."""
    server = create_server(callers, when_closed, profile)
    server.__class__ = ConformanceServer
    add_tools(server)
    add_resources(server)
    add_prompts(server)
    return server


if __name__ == "__main__":
    _server.create_server = create
    program.main()
