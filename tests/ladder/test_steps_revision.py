"""A plan edited under a running rollout: what counts as restricting, and what starts over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.errors import TransitionRefused
from rollout.ladder.actions import abort, start, start_canary
from rollout.ladder.revision import adopt, changes
from rollout.ladder.state import TrackName, moved
from rollout.ladder.transition import Order

OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture
def order(now):
    return Order("release-manager", "after the review", now + timedelta(days=3))


@pytest.fixture
def state(plan, now):
    """Standing at ten since Monday."""
    begun = start(plan, OLD, None, Order("release-manager", "go", now)).state
    return moved(plan, begun, now, ladder=replace(begun.ladder, step="ten", index=2))


def edited(make_plan, plan, step, **fields):
    """The plan with one ladder step changed."""
    dumped = plan.model_dump(mode="json", exclude_none=True)
    return make_plan(steps=[{**each, **fields} if each["name"] == step else each for each in dumped["steps"]])


def test_an_unchanged_plan_has_no_changes(plan, make_plan, state) -> None:
    assert changes(plan, make_plan(), state) == []


@pytest.mark.parametrize(
    "restriction",
    [
        {"holdout": 10},
        {"eligible": {"complexity": ["simple"], "urgency": ["low"]}},
        {"freeze": ["2026-12-18/2027-01-04", "2026-04-01/2026-04-02"]},
        {"monitors": ["violations", "errors"]},
        {"metrics": {"csat": {"margin": 0.1}, "recontact_7d": {"margin": "2pp"}}},
        {"canary": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_taking_authority_or_traffic_away_is_applied_at_once(
    plan, make_plan, state, order, restriction
) -> None:
    revised = make_plan(**restriction)
    assert all(change.restricts for change in changes(plan, revised, state))
    adopted = adopt(revised, NEW, plan, state, order)
    assert (adopted.action, adopted.reason, adopted.state.plan_digest) == ("adopt", "RESTRICT_ONLY", NEW)


@pytest.mark.parametrize(
    "widening",
    [
        {"holdout": 1},
        {"eligible": {"complexity": ["simple", "moderate"]}},
        {"eligible": {}},
        {"freeze": []},
        {"monitors": []},
        {"on_fail": "pause"},
        {"metrics": {"csat": {"margin": 0.3}, "recontact_7d": {"margin": "2pp"}}},
        {"metrics": {"csat": {"margin": 0.15}}},
    ],
    ids=str,
)
def test_anything_else_is_proposed_and_applied_by_a_person(plan, make_plan, state, order, widening) -> None:
    revised = make_plan(**widening)
    with pytest.raises(TransitionRefused, match="more than restrict"):
        adopt(revised, NEW, plan, state, order)
    adopted = adopt(revised, NEW, plan, state, replace(order, override=True))
    assert (adopted.reason, adopted.actor) == ("REVISION", "release-manager")
    assert adopted.evidence["changes"]


def test_dropping_a_step_of_the_canary_does_not_restrict(plan, make_plan, state) -> None:
    shorter = make_plan(canary={"agent": "resolution@1.3.0", "steps": [{"name": "canary", "set_weight": 5}]})
    assert not all(change.restricts for change in changes(plan, shorter, state))


def test_a_changed_weight_names_its_step_in_the_refusal(plan, make_plan, state, order) -> None:
    revised = edited(make_plan, plan, "ten", set_weight=20)
    with pytest.raises(TransitionRefused, match=r"steps\.ten\.set_weight: 10 → 20"):
        adopt(revised, NEW, plan, state, order)


def test_a_lower_weight_of_the_running_step_is_in_force_at_once(plan, make_plan, state, order) -> None:
    adopted = adopt(edited(make_plan, plan, "ten", set_weight=2), NEW, plan, state, order)
    assert adopted.state.shares.weight == 2
    assert adopted.state.ladder.since == order.at


def test_evidence_starts_over_only_where_the_question_changed(plan, make_plan, state, order) -> None:
    later_step = adopt(
        edited(make_plan, plan, "full", set_weight=80), NEW, plan, state, replace(order, override=True)
    )
    assert later_step.state.ladder.since == state.ladder.since
    stricter = make_plan(metrics={"csat": {"margin": 0.1}, "recontact_7d": {"margin": "2pp"}})
    assert adopt(stricter, NEW, plan, state, order).state.ladder.since == order.at


def test_an_inserted_step_moves_the_running_one_by_name(plan, make_plan, state, order) -> None:
    steps = plan.model_dump(mode="json", exclude_none=True)["steps"]
    steps.insert(1, {"name": "two", "set_weight": 2})
    adopted = adopt(make_plan(steps=steps), NEW, plan, state, replace(order, override=True))
    assert (adopted.state.ladder.step, adopted.state.ladder.index) == ("ten", 3)


def test_the_running_step_cannot_disappear(plan, make_plan, state, order) -> None:
    steps = [
        each for each in plan.model_dump(mode="json", exclude_none=True)["steps"] if each["name"] != "ten"
    ]
    with pytest.raises(TransitionRefused, match="stands at step ten"):
        adopt(make_plan(steps=steps), NEW, plan, state, replace(order, override=True))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"salt": "other"}, "every customer into a new arm"),
        ({"workflow": "other"}, "not for default/tier1-support"),
        ({"agent": "resolution@2.0.0"}, "under 'canary'"),
    ],
)
def test_what_would_break_the_experiment_is_refused_to_everybody(
    plan, make_plan, state, order, change, told
) -> None:
    with pytest.raises(TransitionRefused, match=told):
        adopt(make_plan(**change), NEW, plan, state, replace(order, override=True))


def test_a_canary_that_the_new_plan_lacks_loses_its_traffic(plan, make_plan, state, order) -> None:
    trying = start_canary(plan, state, order).state
    adopted = adopt(make_plan(canary=None), NEW, plan, trying, order)
    assert (adopted.state.canary, adopted.state.shares.canary) == (None, None)
    kept = adopt(make_plan(monitors=["violations", "errors"]), NEW, plan, trying, order)
    assert kept.state.canary == trying.canary


def test_nothing_is_adopted_where_nothing_runs(plan, make_plan, state, order) -> None:
    stopped = abort(plan, state, TrackName.LADDER, order).state
    with pytest.raises(TransitionRefused, match="start the plan instead"):
        adopt(make_plan(holdout=10), NEW, plan, stopped, order)
