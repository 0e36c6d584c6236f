"""A ticket is decided once, durably, and the same for ever."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.errors import QueueFull, RecordError


def test_a_decision_is_on_disk_when_it_is_answered(world: Any) -> None:
    answer = world.http.post("/v1/route", json=world.ticket())
    assert answer.status_code == 200
    recorded = world.folder.journal.find("assignment:t-1")
    assert recorded.payload["arm"] == answer.json()["arm"] == "human"
    assert answer.json()["reason"] == "SHADOW"
    assert answer.json()["bucket"] == str(int(recorded.payload["bucket"])), "text: JSON readers round 64 bits"


def test_the_same_ticket_gets_the_same_answer_whatever_the_split_is_by_then(world: Any) -> None:
    first = world.http.post("/v1/route", json=world.ticket()).json()
    assert world.order("abort").status_code == 200
    again = world.http.post("/v1/route", json=world.ticket()).json()
    fresh = world.http.post("/v1/route", json=world.ticket(2)).json()
    assert again == first
    assert fresh["mode"] != first["mode"], "a new ticket obeys the abort"


@pytest.mark.parametrize("change", [{"customer_id": "somebody-else"}, {"workflow": "other-desk"}])
def test_a_ticket_id_belongs_to_one_customer_of_one_workflow(world: Any, change: dict[str, str]) -> None:
    world.http.post("/v1/route", json=world.ticket())
    answer = world.http.post("/v1/route", json=world.ticket(**change))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "routed before" in answer.json()["detail"]


def test_without_any_rollout_a_human_takes_it(empty_world: Any) -> None:
    answer = empty_world.http.post(
        "/v1/route",
        json={"ticket_id": "t", "customer_id": "c", "opened_at": "2026-09-01T00:00:00Z", "workflow": "w"},
    )
    assert (answer.json()["arm"], answer.json()["reason"]) == ("human", "NO_SAFE_STATE")


def test_a_tickets_text_goes_to_the_erasable_store_and_never_into_the_journal(world: Any) -> None:
    world.http.post("/v1/route", json=world.ticket(text="my card ends in 4242", subject="Refund"))
    opened = world.folder.journal.find("ticket:t-1")
    assert world.folder.content.get(opened.payload["content"]["text"]) == "my card ends in 4242"
    journal = b"".join(path.read_bytes() for path in (world.folder.path / "journal").glob("*.jsonl"))
    assert b"4242" not in journal


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"ticket_id": ""}, "#/ticket_id"),
        ({"ticket_id": 7}, "#/ticket_id"),
        ({"ticket_id": "a\nb"}, "#/ticket_id"),
        ({"customer_id": None}, "#/customer_id"),
        ({"opened_at": "2026-09-01T00:00:00"}, "#/opened_at"),
        ({"opened_at": True}, "#/opened_at"),
        ({"urgency": "urgent"}, "#/urgency"),
        ({"workflow": "../etc"}, "#/workflow"),
        ({"colour": "red"}, "#/colour"),
        ({"text": "x" * 100_001}, "#/text"),
    ],
)
def test_what_does_not_hold_to_the_contract_is_refused_with_its_place(
    refusing: Any, change: dict[str, Any], pointer: str
) -> None:
    answer = refusing.http.post("/v1/route", json=refusing.ticket(**change))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert refusing.folder.journal.head().seq == 2, "only how it began"


def test_a_refusal_never_repeats_what_the_customer_wrote(refusing: Any) -> None:
    answer = refusing.http.post("/v1/route", json=refusing.ticket(urgency="my secret", text="another secret"))
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("error", "after"), [(QueueFull("20,000 events wait"), "1"), (RecordError("disk full"), "5")]
)
def test_what_cannot_be_made_durable_is_refused_and_never_acknowledged(
    world: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, after: str
) -> None:
    def full(*_: Any) -> None:
        raise error

    monkeypatch.setattr(world.folder.journal, "offer", full)
    answer = world.http.post("/v1/route", json=world.ticket())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == after
    assert str(error) in answer.json()["detail"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(
    ["ticket_id", "customer_id", "opened_at", "workflow", "category", "tier", "text", "x"]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(fields, json_values))
def test_no_body_breaks_the_door(world: Any, changes: dict[str, Any]) -> None:
    answer = world.http.post("/v1/route", json=world.ticket(**changes))
    assert answer.status_code in (200, 409, 422), answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"nul", b"\xff\xfe", b'{"ticket_id": NaN}', b"[" * 50_000, b'{"a":' * 50_000],
)
def test_bytes_that_are_no_ticket_are_refused_politely(refusing: Any, body: bytes) -> None:
    answer = refusing.http.post("/v1/route", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("malformed", "invalid")
