"""A ticket from arrival to answer: decide, record, handle where the arm says so, record, answer.

What is answered is read back from the record and the store of texts, the first time like every other:
so the same ticket gets the same answer, and an erased text is in no answer any more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from agents.contract import Agent, Packet, Ticket, Triage
from agents.roles.triage import triage as common_triage
from agents.tools import Tools
from policies.vocabulary import Arm, Mode
from rollout.clock import Clock
from rollout.errors import ConflictingEvent, QueueFull, RecordError
from rollout.handle.assist import Proposal, propose
from rollout.handle.human import queue_of
from rollout.handle.live import Live
from rollout.handle.shadow import Shadow, ShadowLimits
from rollout.record.content import ContentStore, Text
from rollout.record.journal import Journal
from rollout.records import Assigned, Event, Kind, Record

MOST_AT_ONCE: Final = 64
RELEASED: Final = "version-released"
_BY_AGENT: Final = frozenset({Arm.AGENT.value, Arm.CANARY.value})

_log = logging.getLogger(__name__)


class Routes(Protocol):
    """What deciding and recording need."""

    async def route(self, ticket: Ticket) -> Assigned: ...

    async def record(self, events: list[Event]) -> Any: ...

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of a ticket, as far as it is known now."""

    assigned: Assigned
    handler: str
    """``agent`` when its words go to the customer, else ``human``."""
    reply: str | None = None
    """For the customer, from the agent; None where a human answers, or the text was erased."""
    message: str | None = None
    """For the customer until a human answers."""
    draft: str | None = None
    """For the person who answers: the agent's proposal."""
    violations: tuple[str, ...] = ()
    """Rules that the draft breaks; such a one may be edited, not sent."""
    packet: str | None = None
    """For the person who takes over."""
    queue: str | None = None
    reasons: tuple[str, ...] = ()


class RecordedDesk:
    """Hand-offs wait in the record and in the answer; whoever asked has the people."""

    async def enqueue(
        self,
        ticket: Ticket,
        triage: Triage,
        *,
        packet: Packet | None,  # noqa: ARG002 (recorded by whoever asks)
        reasons: Sequence[str],
        at: datetime,  # noqa: ARG002
    ) -> str:
        return queue_of(ticket, triage, reasons)


