"""An agent behind a URL, held to what every agent is held to.

Hard triggers come before it is asked at all, thresholds and checks after it has answered; whatever goes
wrong in between ends in a packet for a person within the deadline.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from agents.case import meanwhile
from agents.checks import escalation
from agents.checks.conduct import Conduct
from agents.checks.escalation import EscalationRules
from agents.contract import Action, Reply, Ticket, Toolset, Triage, Turn
from agents.deadline import usable
from agents.models.breaker import Provider
from agents.models.failure import ModelFailure
from agents.pii import Vault
from agents.remote import contract
from agents.remote.asking import Asking, Exchange
from agents.remote.contract import AgentAnswer
from agents.remote.examined import examine
from agents.remote.failure import EndpointUnusable, reason_of
from agents.remote.transport import Endpoint
from agents.roles import handoff
from agents.tools.session import Session
from policies.regions import Policies


@dataclass(slots=True)
class _Turn:
    """One answer under way."""

    ticket: Ticket
    triage: Triage
    conduct: Conduct | None
    ends: float
    started: float
    vault: Vault
    language: str
    session: Session
    exchange: Exchange = field(default_factory=Exchange)
    outcome: str = "ok"
    trace: list[Mapping[str, Any]] = field(default_factory=list)
    """What was examined."""
    calls: list[Mapping[str, Any]] = field(default_factory=list)


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
        turn = self._turn(ticket, triage, tools)
        evaluated = escalation.evaluate(ticket, triage, self.rules, conduct=turn.conduct)
        turn.trace.append(evaluated.trace())
        if evaluated.escalates:
            return self._handed_off(turn, evaluated.codes)
        try:
            answer = await self._asked(turn, tools)
            text = "" if answer is None else self._restored(turn, answer)
        except ModelFailure as failure:
            turn.outcome = reason_of(failure)
            return self._handed_off(turn, (turn.outcome,))
        if answer is None:
            return self._handed_off(turn, turn.session.reasons)
        if answer.action == "hand_off":
            return self._handed_off(turn, tuple(answer.reasons), answer)
        return self._weighed(turn, answer, text)

    def _weighed(self, turn: _Turn, answer: AgentAnswer, text: str) -> Reply:
        """A reply where nothing speaks against it."""
        ticket, sources = turn.ticket, answer.cited()
        weighed = escalation.weigh(
            turn.triage,
            confidence=answer.confidence,
            retrieval_confidence=max((one.relevance for one in sources), default=0.0),
            rules=self.rules,
            conduct=turn.conduct,
        )
        verdict = examine(text, ticket, sources, turn.language, turn.conduct, turn.session.results)
        first = not any(one.author == "agent" for one in ticket.turns)
        turn.trace += [weighed.trace(), verdict.trace]
        if weighed.escalates or verdict.reasons:
            reasons = escalation.ordered([*weighed.codes, *verdict.reasons])
            return self._handed_off(turn, reasons, answer, verdict.violations)
        return Reply(
            Action.REPLY,
            text=verdict.text,
            confidence=answer.confidence,
            sources=sources,
            usage=turn.exchange.usage(self._seconds(turn)),
            trace=self._traced(turn, answer),
            notices=turn.conduct.notices() if turn.conduct is not None and first else (),
        )

    def _turn(self, ticket: Ticket, triage: Triage, tools: Toolset) -> _Turn:
        started = self.timer()
        ends = started + usable(self.deadline)
        region = (ticket.region or "").strip().upper()
        vault = Vault(regions=[region] if len(region) == 2 else [])
        calls: list[Mapping[str, Any]] = []
        return _Turn(
            ticket,
            triage,
            Conduct(self.policies.of(ticket.region)) if self.policies is not None else None,
            ends=ends,
            started=started,
            vault=vault,
            language=(ticket.language or "en").strip().lower().replace("_", "-").split("-")[0],
            session=Session(tools, vault, ends=ends, timer=self.timer, log=calls.append),
            calls=calls,
        )

    async def _asked(self, turn: _Turn, tools: Toolset) -> AgentAnswer | None:
        asking = Asking(self.version, self.endpoint, self.provider, self.timer, self.sleep)
        shown = redacted(turn.ticket, turn.vault)
        return await asking.asked(shown, turn.triage, tools, turn.session, turn.exchange, turn.ends)

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
        tried += turn.session.told()
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
            usage=turn.exchange.usage(self._seconds(turn)),
            trace=self._traced(turn, answer),
            meanwhile=meanwhile(turn.conduct, turn.ticket, turn.triage),
        )

    def _seconds(self, turn: _Turn) -> float:
        return max(self.timer() - turn.started, 0.0)

    def _traced(self, turn: _Turn, answer: AgentAnswer | None) -> tuple[Mapping[str, Any], ...]:
        """How it went, in names and figures: no text of anybody."""
        asked = {
            "step": "http",
            "contract": contract.CONTRACT,
            "outcome": turn.outcome,
            "attempts": turn.exchange.attempts,
            "rounds": turn.session.rounds,
            "action": answer.action if answer is not None else None,
            "model": answer.usage.model if answer is not None else None,
            "sources": [one.id for one in answer.sources] if answer is not None else [],
            "redacted": turn.vault.counts(),
            "seconds": self._seconds(turn),
        }
        return (asked, *turn.calls, *turn.trace)


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
