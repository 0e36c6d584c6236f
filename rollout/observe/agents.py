"""How the agents of the agents' process are doing: counted around them, whatever they are made of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents.contract import Agent, Reply, Ticket, Toolset, Triage

FIGURES = "/figures"


class _Counts:
    __slots__ = ("answered", "failed", "running")

    def __init__(self) -> None:
        self.answered = self.failed = self.running = 0


class Watch:
    """Hands out agents that are counted."""

    def __init__(
        self, agent_of: Callable[[str], Agent], breakers: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        """``breakers`` says of each model provider whether its circuit is closed, open or half-open."""
        self._agent_of = agent_of
        self._breakers = breakers
        self._counts: dict[str, _Counts] = {}

    def __call__(self, version: str) -> Agent:
        """The agent of a version; raises what the maker raises."""
        return _Counted(self._agent_of(version), self._counts.setdefault(version, _Counts()))

    def figures(self) -> dict[str, Any]:
        return {
            "versions": [
                {
                    "version": version,
                    "answered": counts.answered,
                    "failed": counts.failed,
                    "running": counts.running,
                }
                for version, counts in sorted(self._counts.items())
            ],
            "providers": [
                {"provider": name, "breaker": state} for name, state in sorted(self._breakers().items())
            ],
        }

    def route(self) -> Route:
        """Where the router asks."""

        async def figures(_: Request) -> Response:
            return Response(orjson.dumps(self.figures()), media_type="application/json")

        return Route(FIGURES, figures, methods=["GET"])


def asker(**lines: httpx.AsyncClient) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """Asks the agents' processes on their lines, by name; None where one does not answer in a second."""

    async def ask() -> dict[str, Any] | None:
        try:
            answers = await asyncio.gather(*(line.get(FIGURES, timeout=1.0) for line in lines.values()))
            told = [orjson.loads(answer.content) for answer in answers]
        except (httpx.HTTPError, ValueError, KeyError):
            return None
        return {
            part: [
                {**row, "process": name} for name, said in zip(lines, told, strict=True) for row in said[part]
            ]
            for part in ("versions", "providers")
        }

    return ask


class _Counted:
    def __init__(self, agent: Agent, counts: _Counts) -> None:
        self._agent = agent
        self._counts = counts

    @property
    def version(self) -> str:
        return self._agent.version

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        counts, done = self._counts, False
        counts.running += 1
        try:
            reply = await self._agent.answer(ticket, triage, tools)
            done = True
        finally:
            counts.running -= 1
            if done:
                counts.answered += 1
            else:
                counts.failed += 1
        return reply
