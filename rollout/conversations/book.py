"""What people and customers say, written down in its place; and what was said, read back."""

import asyncio
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from agents.contract import Ticket, Turn
from rollout.clock import Clock
from rollout.conversations.thread import MOST_PLACES, Entry, Thread, place_id, read
from rollout.errors import ConflictingEvent, DeskRefused, UnknownTicket
from rollout.record.content import ContentStore, Text
from rollout.record.journal import Journal
from rollout.records import Escalated, Event, Handled, Kind, Said

TAKEN_OVER: Final = "taken-over"
HUMAN_REPLY: Final = "human-reply"
"""The part under which a person's words are kept: reviewers compare it with a shadow's."""
_RIVALS: Final = 50
"""How often a word looks for another place, when others are always quicker."""


class Records(Protocol):
    """What recording needs."""

    async def record(self, events: list[Event]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says, before it has a place."""

    turn_id: str
    author: Literal["customer", "human"]
    text: str
    actor: str
    at: datetime | None = None
    """When it was said; now where left out."""


@dataclass(frozen=True, slots=True)
class Work:
    """A person's work on an answer, beyond its words."""

    outcome: str = "replied"
    seconds: float | None = None
    draft: Mapping[str, Any] | None = None
    """The payload of the draft they had before them."""
    note: str = ""
    """For colleagues."""


class Book:
    """The conversations of a journal."""

    def __init__(self, desk: Records, journal: Journal, content: ContentStore, clock: Clock) -> None:
        self._desk = desk
        self._journal = journal
        self._content = content
        self._clock = clock

    async def thread(self, tenant: str, ticket_id: str) -> Thread:
        """What is on record of a conversation.

        Raises:
            UnknownTicket: there is no such ticket.

        """
        found = await asyncio.to_thread(read, self._journal, tenant, ticket_id)
        if found is None:
            raise UnknownTicket(
                f"there is no ticket {ticket_id!r}; it begins with POST /v1/tickets or /v1/route"
            )
        return found

    async def say(
        self, tenant: str, ticket_id: str, word: Word, work: Work | None = None
    ) -> tuple[Thread, Entry]:
        """Write a word down in the next place; durable on return. The same turn id has its place already.

        A person's first word on a ticket that an agent answers takes the ticket over.

        Raises:
            UnknownTicket: there is no such ticket.
            DeskRefused: the turn id has another text or author, the customer was forgotten, or the
                conversation is as long as one may be.
            QueueFull, RecordError: it cannot be recorded now.

        """
        for _ in range(_RIVALS):
            thread = await self.thread(tenant, ticket_id)
            known = thread.said_as(word.turn_id)
            if known is not None:
                await self._same(known, word)
                return thread, known
            _refuse(thread)
            events = self._events(thread, word, work or Work(), await self._texts(thread, word, work))
            try:
                await self._desk.record(events)
            except ConflictingEvent:
                later = await self.thread(tenant, ticket_id)
                if len(later.entries) == len(thread.entries):  # not about the place
                    raise
                continue
            thread = await self.thread(tenant, ticket_id)
            said = thread.said_as(word.turn_id)
            assert said is not None
            return thread, said
        raise DeskRefused(f"ticket {ticket_id!r}: others speak all the time; send the turn again")

    async def ticket(self, thread: Thread, message: int) -> Ticket:
        """The ticket as it stands when the customer's ``message`` is to be answered.

        What the common triage read at the opening stays; the words since stand in ``turns``.
        """
        opened, told = thread.opened, thread.opened.payload
        texts = told.get("content", {})
        entries = thread.until(message) if message > 1 else []
        return Ticket(
            ticket_id=thread.ticket_id,
            customer_id=thread.customer_id,
            opened_at=datetime.fromisoformat(told["opened_at"]),
            workflow=opened.workflow or "",
            subject=await self.text(texts.get("subject")) or "",
            text=await self.text(texts.get("text")) or "",
            tenant=opened.tenant,
            **{name: told[name] for name in ("tier", "channel", "language", "region", "issue_key")},
            **{name: thread.triage.get(name) for name in ("category", "urgency", "complexity", "sentiment")},
            turns=tuple([await self._turn(entry) for entry in entries]),
        )

    async def text(self, ref: str | None) -> str | None:
        """A text by its reference; None where it was erased, or never was."""
        return None if ref is None else await asyncio.to_thread(self._content.get, ref)

    async def states(self, refs: list[str]) -> Mapping[str, str]:
        """Of each reference, whether its text is ``present``, ``erased``, ``expired`` or ``missing``."""
        return await asyncio.to_thread(self._content.states, refs)

    async def keep(self, thread: Thread, texts: Mapping[str, str]) -> dict[str, str]:
        """Store texts of a conversation, durable on return; their references, by part.

        Raises:
            RecordError: the disk refuses.

        """
        owner = (thread.opened.tenant, thread.customer_id, thread.ticket_id)
        kept = [Text(*owner, part, body) for part, body in texts.items()]
        refs = await asyncio.to_thread(self._content.put, kept) if kept else []
        return dict(zip(texts, refs, strict=True))

    async def _turn(self, entry: Entry) -> Turn:
        author: Any = entry.author
        return Turn(author, await self.text(entry.ref) or "", entry.at)

    async def _same(self, known: Entry, word: Word) -> None:
        """Refuse another word under the id of a known one.

        Raises:
            DeskRefused: author or text differ. Of an erased text nobody can tell any more.

        """
        text = await self.text(known.ref)
        same = text is None or hmac.compare_digest(text.encode(), word.text.encode())
        if known.author != word.author or not same:
            raise DeskRefused(
                f"turn_id {word.turn_id!r} is recorded with another text or author (place {known.place}); "
                "give every turn an id of its own"
            )

    async def _texts(self, thread: Thread, word: Word, work: Work | None) -> dict[str, str]:
        texts = {HUMAN_REPLY if word.author == "human" else "turn": word.text}
        if work is not None and work.note:
            texts["note"] = work.note
        return await self.keep(thread, texts)

    def _events(self, thread: Thread, word: Word, work: Work, refs: Mapping[str, str]) -> list[Event]:
        place = len(thread.entries) + 1
        customers = word.author == "customer"
        message = thread.messages + customers
        at = word.at or self._clock.now()
        ticket = thread.ticket_id
        text = refs.get(HUMAN_REPLY) or refs["turn"]
        said = Said(ticket, place, word.author, message, word.turn_id, {"text": text})

        def event(event_id: str, kind: Kind, payload: Said | Handled | Escalated) -> Event:
            about = thread.opened
            return Event(
                event_id, kind, at, payload, about.tenant, about.workflow, about.region, actor=word.actor
            )

        events = [event(place_id(ticket, place), Kind.TURN, said)]
        if customers:
            return events
        handled = _handled(thread, work, at, refs)
        events.append(event(f"handling:{ticket}:turn:{place}", Kind.HANDLING, handled))
        if not thread.with_people:
            taken = Escalated(ticket, TAKEN_OVER, (TAKEN_OVER,))
            if thread.mode == "live":
                events.append(event(f"escalation:{ticket}:{TAKEN_OVER}", Kind.ESCALATION, taken))
        return events


def _handled(thread: Thread, work: Work, at: datetime, refs: Mapping[str, str]) -> Handled:
    first = not thread.handled and not any(entry.author != "customer" for entry in thread.entries)
    draft = work.draft or {}
    return Handled(
        ticket_id=thread.ticket_id,
        handler="human",
        version=draft.get("version"),
        outcome=work.outcome,
        first_response_at=at if first else None,
        finished_at=at,
        turns=1,
        handle_seconds=work.seconds,
        human_seconds=work.seconds,
        latency_seconds=draft.get("seconds"),
        cost_usd=draft.get("cost_usd"),
        tokens=draft.get("tokens", 0),
        model=draft.get("model"),
        confidence=draft.get("confidence"),
        sources=tuple(draft.get("sources", ())),
        violations=tuple(draft.get("violations", ())) if work.outcome == "draft_sent" else (),
        error=draft.get("error"),
        content=dict(refs),
    )


def _refuse(thread: Thread) -> None:
    if thread.opened.erased:
        raise DeskRefused(
            f"the customer of ticket {thread.ticket_id!r} was forgotten; a new request is a new ticket"
        )
    if len(thread.entries) >= MOST_PLACES:
        raise DeskRefused(
            f"ticket {thread.ticket_id!r} has {MOST_PLACES} messages, as many as one may have; open a new one"
        )
