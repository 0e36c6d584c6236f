"""Zendesk's words in ours: each granular event is one fact, whatever its case and kind of id."""

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.webhooks import ZendeskSender
from rollout.records import Corrected, Escalated, Handled, Kind, Resolved
from rollout.webhooks.inputs import Delivery, Unreadable
from rollout.webhooks.zendesk import read

SENDER = ZendeskSender(
    name="acme", workflow="tier1-support", tenant="acme", secrets=["env:X"], agents=["77"], account="1"
)
AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
DETAIL = {
    "id": "35436",
    "status": "OPEN",
    "subject": "Where is it?",
    "description": "My order 12 has not arrived.",
    "priority": "URGENT",
    "requester_id": "8",
    "via": {"channel": "web"},
    "created_at": "2026-09-01T11:59:00Z",
}


def told(topic: str, event: dict[str, Any] | None = None, **more: Any) -> Delivery:
    body = {
        "type": f"zen:event-type:{topic}",
        "account_id": 1,
        "id": "evt-1",
        "time": "2026-09-01T14:00:00+02:00",
        "zendesk_event_version": "2022-11-06",
        "subject": "zen:ticket:35436",
        "detail": DETAIL,
        "event": event or {},
    }
    return read(body | more, SENDER)


def test_a_new_ticket_is_routed_for_the_senders_tenant_and_workflow() -> None:
    (ticket,) = told("ticket.created").tickets
    assert (ticket.ticket_id, ticket.customer_id, ticket.tenant) == ("35436", "8", "acme")
    assert (ticket.workflow, ticket.urgency, ticket.channel) == ("tier1-support", "critical", "web")
    assert (ticket.subject, ticket.opened_at) == ("Where is it?", AT.replace(hour=11, minute=59))


def test_ids_are_text_whether_they_are_written_so_or_not() -> None:
    assert told("ticket.created", detail=DETAIL | {"id": 35436, "requester_id": 8}) == told("ticket.created")


@pytest.mark.parametrize("word", ["solved", "Solved", "SOLVED", " closed "])
def test_a_solved_ticket_is_resolved_whatever_the_case(word: str) -> None:
    (event,) = told("ticket.status_changed", {"previous": "Open", "current": word}).events
    assert (event.event_id, event.occurred_at) == ("webhook:zendesk:evt-1", AT)
    assert (event.kind, event.payload) == (Kind.RESOLUTION, Resolved("35436", AT, "assumed", ""))


def test_the_closing_days_after_the_solution_does_not_move_it() -> None:
    assert told("ticket.status_changed", {"previous": "SOLVED", "current": "closed"}).empty


def test_a_reopened_ticket_takes_its_resolution_back() -> None:
    (event,) = told("ticket.status_changed", {"previous": "Solved", "current": "open"}).events
    assert event.payload == Corrected("35436", "reopened", None)


def test_a_status_among_open_ones_says_nothing() -> None:
    assert told("ticket.status_changed", {"previous": "new", "current": "open"}).empty


@pytest.mark.parametrize(("author", "handler"), [("77", "agent"), (77, "agent"), ("12", "human")])
def test_a_public_reply_is_work_of_whoever_wrote_it(author: Any, handler: str) -> None:
    comment = {"id": "c", "is_public": True, "body": "Hello", "author": {"id": author, "is_staff": True}}
    (event,) = told("ticket.comment_added", {"comment": comment}).events
    assert event.payload == Handled(
        "35436", handler, first_response_at=AT, finished_at=AT, turns=1, outcome="replied"
    )


@pytest.mark.parametrize(
    "comment",
    [
        {"is_public": False, "author": {"id": "77", "is_staff": True}},
        {"is_public": True, "author": {"id": "8", "is_staff": False}},
        {"is_public": True, "author_id": "8"},
        {"is_public": True},
        {},
    ],
)
def test_notes_and_the_customers_own_words_are_no_replies(comment: dict[str, Any]) -> None:
    assert told("ticket.comment_added", {"comment": comment}).empty


def test_leaving_the_agents_account_is_a_hand_off_and_nothing_else_is() -> None:
    (event,) = told("ticket.agent_assignment_changed", {"previous": 77, "current": 12}).events
    assert event.payload == Escalated("35436", "reassigned")
    assert told("ticket.group_assignment_changed", {"previous": 12, "current": 13}).empty
    assert told("ticket.agent_assignment_changed", {"previous": 12, "current": 77}).empty


def test_a_merged_ticket_is_excluded() -> None:
    (event,) = told("ticket.merged", {"target_ticket_id": 99}).events
    assert (event.kind, event.payload) == (Kind.CORRECTION, Corrected("35436", "excluded", "merged", "99"))


@pytest.mark.parametrize("topic", ["ticket.tags_changed", "ticket.custom_field_changed", "user.created"])
def test_a_topic_without_a_fact_is_acknowledged(topic: str) -> None:
    assert told(topic) == Delivery("other")


def test_an_empty_body_is_acknowledged() -> None:
    assert read(None, SENDER).empty


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"id": None}, "id"),
        ({"time": "2026-09-01T12:00:00"}, "time"),
        ({"detail": DETAIL | {"requester_id": None}}, "requester_id"),
        ({"detail": DETAIL | {"id": None}}, "ticket_id"),
        ({"detail": DETAIL | {"id": "a\x00b"}}, "string_pattern|match"),
        ({"detail": []}, "detail"),
        ({"account_id": 2}, "account_id"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, Any], key: str) -> None:
    with pytest.raises(Unreadable, match=key):
        told("ticket.created", **change)


def test_a_prefix_keeps_two_desks_of_one_tenant_apart() -> None:
    sender = SENDER.model_copy(update={"ticket_prefix": "eu-"})
    body = {"type": "zen:event-type:ticket.merged", "id": "e", "time": AT.isoformat(), "account_id": 1}
    (event,) = read(body | {"detail": {"id": 5}, "event": {"target_ticket_id": 6}}, sender).events
    assert (event.payload.ticket_id, event.payload.into) == ("eu-5", "eu-6")
