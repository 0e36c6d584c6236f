"""What a delivery carries, in our words: a ticket to route, or something that became of one.

Every event id is made from the sender's own, so that the journal absorbs what is delivered twice;
every time is the sender's, so that the order of arrival changes nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from agents.contract import Ticket
from policies.webhooks import Sender
from rollout.api.inputs import Csat, Escalation, Handling, Identifier, Input, Label, Moment, RouteRequest
from rollout.records import Corrected, Escalated, Event, Handled, Kind, Rated, Resolved

PREFIX: Final = "webhook:"
"""How the ids of these events begin; nobody else may give such ids."""
_LONGEST_ID: Final = 120
_LONGEST_TEXT: Final = 100_000
_LONGEST_SUBJECT: Final = 1000


class Unreadable(Exception):
    """A genuine delivery that does not say what it must. Names the key."""


class Closing(Input):
    """The ticket is closed. Who served it is left to what is recorded of the work where unknown."""

    ticket_id: Identifier
    kind: Literal["confirmed", "assumed", "abandoned"] = "assumed"
    path: Literal["agent", "human", "agent_then_human", "abandoned"] | None = None
    closed_reason: Label | None = None
    occurred_at: Moment


class Merge(Input):
    """The ticket went on as another one and counts for nothing by itself."""

    ticket_id: Identifier
    into: Identifier | None = None
    occurred_at: Moment


Outcome = Closing | Merge | Csat | Escalation | Handling


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request carries."""

    topic: str
    """The sender's name for it, for counters; ``other`` where it is none of the known ones."""
    tickets: tuple[Ticket, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to record."""
        return not self.tickets and not self.events


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all records of one delivery share."""

    sender: Sender
    system: str
    """``zendesk``, ``intercom``, or kind and name of a sender with a mapping: the scope of its event ids."""
    event_id: str
    occurred_at: datetime

    def ticket(self, values: Mapping[str, Any]) -> Ticket:
        """A ticket to route.

        Raises:
            Unreadable: a field is missing or not of its kind.

        """
        given = {"opened_at": self.occurred_at} | {k: v for k, v in values.items() if v is not None}
        given["ticket_id"] = self._ticket_id(given)
        given["subject"] = str(given.get("subject", ""))[:_LONGEST_SUBJECT]
        given["text"] = str(given.get("text", ""))[:_LONGEST_TEXT]
        asked: RouteRequest = _checked(RouteRequest, {**given, "workflow": self.sender.workflow})
        return Ticket(**{**dict(asked), "tenant": self.sender.tenant})

    def event(self, kind: type[Outcome], values: Mapping[str, Any], part: str = "") -> Event:
        """What became of a ticket. ``part`` tells several events of one delivery apart.

        Raises:
            Unreadable: a field is missing or not of its kind.

        """
        given = {k: v for k, v in values.items() if v is not None or k == "score"}
        given |= {"ticket_id": self._ticket_id(given), "occurred_at": self.occurred_at}
        if issubclass(kind, Csat | Escalation | Handling):
            given |= {"event_id": self._id(part), "type": kind.__name__.lower()}
        return self._recorded(*_payload(_checked(kind, given)), part)

    def reopened(self, ticket_id: Any) -> Event:
        """A claimed resolution was taken back.

        Raises:
            Unreadable: no ticket is named.

        """
        ticket = self._ticket_id({"ticket_id": ticket_id})
        return self._recorded(Kind.CORRECTION, Corrected(ticket, "reopened", None), "")

    def _recorded(self, kind: Kind, payload: Any, part: str) -> Event:
        return Event(
            event_id=self._id(part),
            kind=kind,
            occurred_at=self.occurred_at,
            payload=payload,
            tenant=self.sender.tenant,
            workflow=self.sender.workflow,
            actor=f"webhook:{self.sender.name}",
        )

    def _id(self, part: str) -> str:
        return f"{PREFIX}{self.system}:{_short(self.event_id)}{part and ':' + part}"

    def _ticket_id(self, given: Mapping[str, Any]) -> str:
        if given.get("ticket_id") in (None, ""):
            raise Unreadable("ticket_id: the body names no ticket")
        ticket_id = self.sender.ticket_prefix + text_of(given["ticket_id"], "ticket_id")
        return str(_checked(Identifier, ticket_id))


def text_of(value: Any, key: str) -> str:
    """An id as text: senders write the same one as a number here and as text there.

    Raises:
        Unreadable: it is neither.

    """
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise Unreadable(f"{key}: neither a text nor a whole number")
    return str(value)


def moment_of(value: Any, key: str) -> datetime:
    """ISO 8601 with an offset, or seconds since 1970.

    Raises:
        Unreadable: it is neither.

    """
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            at = datetime.fromisoformat(value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(float(value), UTC)
        else:
            raise Unreadable(f"{key}: neither an ISO 8601 time nor seconds since 1970")
    except (ValueError, OverflowError, OSError):
        raise Unreadable(f"{key}: neither an ISO 8601 time nor seconds since 1970") from None
    if at.tzinfo is None:
        raise Unreadable(f"{key}: the time has no offset from UTC")
    return at.astimezone(UTC)


def _short(event_id: str) -> str:
    """The sender's id, or its digest where it would not fit."""
    plain = event_id.isascii() and event_id.isprintable() and len(event_id) <= _LONGEST_ID
    return event_id if plain else hashlib.sha256(event_id.encode()).hexdigest()


_adapter: Final = cache(TypeAdapter)


def _checked(model: Any, values: Any) -> Any:
    try:
        return _adapter(model).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{place}: {first['msg']}") from None


def _payload(outcome: Outcome) -> tuple[Kind, Any]:
    match outcome:
        case Closing():
            closed = Resolved(
                ticket_id=outcome.ticket_id,
                resolved_at=outcome.occurred_at,
                kind=outcome.kind,
                path=outcome.path or "",
                closed_reason=outcome.closed_reason,
            )
            return Kind.RESOLUTION, closed
        case Merge():
            return Kind.CORRECTION, Corrected(outcome.ticket_id, "excluded", "merged", outcome.into)
        case Csat():
            return Kind.CSAT, Rated(outcome.ticket_id, outcome.score, outcome.occurred_at)
        case Escalation():
            return Kind.ESCALATION, Escalated(**_same(outcome, Escalated))
        case Handling():
            return Kind.HANDLING, Handled(**_same(outcome, Handled), finished_at=outcome.occurred_at)


def _same(outcome: Input, payload: type[Escalated | Handled]) -> dict[str, Any]:
    names = {field.name for field in fields(payload)}
    return {name: value for name, value in outcome if name in names}
