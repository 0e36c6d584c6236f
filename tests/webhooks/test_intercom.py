"""Intercom's notifications in our words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.webhooks import IntercomSender
from rollout.records import Corrected, Handled, Rated, Resolved
from rollout.webhooks.inputs import Delivery, Unreadable
from rollout.webhooks.intercom import read

SENDER = IntercomSender(name="chat", workflow="tier1-support", secrets=["env:X"], agents=["5"], app="a1")
AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
ITEM: dict[str, Any] = {
    "type": "conversation",
    "id": "215",
    "created_at": 1788263940,
    "source": {
        "type": "email",
        "subject": "<p>Late</p>",
        "body": "<p>Where &amp; when?</p>",
        "author": {"id": "u"},
    },
    "contacts": {"contacts": [{"id": "c-8"}]},
}


def told(topic: str, **item: Any) -> Delivery:
    return read(
        {
            "type": "notification_event",
            "app_id": "a1",
            "topic": topic,
            "id": "notif_1",
            "created_at": 1788264000,
            "delivery_attempts": 1,
            "data": {"type": "notification_event_data", "item": ITEM | item},
        },
        SENDER,
    )


def test_a_conversation_that_a_user_begins_is_a_ticket_without_its_markup() -> None:
    (ticket,) = told("conversation.user.created").tickets
    assert (ticket.ticket_id, ticket.customer_id, ticket.channel) == ("215", "c-8", "email")
    assert (ticket.subject, ticket.text, ticket.opened_at) == (
        "Late",
        "Where & when?",
        AT.replace(hour=11, minute=59),
    )


def test_without_contacts_the_author_is_the_customer() -> None:
    assert told("conversation.user.created", contacts={}).tickets[0].customer_id == "u"


@pytest.mark.parametrize(
    ("author", "handler"),
    [
        ({"type": "admin", "id": "9"}, "human"),
        ({"type": "admin", "id": 5}, "agent"),
        ({"type": "bot"}, "agent"),
    ],
)
def test_a_reply_is_work_of_whoever_wrote_it(author: dict[str, Any], handler: str) -> None:
    parts = {"conversation_parts": [{"author": author}]}
    (event,) = told("conversation.admin.replied", conversation_parts=parts).events
    assert event.payload == Handled("215", handler, first_response_at=AT, finished_at=AT, turns=1)


def test_closing_resolves_and_opening_takes_it_back() -> None:
    (closed,) = told("conversation.admin.closed").events
    (opened,) = told("conversation.admin.opened").events
    assert closed.payload == Resolved("215", AT, "assumed", "")
    assert opened.payload == Corrected("215", "reopened", None)
    assert closed.event_id == "webhook:intercom:notif_1"


@pytest.mark.parametrize("rating", [{"rating": 4, "remark": "fine"}, {"rating_value": 4}])
def test_a_rating_is_a_csat_by_either_name(rating: dict[str, Any]) -> None:
    (event,) = told("conversation.rating.added", conversation_rating=rating).events
    assert event.payload == Rated("215", 4.0, AT)
    assert "fine" not in repr(event), "a remark is the customer's text and stays out of the journal"


@pytest.mark.parametrize("state", ["resolved", "Resolved", {"category": "resolved"}])
def test_a_ticket_is_resolved_by_its_state(state: Any) -> None:
    assert told("ticket.state.updated", ticket_state=state).events[0].payload.kind == "assumed"
    assert told("ticket.state.updated", ticket_state="in_progress").empty


def test_ping_deletions_and_new_topics_are_acknowledged() -> None:
    assert told("ping") == Delivery("ping")
    for topic in ("conversation.deleted", "conversation.admin.assigned", "conversation.rating.remarked", ""):
        assert told(topic) == Delivery("other")


@pytest.mark.parametrize("rating", [{}, {"rating": 6}, {"rating": "5"}, {"rating": True}, None])
def test_a_rating_that_is_none_is_refused(rating: Any) -> None:
    with pytest.raises(Unreadable, match=r"rating|score"):
        told("conversation.rating.added", conversation_rating=rating)


def test_another_app_is_refused() -> None:
    with pytest.raises(Unreadable, match="app_id"):
        read({"app_id": "a2", "topic": "ping"}, SENDER)
