"""The exchange with another's agent about one turn: signed requests, tried again once, and its tool calls.

Calls that it wants are made here, by the same session as a hosted model's, and it is asked again with
what came of them. Every request holds all results so far, so that it need not remember anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from agents.contract import Ticket, Toolset, Triage, Usage
from agents.models.breaker import Provider
from agents.models.failure import CallsNoEnd, CircuitOpen, Late, ModelFailure, Unavailable
from agents.remote import contract
from agents.remote.contract import AgentAnswer, Called
from agents.remote.failure import EndpointUnusable
from agents.remote.transport import Endpoint
from agents.tools.session import Session

MOST_ATTEMPTS: Final = 2
_FIRST_PAUSE: Final = 0.2


@dataclass(slots=True)
class Exchange:
    """What the requests of one answer have come to."""

    attempts: int = 0
    maybe_billed: bool = False
    answers: list[AgentAnswer] = field(default_factory=list)
    """One per round, the last one to be looked at."""
    results: list[Mapping[str, Any]] = field(default_factory=list)
    """What came of calls, as they were asked for."""

    def usage(self, seconds: float) -> Usage:
        """What all of it took. A cost that any round leaves out, or that nobody knows, is unknown."""
        told = [answer.usage for answer in self.answers]
        costs = [one.cost_usd for one in told if one.cost_usd is not None]
        known = bool(told) and len(costs) == len(told) and not self.maybe_billed
        free = not told and not self.maybe_billed
        return Usage(
            sum(one.input_tokens for one in told),
            sum(one.output_tokens for one in told),
            sum(costs) if known else (0.0 if free else None),
            seconds,
            next((one.model for one in reversed(told) if one.model), None),
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one endpoint. Shared by all turns."""

    version: str
    endpoint: Endpoint
    provider: Provider
    timer: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def asked(
        self, shown: Ticket, triage: Triage, tools: Toolset, session: Session, done: Exchange, ends: float
    ) -> AgentAnswer | None:
        """A reply or a hand-off; ``None`` where its calls left something to a person.

        Args:
            shown: the ticket, redacted.
            triage: of the ticket.
            tools: of the run, to be described.
            session: through which they are called.
            done: what it came to is entered here.
            ends: moment of the timer until which everything has to be done.

        Raises:
            ModelFailure: no answer that can be used.

        """
        while True:
            answer = await self._round(shown, triage, tools, session, done, ends)
            done.answers.append(answer)
            if answer.action != "call_tools":
                return answer
            more = session.left > 0
            session.rounds += 1
            for call in answer.tool_calls:
                made = await session.call(call.name, call.arguments)
                if session.reasons:
                    return None
                done.results.append({**session.shown(made), "arguments": call.arguments})
            if not session.named:
                raise EndpointUnusable("action: it calls tools, and was offered none")
            if not more:
                raise CallsNoEnd("it goes on calling tools where it has to answer")

    async def _round(
        self, shown: Ticket, triage: Triage, tools: Toolset, session: Session, done: Exchange, ends: float
    ) -> AgentAnswer:
        """One answer, asked for once more after a failure that passes."""
        called = Called(session.rounds, session.left, done.results)
        name = contract.turn_id(shown, session.rounds)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            left = ends - self.timer()
            try:
                if left <= 0:
                    raise Late("no time left to ask", billed=False, broken=False)
                asked = contract.request(
                    self.version, shown, triage, tools, deadline_ms=max(int(left * 1000), 1), called=called
                )
                body = contract.encoded(asked)

                async def send(body: bytes = body) -> AgentAnswer:
                    done.attempts += 1
                    return contract.read_answer(await self.endpoint.post(body, name), name)

                return await self.provider.call(send, seconds=left)
            except CircuitOpen:
                raise
            except Unavailable as failure:
                done.maybe_billed |= failure.billed is None
                pause = _FIRST_PAUSE if failure.retry_after is None else failure.retry_after
                if attempt == MOST_ATTEMPTS or self.timer() + pause >= ends:
                    raise
            except ModelFailure as failure:
                done.maybe_billed |= failure.billed is None
                raise
            await self.sleep(pause)
        raise AssertionError("the last attempt returns or raises")
