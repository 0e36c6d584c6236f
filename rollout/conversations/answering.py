"""One answer per customer's message, in their order: the agent's while it may speak, else a person's."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, Protocol

from agents.checks.escalation import MAX_TURNS
from agents.contract import Agent, Packet, Ticket, Toolset, Triage
from agents.roles import handoff
from agents.roles.triage import triage as common_triage
from agents.tools import ReadOnly, Tools
from policies.vocabulary import Mode
from rollout.clock import Clock
from rollout.conversations.book import Book, Records
from rollout.conversations.thread import OPENING, Thread, draft_id, place_id
from rollout.errors import ConflictingEvent, RecordError
from rollout.handle.assist import Proposal, propose
from rollout.handle.human import queue_of
from rollout.handle.live import TAKEN_OVER, Handling, Live
from rollout.records import Assigned, Drafted, Event, Kind, Record, Said

RELEASED: Final = "version-released"
_RIVALS: Final = 50

_log = logging.getLogger(__name__)


class Serves(Records, Protocol):
    """What answering needs of the routing."""

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool: ...


class People(Protocol):
    """Who knows which tickets people have."""

    async def have(self, tenant: str, ticket_id: str) -> bool:
        """Whether a person has worked on it, or it was handed to one, whoever reported that."""
        ...


Fence = Callable[[Ticket], Awaitable[str | None]]
"""Whether the agent may still speak: None, or why not."""


class Toolsets(Protocol):
    """Makes the toolset of each run, and sees to what its calls oblige to."""

    def live(
        self,
        ticket: Ticket,
        assigned: Assigned,
        message: int,
        fence: Fence,
    ) -> Toolset:
        """For an answer; ``fence`` tells before each write whether the agent may still speak."""
        ...

    def drafting(self, ticket: Ticket, assigned: Assigned, message: int) -> Toolset: ...

    def watching(self, ticket: Ticket, assigned: Assigned) -> ReadOnly: ...

    def heeding(self, agent: Agent) -> Agent: ...


class NoToolsets:
    """Nobody has any tools."""

    def live(self, ticket: Ticket, assigned: Assigned, message: int, fence: object = None) -> Toolset:  # noqa: ARG002 (as the others)
        return Tools()

    drafting = live

    def watching(self, ticket: Ticket, assigned: Assigned) -> ReadOnly:  # noqa: ARG002
        return ReadOnly()

    def heeding(self, agent: Agent) -> Agent:
        return agent


NO_TOOLSETS: Final = NoToolsets()


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a version may take and how often it may speak."""

    deadline: Callable[[str], float] = lambda _: 20.0
    """Seconds for a reply, by version; later a human takes the ticket."""
    max_turns: Callable[[str], int] = lambda _: 1_000
    """Replies of the agent in one conversation, by version; the next one is a human's."""


LENIENT: Final = Terms()


@dataclass(frozen=True, slots=True)
class Given:
    """What a customer's message was answered with, as far as it is known now."""

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


