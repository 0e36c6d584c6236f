"""A state is written to a transition record and read back the same; its split is always legal."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import orjson
import pytest

from policies.vocabulary import Mode
from rollout.ladder.state import LadderState, Status, Track, TrackName, shares_of, steps_of


def at_step(plan, now, name, *, canary=None, status=Status.RUNNING) -> LadderState:
    index = next(i for i, step in enumerate(plan.steps) if step.name == name)
    ladder = Track(name, index, status, now, plan.agent, now, passes=1, passed_at=now - timedelta(days=1))
    return LadderState(
        workflow=plan.workflow,
        tenant=plan.tenant,
        plan_digest="d" * 64,
        ladder=ladder,
        canary=canary,
        quarantined=("resolution@1.1.0",),
        shares=shares_of(plan, ladder, canary),
        changed_at=now,
    )


def a_canary(plan, now, index=0, status=Status.RUNNING) -> Track:
    return Track(plan.canary.steps[index].name, index, status, now, plan.canary.agent, now)


def test_a_state_survives_json(plan, now) -> None:
    for state in (at_step(plan, now, "shadow"), at_step(plan, now, "thirty", canary=a_canary(plan, now))):
        assert LadderState.from_json(orjson.loads(orjson.dumps(state.to_json()))) == state


def test_the_json_has_the_keys_that_readers_rely_on(plan, now) -> None:
    value = at_step(plan, now, "thirty", canary=a_canary(plan, now)).to_json()
    assert value["ladder"].keys() >= {"step", "index", "status", "entered_at", "version", "passes"}
    assert value["canary"]["version"] == "resolution@1.3.0"
    assert value["split"] == {
        "step": "thirty",
        "mode": "live",
        "weight": 30.0,
        "canary_weight": 5.0,
        "holdout": 5.0,
        "stable": "resolution@1.2.0",
        "canary": "resolution@1.3.0",
        "salt": "tier1-2026",
        "eligibility": {"complexity": ["simple"]},
        "open_conversations": "keep",
    }


def test_a_percent_with_four_decimals_survives_json_exactly(make_plan, now) -> None:
    plan = make_plan(steps=[{"name": "tiny", "set_weight": "0.0007"}], holdout="33.3333")
    state = at_step(plan, now, "tiny")
    back = LadderState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    assert (back.shares.weight, back.shares.holdout) == (Decimal("0.0007"), Decimal("33.3333"))


@pytest.mark.parametrize("damage", [{"ladder": None}, {"split": {}}, {"changed_at": 7}])
def test_a_damaged_state_is_refused(plan, now, damage) -> None:
    with pytest.raises(ValueError, match="not a ladder state"):
        LadderState.from_json({**at_step(plan, now, "ten").to_json(), **damage})


def test_a_weight_never_reaches_into_the_holdout(make_plan, now) -> None:
    plan = make_plan(steps=[{"name": "all", "set_weight": 100}], holdout="7.5", canary=None)
    assert at_step(plan, now, "all").shares.weight == Decimal("92.5")


def test_an_aborted_ladder_gives_the_agent_nothing_not_even_in_shadow(plan, now) -> None:
    for name in ("shadow", "assist", "full"):
        shares = at_step(plan, now, name, status=Status.ABORTED).shares
        assert (shares.mode, shares.weight, shares.canary) == (Mode.LIVE, 0, None)


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
def test_a_canary_splits_live_traffic_only(plan, now, status) -> None:
    canary = a_canary(plan, now, status=status)
    assert at_step(plan, now, "ten", canary=canary).shares.canary_weight == 5
    assert at_step(plan, now, "assist", canary=canary).shares.canary is None
    assert at_step(plan, now, "ten", canary=replace(canary, status=Status.ABORTED)).shares.canary is None


def test_a_step_may_replace_the_plans_eligibility(make_plan, now) -> None:
    wider = {"complexity": ["simple", "moderate"], "category": ["billing"]}
    plan = make_plan(steps=[{"name": "sixty", "set_weight": 60, "eligible": wider}], canary=None)
    assert at_step(plan, now, "sixty").shares.eligibility == {
        "complexity": ("simple", "moderate"),
        "category": ("billing",),
    }


def test_a_plan_without_canary_has_no_canary_steps(make_plan) -> None:
    assert steps_of(make_plan(canary=None), TrackName.CANARY) == []
