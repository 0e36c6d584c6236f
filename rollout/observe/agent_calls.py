"""The call of an agent as a span, on both sides of the socket between router and agents."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from agents.contract import Agent, Reply, Ticket, Toolset, Triage
from rollout.observe import spans
from rollout.observe.tracing import Tracing, active, known
from rollout.records import Assigned

if TYPE_CHECKING:
    import httpx

ASSIGNED: Final[ContextVar[Assigned | None]] = ContextVar("assigned", default=None)
"""The decision on the ticket that is being handled, where traces are made."""


def decided(assigned: Assigned) -> dict[str, Any]:
    """A decision as attributes."""
    return {
        "ridealong.arm": assigned.arm,
        "ridealong.mode": assigned.mode or None,
        "ridealong.step": assigned.step or None,
        "ridealong.version": assigned.version,
        "ridealong.reason": assigned.reason,
        "ridealong.position": assigned.position,
    }


async def called(version: str, ticket: Ticket, ask: Callable[[], Awaitable[Reply]]) -> Reply:
    """What ``ask`` answers, with a span around it where traces are made."""
    tracing = active()
    if tracing is None:
        return await ask()
    from opentelemetry.trace import SpanKind

    values = spans.agent_values(version, ticket.ticket_id)
    assigned = ASSIGNED.get()
    if assigned is not None and assigned.ticket_id == ticket.ticket_id:
        values |= decided(assigned)
    name = f"invoke_agent {values['gen_ai.agent.name']}"
    with tracing.span(name, SpanKind.CLIENT, values) as span:
        reply = await ask()
        span.set_attributes(known(spans.reply_values(reply)))
        return reply


def carrying(http: "httpx.AsyncClient") -> "httpx.AsyncClient":
    """``http``, whose requests belong to the trace in which they are sent, where traces are made."""
    tracing = active()
    if tracing is not None:

        async def add(request: "httpx.Request") -> None:
            request.headers.update(tracing.leaving())

        http.event_hooks = {"request": [add]}
    return http


class TracedRoles:
    """Makes agents whose replies are told as spans of their roles, models and tools."""

    def __init__(self, agent_of: Callable[[str], Agent], tracing: Tracing) -> None:
        self._agent_of = agent_of
        self._tracing = tracing

    def __call__(self, version: str) -> Agent:
        return _Roles(self._agent_of(version), self._tracing)


class _Roles:
    def __init__(self, agent: Agent, tracing: Tracing) -> None:
        self._agent = agent
        self._tracing = tracing

    @property
    def version(self) -> str:
        return self._agent.version

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        from opentelemetry.trace import SpanKind

        began = time_ns()
        values = {"http.request.method": "POST", "http.route": "/answer", "gen_ai.agent.id": self.version}
        with self._tracing.span("POST /answer", SpanKind.SERVER, values):
            reply = await self._agent.answer(ticket, triage, tools)
            spans.record(self._tracing, reply, began)
            return reply
