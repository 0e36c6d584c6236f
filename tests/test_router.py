"""The hot loop: decides by the newest readable transition, records once, falls back to humans."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agents.contract import Ticket
from policies.plan import Plan
from rollout.clock import SimulatedClock
from rollout.ladder.actions import abort, start
from rollout.ladder.state import TrackName, moved
from rollout.ladder.transition import Order
from rollout.record.content import ContentStore
from rollout.record.journal import Journal
from rollout.records import Event, Kind
from rollout.router import NO_SAFE_STATE, Arrival, Router

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ORDER = Order("release-manager", "go", NOW)


def a_plan(**changes) -> Plan:
    return Plan.model_validate(
        {
            "workflow": "tier1-support",
            "owners": {"workflow": "support-lead", "technical": "platform-team", "escalation": "desk-lead"},
            "unit": "customer",
            "salt": "tier1-2026",
            "eligible": {"complexity": ["simple"]},
            "agent": "resolution@1.2.0",
            "steps": [{"name": "half", "set_weight": 50}, {"name": "full", "set_weight": 100}],
            "metrics": {"csat": {"margin": 0.15}},
            "inference": {"alpha": 0.05, "power": 0.8},
            **changes,
        }
    )


def a_ticket(n: int = 1, **changes) -> Ticket:
    given = {"category": "billing", "urgency": "normal", "complexity": "simple", "sentiment": "neutral"}
    return Ticket(
        **{
            "ticket_id": f"t{n}",
            "customer_id": f"c{n}",
            "opened_at": NOW - timedelta(seconds=1),
            "workflow": "tier1-support",
            "channel": "chat",
            **given,
            **changes,
        }
    )


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal") as opened:
        yield opened


@pytest.fixture
def texts(tmp_path):
    store = ContentStore(tmp_path / "content.sqlite")
    yield store
    store.close()


@pytest.fixture
def clock():
    return SimulatedClock(NOW)


@pytest.fixture
def router(journal, texts, clock):
    return Router(journal, texts, clock=clock)


def obey(router, change, seq):
    record = change.record()
    return router.obey(
        change.state.tenant,
        change.state.workflow,
        {"state": record.state, "plan_digest": record.plan_digest},
        seq,
    )


@pytest.fixture
def begun(router):
    change = start(a_plan(), "d" * 64, None, ORDER)
    assert obey(router, change, 7)
    return change.state


def test_without_any_transition_a_ticket_goes_to_a_human(router, journal) -> None:
    assigned = router.route(a_ticket())
    assert (assigned.arm, assigned.reason, assigned.version) == ("human", NO_SAFE_STATE, None)
    assert [record.kind for record in journal.read()] == [Kind.TICKET, Kind.TRIAGE, Kind.ASSIGNMENT]


def test_a_decision_follows_the_split_in_force(router, begun) -> None:
    arms = [router.route(a_ticket(n)).arm for n in range(60)]
    assert set(arms) == {"human", "agent"}
    assert router.split("default", "tier1-support").position == 7


def test_each_ticket_is_recorded_with_its_triage_and_its_reason(router, journal, begun) -> None:
    assigned = router.route(a_ticket(), source="demo")
    opened, triaged, recorded = journal.read()
    assert (opened.event_id, triaged.event_id, recorded.event_id) == (
        "ticket:t1",
        "triage:t1",
        "assignment:t1",
    )
    assert (opened.payload["source"], opened.payload["channel"]) == ("demo", "chat")
    assert (triaged.payload["category"], triaged.payload["complexity"]) == ("billing", "simple")
    assert recorded.payload["reason"] == "SPLIT"
    assert recorded.payload["plan_digest"] == "d" * 64
    assert int(recorded.payload["bucket"]) == assigned.bucket


def test_texts_go_to_the_content_store_only(router, journal, texts, begun) -> None:
    router.route(a_ticket(subject="Charged twice", text="Please refund the second payment."))
    opened = next(iter(journal.read()))
    assert texts.get(opened.payload["content"]["subject"]) == "Charged twice"
    assert texts.get(opened.payload["content"]["text"]) == "Please refund the second payment."
    assert not any("Charged twice" in str(record.payload) for record in journal.read())


def test_an_ineligible_ticket_goes_to_a_human_by_the_common_triage(router, begun) -> None:
    assigned = router.route(a_ticket(complexity="complex"))
    assert (assigned.arm, assigned.reason) == ("human", "NOT_ELIGIBLE")


def test_a_retried_ticket_keeps_its_arm_whatever_the_split_is_now(router, journal, clock, begun) -> None:
    first = {n: router.route(a_ticket(n)) for n in range(30)}
    head = journal.head()
    gone = abort(a_plan(), begun, TrackName.LADDER, ORDER)
    obey(router, gone, 99)
    clock.advance(timedelta(hours=3))
    assert {n: router.route(a_ticket(n)) for n in first} == first
    assert journal.head() == head
    assert router.route(a_ticket(1000)).arm == "human"


def test_a_batch_with_a_known_ticket_records_the_others(router, clock, begun) -> None:
    known = router.route(a_ticket(1))
    clock.advance(timedelta(minutes=1))
    decisions = [router.decide(Arrival(a_ticket(n))) for n in range(5)]
    recorded = {routed.assigned.ticket_id: routed.assigned for routed in router.record(decisions)}
    assert recorded["t1"] == known
    assert recorded["t4"].assigned_at == clock.now()


def test_two_tenants_do_not_share_a_ticket_or_a_split(router, begun) -> None:
    router.route(a_ticket(1))
    other = router.route(a_ticket(1, tenant="other"))
    assert other.reason == NO_SAFE_STATE


def test_an_unreadable_transition_leaves_the_last_good_split_in_force(router, begun, caplog) -> None:
    before = router.split("default", "tier1-support")
    illegal = moved(a_plan(), begun, NOW).to_json()
    illegal["split"] = {**illegal["split"], "weight": 250}
    for bad in ({}, {"state": None, "plan_digest": ""}, {"state": illegal, "plan_digest": ""}):
        assert not router.obey("default", "tier1-support", bad, 8)
    assert router.split("default", "tier1-support") is before
    assert "the split stays" in caplog.text


def test_a_router_that_starts_reads_its_position_from_the_journal(router, journal, begun) -> None:
    change = start(a_plan(), "d" * 64, None, ORDER)
    event = Event("transition:1", Kind.TRANSITION, NOW, change.record(), workflow="tier1-support")
    seq = journal.append([event])[0].seq
    restarted = Router(journal)
    restarted.follow(journal.read())
    assert restarted.split("default", "tier1-support") == replace(
        router.split("default", "tier1-support"), position=seq
    )


@pytest.mark.parametrize(("policy", "serves"), [("keep", True), ("release", False)])
def test_after_an_abort_open_conversations_are_kept_or_released_as_the_plan_says(
    router, policy, serves
) -> None:
    plan = a_plan(open_conversations=policy)
    begun = start(plan, "d" * 64, None, ORDER)
    obey(router, begun, 1)
    mine = next(a for a in (router.route(a_ticket(n)) for n in range(30)) if a.arm == "agent")
    assert router.may_serve("default", "tier1-support", mine)
    obey(router, abort(plan, begun.state, TrackName.LADDER, ORDER), 2)
    assert router.may_serve("default", "tier1-support", mine) is serves
