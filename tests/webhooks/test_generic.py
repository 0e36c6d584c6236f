"""Bodies in anybody's words, by a mapping."""

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.webhooks import GenericSender, ZendeskSender
from rollout.records import Corrected, Escalated, Handled, Rated, Resolved
from rollout.webhooks.generic import read
from rollout.webhooks.inputs import Delivery, Unreadable
from rollout.webhooks.zendesk import read as read_zendesk

AT = datetime(2026, 9, 1, 12, tzinfo=UTC)
MAPPING: dict[str, Any] = {
    "id": "event.id",
    "time": "event.at",
    "events": [
        {
            "record": "ticket",
            "when": {"event.type": "created"},
            "fields": {
                "ticket_id": "t.id",
                "customer_id": "t.who.0.id",
                "urgency": "t.prio",
                "channel": "=chat",
            },
            "values": {"urgency": {"1": "low", "4": "critical"}},
        },
        {
            "record": "survey",
            "when": {"event.type": "rated", "rating": "offered"},
            "fields": {"ticket_id": "t.id"},
        },
        {
            "record": "csat",
            "when": {"event.type": "rated", "rating": ["good", "bad"]},
            "fields": {"ticket_id": "t.id", "score": "rating"},
            "values": {"score": {"good": 5, "bad": 1}},
        },
        {
            "record": "handling",
            "when": {"event.type": "closed"},
            "fields": {
                "ticket_id": "t.id",
                "handler": "=human",
                "human_seconds": "t.worked",
                "turns": "t.turns",
            },
        },
        {"record": "resolution", "when": {"event.type": "closed"}, "fields": {"ticket_id": "t.id"}},
        {
            "record": "escalation",
            "when": {"event.type": "up"},
            "fields": {"ticket_id": "t.id", "reason": "why"},
        },
        {
            "record": "merge",
            "when": {"event.type": "merged"},
            "fields": {"ticket_id": "t.id", "into": "t.into"},
        },
        {"record": "nothing", "when": {"event.type": "hello"}},
    ],
}
SENDER = GenericSender.model_validate(
    {"name": "fresh", "workflow": "w", "tenant": "acme", "secrets": ["env:X"], "mapping": MAPPING}
)


def told(
    kind: str, event: dict[str, Any] | None = None, ticket: dict[str, Any] | None = None, **more: Any
) -> Delivery:
    head = {"id": "e-1", "at": 1788264000, "type": kind} | (event or {})
    body = {"event": head, "t": {"id": 7, "who": [{"id": "c"}], "prio": 4} | (ticket or {})} | more
    return read(body, SENDER.mapping, SENDER, "generic/fresh")


def test_a_ticket_with_words_and_constants_translated() -> None:
    (ticket,) = told("CREATED").tickets
    assert (ticket.ticket_id, ticket.customer_id, ticket.opened_at) == ("7", "c", AT)
    assert (ticket.urgency, ticket.channel, ticket.tenant, ticket.workflow) == (
        "critical",
        "chat",
        "acme",
        "w",
    )


def test_a_survey_offered_is_not_one_answered() -> None:
    (offered,) = told("rated", rating="Offered").events
    (good,) = told("rated", rating="GOOD").events
    assert (offered.payload, good.payload) == (Rated("7", None, AT), Rated("7", 5.0, AT))


def test_one_body_may_be_two_records_with_ids_of_their_own() -> None:
    worked, closed = told("closed", ticket={"worked": "60.5", "turns": "3"}).events
    assert worked.payload == Handled("7", "human", human_seconds=60.5, turns=3, finished_at=AT)
    assert closed.payload == Resolved("7", AT, "assumed", "")
    assert [e.event_id for e in (worked, closed)] == [
        "webhook:generic/fresh:e-1:handling-3",
        "webhook:generic/fresh:e-1:resolution-4",
    ]


def test_escalation_and_merge() -> None:
    assert told("up", why="angry").events[0].payload == Escalated("7", "angry")
    assert told("merged", ticket={"into": 9}).events[0].payload == Corrected("7", "excluded", "merged", "9")


def test_what_fits_no_rule_or_the_rule_for_nothing_is_acknowledged() -> None:
    assert told("whatever").empty
    assert told("hello").empty
    assert read([], SENDER.mapping, SENDER, "x") == Delivery("other")


def test_a_long_or_strange_event_id_is_taken_by_its_digest() -> None:
    ids = {told("up", {"id": given}, why="x").events[0].event_id for given in ("a" * 500, "ä\n", "b" * 500)}
    assert len(ids) == 3
    assert all(len(event_id) < 120 and event_id.isascii() for event_id in ids)


@pytest.mark.parametrize(
    ("kind", "change", "key"),
    [
        ("up", {"event": {"id": None}}, "event.id"),
        ("up", {"event": {"at": "noon"}}, "event.at"),
        ("up", {}, "reason"),
        ("up", {"why": "x", "t": {}}, "ticket_id"),
        ("up", {"why": "x" * 101}, "reason"),
        ("created", {"t": {"id": 1, "who": []}}, "customer_id"),
        ("created", {"t": {"id": 1, "who": [{"id": "c"}], "prio": 9}}, "urgency"),
        ("closed", {"t": {"id": 1, "worked": "-1"}}, "human_seconds"),
        ("closed", {"t": {"id": 1, "worked": "NaN"}}, "human_seconds"),
        ("closed", {"t": {"id": 1, "worked": {}}}, "t.worked"),
        ("closed", {"t": {"id": [1]}}, "t.id"),
    ],
)
def test_what_is_wrong_is_named(kind: str, change: dict[str, Any], key: str) -> None:
    head = {"id": "e", "at": 1788264000, "type": kind}
    body = {"event": head | change.get("event", {}), "t": {"id": 7}} | {
        k: v for k, v in change.items() if k != "event"
    }
    with pytest.raises(Unreadable, match=key):
        read(body, SENDER.mapping, SENDER, "x")


def test_trigger_bodies_of_zendesk_are_read_by_its_mapping() -> None:
    sender = ZendeskSender.model_validate(
        {"name": "acme", "workflow": "w", "secrets": ["env:X"], "triggers": MAPPING}
    )
    body = {"event": {"id": "9", "at": AT.isoformat(), "type": "up"}, "t": {"id": 1}, "why": "vip"}
    (event,) = read_zendesk(body, sender).events
    assert event.event_id == "webhook:zendesk-trigger/acme:9:escalation-5"
    assert read_zendesk(body, sender.model_copy(update={"triggers": None})) == Delivery("other")
