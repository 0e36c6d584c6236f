"""Intercom's notifications: conversations and tickets. No time is signed, so the id is what dedupes."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from policies.webhooks import IntercomSender
from rollout.api.inputs import Csat, Handling
from rollout.webhooks.inputs import Closing, Delivery, Envelope, Unreadable, moment_of, text_of

Body = Mapping[str, Any]
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")


def read(body: Any, sender: IntercomSender) -> Delivery:
    """What a verified body carries; an unknown topic carries nothing.

    Raises:
        Unreadable: a known topic does not say what it must.

    """
    if not isinstance(body, Mapping):
        raise Unreadable("the body is no JSON object")
    if sender.app is not None and body.get("app_id") != sender.app:
        raise Unreadable(f"app_id: the notifications of {sender.name!r} come from another app")
    topic = body.get("topic")
    reader = _READERS.get(topic) if isinstance(topic, str) else None
    if reader is None:
        return Delivery("ping" if topic == "ping" else "other")
    data = body.get("data")
    item = data.get("item") if isinstance(data, Mapping) else None
    if not isinstance(item, Mapping):
        raise Unreadable("data.item: not an object")
    at = moment_of(body.get("created_at"), "created_at")
    found = reader(item, Envelope(sender, "intercom", text_of(body.get("id"), "id"), at), sender)
    return Delivery(str(topic), found.tickets, found.events)


def _opened(item: Body, envelope: Envelope, _: IntercomSender) -> Delivery:
    source = _object(item, "source")
    ticket = envelope.ticket(
        {
            "ticket_id": item.get("id"),
            "customer_id": _customer(item, source),
            "opened_at": moment_of(item.get("created_at"), "data.item.created_at"),
            "subject": _plain(source.get("subject")),
            "text": _plain(source.get("body")),
            "channel": source.get("type") if isinstance(source.get("type"), str) else None,
        }
    )
    return Delivery("", (ticket,))


def _ticket(item: Body, envelope: Envelope, _: IntercomSender) -> Delivery:
    attributes = _object(item, "ticket_attributes")
    ticket = envelope.ticket(
        {
            "ticket_id": item.get("id"),
            "customer_id": _customer(item, {}),
            "opened_at": moment_of(item.get("created_at"), "data.item.created_at"),
            "subject": _plain(attributes.get("_default_title_")),
            "text": _plain(attributes.get("_default_description_")),
        }
    )
    return Delivery("", (ticket,))


def _replied(item: Body, envelope: Envelope, sender: IntercomSender) -> Delivery:
    author = _newest_author(item)
    by_agent = author.get("type") == "bot" or str(author.get("id")) in sender.agents
    values = {
        "ticket_id": item.get("id"),
        "handler": "agent" if by_agent else "human",
        "first_response_at": envelope.occurred_at,
        "turns": 1,
    }
    return Delivery("", (), (envelope.event(Handling, values),))


def _closed(item: Body, envelope: Envelope, _: IntercomSender) -> Delivery:
    return Delivery("", (), (envelope.event(Closing, {"ticket_id": item.get("id")}),))


def _reopened(item: Body, envelope: Envelope, _: IntercomSender) -> Delivery:
    return Delivery("", (), (envelope.reopened(item.get("id")),))


def _moved(item: Body, envelope: Envelope, sender: IntercomSender) -> Delivery:
    state = item.get("ticket_state")
    state = state.get("category") if isinstance(state, Mapping) else state
    if isinstance(state, str) and state.strip().casefold() == "resolved":
        return _closed(item, envelope, sender)
    return Delivery("")


def _rated(item: Body, envelope: Envelope, _: IntercomSender) -> Delivery:
    """1 to 5, by either of two names. The customer's remark is not taken."""
    rating: Any = item.get("conversation_rating") or item.get("ticket_rating") or {}
    score = rating.get("rating", rating.get("rating_value")) if isinstance(rating, Mapping) else None
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise Unreadable("data.item.conversation_rating.rating: a number from 1 to 5 belongs there")
    rated = envelope.event(Csat, {"ticket_id": item.get("id"), "score": float(score)})
    return Delivery("", (), (rated,))


Reader = Callable[[Body, Envelope, IntercomSender], Delivery]
_READERS: Final[dict[str, Reader]] = {
    "conversation.user.created": _opened,
    "conversation.admin.replied": _replied,
    "conversation.admin.closed": _closed,
    "conversation.admin.opened": _reopened,
    "conversation.rating.added": _rated,
    "ticket.created": _ticket,
    "ticket.state.updated": _moved,
    "ticket.rating.provided": _rated,
}


def _customer(item: Body, source: Body) -> str:
    """The first contact; else who wrote first."""
    contacts = _object(item, "contacts").get("contacts") or []
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    if isinstance(first, Mapping):
        return text_of(first.get("id"), "data.item.contacts.contacts[0].id")
    return text_of(_object(source, "author").get("id"), "data.item.source.author.id")


def _newest_author(item: Body) -> Body:
    parts = _object(item, "conversation_parts").get("conversation_parts") or []
    last = parts[-1] if isinstance(parts, list) and parts else {}
    return _object(last, "author") if isinstance(last, Mapping) else {}


def _object(body: Body, key: str) -> Body:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> str | None:
    """Bodies are HTML; the triage reads words."""
    return html.unescape(_TAG.sub(" ", value)).strip() if isinstance(value, str) else None
