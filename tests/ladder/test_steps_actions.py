"""What people may order, and what is refused to everybody."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollout.errors import TransitionRefused
from rollout.ladder.actions import abort, pause, promote, readmit, resume, start, start_canary
from rollout.ladder.state import Status, TrackName, moved
from rollout.ladder.steps import advance
from rollout.ladder.transition import Decision, Order, Ruling

PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed", {"csat": "PASS"})
HOLD = Ruling(Decision.HOLD, "UNDERPOWERED", "csat needs 400 more tickets")
FAIL = Ruling(Decision.ROLL_BACK, "INFERIOR", "csat is worse by more than its margin")
LADDER, CANARY = TrackName.LADDER, TrackName.CANARY
DIGEST = "d" * 64


@pytest.fixture
def order(now):
    return Order("release-manager", "weekly review", now)


@pytest.fixture
def begun(plan, order):
    return start(plan, DIGEST, None, order).state


def standing(plan, state, name, **changes):
    index = next(i for i, step in enumerate(plan.steps) if step.name == name)
    return moved(
        plan, state, state.changed_at, ladder=replace(state.ladder, step=name, index=index, **changes)
    )


def test_a_start_enters_the_first_step_and_says_who_ordered_it(plan, order) -> None:
    change = start(plan, DIGEST, None, order)
    assert (change.action, change.from_step, change.to_step) == ("start", None, "shadow")
    assert (change.actor, change.reason) == ("release-manager", "ORDERED")
    assert change.sentence == "resolution@1.2.0 starts in shadow: weekly review"
    assert (change.state.plan_digest, change.state.shares.weight) == (DIGEST, 0)


def test_a_rollout_under_way_is_not_started_again(plan, begun, order) -> None:
    with pytest.raises(TransitionRefused, match="running at step shadow"):
        start(plan, DIGEST, begun, order)


def test_a_live_first_step_does_not_start_in_a_freeze(make_plan) -> None:
    christmas = Order("release-manager", "no patience", datetime(2026, 12, 25, tzinfo=UTC))
    with pytest.raises(TransitionRefused, match="frozen from 2026-12-18 to 2027-01-04"):
        start(make_plan(steps=[{"name": "ten", "set_weight": 10}]), DIGEST, None, christmas)
    assert start(make_plan(), DIGEST, None, christmas).to_step == "shadow"


def test_approval_lets_a_passed_gate_through(plan, begun, order) -> None:
    state = standing(plan, begun, "ten")
    later = replace(order, at=order.at + timedelta(days=14))
    change = promote(plan, state, LADDER, PASS, later)
    assert (change.to_step, change.reason, change.actor) == ("thirty", "APPROVED", "release-manager")
    assert (change.evidence["csat"], change.evidence["ordered"]) == ("PASS", "weekly review")


def test_a_gate_that_has_not_passed_refuses_with_its_reasons(plan, begun, order) -> None:
    later = replace(order, at=order.at + timedelta(days=20))
    with pytest.raises(TransitionRefused, match=r"csat needs 400 more tickets \(UNDERPOWERED\)"):
        promote(plan, begun, LADDER, HOLD, later)
    with pytest.raises(TransitionRefused, match="MIN_DURATION"):
        promote(plan, begun, LADDER, PASS, order)


def test_an_override_is_recorded_with_what_it_set_aside(plan, begun, order) -> None:
    change = promote(plan, begun, LADDER, HOLD, replace(order, override=True))
    assert (change.to_step, change.reason) == ("assist", "OVERRIDE")
    assert change.evidence["override"]["held_by"] == "UNDERPOWERED"
    assert "overriding UNDERPOWERED" in change.sentence


def test_an_override_counts_once(plan, begun, order) -> None:
    state = promote(plan, begun, LADDER, HOLD, replace(order, override=True)).state
    assert advance(plan, state, {LADDER: HOLD}, order.at + timedelta(days=60)) is None


def test_an_override_without_a_reason_is_refused(plan, begun, order) -> None:
    with pytest.raises(TransitionRefused, match="needs a reason"):
        promote(plan, begun, LADDER, HOLD, replace(order, reason=" ", override=True))


@pytest.mark.parametrize("status", [Status.PAUSED, Status.ABORTED, Status.COMPLETED])
def test_what_does_not_climb_is_not_promoted_even_by_override(plan, begun, order, status) -> None:
    state = standing(plan, begun, "ten", status=status)
    with pytest.raises(TransitionRefused):
        promote(plan, state, LADDER, PASS, replace(order, override=True))


def test_harm_is_not_overridden(plan, begun, order) -> None:
    with pytest.raises(TransitionRefused, match="INFERIOR"):
        promote(plan, standing(plan, begun, "ten"), LADDER, FAIL, replace(order, override=True))


def test_a_pause_keeps_the_traffic_and_a_resume_goes_on(plan, begun, order) -> None:
    state = standing(plan, begun, "ten")
    paused = pause(plan, state, LADDER, order)
    assert (paused.action, paused.state.ladder.status) == ("pause", Status.PAUSED)
    assert paused.state.shares == state.shares
    resumed = resume(plan, paused.state, LADDER, order)
    assert resumed.state.ladder == state.ladder
    for again, action in ((paused.state, pause), (resumed.state, resume)):
        with pytest.raises(TransitionRefused):
            action(plan, again, LADDER, order)


def test_an_abort_takes_all_traffic_and_quarantines_the_version(plan, begun, order) -> None:
    for status in (Status.RUNNING, Status.PAUSED, Status.COMPLETED):
        change = abort(plan, standing(plan, begun, "full", status=status), LADDER, order)
        assert change.state.shares.weight == 0
        assert change.state.quarantined == ("resolution@1.2.0",)
        with pytest.raises(TransitionRefused, match="no traffic to take away"):
            abort(plan, change.state, LADDER, order)


def test_a_quarantined_version_starts_only_after_readmission(plan, begun, order) -> None:
    state = abort(plan, standing(plan, begun, "ten"), LADDER, order).state
    with pytest.raises(TransitionRefused, match=r"readmit resolution@1\.2\.0"):
        start(plan, DIGEST, state, order)
    back = readmit(plan, state, "resolution@1.2.0", order)
    assert (back.action, back.state.quarantined, back.state.shares.weight) == ("readmit", (), 0)
    assert start(plan, DIGEST, back.state, order).to_step == "shadow"


def test_only_what_is_out_can_be_readmitted(plan, begun, order) -> None:
    with pytest.raises(TransitionRefused, match="quarantined: none"):
        readmit(plan, begun, "resolution@9.9.9", order)


def test_a_canary_starts_inside_live_traffic_only(plan, begun, order) -> None:
    for name in ("shadow", "assist"):
        with pytest.raises(TransitionRefused, match="no live traffic to split"):
            start_canary(plan, standing(plan, begun, name), order)
    change = start_canary(plan, standing(plan, begun, "ten"), order)
    assert (change.action, change.track, change.to_step) == ("start", CANARY, "canary")
    assert (change.state.shares.weight, change.state.shares.canary_weight) == (10, 5)


def test_a_canary_is_refused_where_there_is_none_or_one_runs_or_it_is_stable(
    make_plan, plan, begun, order
) -> None:
    state = standing(plan, begun, "ten")
    with pytest.raises(TransitionRefused, match="has no canary"):
        start_canary(make_plan(canary=None), state, order)
    with pytest.raises(TransitionRefused, match="is running as canary"):
        start_canary(plan, start_canary(plan, state, order).state, order)
    with pytest.raises(TransitionRefused, match="stable version"):
        start_canary(plan, standing(plan, begun, "ten", version="resolution@1.3.0"), order)


def test_an_aborted_canary_comes_back_only_after_readmission(plan, begun, order) -> None:
    running = start_canary(plan, standing(plan, begun, "ten"), order).state
    gone = abort(plan, running, CANARY, order).state
    assert (gone.shares.canary, gone.shares.weight) == (None, 10)
    with pytest.raises(TransitionRefused, match="quarantined"):
        start_canary(plan, gone, order)
    back = readmit(plan, gone, "resolution@1.3.0", order)
    assert back.track is CANARY
    assert start_canary(plan, back.state, order).state.shares.canary == "resolution@1.3.0"


def test_actions_on_a_canary_that_does_not_run_are_refused(plan, begun, order) -> None:
    for action in (pause, resume):
        with pytest.raises(TransitionRefused, match="runs no canary"):
            action(plan, begun, CANARY, order)
    with pytest.raises(TransitionRefused):
        abort(plan, begun, CANARY, order)
    with pytest.raises(TransitionRefused, match="runs no canary"):
        promote(plan, begun, CANARY, PASS, order)