class TicketDesk:
    """Handles tickets beside the routing: a bounded number at a time, never in its way."""

    def __init__(
        self,
        desk: Routes,
        journal: Journal,
        content: ContentStore,
        agent_of: Callable[[str], Agent],
        clock: Clock,
        *,
        deadline: Callable[[str], float] = lambda _: 20.0,
        shadow_limits: Callable[[str, Assigned, str], ShadowLimits | None] = lambda *_: None,
        most: int = MOST_AT_ONCE,
    ) -> None:
        """Set the desk up.

        Args:
            desk: decides and records.
            journal: where what was done before is found.
            content: the texts.
            agent_of: the agent of a version.
            clock: the time.
            deadline: seconds that a version has for a reply; later a human takes the ticket.
            shadow_limits: by tenant, assignment and workflow; None watches nothing.
            most: tickets handled at a time; one more is refused before anything is recorded.

        """
        self._desk = desk
        self._journal = journal
        self._content = content
        self._agent_of = agent_of
        self._clock = clock
        self._deadline = deadline
        self._shadow_limits = shadow_limits
        self._most = most
        self._inside = 0
        self._busy: dict[tuple[str, str], asyncio.Lock] = {}
        self._shadows: dict[tuple[str, str, str, str], Shadow] = {}
        self._watching: set[asyncio.Task[None]] = set()

    async def handle(self, ticket: Ticket) -> Answer:
        """Decide, handle and record; durable on return, and the same answer whenever it is asked again.

        Raises:
            QueueFull: as many tickets as may be are being handled or waiting to be recorded.
            ConflictingEvent: the ticket id belongs to another customer or workflow.
            RecordError: nothing can be recorded.

        """
        if self._inside >= self._most:
            raise QueueFull(f"{self._most} tickets are being handled; try again later")
        self._inside += 1
        try:
            async with self._alone(ticket):
                assigned = await self._desk.route(ticket)
                if assigned.arm not in _BY_AGENT or assigned.version is None:
                    self._watch(ticket, assigned)
                    return Answer(assigned, "human")
                if assigned.mode == Mode.ASSIST:
                    return await self._drafted(ticket, assigned, assigned.version)
                return await self._answered(ticket, assigned, assigned.version)
        finally:
            self._inside -= 1

    @property
    def room(self) -> tuple[int, int]:
        """Tickets that are being handled, and how many may be at once."""
        return self._inside, self._most

    async def drain(self) -> None:
        """Wait for the shadow runs under way."""
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def _answered(self, ticket: Ticket, assigned: Assigned, version: str) -> Answer:
        handled = await self._find(f"handling:{ticket.ticket_id}:agent:1", ticket.tenant)
        if handled is None:
            live = Live(RecordedDesk(), self._clock, deadline=self._deadline(version))

            def fence(one: Ticket) -> str | None:
                return None if self._desk.may_serve(one.tenant, one.workflow, assigned) else RELEASED

            done = await live.handle(self._agent_of(version), ticket, self._triage(ticket), Tools(), fence)
            await self._record(ticket, done.texts(), done.events)
            handled = await self._find(f"handling:{ticket.ticket_id}:agent:1", ticket.tenant)
        assert handled is not None
        text = await self._text(handled, "reply")
        if handled.payload["outcome"] == "replied":
            return Answer(assigned, "agent", reply=text)
        escalated = await self._find(f"escalation:{ticket.ticket_id}:1", ticket.tenant)
        told: Mapping[str, Any] = {} if escalated is None else escalated.payload
        return Answer(
            assigned,
            "human",
            message=text,
            packet=None if escalated is None else await self._text(escalated, "packet"),
            queue=told.get("queue"),
            reasons=tuple(told.get("reasons", ())),
        )

    async def _drafted(self, ticket: Ticket, assigned: Assigned, version: str) -> Answer:
        event_id = f"draft:{ticket.ticket_id}"
        record = await self._find(event_id, ticket.tenant)
        if record is None:
            proposal = await propose(
                self._agent_of(version),
                ticket,
                self._triage(ticket),
                Tools(),
                deadline=self._deadline(version),
            )
            texts = {"draft": proposal.text} if proposal.text else {}
            await self._record(
                ticket, texts, lambda content: [_draft(event_id, ticket, proposal, content, self._clock)]
            )
            record = await self._find(event_id, ticket.tenant)
        assert record is not None
        violations = tuple(record.payload["violations"])
        return Answer(assigned, "human", draft=await self._text(record, "draft"), violations=violations)

    def _watch(self, ticket: Ticket, assigned: Assigned) -> None:
        """Let the agent answer beside the human, in the background."""
        if assigned.mode != Mode.SHADOW or assigned.version is None or not assigned.eligible:
            return
        key = (ticket.tenant, ticket.workflow, assigned.step, assigned.version)
        if key not in self._shadows:
            limits = self._shadow_limits(ticket.tenant, assigned, ticket.workflow)
            if limits is None:
                return
            self._shadows[key] = Shadow(self._agent_of(assigned.version), limits)
        task = asyncio.create_task(self._watched(self._shadows[key], ticket, assigned.version))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    async def _watched(self, shadow: Shadow, ticket: Ticket, version: str) -> None:
        if await self._find(f"comparison:{version}:{ticket.ticket_id}", ticket.tenant) is not None:
            return
        seen = await shadow.watch(ticket, self._triage(ticket), None, self._clock.now())
        try:
            await self._record(ticket, seen.texts(), lambda content: [seen.event(content)])
        except RecordError as error:
            _log.warning("what a shadow said to %s is not recorded: %s", ticket.ticket_id, error)

    async def _record(
        self,
        ticket: Ticket,
        texts: Mapping[str, str],
        events: Callable[[Mapping[str, str]], list[Event]],
    ) -> None:
        """Make texts and events durable; what somebody else recorded at the same moment counts."""
        kept = [
            Text(ticket.tenant, ticket.customer_id, ticket.ticket_id, part, body)
            for part, body in texts.items()
        ]
        refs = await asyncio.to_thread(self._content.put, kept) if kept else []
        try:
            await self._desk.record(events(dict(zip(texts, refs, strict=True))))
        except ConflictingEvent as error:
            _log.warning("%s", error)

    async def _find(self, event_id: str, tenant: str) -> Record | None:
        return await asyncio.to_thread(self._journal.find, event_id, tenant)

    async def _text(self, record: Record, part: str) -> str | None:
        ref = record.payload.get("content", {}).get(part)
        return None if ref is None else await asyncio.to_thread(self._content.get, ref)

    def _triage(self, ticket: Ticket) -> Triage:
        return common_triage(ticket)

    @asynccontextmanager
    async def _alone(self, ticket: Ticket) -> AsyncIterator[None]:
        """One at a time per ticket: a retry waits for the first and gets its answer."""
        key = (ticket.tenant, ticket.ticket_id)
        lock = self._busy.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._busy.pop(key, None)


def _draft(
    event_id: str, ticket: Ticket, proposal: Proposal, content: Mapping[str, str], clock: Clock
) -> Event:
    payload = {
        "ticket_id": ticket.ticket_id,
        "version": proposal.version,
        "what": "draft",
        "violations": list(proposal.violations),
        "seconds": proposal.seconds,
        "error": proposal.error,
        "content": dict(content),
    }
    return Event(event_id, Kind.APPROVAL, clock.now(), payload, ticket.tenant, ticket.workflow, ticket.region)
