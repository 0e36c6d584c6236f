"""The live path: the agent answers, or a human does. On any doubt a human does.

Nothing is raised into the live path. The result says what goes to the customer, what waits at the
desk, and what is to be recorded; the conductor sends and records.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from inspect import isawaitable
from time import monotonic
from typing import Any, Final

import orjson

from agents.checks import validator
from agents.checks.disclosures import noticed
from agents.checks.evaluation import policy_of
from agents.contract import Action, Agent, Packet, Ticket, Toolset, Triage, Usage
from agents.pii import Vault
from agents.roles import handoff
from agents.roles.knowledge import oldest
from agents.roles.triage import triage as common_triage
from rollout.clock import Clock
from rollout.handle.attempt import Attempt, attempt
from rollout.handle.human import HumanDesk, queue_of
from rollout.records import Escalated, Event, Handled, Kind

HAND_OFF_MESSAGE: Final = (
    "Thank you for your message. A colleague will take a look at it and answer you personally."
)
FAILED: Final = "agent-failed"
BLOCKED: Final = "reply-broke-a-rule"
TAKEN_OVER: Final = "taken-over"
FENCE_FAILED: Final = "state-unknown"
_WITHHELD: Final = "The agent's reply was withheld."
NOT_ASKED: Final = Attempt(None, None, None, 0.0)
"""The run of an agent that may not speak: it cost nothing and took no time."""

Fence = Callable[[Ticket], str | Awaitable[str | None] | None]
"""Whether the agent may still speak: ``None`` when it may, ``taken-over`` when a human answers already,
any other reason (a rollback, say) when a human has to."""
_SILENT: Final[Mapping[str, Any]] = {"turns": 0, "first_response_at": None}


@dataclass(frozen=True, slots=True)
class Handling:
    """What came of one turn."""

    ticket: Ticket
    message: str
    """What the customer gets now; empty only when a human has taken over and speaks for the desk."""
    handled: Handled
    """The agent's part, as it is recorded."""
    escalated: Escalated | None = None
    packet: Packet | None = None
    withheld: str = ""
    """A reply that was not sent, kept for those who look into it."""
    trace: tuple[Mapping[str, Any], ...] = ()
    """How the agent came to it: reasons with inputs and thresholds, policies by digest; nobody's text."""

    def taken_over(self) -> "Handling":
        """The same, where a human spoke before it could be sent: what it says is withheld."""
        said = self.message if self.by_agent else self.withheld
        outcome = "failed" if self.handled.outcome == "failed" else "handed_off"
        handled = replace(self.handled, outcome=outcome, **_SILENT)
        return replace(self, message="", handled=handled, escalated=None, packet=None, withheld=said)

    def released(self, reason: str) -> "Handling":
        """The same, where the version was taken out of service before it could be sent: a human answers."""
        triage, reasons = common_triage(self.ticket), (reason,)
        packet = handoff.packet(self.ticket, triage, reasons=reasons, tried=[_WITHHELD])
        escalated = Escalated(
            self.ticket.ticket_id, reason, reasons, queue=queue_of(self.ticket, triage, reasons)
        )
        handled = replace(self.handled, outcome="handed_off")
        return replace(
            self,
            message=HAND_OFF_MESSAGE,
            handled=handled,
            escalated=escalated,
            packet=packet,
            withheld=self.message,
        )

    @property
    def by_agent(self) -> bool:
        """Whether the customer got the agent's own words."""
        return self.handled.outcome == "replied"

    def texts(self) -> Mapping[str, str]:
        """The texts to keep, by part; their references go into ``events``.

        What was withheld is kept without what identifies people: it may name somebody else.
        """
        parts = {
            "reply": self.message,
            "withheld": Vault().redact(self.withheld),
            "packet": handoff.render(self.packet) if self.packet else "",
            "trace": orjson.dumps(self.trace, default=str).decode() if self.trace else "",
        }
        return {part: text for part, text in parts.items() if text}

    def events(self, content: Mapping[str, str]) -> list[Event]:
        """What to record, with the references of ``texts``. Recording it twice changes nothing."""
        ticket, turn = self.ticket, _turn(self.ticket)
        at = self.handled.finished_at or ticket.opened_at

        def event(event_id: str, kind: Kind, payload: Handled | Escalated) -> Event:
            return Event(event_id, kind, at, payload, ticket.tenant, ticket.workflow, ticket.region)

        refs = {part: ref for part, ref in content.items() if part != "packet"}
        handled = replace(self.handled, content=refs)
        events = [event(f"handling:{ticket.ticket_id}:agent:{turn}", Kind.HANDLING, handled)]
        if self.escalated is not None:
            packet = {"packet": content["packet"]} if "packet" in content else {}
            escalated = replace(self.escalated, content=packet)
            events.append(event(f"escalation:{ticket.ticket_id}:{turn}", Kind.ESCALATION, escalated))
        return events


