"""An agent behind a URL, held to what every agent is held to.

Hard triggers come before it is asked at all, thresholds and checks after it has answered; whatever goes
wrong in between ends in a packet for a person within the deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Final

from agents.checks import escalation
from agents.checks.conduct import Conduct
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Ticket, Toolset, Triage, Turn, Usage
from agents.deadline import usable
from agents.models.breaker import Provider
from agents.models.failure import CircuitOpen, Late, ModelFailure, Unavailable
from agents.pii import Vault
from agents.remote import contract
from agents.remote.contract import AgentAnswer
from agents.remote.examined import examine
from agents.remote.failure import EndpointUnusable, reason_of
from agents.remote.transport import Endpoint
from agents.roles import handoff
from policies.regions import Policies

MOST_ATTEMPTS: Final = 2
_FIRST_PAUSE: Final = 0.2


@dataclass(slots=True)
class _Turn:
    """One answer under way."""

    ticket: Ticket
    triage: Triage
    ends: float
    started: float
    vault: Vault
    language: str
    attempts: int = 0
    maybe_billed: bool = False
    outcome: str = "ok"
    trace: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RemoteAgent:
    """Asks ``endpoint`` for every turn that no rule keeps from it.

    Personal details are replaced by placeholders before anything is sent and put back in the reply; the
    customer's id is sent as it is, so that the agent can look up what it is entitled to.
    """

    version: str
    endpoint: Endpoint
    rules: EscalationRules
    deadline: float
    """Seconds; a part is kept back, so that a late answer still ends in a packet."""
    provider: Provider = field(default_factory=lambda: Provider("http-agent"))
    """Its breaker and its bound on calls at a time."""
    policies: Policies | None = None
    """The conduct policy of its manifest, by region; without one the common checks apply."""
    timer: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @property
    def breaker_state(self) -> str:
        return self.provider.breaker.state

    async def answer(self, ticket: Ticket, triage: Triage, tools: Toolset) -> Reply:
        """A checked reply, or a hand-off with every reason and a packet. Raises for nothing it is told."""
        turn = self._turn(ticket, triage)
        conduct = Conduct(self.policies.of(ticket.region)) if self.policies is not None else None
        hard = escalation.before(ticket, triage, self.rules, conduct=conduct)
        if hard:
            return self._handed_off(turn, hard)
        try:
            answer = await self._asked(turn, tools)
            text = self._restored(turn, answer)
        except ModelFailure as failure:
            turn.outcome = reason_of(failure)
            return self._handed_off(turn, (turn.outcome,))
        if answer.action == "hand_off":
            return self._handed_off(turn, tuple(answer.reasons), answer)
        sources = answer.cited()
        weighed = escalation.after(
            triage,
            confidence=answer.confidence,
            retrieval_confidence=max((one.relevance for one in sources), default=0.0),
            rules=self.rules,
        )
        verdict = examine(text, ticket, sources, turn.language, conduct)
        first = not any(one.author == "agent" for one in ticket.turns)
        turn.trace.append(verdict.trace)
        if weighed or verdict.reasons:
            reasons = escalation.ordered([*weighed, *verdict.reasons])
            return self._handed_off(turn, reasons, answer, verdict.violations)
        return Reply(
            Action.REPLY,
            text=verdict.text,
            confidence=answer.confidence,
            sources=sources,
            usage=self._usage(turn, answer),
            trace=self._traced(turn, answer),
            notices=conduct.notices() if conduct is not None and first else (),
        )

    def _turn(self, ticket: Ticket, triage: Triage) -> _Turn:
        started = self.timer()
        region = (ticket.region or "").strip().upper()
        return _Turn(
            ticket,
            triage,
            ends=started + usable(self.deadline),
            started=started,
            vault=Vault(regions=[region] if len(region) == 2 else []),
            language=(ticket.language or "en").strip().lower().replace("_", "-").split("-")[0],
        )

    async def _asked(self, turn: _Turn, tools: Toolset) -> AgentAnswer:
        """The answer to a turn, tried again once after a failure that passes."""
        shown = redacted(turn.ticket, turn.vault)
        name = contract.turn_id(turn.ticket)
        while True:
            left = turn.ends - self.timer()
            try:
                if left <= 0:
                    raise Late("no time left to ask", billed=False, broken=False)
                asked = contract.request(
                    self.version, shown, turn.triage, tools, deadline_ms=max(int(left * 1000), 1)
                )
                body = contract.encoded(asked)

                async def send(body: bytes = body) -> AgentAnswer:
                    turn.attempts += 1
                    return contract.read_answer(await self.endpoint.post(body, name), name)

                return await self.provider.call(send, seconds=left)
            except CircuitOpen:
                raise
            except Unavailable as failure:
                turn.maybe_billed |= failure.billed is None
                pause = _FIRST_PAUSE if failure.retry_after is None else failure.retry_after
                if turn.attempts >= MOST_ATTEMPTS or self.timer() + pause >= turn.ends:
                    raise
            except ModelFailure as failure:
                turn.maybe_billed |= failure.billed is None
                raise
            await self.sleep(pause)

    def _restored(self, turn: _Turn, answer: AgentAnswer) -> str:
        if turn.vault.unknown(answer.text):
            raise EndpointUnusable("text: a placeholder that was never given out")
        return turn.vault.restore(answer.text)

    def _handed_off(
        self,
        turn: _Turn,
        reasons: tuple[str, ...],
        answer: AgentAnswer | None = None,
        violations: tuple[str, ...] = (),
    ) -> Reply:
        sources = answer.cited() if answer is not None else ()
        tried = [turn.vault.restore(answer.tried)] if answer is not None and answer.tried else []
        if answer is not None and answer.text:
            tried.append("A draft was written and withheld.")
        packet = handoff.packet(turn.ticket, turn.triage, reasons=reasons, sources=sources[:3], tried=tried)
        return Reply(
            Action.HAND_OFF,
            confidence=answer.confidence if answer is not None else None,
            sources=sources,
            reasons=reasons,
            packet=packet,
            violations=violations,
            usage=self._usage(turn, answer),
            trace=self._traced(turn, answer),
        )

    def _usage(self, turn: _Turn, answer: AgentAnswer | None) -> Usage:
        seconds = max(self.timer() - turn.started, 0.0)
        if answer is None:
            return Usage(cost_usd=None if turn.maybe_billed else 0.0, seconds=seconds)
        told = answer.usage
        cost = None if turn.maybe_billed else told.cost_usd
        return Usage(told.input_tokens, told.output_tokens, cost, seconds, told.model)

    def _traced(self, turn: _Turn, answer: AgentAnswer | None) -> tuple[Mapping[str, Any], ...]:
        """How it went, in names and figures: no text of anybody."""
        asked = {
            "step": "http",
            "contract": contract.CONTRACT,
            "outcome": turn.outcome,
            "attempts": turn.attempts,
            "action": answer.action if answer is not None else None,
            "model": answer.usage.model if answer is not None else None,
            "sources": [one.id for one in answer.sources] if answer is not None else [],
            "redacted": turn.vault.counts(),
        }
        return (asked, *turn.trace)


def redacted(ticket: Ticket, vault: Vault) -> Ticket:
    """The ticket with placeholders in the place of what identifies a person."""
    for text in (ticket.subject, ticket.text, *(turn.text for turn in ticket.turns)):
        vault.learn(text)  # somebody may sign only at the end
    return replace(
        ticket,
        subject=vault.redact(ticket.subject),
        text=vault.redact(ticket.text),
        turns=tuple(Turn(turn.author, vault.redact(turn.text), turn.at) for turn in ticket.turns),
    )