class Answering:
    """Has the agent answer. The caller sees to it that a ticket is answered by one at a time."""

    def __init__(
        self,
        desk: Serves,
        book: Book,
        agent_of: Callable[[str], Agent],
        clock: Clock,
        terms: Terms,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """``timer`` counts the seconds of an answer; a simulation's are those of its clock."""
        self.people: People | None = None
        """Asked beside the conversation itself; without them only what was said here counts."""
        self.tools: Toolsets = NO_TOOLSETS
        """What agents may use."""
        self._desk = desk
        self._book = book
        self._agent_of = agent_of
        self._clock = clock
        self._terms = terms
        self._timer = timer

    async def upto(self, thread: Thread, message: int, opening: Ticket | None = None) -> Thread:
        """Answer what is unanswered of the customer's messages up to ``message``, oldest first.

        Args:
            thread: the conversation.
            message: the newest to be answered.
            opening: the ticket as it was sent, for its first answer.

        Raises:
            RecordError: nothing can be recorded.

        """
        for number in range(OPENING, message + 1):
            if thread.mode == Mode.ASSIST:
                if number not in thread.drafts and not _moot(thread, number):
                    thread = await self._drafted(thread, number, opening)
            elif not thread.with_people and number not in thread.handled:
                thread = await self._answered(thread, number, opening)
        return thread

    async def given(self, thread: Thread, message: int) -> Given:
        """What a customer's message was answered with, read back from the record."""
        handled, draft = thread.handled.get(message), thread.drafts.get(message)
        if handled is not None:
            return await self._of_handling(handled, thread.escalated.get(message))
        if draft is None:
            return Given("human")
        return Given(
            "human",
            draft=await self._text(draft, "draft"),
            violations=tuple(draft.payload["violations"]),
            packet=await self._text(draft, "packet"),
            reasons=tuple(draft.payload.get("reasons", ())),
        )

    async def _of_handling(self, handled: Record, escalated: Record | None) -> Given:
        text = await self._text(handled, "reply")
        if handled.payload["outcome"] == "replied":
            return Given("agent", reply=text)
        told: Mapping[str, Any] = {} if escalated is None else escalated.payload
        return Given(
            "human",
            message=text,
            packet=None if escalated is None else await self._text(escalated, "packet"),
            queue=told.get("queue"),
            reasons=tuple(told.get("reasons", ())),
        )

    async def _answered(self, thread: Thread, number: int, opening: Ticket | None) -> Thread:
        assigned, ticket = await self._asked(thread, number, opening)
        version = assigned.version or ""

        async def fence(_: Ticket) -> str | None:
            if not self._desk.may_serve(ticket.tenant, ticket.workflow, assigned):
                return RELEASED
            if (await self._book.thread(ticket.tenant, ticket.ticket_id)).human_spoke:
                return TAKEN_OVER
            if self.people is not None and await self.people.have(ticket.tenant, ticket.ticket_id):
                return TAKEN_OVER
            return MAX_TURNS if thread.replies >= self._terms.max_turns(version) else None

        deadline = self._terms.deadline(version)
        live = Live(RecordedDesk(), self._clock, deadline=deadline, timer=self._timer)
        tools = self.tools.live(ticket, assigned, number, fence)
        agent = self.tools.heeding(self._agent_of(version))
        done = await live.handle(agent, ticket, common_triage(ticket), tools, fence)
        return await self._recorded(thread, number, done)

    async def _recorded(self, thread: Thread, number: int, done: Handling) -> Thread:
        """Record an answer in the next place; withhold it where a person or a roll-back was quicker."""
        tenant, ticket_id = thread.opened.tenant, thread.ticket_id
        for _ in range(_RIVALS):
            if thread.human_spoke:
                done = done.taken_over()
            refs = await self._book.keep(thread, done.texts())
            if done.by_agent and self._is_released(thread):  # while the texts were written
                done = done.released(RELEASED)
                continue
            events = done.events(refs)
            if done.message:
                events.append(_said(thread, number, refs["reply"], events[0]))
            try:
                await self._desk.record(events)
            except ConflictingEvent as error:
                later = await self._book.thread(tenant, ticket_id)
                if number in later.handled:  # somebody else was quicker with the same
                    _log.warning("%s", error)
                    return later
                if len(later.entries) == len(thread.entries):  # not about the place
                    raise
                thread = later
                continue
            return await self._book.thread(tenant, ticket_id)
        raise RecordError(f"ticket {ticket_id!r}: others speak all the time; send the turn again")

    def _is_released(self, thread: Thread) -> bool:
        about, assigned = thread.opened, thread.assigned
        assert assigned is not None
        return not self._desk.may_serve(about.tenant, about.workflow or "", assigned)

    async def _drafted(self, thread: Thread, number: int, opening: Ticket | None) -> Thread:
        assigned, ticket = await self._asked(thread, number, opening)
        if not self._desk.may_serve(ticket.tenant, ticket.workflow, assigned):
            return thread
        version = assigned.version or ""
        made = await propose(
            self._agent_of(version),
            ticket,
            common_triage(ticket),
            self.tools.drafting(ticket, assigned, number),
            deadline=self._terms.deadline(version),
        )
        packet = handoff.render(made.packet) if made.packet is not None else ""
        texts = {part: text for part, text in (("draft", made.text), ("packet", packet)) if text}
        refs = await self._book.keep(thread, texts)
        about = thread.opened
        event = Event(
            draft_id(thread.ticket_id, number),
            Kind.APPROVAL,
            self._clock.now(),
            _draft(made, number, refs),
            about.tenant,
            about.workflow,
            about.region,
        )
        try:
            await self._desk.record([event])
        except ConflictingEvent as error:
            _log.warning("%s", error)
        return await self._book.thread(about.tenant, thread.ticket_id)

    async def _asked(self, thread: Thread, number: int, opening: Ticket | None) -> tuple[Assigned, Ticket]:
        assert thread.assigned is not None
        first = number == OPENING and opening is not None
        return thread.assigned, opening if first else await self._book.ticket(thread, number)  # type: ignore[return-value]

    async def _text(self, record: Record, part: str) -> str | None:
        return await self._book.text(record.payload.get("content", {}).get(part))


def _moot(thread: Thread, number: int) -> bool:
    """Whether a draft would come too late: a person answered, or the customer has written again."""
    spoken = any(entry.author == "human" and entry.message >= number for entry in thread.entries)
    return spoken or number < thread.messages


def _said(thread: Thread, number: int, ref: str, handling: Event) -> Event:
    """The record of an agent's words in the conversation's next place."""
    place = len(thread.entries) + 1
    said = Said(thread.ticket_id, place, "agent", number, content={"text": ref})
    about = thread.opened
    return Event(
        place_id(thread.ticket_id, place),
        Kind.TURN,
        handling.occurred_at,
        said,
        about.tenant,
        about.workflow,
        about.region,
    )


def _draft(made: Proposal, number: int, refs: Mapping[str, str]) -> Drafted:
    reply = made.reply
    usage = reply.usage if reply is not None else None
    return Drafted(
        ticket_id=made.ticket_id,
        version=made.version,
        message=number,
        violations=made.violations,
        reasons=reply.reasons if reply is not None else (),
        seconds=made.seconds,
        cost_usd=usage.cost_usd if usage is not None else None,
        tokens=usage.input_tokens + usage.output_tokens if usage is not None else 0,
        model=usage.model if usage is not None else None,
        confidence=reply.confidence if reply is not None else None,
        sources=tuple(source.source_id for source in made.sources),
        error=made.error,
        content=dict(refs),
    )
