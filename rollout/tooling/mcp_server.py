"""Tools of MCP servers, through the official library, which is loaded at the first call.

A connection per call: slower, and no server can carry one ticket's state into another's.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from agents.tools.refusals import OutcomeUnknown, ToolFailed
from policies.tools import McpTool, ToolDeclaration
from rollout.notify.target import Forbidden, pinned
from rollout.tooling.secret import secret

KEY: Final = "io.ridealong/idempotency-key"
"""In the ``_meta`` of a call."""
NO_EFFECT: Final = "io.ridealong/no-effect"
"""In the ``_meta`` of an error: true where nothing was changed."""
_PLAIN: Final = ("PATH", "HOME", "LANG", "TZ")
"""What a command sees of our environment."""


class McpServer:
    """Calls tools of kind ``mcp``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def __call__(
        self, tool: ToolDeclaration, arguments: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        assert tool.mcp is not None
        sent = False
        try:
            async with (
                asyncio.timeout(tool.timeout.total_seconds()),
                self._client(tool.name, tool.mcp) as client,
            ):
                sent = True
                name = tool.mcp.tool or tool.name
                answer = await client.call_tool(name, dict(arguments), meta={KEY: key})
                return _read(tool.name, answer)
        except (ToolFailed, OutcomeUnknown):
            raise
        except Exception as error:  # noqa: BLE001 (all that counts is whether it had been sent)
            found = _inner(error)
            if isinstance(found, ToolFailed | OutcomeUnknown):
                raise found from None
            kind = f"{tool.name}: {type(found).__name__}"
            if sent:
                raise OutcomeUnknown(f"{kind} after it was sent") from None
            raise ToolFailed(f"{kind} before anything was sent") from None

    @asynccontextmanager
    async def _client(self, name: str, told: McpTool) -> AsyncIterator[Any]:
        try:
            from mcp import Client, StdioServerParameters
            from mcp.client.streamable_http import streamable_http_client
        except ImportError as error:
            raise ToolFailed(f"{name}: MCP needs the extra: pip install 'ridealong[mcp]'") from error
        if told.command is not None:
            variables = [*_PLAIN, *([told.secret_env] if told.secret_env else [])]
            env = {each: self._environment[each] for each in variables if each in self._environment}
            parameters = StdioServerParameters(command=told.command[0], args=told.command[1:], env=env)
            async with Client(parameters) as client:
                yield client
            return
        import httpx2

        assert told.url is not None
        try:
            url, headers, extensions = await pinned(told.url, private=told.private)
        except Forbidden as error:
            raise ToolFailed(f"{name}: {error}") from None
        if told.secret_env:
            headers["Authorization"] = f"Bearer {secret(self._environment, told.secret_env, name)}"

        async def to_the_one(request: httpx2.Request) -> None:
            request.extensions = {**request.extensions, **extensions}

        async with (
            httpx2.AsyncClient(
                headers=headers,
                follow_redirects=False,
                trust_env=False,
                event_hooks={"request": [to_the_one]},
            ) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client


def _read(tool: str, answer: Any) -> Mapping[str, Any]:
    """What a tool answered. The protocol's error does not say whether something was done before it."""
    if answer.is_error:
        if (answer.meta or {}).get(NO_EFFECT) is True:
            raise ToolFailed(f"{tool}: the server says that it failed, and changed nothing")
        raise OutcomeUnknown(f"{tool}: the server says that it failed, and not that it changed nothing")
    if isinstance(answer.structured_content, dict):
        return answer.structured_content
    texts = [each.text for each in answer.content if getattr(each, "type", "") == "text"]
    return {"text": "\n".join(texts)}


def _inner(error: BaseException) -> BaseException:
    """What went wrong inside a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