class Live:
    """Runs agents for customers. Holds no state between turns."""

    def __init__(
        self,
        desk: HumanDesk,
        clock: Clock,
        *,
        deadline: float,
        timer: Callable[[], float] = monotonic,
        hand_off_message: str = HAND_OFF_MESSAGE,
    ) -> None:
        """``deadline`` in seconds: later than this a human takes the ticket."""
        self._desk = desk
        self._clock = clock
        self._deadline = deadline
        self._timer = timer
        self._hand_off_message = hand_off_message

    async def handle(
        self, agent: Agent, ticket: Ticket, triage: Triage, tools: Toolset, fence: Fence
    ) -> Handling:
        """One turn: look at the state, run, check, look at the state again, then let it out or hand off.

        The state is looked at again after the agent has answered, because a human may have taken over,
        or the version been rolled back, while it was thinking. An agent that may not speak is not asked.
        """
        fenced = await _fenced(fence, ticket)
        if fenced is None:
            run = await attempt(agent, ticket, triage, tools, deadline=self._deadline, timer=self._timer)
            fenced = await _fenced(fence, ticket)
        else:
            run = NOT_ASKED
        reasons, violations = _doubts(run)
        if fenced is not None:
            reasons = (fenced, *reasons)
        now = self._clock.now()
        handled = _handled(agent.version, run, violations, ticket, now)
        if not reasons and run.reply is not None:
            first = not any(turn.author == "agent" for turn in ticket.turns)
            sent = noticed(run.reply.text, run.reply.notices if first else ())
            return Handling(ticket, sent, handled, trace=run.reply.trace)
        return await self._hand_off(ticket, triage, run, reasons, handled)

    async def _hand_off(
        self, ticket: Ticket, triage: Triage, run: Attempt, reasons: tuple[str, ...], handled: Handled
    ) -> Handling:
        withheld = run.reply.text if run.reply is not None else ""
        outcome = "failed" if run.failure else "handed_off"
        handled = replace(handled, outcome=outcome)
        if reasons[0] == TAKEN_OVER:
            return Handling(ticket, "", replace(handled, **_SILENT), withheld=withheld)
        packet = run.reply.packet if run.reply is not None else None
        if packet is None or handoff.word_count(packet) > handoff.MAX_WORDS:
            tried = [_WITHHELD] if withheld else []
            packet = handoff.packet(ticket, triage, reasons=reasons, tried=tried)
        at = handled.finished_at or ticket.opened_at
        try:
            queue = await self._desk.enqueue(ticket, triage, packet=packet, reasons=reasons, at=at)
        except Exception as error:  # noqa: BLE001 (the desk is somebody else's system; the record keeps the ticket)
            queue = queue_of(ticket, triage, reasons)
            handled = replace(handled, error=f"desk unreachable: {type(error).__name__}")
        escalated = Escalated(ticket.ticket_id, reasons[0], reasons, queue=queue)
        meanwhile = run.reply.meanwhile if run.reply is not None else ""
        message = meanwhile or self._hand_off_message
        trace = run.reply.trace if run.reply is not None else ()
        return Handling(ticket, message, handled, escalated, packet, withheld, trace)


def _doubts(run: Attempt) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Reasons to hand off, and the violations among them. The host checks again what an agent checked."""
    reply = run.reply
    if reply is None:
        return (() if run is NOT_ASKED else (FAILED, run.failure or FAILED)), ()
    violations = tuple(dict.fromkeys([*reply.violations, *validator.prohibited(reply.text)]))
    if reply.action is Action.HAND_OFF:
        return reply.reasons or ("low-confidence",), violations
    return ((BLOCKED,) if violations else ()), violations


async def _fenced(fence: Fence, ticket: Ticket) -> str | None:
    try:
        found = fence(ticket)
        return await found if isawaitable(found) else found
    except Exception:  # noqa: BLE001 (not knowing whether it may speak, the agent does not)
        return FENCE_FAILED


def _turn(ticket: Ticket) -> int:
    """Which of the customer's messages is answered: the ticket is the first. At most one answer each."""
    return 1 + sum(turn.author == "customer" for turn in ticket.turns)


def _handled(
    version: str, run: Attempt, violations: tuple[str, ...], ticket: Ticket, now: datetime
) -> Handled:
    reply = run.reply
    failed = Usage() if run is NOT_ASKED else Usage(cost_usd=None)  # a failed call may have cost
    usage = reply.usage if reply is not None else failed
    sources = reply.sources if reply is not None else ()
    return Handled(
        ticket_id=ticket.ticket_id,
        handler="agent",
        version=version,
        first_response_at=now if not any(turn.author != "customer" for turn in ticket.turns) else None,
        finished_at=now,
        turns=1 if reply is not None and reply.action is Action.REPLY else 0,
        handle_seconds=run.seconds,
        human_seconds=0.0,
        latency_seconds=None if run is NOT_ASKED else run.seconds,
        cost_usd=usage.cost_usd,
        tokens=usage.input_tokens + usage.output_tokens,
        model=usage.model,
        confidence=reply.confidence if reply is not None else None,
        retrieval_confidence=max((source.relevance for source in sources), default=None),
        retrieval_age_days=oldest(sources),
        sources=tuple(source.source_id for source in sources),
        violations=violations,
        error=f"{run.failure}: {run.detail}" if run.failure else None,
        conduct=policy_of(reply.trace) if reply is not None else None,
    )
