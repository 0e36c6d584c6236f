"""The texts of a simulated day: what was said, answered and handed over, put to events as they come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from agents.contract import Source, Ticket, Turn
from agents.roles.handoff import packet, render
from policies.vocabulary import Arm
from rollout.record.content import ContentStore, Text
from rollout.records import Event, Kind, Said
from rollout.router import Routed
from rollout.trials.world import Visit

PAIRS: Final = 40
"""One in so many of the shadow's replies is kept, for people to compare with a person's."""
_WROTE_AGAIN: Final = timedelta(minutes=3)
_STALE: Final = 180.0
_SAID_ON: Final = frozenset({"asked-for-human", "sentiment-degradation"})
"""Reasons that take a second message of the customer's."""


@dataclass(slots=True)
class Worded:
    """An event, and the texts that belong to it by part."""

    event: Event
    texts: dict[str, str] = field(default_factory=dict)


class Texts:
    """Knows the visits that are not over yet."""

    def __init__(self, content: ContentStore) -> None:
        self._content = content
        self._open: dict[str, tuple[Visit, Routed]] = {}
        self._began: date | None = None

    def remember(self, visits: Sequence[Visit], routed: Sequence[Routed]) -> None:
        if visits and self._began is None:
            self._began = visits[0].ticket.opened_at.date()
        self._open |= {
            visit.ticket.ticket_id: (visit, each) for visit, each in zip(visits, routed, strict=True)
        }

    def worded(self, events: Sequence[Event]) -> list[Event]:
        """The events with references to their texts, and what was said beside them; one write for all."""
        return self.kept([each for event in events for each in self._of(event)])

    def newest(self) -> list[tuple[Visit, Routed]]:
        """All visits so far, oldest first."""
        return list(self._open.values())

    def kept(self, found: Sequence[Worded]) -> list[Event]:
        """Events with their texts stored; one write for all."""
        texts = [self._text(each, part, body) for each in found for part, body in each.texts.items()]
        references = iter(self._content.put(texts)) if texts else iter(())
        return [_with_texts(each, {part: next(references) for part in each.texts}) for each in found]

    def _text(self, each: Worded, part: str, body: str) -> Text:
        ticket = self._open[each.event.payload.ticket_id][0].ticket
        return Text(ticket.tenant, ticket.customer_id, ticket.ticket_id, part, body)

    def _of(self, event: Event) -> Iterator[Worded]:
        told = event.payload
        if event.kind not in (Kind.HANDLING, Kind.COMPARISON, Kind.ESCALATION):
            yield Worded(event)
            return
        visit, routed = self._open[told.ticket_id]
        words = visit.words
        if event.kind == Kind.HANDLING and told.handler == "human":
            yield Worded(event, {"human-reply": words.human})
        elif event.kind == Kind.HANDLING and told.outcome == "replied":
            yield Worded(event, {"reply": words.agent})
        elif event.kind == Kind.COMPARISON and _number(visit.ticket) % PAIRS == 0:
            yield Worded(event, {"shadow-reply": words.agent})
        elif event.kind == Kind.ESCALATION:
            assert self._began is not None
            yield from _handed_over(event, visit, routed, (event.occurred_at.date() - self._began).days)
        else:
            yield Worded(event)


def _with_texts(each: Worded, references: Mapping[str, str]) -> Event:
    if not references:
        return each.event
    # What was said in a turn is its content's "text", and in the store a part of its own.
    content = {"text" if part.startswith("turn") else part: ref for part, ref in references.items()}
    return replace(each.event, payload=replace(each.event.payload, content=content))


def _handed_over(event: Event, visit: Visit, routed: Routed, day: int) -> Iterator[Worded]:
    """The hand-off with its packet; what was said between comes before it."""
    ticket, words, reason = visit.ticket, visit.words, event.payload.reason
    if reason in _SAID_ON:
        answer = words.person_please if reason == "asked-for-human" else words.again
        said = event.occurred_at + _WROTE_AGAIN
        yield Worded(_turn(event, 1, "agent", 1), {"turn-1": words.agent})
        yield Worded(_turn(replace(event, occurred_at=said), 2, "customer", 2), {"turn-2": answer})
        turns = (Turn("agent", words.agent, event.occurred_at), Turn("customer", answer, said))
        ticket, event = replace(ticket, turns=turns), replace(event, occurred_at=said)
    age = words.article.age_days + day
    by_agent = routed.assigned.arm != Arm.HUMAN
    source = Source(words.article.source_id, words.article.title, "", 0.62, age, stale=age > _STALE)
    told = packet(ticket, routed.triage, reasons=[reason], sources=[source] if by_agent else [])
    yield Worded(event, {"packet": render(told)})


def _turn(event: Event, place: int, author: str, message: int) -> Event:
    ticket_id = event.payload.ticket_id
    said = Said(ticket_id, place, author, message, None if author == "agent" else f"m{message}")
    return replace(event, event_id=f"turn:{ticket_id}:{place}", kind=Kind.TURN, payload=said)


def _number(ticket: Ticket) -> int:
    return int(ticket.ticket_id.rpartition("-")[2])
