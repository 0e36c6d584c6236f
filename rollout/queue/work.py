"""People's work at the desk: take a ticket, answer it, decide on a draft, say what was wrong.

What was recorded decides: the n-th change of who looks after a ticket is one record id, so of fifty who
reach for it one has it and the others hear who; an answer is a place in the conversation.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rollout.clock import Clock
from rollout.conversations.book import Book, Records, Word, Work
from rollout.conversations.thread import Thread
from rollout.errors import ConflictingEvent, DeskRefused, UnknownTicket
from rollout.handle.assist import Decision, decided
from rollout.queue.register import Register
from rollout.queue.waiting import Waiting
from rollout.records import Assessed, Claimed, Event, Handled, Kind

CORRECTIONS: Final = (
    *("should-have-escalated", "should-not-have-escalated", "wrong-category", "wrong-urgency"),
    *("wrong-policy", "wrong-information", "other"),
)
"""In what way the machine's assessment of a ticket can have been wrong."""
_LONGEST_WORK: Final = timedelta(hours=2)
"""Beyond it a claim was forgotten, and says nothing about the work."""
_RIVALS: Final = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person decides on a draft."""

    decision: Decision
    text: str = ""
    note: str = ""
    seconds: float | None = None


class PeopleAtWork:
    """Does what people ask for, or says why not."""

    def __init__(self, desk: Records, register: Register, book: Book, clock: Clock) -> None:
        self._desk = desk
        self._register = register
        self._book = book
        self._clock = clock

    async def claim(self, tenant: str, ticket_id: str, who: str) -> Waiting:
        """Take a ticket. Taking one's own changes nothing.

        Raises:
            UnknownTicket: it never waited here.
            DeskRefused: somebody else has it, or it is done.

        """
        for _ in range(_RIVALS):
            item = await self._waits(tenant, ticket_id)
            if item.claimed_by is not None:
                _refuse_others(item, who)
                return item
            if await self._owned(tenant, item, who, who):
                break
        return await self._item(tenant, ticket_id)

    async def release(self, tenant: str, ticket_id: str, who: str, *, force: bool = False) -> Waiting:
        """Give a ticket back. ``force`` gives back what somebody else has, and is on record like all.

        Raises:
            UnknownTicket: it never waited here.
            DeskRefused: somebody else has it, or it is done.

        """
        for _ in range(_RIVALS):
            item = await self._waits(tenant, ticket_id)
            if item.claimed_by is None:
                return item
            if not force:
                _refuse_others(item, who)
            if await self._owned(tenant, item, None, who):
                break
        return await self._item(tenant, ticket_id)

    async def answer(
        self, tenant: str, ticket_id: str, who: str, text: str, seconds: float | None
    ) -> Waiting:
        """Answer the customer. The same again changes nothing; another answer to the same is refused.

        Raises:
            UnknownTicket: it never waited here.
            DeskRefused: somebody else has it, it was answered in another way, or a draft waits.

        """
        item = await self._item(tenant, ticket_id)
        thread = await self._book.thread(tenant, ticket_id)
        word = Word(f"desk-{item.number}-{item.message}", "human", text, who)
        if item.state == "done" and thread.said_as(word.turn_id) is None:
            raise _done(item)
        if item.state != "done":
            _refuse_others(item, who)
            if item.kind == "draft" and item.message == thread.messages:
                raise DeskRefused(
                    f"a draft waits for ticket {ticket_id!r}: approve, edit, or reject it with your text"
                )
        work = Work(seconds=self._seconds(item, who, seconds))
        await self._book.say(tenant, ticket_id, word, work)
        return await self._item(tenant, ticket_id)

    async def decide(self, tenant: str, ticket_id: str, who: str, verdict: Verdict) -> Waiting:
        """Decide on the draft that waits. The same again changes nothing; another decision is refused.

        Raises:
            UnknownTicket: it never waited here.
            DeskRefused: no draft waits, it may not be approved, somebody else has it, or the customer has
                written again.

        """
        item = await self._item(tenant, ticket_id)
        thread = await self._book.thread(tenant, ticket_id)
        draft = thread.drafts.get(item.message)
        if item.kind != "draft" or draft is None:
            raise DeskRefused(f"no draft waits for ticket {ticket_id!r}")
        turn_id = f"draft-{item.message}"
        if item.state != "done":
            _refuse_others(item, who)
            if item.message < thread.messages:
                raise DeskRefused(
                    f"the customer of ticket {ticket_id!r} has written again since; answer the newest"
                )
        text = await self._book.text(draft.payload.get("content", {}).get("draft")) or ""
        try:
            sent, outcome = decided(text, draft.payload["violations"], verdict.decision, verdict.text)
        except ValueError as error:
            raise DeskRefused(f"ticket {ticket_id!r}: {error}") from None
        if item.state == "done" and not (sent and thread.said_as(turn_id)):
            raise _done(item)
        seconds = self._seconds(item, who, verdict.seconds)
        if sent:
            work = Work(outcome, seconds, draft.payload, verdict.note)
            await self._book.say(tenant, ticket_id, Word(turn_id, "human", sent, who), work)
        else:
            await self._rejected(thread, item, who, verdict.note, seconds)
        return await self._item(tenant, ticket_id)

    async def correct(self, tenant: str, ticket_id: str, who: str, label: str, note: str) -> str:
        """Record that the assessment was wrong; the id of the record. One word per person and label.

        Raises:
            UnknownTicket: there is no such ticket.
            ConflictingEvent: they said so before, with another note.

        """
        thread = await self._book.thread(tenant, ticket_id)
        refs = await self._book.keep(thread, {"note": note} if note else {})
        person = hashlib.sha256(who.encode()).hexdigest()[:16]
        event_id = f"correction:{ticket_id}:{label}:{person}"
        told = Assessed(ticket_id, label, content=refs)
        await self._desk.record([self._event(thread, event_id, Kind.CORRECTION, told, who)])
        return event_id

    async def _rejected(
        self, thread: Thread, item: Waiting, who: str, note: str, seconds: float | None
    ) -> None:
        """Record a rejection without an answer: the ticket waits on, for somebody who writes one."""
        refs = await self._book.keep(thread, {"note": note} if note else {})
        told = Handled(
            thread.ticket_id,
            "human",
            version=item.version,
            outcome="draft_rejected",
            finished_at=self._clock.now(),
            handle_seconds=seconds,
            human_seconds=seconds,
            content=refs,
        )
        event_id = f"handling:{thread.ticket_id}:draft:{item.message}"
        try:
            await self._desk.record([self._event(thread, event_id, Kind.HANDLING, told, who)])
        except ConflictingEvent:
            raise DeskRefused(f"the draft for ticket {thread.ticket_id!r} was rejected already") from None

    async def _owned(self, tenant: str, item: Waiting, owner: str | None, who: str) -> bool:
        """Whether the next change of owner is this one."""
        number = item.claims + 1
        event = Event(
            f"claim:{item.ticket_id}:{number}",
            Kind.CLAIM,
            self._clock.now(),
            Claimed(item.ticket_id, number, owner),
            tenant,
            item.workflow,
            actor=who,
        )
        try:
            await self._desk.record([event])
        except ConflictingEvent:
            return False
        return True

    async def _waits(self, tenant: str, ticket_id: str) -> Waiting:
        item = await self._item(tenant, ticket_id)
        if item.state == "done":
            raise _done(item)
        return item

    async def _item(self, tenant: str, ticket_id: str) -> Waiting:
        item = await self._register.ask(lambda: self._register.get(tenant, ticket_id))
        if item is None:
            raise UnknownTicket(f"ticket {ticket_id!r} does not wait for anybody here")
        return item

    def _seconds(self, item: Waiting, who: str, told: float | None) -> float | None:
        """Seconds of work: as told, else since they claimed it, else unknown."""
        if told is not None or item.claimed_by != who or item.claimed_at is None:
            return told
        spent = self._clock.now() - item.claimed_at
        return spent.total_seconds() if timedelta(0) <= spent <= _LONGEST_WORK else None

    def _event(
        self, thread: Thread, event_id: str, kind: Kind, payload: Handled | Assessed, who: str
    ) -> Event:
        about, at = thread.opened, self._clock.now()
        return Event(event_id, kind, at, payload, about.tenant, about.workflow, about.region, actor=who)


def _refuse_others(item: Waiting, who: str) -> None:
    if item.claimed_by not in (None, who):
        since: datetime | None = item.claimed_at
        when = "" if since is None else f" since {since.isoformat()}"
        raise DeskRefused(f"{item.claimed_by} has ticket {item.ticket_id!r}{when}")


def _done(item: Waiting) -> DeskRefused:
    when = "" if item.done_at is None else f" since {item.done_at.isoformat()}"
    return DeskRefused(f"ticket {item.ticket_id!r} is done{when}; it waits for nobody")
