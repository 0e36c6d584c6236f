"""Outcomes are taken in once, in any order, and only as what they say they are."""

from typing import Any

import pytest


def outcome(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": "o-1",
        "ticket_id": "t-1",
        "type": "csat",
        "occurred_at": "2026-09-02T10:00:00+02:00",
        "score": 4,
    } | changes


RESOLUTION = {"type": "resolution", "path": "agent", "kind": "confirmed"}
ESCALATION = {"type": "escalation", "reason": "legal-language", "at_triage": True}
HANDLING = {"type": "handling", "handler": "agent", "cost_usd": 0.02, "latency_seconds": 1.5, "turns": 2}


def bare(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in outcome(**changes).items() if key != "score"}


@pytest.mark.parametrize("body", [outcome(), *(bare(**each) for each in (RESOLUTION, ESCALATION, HANDLING))])
def test_every_type_is_recorded_under_the_senders_id(world: Any, body: dict[str, Any]) -> None:
    (receipt,) = world.http.post("/v1/outcomes", json=body).json()["receipts"]
    record = world.folder.journal.find("o-1")
    assert (record.seq, record.kind) == (receipt["seq"], body["type"])
    assert record.payload["ticket_id"] == "t-1"
    assert record.occurred_at.isoformat() == "2026-09-02T08:00:00+00:00"


def test_an_outcome_belongs_to_the_workflow_of_its_ticket(world: Any) -> None:
    world.http.post("/v1/route", json=world.ticket())
    world.http.post("/v1/outcomes", json=outcome())
    assert world.folder.journal.find("o-1").workflow == world.plan.workflow


def test_an_outcome_may_come_before_its_ticket(world: Any) -> None:
    assert world.http.post("/v1/outcomes", json=outcome(ticket_id="later")).status_code == 200


def test_sending_again_changes_nothing(world: Any) -> None:
    first = world.http.post("/v1/outcomes", json=outcome()).json()["receipts"][0]
    again = world.http.post("/v1/outcomes", json=outcome()).json()["receipts"][0]
    assert again == first | {"duplicate": True}


def test_the_same_id_with_another_body_is_refused_and_with_it_the_batch(world: Any) -> None:
    world.http.post("/v1/outcomes", json=outcome())
    answer = world.http.post("/v1/outcomes", json=[outcome(event_id="o-2"), outcome(score=1)])
    assert answer.status_code == 409
    assert world.folder.journal.find("o-2") is None, "all of a call or none"


def test_a_batch_has_a_receipt_for_each(world: Any) -> None:
    batch = [outcome(event_id=f"o-{i}", ticket_id=f"t-{i}") for i in range(500)]
    receipts = world.http.post("/v1/outcomes", json=batch).json()["receipts"]
    assert [receipt["event_id"] for receipt in receipts] == [each["event_id"] for each in batch]


@pytest.mark.parametrize(
    "change",
    [
        {"score": True},
        {"score": "4"},
        {"score": 6},
        {"score": 0},
        {"type": "assignment"},
        {"arm": "agent"},
        {"occurred_at": 1_700_000_000},
        {"event_id": "assignment:t-9"},
        {"event_id": "transition:tier1-support:0"},
    ],
)
def test_no_field_takes_what_it_is_not(refusing: Any, change: dict[str, Any]) -> None:
    assert refusing.http.post("/v1/outcomes", json=outcome(**change)).status_code == 422


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(refusing: Any, number: str) -> None:
    body = (
        '{"event_id":"o","ticket_id":"t","type":"handling","handler":"human",'
        f'"occurred_at":"2026-09-02T10:00:00Z","cost_usd":{number}}}'
    )
    headers = {"content-type": "application/json"}
    assert refusing.http.post("/v1/outcomes", content=body, headers=headers).status_code in (400, 422)
    assert refusing.folder.journal.find("o") is None


def test_more_than_a_thousand_at_once_are_refused(refusing: Any) -> None:
    batch = [outcome(event_id=f"o-{i}") for i in range(1001)]
    assert refusing.http.post("/v1/outcomes", json=batch).status_code == 422
    assert refusing.http.post("/v1/outcomes", json=[]).status_code == 422
