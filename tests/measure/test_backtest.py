"""A plan asked about a past it did not make."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desks_for_tests import START, Desk, plan_of, world

from rollout.errors import UnknownWorkflow, UsageError
from rollout.gating import gate
from rollout.trials.backtest import CAVEAT, backtest, moments_between

WEEK = timedelta(days=7)
BIG = {"tickets": 12_000, "customers": 4_000}


def steps(**later: Any) -> list[dict[str, Any]]:
    return [
        {"name": "ten", "set_weight": 10, "margin_scale": 2.0, **later},
        {"name": "thirty", "set_weight": 30},
    ]


def test_a_good_agent_climbs_and_every_look_says_why(desk: Desk) -> None:
    desk.add_frame(world(**BIG))
    found = backtest(desk, plan_of(), every=WEEK).to_json()
    assert [look["moved_to"] for look in found["moves"]] == ["thirty", "thirty"]
    assert found["final"] == {"step": "thirty", "status": "completed"}
    assert found["looks"][0]["decision"] == "HOLD"
    assert all(look["sentence"] and look["metrics"] for look in found["looks"])
    assert found["caveat"] == CAVEAT


def test_a_harmful_agent_is_rolled_back_and_stays_out(desk: Desk) -> None:
    desk.add_frame(world(**BIG, csat=-0.7))
    found = backtest(desk, plan_of(), every=WEEK).to_json()
    (move,) = found["moves"]
    assert (move["decision"], move["moved_to"]) == ("ROLL_BACK", "aborted")
    assert found["final"]["status"] == "aborted"
    assert {look["status"] for look in found["looks"][found["looks"].index(move) + 1 :]} == {"aborted"}


def test_dwell_and_passes_hold_back_what_the_gates_would_let_go(desk: Desk) -> None:
    desk.add_frame(world(**BIG))
    patient = plan_of(steps=steps(min_duration="35d", consecutive_passes=2))
    last = datetime(2026, 4, 20, tzinfo=UTC)
    hasty, slow = (
        backtest(desk, plan, every=WEEK, last=last).to_json()["moves"][0] for plan in (plan_of(), patient)
    )
    assert hasty["as_of"] < slow["as_of"]
    assert slow["as_of"] >= (START + timedelta(days=35)).isoformat()


def test_a_plan_of_planned_looks_takes_each_once_and_no_more(desk: Desk) -> None:
    desk.add_frame(world(**BIG))
    often = {"every": timedelta(days=2)}
    rates = {"alpha": 0.05, "power": 0.8}
    spending = backtest(desk, plan_of(inference=rates | {"method": "group_sequential"}), **often).to_json()
    looks = [look for look in spending["looks"] if "planned look" in look["outlook"]]
    reasons = {metric["reason"] for look in spending["looks"] for metric in look["metrics"]}
    assert 1 <= len(looks) < len(spending["looks"])
    assert "NOT_YET" in reasons
    assert spending["final"]["step"] == "thirty"


def test_a_plan_of_one_look_has_spent_it_when_it_misses(desk: Desk) -> None:
    desk.add_frame(world(**BIG, csat=-0.12))
    rates = {"alpha": 0.05, "power": 0.8, "method": "fixed_horizon"}
    found = backtest(desk, plan_of(inference=rates), every=timedelta(days=2)).to_json()
    after = [look for look in found["looks"] if look["reason"] == "LOOKS_SPENT"]
    assert len(after) > 1
    assert found["final"]["status"] == "running"


def test_an_approval_is_assumed_and_noted(desk: Desk) -> None:
    desk.add_frame(world(**BIG))
    found = backtest(desk, plan_of(steps=steps(approval=True)), every=2 * WEEK).to_json()
    assert found["moves"][0]["moved_to"] == "thirty"
    assert found["notes"][0].startswith("approval to leave ten was assumed")


def test_a_shadow_step_without_shadow_evidence_is_passed_over_and_noted(desk: Desk) -> None:
    desk.add_frame(world(2000))
    shadow = {
        "name": "shadow",
        "mode": "shadow",
        "gate": ["agreement"],
        "shadow": {"budget_usd_per_day": 40.0, "concurrency": 8, "deadline": "20s"},
    }
    found = backtest(desk, plan_of(steps=[shadow, *steps()]), every=4 * WEEK).to_json()
    assert found["looks"][0]["step"] == "ten"
    assert "shadow (shadow) was passed over" in found["notes"][0]


def test_a_look_says_what_the_gate_says_at_that_moment(desk: Desk) -> None:
    desk.add_frame(world(4000, weights=(("ten", 10.0),)))
    at = datetime(2026, 4, 6, tzinfo=UTC)
    (look,) = backtest(desk, plan_of(), first=at, last=at).to_json()["looks"]
    printed = gate(desk, plan_of(), "w", at).to_json()
    assert look["decision"] == printed["decision"]
    for mine, theirs in zip(look["metrics"], printed["metrics"], strict=True):
        assert mine["verdict"] == theirs["verdict"]
        assert mine["estimate"] == pytest.approx(theirs["estimate"], rel=1e-9)


def test_progress_counts_the_looks_there_will_be(desk: Desk) -> None:
    desk.add_frame(world(800, days=20))
    seen: list[int] = []
    found = backtest(desk, plan_of(), every=WEEK, progress=seen.append)
    assert seen == list(range(1, len(found.looks) + 1))
    assert len(seen) == moments_between(desk, plan_of(), every=WEEK)


def test_a_history_that_cannot_be_judged_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownWorkflow, match="'w'"):
        backtest(desk, plan_of())
    desk.add_frame(world(200))
    with pytest.raises(UsageError, match="no look"):
        backtest(desk, plan_of(), first=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(UsageError, match="closer than a minute"):
        backtest(desk, plan_of(), every=timedelta(seconds=1))
