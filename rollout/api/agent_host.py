"""Agents in a process of their own, and what the router calls them by.

An agent that is slow, blocks its thread, leaks or dies takes nothing of the router with it: to the live
path it is an agent like any other, whose answer is late or an error, and a human takes the ticket.
Model libraries and provider keys are in that process only.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import httpx
import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents.contract import Agent, Reply, Ticket, Toolset, Triage
from agents.tools import Tools
from rollout.api import tool_line
from rollout.observe.agent_calls import called, carrying

_REPLY: Final = TypeAdapter(Reply)
_TICKET: Final = TypeAdapter(Ticket)
_TRIAGE: Final = TypeAdapter(Triage)
_LARGEST_REPLY: Final = 1024 * 1024
LONGEST_SECONDS: Final = 120.0
_log = logging.getLogger(__name__)


class AgentFailed(RuntimeError):
    """The agent gave no usable answer. Names the version and the cause, never a text."""


class RemoteAgent:
    """One version behind the agents' socket. ``answer`` raises whatever goes wrong, soon."""

    def __init__(self, version: str, http: httpx.AsyncClient) -> None:
        self._version = version
        self._http = http

    @property
    def version(self) -> str:
        return self._version

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        """The agent's reply.

        Raises:
            AgentFailed: the process is away, or the agent failed or answered nonsense.

        """
        return await called(self.version, ticket, lambda: self._asked(ticket, triage, tools))

    async def _asked(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        asked: dict[str, Any] = {"version": self.version, "ticket": ticket, "triage": triage}
        described = tool_line.offered(tools)
        if described is not None:
            asked["tools"] = described
        try:
            answer = await self._http.post("/answer", content=orjson.dumps(asked))
            for _ in range(tool_line.MOST_STEPS):
                if answer.status_code != tool_line.CALL:
                    break
                step = orjson.loads(answer.content)
                made = await tool_line.called(tools, step["call"])
                answer = await self._http.post(f"/answer/{step['run']}", content=made)
            if answer.status_code == tool_line.CALL:
                raise AgentFailed(
                    f"{self.version}: more than {tool_line.MOST_STEPS} tool calls for one answer"
                )
            if not answer.is_success or len(answer.content) > _LARGEST_REPLY:
                raise AgentFailed(f"{self.version}: the agents' process answered {answer.status_code}")
            return _REPLY.validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            raise AgentFailed(f"{self.version}: {type(error).__name__}") from None


def connect(socket: str) -> httpx.AsyncClient:
    """The line to the agents' process. It has no timeout: the live path's deadline rules."""
    transport = httpx.AsyncHTTPTransport(uds=socket, limits=httpx.Limits(max_connections=256))
    timeout = httpx.Timeout(None, connect=1.0)
    http = httpx.AsyncClient(transport=transport, base_url="http://agents", timeout=timeout, trust_env=False)
    return carrying(http)


def create_app(
    agent_of: Callable[[str], Agent],
    *,
    out_of_memory: Callable[[], None] = lambda: None,
    longest: float = LONGEST_SECONDS,
) -> Starlette:
    """The agents' process as an application, on a private socket.

    Args:
        agent_of: makes the agent of a version.
        out_of_memory: called when an agent was refused memory; may end the process.
        longest: seconds after which an agent is given up here. Whoever asked has gone long before.

    """

    async def answer(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        ticket = _TICKET.validate_json(orjson.dumps(asked["ticket"]))
        triage = _TRIAGE.validate_json(orjson.dumps(asked["triage"]))
        version = str(asked["version"])

        async def answered(tools: Toolset) -> Reply:
            agent = await asyncio.to_thread(agent_of, version)
            async with asyncio.timeout(longest):
                return await agent.answer(ticket, triage, tools)

        if asked.get("tools") is not None:
            return await runs.begin(asked["tools"], answered)
        alone = asyncio.ensure_future(answered(Tools()))
        await asyncio.wait({alone})
        return finished(alone)

    def finished(task: "asyncio.Future[Reply]") -> Response:
        try:
            body = orjson.dumps(task.result())
        except MemoryError:
            _log.critical("an agent ran out of memory")
            out_of_memory()
            return Response(b'{"failed":"MemoryError"}', 500, None, "application/json")
        except asyncio.CancelledError:
            return Response(b'{"failed":"CancelledError"}', 500, None, "application/json")
        except Exception as error:  # noqa: BLE001 - whatever an agent does, the next one is asked
            _log.exception("an agent gave no answer")
            return Response(orjson.dumps({"failed": type(error).__name__}), 500, None, "application/json")
        return Response(body, media_type="application/json")

    runs = tool_line.Runs(finished)
    return Starlette(
        routes=[
            Route("/answer", answer, methods=["POST"]),
            Route("/answer/{run}", runs.go_on, methods=["POST"]),
        ]
    )
