"""Shadow: the agent answers what a human has answered already, and nobody but the record sees it.

Safe by what it is made of: its tools are read-only and it holds no desk, so there is nothing it could
send or write. It runs after the human path, within its own limits; beyond them it skips a ticket and
says why. It yields ``Compared``, never an outcome: the customer saw only the human's reply.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from time import monotonic
from typing import Final

from agents.contract import Action, Agent, Reply, Ticket, Tool, Triage
from agents.roles import handoff
from agents.tools import ReadOnly
from rollout.handle.attempt import DEADLINE, attempt
from rollout.handle.compare import RATER, HumanAnswer, Judgement, judge
from rollout.records import Compared, Event, Kind

BUDGET: Final = "budget"
CAPACITY: Final = "capacity"
SAMPLED_OUT: Final = "sampled_out"
FAILED: Final = "error"

Judge = Callable[[Reply, Triage, HumanAnswer | None], Judgement]


@dataclass(frozen=True, slots=True)
class ShadowLimits:
    """What a shadow run may take from the machine and the purse."""

    deadline: float
    """Seconds for one reply."""
    budget_usd_per_day: float
    """By UTC day of the tickets."""
    concurrency: int = 8
    percentage: float = 100.0
    """Share of tickets that is looked at, drawn by a hash of the ticket's id."""
    unknown_cost_usd: float = 0.05
    """What a reply of unknown price is counted as, so that an unpriced model cannot run for ever."""
    spent: Mapping[date, float] = field(default_factory=dict)
    """Dollars by UTC day that were spent before this watcher was made: a new one has no new budget."""

    def __post_init__(self) -> None:
        for name, low in (("deadline", 0), ("budget_usd_per_day", 0), ("concurrency", 1)):
            if not getattr(self, name) >= low:
                raise ValueError(f"{name} == {getattr(self, name)}, must be >= {low}")
        if not 0 <= self.percentage <= 100:
            raise ValueError(f"percentage == {self.percentage}, must be between 0 and 100")


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of watching one ticket."""

    ticket: Ticket
    compared: Compared
    at: datetime
    reply: Reply | None = None

    def texts(self) -> Mapping[str, str]:
        """The texts to keep, by part; their references go into ``event``."""
        if self.reply is None:
            return {}
        packet = handoff.render(self.reply.packet) if self.reply.packet else ""
        parts = {"shadow-reply": self.reply.text, "shadow-packet": packet}
        return {part: text for part, text in parts.items() if text}

    def event(self, content: Mapping[str, str]) -> Event:
        """What to record, with the references of ``texts``. Recording it twice changes nothing."""
        fields = {name: getattr(self.compared, name) for name in Compared.__slots__}
        return Event(
            f"comparison:{self.compared.version}:{self.ticket.ticket_id}",
            Kind.COMPARISON,
            self.at,
            Compared(**{**fields, "content": dict(content)}),
            tenant=self.ticket.tenant,
            workflow=self.ticket.workflow,
            region=self.ticket.region,
        )


class Shadow:
    """Watches one agent version."""

    def __init__(
        self,
        agent: Agent,
        limits: ShadowLimits,
        *,
        tools: Iterable[Tool] = (),
        judged: Judge = judge,
        timer: Callable[[], float] | None = monotonic,
    ) -> None:
        """Set up a watcher.

        Args:
            agent: the version to watch.
            limits: what it may take.
            tools: of these it gets the ones that change nothing.
            judged: how a reply is compared with the human's.
            timer: seconds; ``None`` leaves latencies unrecorded, for runs over the past, whose
                latency says nothing about the live one.

        """
        self.tools = ReadOnly(tools)
        """``tools.refused`` is the receipt of what it tried and was not given."""
        self.dropped: Counter[str] = Counter()
        self._agent = agent
        self._limits = limits
        self._judge = judged
        self._timer = timer
        self._running = 0
        self._spent: Counter[date] = Counter(limits.spent)
        self._dearest = 0.0

    async def watch(
        self,
        ticket: Ticket,
        triage: Triage,
        human: HumanAnswer | None,
        at: datetime,
        tools: ReadOnly | None = None,
    ) -> Watched:
        """Let the agent answer and compare. Never raises for anything the agent does.

        Args:
            ticket: as the human saw it when they first answered, without their reply.
            triage: of the ticket.
            human: what they said, ``None`` when nobody answered.
            at: when the human path was done; the day of the budget.
            tools: of this ticket, read-only by what they are; the watcher's own where left out.

        """
        reason = self._obstacle(ticket, at)
        if reason is not None:
            return self._drop(ticket, at, reason)
        self._running += 1
        try:
            run = await attempt(
                self._agent,
                ticket,
                triage,
                self.tools if tools is None else tools,
                deadline=self._limits.deadline,
                timer=self._timer or (lambda: 0.0),
            )
        finally:
            self._running -= 1
        self._charge(run.reply, at)
        if run.reply is None:
            return self._drop(ticket, at, DEADLINE if run.failure == DEADLINE else FAILED)
        seconds = run.seconds if self._timer is not None else None
        try:
            judgement = self._judge(run.reply, triage, human)
        except Exception:  # noqa: BLE001 (a judge that fails must not take the run down; the ticket is counted)
            return self._drop(ticket, at, FAILED)
        return Watched(ticket, self._compared(ticket, run.reply, judgement, human, seconds), at, run.reply)

    def shed(self, ticket: Ticket, at: datetime) -> Watched:
        """Leave a ticket unwatched: there is no time for it."""
        return self._drop(ticket, at, self._obstacle(ticket, at) or CAPACITY)

    def _obstacle(self, ticket: Ticket, at: datetime) -> str | None:
        digest = hashlib.sha256(f"shadow:{self._agent.version}:{ticket.ticket_id}".encode()).digest()
        if int.from_bytes(digest[:8], "big") >= self._limits.percentage / 100 * 2**64:
            return SAMPLED_OUT
        if self._running >= self._limits.concurrency:
            return CAPACITY
        # Replies under way have not been charged yet: each may cost as much as the dearest so far.
        expected = self._spent[at.date()] + self._dearest * (self._running + 1)
        return BUDGET if expected > self._limits.budget_usd_per_day else None

    def _charge(self, reply: Reply | None, at: datetime) -> None:
        known = reply.usage.cost_usd if reply is not None else None
        cost = self._limits.unknown_cost_usd if known is None else known
        self._spent[at.date()] += cost  # type: ignore[assignment]  # a Counter of dollars
        self._dearest = max(self._dearest, cost)

    def _drop(self, ticket: Ticket, at: datetime, reason: str) -> Watched:
        self.dropped[reason] += 1
        compared = Compared(
            ticket.ticket_id,
            self._agent.version,
            RATER,
            dropped=reason,
            sampling_probability=self._limits.percentage / 100,
        )
        return Watched(ticket, compared, at)

    def _compared(
        self,
        ticket: Ticket,
        reply: Reply,
        judgement: Judgement,
        human: HumanAnswer | None,
        seconds: float | None,
    ) -> Compared:
        return Compared(
            ticket_id=ticket.ticket_id,
            version=self._agent.version,
            rater=RATER,
            accuracy=judgement.accuracy,
            tone=judgement.tone,
            policy=judgement.policy,
            agent_escalated=reply.action is Action.HAND_OFF,
            human_escalated=human.escalated if human is not None else None,
            agreement=judgement.agreement,
            confidence=reply.confidence,
            abstained=judgement.abstained,
            violations=reply.violations,
            sources=tuple(source.source_id for source in reply.sources),
            latency_seconds=seconds,
            cost_usd=reply.usage.cost_usd,
            sampling_probability=self._limits.percentage / 100,
        )
