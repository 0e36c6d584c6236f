"""A ticket from arrival to answer, and every message after it: decide, record, handle, record, answer.

What is answered is read back from the record and the store of texts, the first time like every other:
so the same ticket or turn gets the same answer, and an erased text is in no answer any more.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

from agents.contract import Agent, Ticket
from policies.vocabulary import Arm
from rollout.clock import Clock
from rollout.conversations.answering import LENIENT, Answering, Given, People, Terms, Toolsets
from rollout.conversations.book import Book, Word
from rollout.conversations.thread import OPENING, Entry, Thread
from rollout.conversations.watching import Limits, Watching
from rollout.errors import QueueFull
from rollout.record.content import ContentStore
from rollout.record.journal import Journal
from rollout.records import Assigned, Event, Kind, Queued

MOST_AT_ONCE: Final = 64
_BY_AGENT: Final = frozenset({Arm.AGENT.value, Arm.CANARY.value})


class Routes(Protocol):
    """What deciding and recording need."""

    async def route(self, ticket: Ticket) -> Assigned: ...

    async def record(self, events: list[Event]) -> Any: ...

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Given):
    """What comes of a ticket, as far as it is known now."""

    assigned: Assigned


@dataclass(slots=True)
class _Turnstile:
    """Whoever is at a ticket, and how many there are. A lock just released is not yet its next holder's."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


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
        terms: Terms = LENIENT,
        shadow_limits: Limits = lambda *_: None,
        most: int = MOST_AT_ONCE,
    ) -> None:
        """Set the desk up.

        Args:
            desk: decides and records.
            journal: where what was done before is found.
            content: the texts.
            agent_of: the agent of a version.
            clock: the time.
            terms: how long a version may take for a reply, and how many it may give.
            shadow_limits: by tenant, assignment and workflow; None watches nothing.
            most: tickets and turns handled at a time; one more is refused before anything is recorded.

        """
        self.book = Book(desk, journal, content, clock)
        self._desk = desk
        self._answering = Answering(desk, self.book, agent_of, clock, terms)
        self._watching = Watching(desk, journal, content, agent_of, clock, shadow_limits)
        self._most = most
        self._inside = 0
        self._busy: dict[tuple[str, str], _Turnstile] = {}

    def watch_through(self, agent_of: Callable[[str], Agent]) -> None:
        """Have shadow runs made by agents of their own, not by those that answer customers."""
        self._watching.agent_of = agent_of

    def heed(self, people: People) -> None:
        """Keep the agent off tickets that people have, also where that was reported from elsewhere."""
        self._answering.people = people

    def equip(self, tools: Toolsets) -> None:
        """Let agents use tools."""
        self._answering.tools = self._watching.tools = tools

    @property
    def tools(self) -> Toolsets:
        """What agents may use."""
        return self._answering.tools

    async def handle(self, ticket: Ticket) -> Answer:
        """Decide, handle and record; durable on return, and the same answer whenever it is asked again.

        Raises:
            QueueFull: as many tickets as may be are being handled or waiting to be recorded.
            ConflictingEvent: the ticket id belongs to another customer or workflow.
            RecordError: nothing can be recorded.

        """
        async with self._room(), self._alone(ticket.tenant, ticket.ticket_id):
            assigned = await self._desk.route(ticket)
            if assigned.arm not in _BY_AGENT or assigned.version is None:
                await self._desk.record([_queued(ticket, assigned)])
                self._watching.begin(ticket, assigned)
                return Answer(handler="human", assigned=assigned)
            thread = await self.book.thread(ticket.tenant, ticket.ticket_id)
            thread = await self._answering.upto(thread, OPENING, ticket)
            given = await self._answering.given(thread, OPENING)
            return Answer(assigned=assigned, **asdict(given))

    async def turn(self, tenant: str, ticket_id: str, word: Word) -> tuple[Thread, Entry, Given]:
        """Take in a message and have it answered, where it is the customer's and the agent's to answer.

        It is durable before anybody thinks about it. Messages are answered one by one, in their order;
        the same turn id gets the same answer.

        Raises:
            UnknownTicket: there is no such ticket.
            DeskRefused: what was said before does not allow it.
            QueueFull: as many as may be are being handled or waiting to be recorded.
            RecordError: nothing can be recorded.

        """
        if word.author == "human":
            thread, said = await self.book.say(tenant, ticket_id, word)
            return thread, said, Given("human")
        async with self._room():
            _, said = await self.book.say(tenant, ticket_id, word)
            async with self._alone(tenant, ticket_id):
                thread = await self.book.thread(tenant, ticket_id)
                thread = await self._answering.upto(thread, said.message)
            return thread, said, await self._answering.given(thread, said.message)

    async def given(self, thread: Thread, message: int) -> Given:
        """What a customer's message was answered with."""
        return await self._answering.given(thread, message)

    @property
    def room(self) -> tuple[int, int]:
        """Tickets that are being handled, and how many may be at once."""
        return self._inside, self._most

    async def drain(self) -> None:
        """Wait for the shadow runs under way."""
        await self._watching.drain()

    @asynccontextmanager
    async def _room(self) -> AsyncIterator[None]:
        if self._inside >= self._most:
            raise QueueFull(f"{self._most} tickets are being handled; try again later")
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def _alone(self, tenant: str, ticket_id: str) -> AsyncIterator[None]:
        """One at a time per ticket: a retry waits for the first and gets its answer."""
        key = (tenant, ticket_id)
        turnstile = self._busy.setdefault(key, _Turnstile())
        turnstile.waiting += 1
        try:
            async with turnstile.lock:
                yield
        finally:
            turnstile.waiting -= 1
            if not turnstile.waiting:
                del self._busy[key]


def _queued(ticket: Ticket, assigned: Assigned) -> Event:
    """That a ticket waits for a person, who finds it at the desk: whoever sent it asked for an answer."""
    return Event(
        f"queued:{ticket.ticket_id}",
        Kind.QUEUED,
        assigned.assigned_at,
        Queued(ticket.ticket_id),
        ticket.tenant,
        ticket.workflow,
        ticket.region,
    )
