"""Layers, reasons and the record of one decision."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.vocabulary import Complexity, Mode
from rollout.assign.assigner import Assigner
from rollout.assign.bucket import SPACE, boundary, bucket
from rollout.assign.split import Split

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPLIT = Split(
    workflow="tier1-support",
    step="thirty",
    mode=Mode.LIVE,
    weight=Decimal(30),
    canary_weight=Decimal(0),
    holdout=Decimal(5),
    stable="resolution@1.2.0",
    salt="tier1-2026",
    eligibility={"complexity": frozenset({"simple"}), "tier": None},
    plan_digest="d" * 64,
    position=17,
)
SIMPLE = {"complexity": "simple"}

percents = st.decimals(0, 100, places=4)
units = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def a_unit(test) -> str:
    """Some unit whose bucket satisfies ``test``."""
    return next(f"u{n}" for n in range(100_000) if test(bucket(SPLIT.salt, f"u{n}")))


@given(percents)
def test_a_boundary_is_the_exact_floor(percent) -> None:
    assert boundary(percent) == Fraction(percent) * SPACE // 100


def test_zero_and_a_hundred_percent_are_exact() -> None:
    assert boundary(Decimal(0)) == 0
    assert boundary(Decimal(100)) == SPACE


@pytest.mark.parametrize("percent", ["-0.0001", "100.0001", "NaN"])
def test_a_share_that_is_none_is_refused(percent) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        boundary(Decimal(percent))


@pytest.mark.parametrize(
    ("field", "value"),
    [("weight", Decimal("95.0001")), ("holdout", Decimal(-1)), ("canary_weight", Decimal(101))],
)
def test_an_illegal_split_cannot_be_made(field, value) -> None:
    with pytest.raises(ValueError, match=field):
        replace(SPLIT, **{field: value})


@given(units)
def test_nobody_is_exposed_at_zero_and_all_at_a_hundred(unit) -> None:
    none = replace(SPLIT, weight=Decimal(0))
    everyone = replace(SPLIT, weight=Decimal(100), holdout=Decimal(0))
    assert Assigner(none).decide(unit, SIMPLE).arm == "human"
    assert Assigner(everyone).decide(unit, SIMPLE).arm == "agent"


@given(units)
def test_the_whole_agent_share_can_be_the_canary(unit) -> None:
    split = replace(
        SPLIT, weight=Decimal(100), holdout=Decimal(0), canary="resolution@1.3.0", canary_weight=Decimal(100)
    )
    assert Assigner(split).decide(unit, SIMPLE).arm == "canary"


def test_a_unit_exactly_on_the_boundary_is_outside() -> None:
    """Inside is strictly below; the last bucket of a share belongs to the next layer."""
    where = bucket(SPLIT.salt, "u1")
    with localcontext() as exact:
        exact.prec = 80
        on_it, above_it = (Decimal(edge) * 100 / SPACE for edge in (where, where + 1))
        arms = [
            Assigner(replace(SPLIT, weight=weight, holdout=Decimal(0))).decide("u1", SIMPLE).arm
            for weight in (on_it, above_it)
        ]
    assert arms == ["human", "agent"]


def test_a_held_out_unit_stays_human_at_any_legal_weight() -> None:
    unit = a_unit(lambda where: where >= SPACE - boundary(Decimal(5)))
    decision = Assigner(replace(SPLIT, weight=Decimal(95))).decide(unit, SIMPLE)
    assert (decision.arm, decision.reason) == ("human", "HOLDOUT")


def test_an_ineligible_ticket_goes_to_a_human_and_says_which_attribute() -> None:
    unit = a_unit(lambda where: where < SPLIT.agent_below)
    decision = Assigner(SPLIT).decide(unit, {"complexity": "complex"})
    assert (decision.arm, decision.reason, decision.eligible) == ("human", "NOT_ELIGIBLE", False)
    assert decision.detail == "not eligible: complexity is complex, admitted: simple"


def test_an_unknown_attribute_is_not_eligible_where_the_key_is_restricted() -> None:
    decision = Assigner(SPLIT).decide("u1", {})
    assert not decision.eligible
    assert decision.detail == "not eligible: complexity is unknown, admitted: simple"


def test_enum_members_count_as_their_values() -> None:
    assert Assigner(SPLIT).decide("u1", {"complexity": Complexity.SIMPLE}).eligible


def test_in_shadow_everybody_is_served_by_humans_and_the_watched_version_is_named() -> None:
    assigner = Assigner(replace(SPLIT, mode=Mode.SHADOW, weight=Decimal(0)))
    assigned = assigner.assign("t1", "u1", SIMPLE, NOW)
    assert (assigned.arm, assigned.mode, assigned.version) == ("human", "shadow", "resolution@1.2.0")
    assert assigned.reason == "SHADOW"


def test_an_ineligible_ticket_is_not_watched_in_shadow() -> None:
    """Shadow evidence is on the tickets that the agent would be given."""
    assigner = Assigner(replace(SPLIT, mode=Mode.SHADOW, weight=Decimal(0)))
    assigned = assigner.assign("t1", "u1", {"complexity": "complex"}, NOW)
    assert (assigned.arm, assigned.mode, assigned.version) == ("human", "shadow", None)
    assert (assigned.reason, assigned.eligible) == ("NOT_ELIGIBLE", False)


def test_the_record_holds_enough_to_recompute_the_decision() -> None:
    unit = a_unit(lambda where: where < SPLIT.agent_below)
    assigned = Assigner(SPLIT).assign("t1", unit, SIMPLE, NOW)
    assert (assigned.arm, assigned.version, assigned.reason) == ("agent", "resolution@1.2.0", "SPLIT")
    assert assigned.bucket == bucket(SPLIT.salt, unit) < boundary(Decimal(str(assigned.weight)))
    assert (assigned.weight, assigned.canary_weight, assigned.holdout) == (30.0, 0.0, 5.0)
    assert (assigned.step, assigned.plan_digest, assigned.position) == ("thirty", "d" * 64, 17)
    assert (assigned.eligible, assigned.detail, assigned.assigned_at) == (True, "eligible", NOW)


def test_the_human_arm_of_a_live_step_has_no_version() -> None:
    unit = a_unit(lambda where: SPLIT.agent_below <= where < SPLIT.holdout_from)
    assert Assigner(SPLIT).assign("t1", unit, SIMPLE, NOW).version is None


@given(units, percents, percents)
def test_raising_a_weight_moves_nobody_who_is_in(unit, one, other) -> None:
    low, high = sorted((min(one, Decimal(95)), min(other, Decimal(95))))
    before = Assigner(replace(SPLIT, weight=low)).decide(unit, SIMPLE).arm
    after = Assigner(replace(SPLIT, weight=high)).decide(unit, SIMPLE).arm
    assert (before, after) != ("agent", "human")


@given(units, percents, percents)
def test_a_canary_ramp_moves_nobody_between_human_and_agent(unit, one, other) -> None:
    arms = [
        Assigner(replace(SPLIT, canary="resolution@1.3.0", canary_weight=share)).decide(unit, SIMPLE).arm
        for share in sorted((one, other))
    ]
    assert (arms[0] == "human") == (arms[1] == "human")
    assert arms != ["canary", "agent"]
