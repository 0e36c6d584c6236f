"""The short writing of a decision: byte for byte what the long one makes."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.contract import Ticket
from policies.vocabulary import Mode
from rollout.assign.assigner import Assigner
from rollout.assign.split import Split
from rollout.clock import SimulatedClock
from rollout.decided import prepared_of
from rollout.errors import InvalidEvent
from rollout.record.line import prepare, written
from rollout.router import Arrival, Routed, Router, events_of

NOW = datetime(2026, 9, 1, 12, 0, 0, 5, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
zones = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
moments = st.integers(10**8, 7 * 10**9).flatmap(
    lambda seconds: zones.map(lambda zone: datetime.fromtimestamp(seconds, zone))
)
tickets = st.builds(
    Ticket,
    ticket_id=texts,
    customer_id=texts,
    opened_at=moments,
    workflow=texts,
    tenant=texts,
    text=st.sampled_from(["", "I want a refund NOW!!", "please ask my lawyer"]),
    category=st.none() | texts,
    urgency=st.sampled_from([None, "normal", "high", "odd"]),
    complexity=st.sampled_from([None, "simple", "complex"]),
    tier=st.none() | texts,
    channel=st.none() | texts,
    language=st.none() | texts,
    region=st.none() | texts,
    issue_key=st.none() | texts,
)


class Nothing:
    def append(self, _: object) -> None:
        raise AssertionError("deciding records nothing")

    def find(self, *_: object) -> None:
        return None


def routed_of(ticket: Ticket, excluded: str | None, source: str, *, started: bool) -> Routed:
    router = Router(Nothing(), clock=SimulatedClock(NOW))
    routed = router.decide(Arrival(ticket, excluded, source))
    if not started:
        return routed
    split = Split(
        workflow=ticket.workflow,
        step="ten",
        mode=Mode.LIVE,
        weight=Decimal(40),
        canary_weight=Decimal(50),
        holdout=Decimal(5),
        stable="a@1",
        canary="b@2",
        salt="s",
        eligibility={"complexity": frozenset({"simple"})},
        plan_digest="d" * 64,
        position=3,
    )
    attributes = {"complexity": routed.triage.complexity}
    assigned = Assigner(split).assign(ticket.ticket_id, ticket.customer_id, attributes, NOW)
    return Routed(routed.arrival, routed.triage, assigned)


@given(tickets, st.none() | texts, texts, st.dictionaries(texts, texts, max_size=3), st.booleans())
def test_what_is_written_is_what_the_payload_objects_would_give(
    ticket: Ticket, excluded: str | None, source: str, content: dict[str, str], started: bool
) -> None:
    routed = routed_of(ticket, excluded, source, started=started)
    events = events_of(routed, content)
    prepared = prepared_of(routed, content)
    told = orjson.loads(prepared.payload)["events"]
    assert [key for event in events for key in prepare(event).keys] == list(prepared.keys)
    assert [written(part["payload"]) for part in told] == [prepare(event).payload for event in events]
    assert [(part["id"], part["kind"], datetime.fromisoformat(part["at"])) for part in told] == [
        (event.event_id, event.kind, event.occurred_at) for event in events
    ]
    about = orjson.loads(b"{%b}" % prepared.about)
    assert about == orjson.loads(b"{%b}" % prepare(events[0]).about) | {"kind": "bundle"}


def test_what_has_no_json_form_is_named(caplog: pytest.LogCaptureFixture) -> None:
    ticket = Ticket("t-1", "c-1", NOW, "w", tier="\ud800")
    with pytest.raises(InvalidEvent, match="event 'ticket:t-1' cannot be written as JSON"):
        prepared_of(routed_of(ticket, None, "live", started=False), {})
    with pytest.raises(InvalidEvent, match="texts belong in the content store"):
        prepared_of(routed_of(Ticket("t", "c" * 2**20, NOW, "w"), None, "live", started=True), {})
