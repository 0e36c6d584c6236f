"""Zendesk's granular events. There is no "updated": each change is an event of its own.

Statuses are written in several cases, ids as text here and as numbers there, and deliveries come at
least once and in any order.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from policies.webhooks import ZendeskSender
from rollout.api.inputs import Escalation, Handling
from rollout.webhooks.generic import read as read_mapped
from rollout.webhooks.inputs import Closing, Delivery, Envelope, Merge, Unreadable, moment_of, text_of

NATIVE: Final = "zen:event-type:"
_URGENCY: Final = {"urgent": "critical", "high": "high", "normal": "normal", "low": "low"}
_DONE: Final = ("solved", "closed")

Body = Mapping[str, Any]


def read(body: Any, sender: ZendeskSender) -> Delivery:
    """What a verified body carries; an unknown topic carries nothing.

    Raises:
        Unreadable: a known topic does not say what it must.

    """
    if body is None:
        return Delivery("empty")
    if not isinstance(body, Mapping):
        raise Unreadable("the body is no JSON object")
    topic = body.get("type")
    if not isinstance(topic, str) or not topic.startswith(NATIVE):
        if sender.triggers is None:
            return Delivery("other")
        return read_mapped(body, sender.triggers, sender, f"zendesk-trigger/{sender.name}")
    if sender.account is not None and str(body.get("account_id")) != sender.account:
        raise Unreadable(f"account_id: the events of {sender.name!r} come from another account")
    name = topic.removeprefix(NATIVE).lower()
    reader = _READERS.get(name)
    if reader is None:
        return Delivery("other")
    envelope = Envelope(sender, "zendesk", text_of(body.get("id"), "id"), moment_of(body.get("time"), "time"))
    found = reader(_mapping(body, "detail"), _mapping(body, "event"), envelope, sender)
    return Delivery(name, found.tickets, found.events)


def _created(detail: Body, _: Body, envelope: Envelope, __: ZendeskSender) -> Delivery:
    via = detail.get("via")
    channel = via.get("channel") if isinstance(via, Mapping) else detail.get("via.channel")
    ticket = envelope.ticket(
        {
            "ticket_id": detail.get("id"),
            "customer_id": text_of(detail.get("requester_id"), "detail.requester_id"),
            "opened_at": moment_of(detail.get("created_at", envelope.occurred_at.isoformat()), "created_at"),
            "subject": detail.get("subject"),
            "text": detail.get("description"),
            "urgency": _URGENCY.get(_folded(detail.get("priority"))),
            "channel": channel,
        }
    )
    return Delivery("", (ticket,))


def _status(detail: Body, event: Body, envelope: Envelope, _: ZendeskSender) -> Delivery:
    before, after = _folded(event.get("previous")), _folded(event.get("current"))
    if after in _DONE and before in _DONE:
        return Delivery("")  # solved, then closed by itself days later: the claim is the first
    if after in _DONE:
        return Delivery("", (), (envelope.event(Closing, {"ticket_id": detail.get("id")}),))
    if before in _DONE:
        return Delivery("", (), (envelope.reopened(detail.get("id")),))
    return Delivery("")


def _comment(detail: Body, event: Body, envelope: Envelope, sender: ZendeskSender) -> Delivery:
    comment = _mapping(event, "comment")
    author = comment.get("author")
    if isinstance(author, Mapping):
        who, staff = author.get("id"), author.get("is_staff")
    else:
        who, staff = comment.get("author_id"), None
    if comment.get("is_public") is not True or who is None:
        return Delivery("")
    who = text_of(who, "event.comment.author.id")
    # Where nothing says who is staff, the requester is the customer and everybody else answers.
    if staff is False or (staff is None and who == str(detail.get("requester_id"))):
        return Delivery("")
    return Delivery("", (), (envelope.event(Handling, _reply(detail, who, envelope, sender)),))


def _reply(detail: Body, who: str, envelope: Envelope, sender: ZendeskSender) -> dict[str, Any]:
    return {
        "ticket_id": detail.get("id"),
        "handler": "agent" if who in sender.agents else "human",
        "first_response_at": envelope.occurred_at,
        "turns": 1,
    }


def _assigned(detail: Body, event: Body, envelope: Envelope, sender: ZendeskSender) -> Delivery:
    """From an AI agent's account or group to anybody else's: a hand-off."""
    before, after = str(event.get("previous")), str(event.get("current"))
    if before not in sender.agents or after in sender.agents:
        return Delivery("")
    values = {"ticket_id": detail.get("id"), "reason": "reassigned"}
    return Delivery("", (), (envelope.event(Escalation, values),))


def _merged(detail: Body, event: Body, envelope: Envelope, _: ZendeskSender) -> Delivery:
    into = event.get("target_ticket_id")
    into = envelope.sender.ticket_prefix + text_of(into, "event.target_ticket_id") if into else None
    merge = envelope.event(Merge, {"ticket_id": detail.get("id"), "into": into})
    return Delivery("", (), (merge,))


Reader = Callable[[Body, Body, Envelope, ZendeskSender], Delivery]
_READERS: Final[dict[str, Reader]] = {
    "ticket.created": _created,
    "ticket.status_changed": _status,
    "ticket.comment_added": _comment,
    "ticket.agent_assignment_changed": _assigned,
    "ticket.group_assignment_changed": _assigned,
    "ticket.merged": _merged,
}


def _mapping(body: Body, key: str) -> Body:
    value = body.get(key, {})
    if not isinstance(value, Mapping):
        raise Unreadable(f"{key}: not an object")
    return value


def _folded(value: Any) -> str:
    return value.strip().casefold() if isinstance(value, str) else ""
