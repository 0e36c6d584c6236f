"""Verdicts, one circumstance at a time."""

from dataclasses import replace

import numpy as np
import pytest
from rows_for_tests import desk

from experiments.estimate import estimate_above
from experiments.goals import judge_goal
from experiments.judge import judge_difference
from experiments.limits import judge_band, judge_limit
from experiments.rows import comparison_from_rows, one_sample_from_rows
from experiments.sequential import lower_bound
from experiments.verdict import (
    Circumstances,
    Limit,
    Looks,
    Method,
    Question,
    Reason,
    Rules,
    State,
    Traffic,
)

CSAT = Question("csat", "CSAT (1 to 5)", "points", "higher", 0.15)
RECONTACT = Question("recontact_7d", "Re-contact within 7 days", "rate", "lower", 0.02)
RULES = Rules(alpha=0.05, power=0.8, guardrails=3)
EQUAL = desk(11, n=12_000, customers=6_000).comparison()
WORSE = desk(11, n=12_000, customers=6_000, effect=-0.6).comparison()
EARLY = desk(11, n=500, customers=300).comparison()


def rates(agent: float, human: float, n: int = 30_000, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    treated = (rng.random(n) < 0.4).astype(float)
    y = (rng.random(n) < np.where(treated > 0, agent, human)).astype(float)
    return rng.integers(0, 10, n), np.arange(n) // 2, treated, y, np.ones(n)


def test_equal_arms_pass_with_a_sentence_that_names_everything() -> None:
    verdict = judge_difference(EQUAL, CSAT, RULES)
    assert (verdict.state, verdict.reason) == (State.PASS, Reason.NON_INFERIOR)
    for part in ("CSAT (1 to 5)", "with the agent", "with humans", "95 % confidence", "0.15 points"):
        assert part in verdict.sentence


def test_a_much_worse_agent_fails() -> None:
    verdict = judge_difference(WORSE, CSAT, RULES)
    assert (verdict.state, verdict.reason) == (State.FAIL, Reason.INFERIOR)
    assert "not chance" in verdict.sentence


def test_harm_inside_the_margin_never_fails_however_sure() -> None:
    verdict = judge_difference(WORSE, replace(CSAT, margin=2.0), RULES)
    assert verdict.upper < 0
    assert verdict.state is not State.FAIL


def test_early_data_are_inconclusive_and_say_what_is_missing() -> None:
    around = Circumstances(traffic=Traffic(2000, 0.3, 0.12, lag_days=3))
    verdict = judge_difference(EARLY, CSAT, RULES, around)
    assert (verdict.state, verdict.reason) == (State.INCONCLUSIVE, Reason.UNDERPOWERED)
    assert verdict.mde > verdict.margin
    assert verdict.needed_tickets > 0
    assert verdict.needed_days > 3, "maturity is counted"
    assert "more tickets" in verdict.sentence


def test_a_lower_is_better_metric_is_shown_as_agent_minus_human() -> None:
    verdict = judge_difference(comparison_from_rows(*rates(0.30, 0.18)), RECONTACT, RULES)
    assert verdict.state is State.FAIL
    assert verdict.estimate == pytest.approx(0.12, abs=0.02)
    assert verdict.lower > 0
    assert "percentage points worse" in verdict.sentence
    good = judge_difference(comparison_from_rows(*rates(0.18, 0.18)), RECONTACT, RULES)
    assert good.state is State.PASS
    assert good.upper < good.margin == 0.02


def test_outcomes_on_their_way_make_it_immature_rather_than_underpowered() -> None:
    around = Circumstances(immature=40_000, mature_from="2026-03-09")
    verdict = judge_difference(EARLY, CSAT, RULES, around)
    assert verdict.reason is Reason.IMMATURE
    assert "40,000 outcomes are still open, the next closes 2026-03-09" in verdict.sentence


def test_a_broken_experiment_has_no_verdict_however_good_the_numbers() -> None:
    around = Circumstances(invalid=(Reason.SRM,), causes=("assignments are lost",))
    for sums in (EQUAL, WORSE, EARLY):
        verdict = judge_difference(sums, CSAT, RULES, around)
        assert (verdict.state, verdict.reason) == (State.INVALID, Reason.SRM)
        assert "Likely causes: assignments are lost." in verdict.sentence


def test_bounds_that_straddle_the_margin_hold_a_pass_back() -> None:
    hidden = Circumstances(bounds=(-0.4, 0.2))
    assert judge_difference(EQUAL, CSAT, RULES, hidden).reason is Reason.NOT_IDENTIFIED
    assert judge_difference(EQUAL, CSAT, RULES, Circumstances(bounds=(-0.05, 0.05))).passed
    upward = comparison_from_rows(*rates(0.18, 0.18))
    assert (
        judge_difference(upward, RECONTACT, RULES, Circumstances(bounds=(-0.1, 0.05))).reason
        is Reason.NOT_IDENTIFIED
    )


def test_an_early_step_tests_a_looser_margin_and_shows_it() -> None:
    loose = judge_difference(EARLY, replace(CSAT, scale=4.0), RULES)
    assert loose.margin == pytest.approx(0.6)
    assert loose.passed
    assert not judge_difference(EARLY, CSAT, RULES).passed


def test_a_loose_step_does_not_pass_an_estimate_beyond_the_plans_own_margin() -> None:
    sums = desk(3, n=12_000, customers=6_000, effect=-0.35).comparison()
    verdict = judge_difference(sums, replace(CSAT, scale=4.0, margin=0.12), replace(RULES, harm_alpha=1e-9))
    assert verdict.lower > -verdict.margin
    assert not verdict.passed


def test_harm_is_judged_earlier_than_a_pass() -> None:
    sums = desk(5, n=200, customers=200, effect=-2.5, response=0.9).comparison()
    assert 30 <= sums.n_treated < 100
    assert judge_difference(sums, CSAT, RULES).state is State.FAIL


def test_fixed_horizon_waits_for_its_one_look() -> None:
    rules = replace(RULES, method=Method.FIXED_HORIZON)
    verdict = judge_difference(EARLY, CSAT, rules)
    assert verdict.reason is Reason.NOT_YET
    assert judge_difference(EQUAL, CSAT, rules).passed
    assert "however often" not in judge_difference(EQUAL, CSAT, rules).sentence


def test_group_sequential_remembers_its_looks() -> None:
    rules = replace(RULES, method=Method.GROUP_SEQUENTIAL)
    assert judge_difference(EQUAL, CSAT, rules).passed
    spent = replace(rules, looks=Looks((1e6,)))
    assert judge_difference(EQUAL, CSAT, spent).state is State.INCONCLUSIVE


def test_a_rollouts_group_sequential_look_comes_only_when_enough_is_new() -> None:
    rules = replace(RULES, method=Method.GROUP_SEQUENTIAL, looks=Looks())
    information = estimate_above(EARLY, better="higher", margin=CSAT.margin).information
    first = judge_difference(EARLY, CSAT, rules).look
    assert first is not None
    assert first.at == (pytest.approx(information),)
    again = judge_difference(EARLY, CSAT, replace(rules, looks=first))
    assert (again.reason, again.look) == (Reason.NOT_YET, None)


def test_a_look_that_passed_is_remembered_until_the_estimate_is_beyond_the_margin() -> None:
    rules = replace(RULES, method=Method.GROUP_SEQUENTIAL, looks=Looks((1.0,), passed=True))
    verdict = judge_difference(EARLY, CSAT, rules)
    assert verdict.passed
    assert verdict.look is None
    assert "planned look" in verdict.sentence
    assert not judge_difference(WORSE, CSAT, rules).passed


@pytest.mark.parametrize("method", [Method.GROUP_SEQUENTIAL, Method.FIXED_HORIZON])
def test_looks_that_are_used_up_leave_the_decision_to_a_person(method: Method) -> None:
    rules = replace(RULES, method=method)
    horizon = judge_difference(EARLY, CSAT, rules).needed_information
    assert horizon is not None
    spent = judge_difference(EQUAL, CSAT, replace(rules, looks=Looks((1.01 * horizon,))))
    assert (spent.state, spent.reason) == (State.INCONCLUSIVE, Reason.LOOKS_SPENT)
    assert "a person decides" in spent.sentence
    before = judge_difference(EQUAL, CSAT, replace(rules, looks=Looks((0.2 * horizon,))))
    assert before.reason is not Reason.LOOKS_SPENT


def test_a_fixed_plan_takes_no_look_before_its_horizon() -> None:
    rules = replace(RULES, method=Method.FIXED_HORIZON, looks=Looks())
    wide = replace(CSAT, margin=0.01)
    verdict = judge_difference(EQUAL, wide, rules)
    assert verdict.reason is Reason.NOT_YET
    assert verdict.look is None


def test_no_planned_look_is_wasted_on_a_broken_comparison() -> None:
    rules = replace(RULES, method=Method.FIXED_HORIZON, looks=Looks())
    broken = judge_difference(EQUAL, CSAT, rules, Circumstances(invalid=(Reason.SRM,)))
    assert broken.look is None
    assert judge_difference(EQUAL, CSAT, rules).look is not None


def test_harm_is_anytime_valid_whatever_the_method() -> None:
    for method in Method:
        assert judge_difference(WORSE, CSAT, replace(RULES, method=method)).failed


def test_a_single_customers_pull_is_stated() -> None:
    rows = desk(2)
    rows.cluster[:400] = 9999
    verdict = judge_difference(rows.comparison(), CSAT, RULES)
    assert verdict.largest_pull > 0.1
    assert verdict.effective_clusters < 100


def test_a_pass_never_hangs_on_one_customer() -> None:
    held = replace(EQUAL, largest_b=0.2 * EQUAL.sum_b)
    assert judge_difference(held, CSAT, RULES).reason is Reason.FEW_CLUSTERS


@pytest.mark.parametrize(
    ("change", "message"),
    [({"margin": 0.0}, "margin"), ({"margin": -1.0}, "margin"), ({"scale": 0.5}, "scale")],
)
def test_a_question_without_a_margin_is_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge_difference(EQUAL, replace(CSAT, **change), RULES)


def test_a_relative_margin_of_a_zero_baseline_has_no_verdict() -> None:
    stratum, cluster, treated, y, d = rates(0.3, 0.0)
    question = replace(RECONTACT, margin=0.1, relative=True)
    verdict = judge_difference(
        comparison_from_rows(stratum, cluster, treated, y * treated, d), question, RULES
    )
    assert verdict.reason is Reason.NO_BASELINE


def test_a_level_beyond_its_ceiling_fails_and_below_it_passes() -> None:
    rng = np.random.default_rng(4)
    ceiling = Limit("errors", "Errors", "rate", "lower", 0.02)

    def judged(rate: float) -> State:
        sample = one_sample_from_rows(np.arange(3000) // 2, rng.random(3000) < rate, np.ones(3000))
        return judge_limit(sample, ceiling, RULES).state

    assert judged(0.06) is State.FAIL
    assert judged(0.005) is State.PASS
    assert judged(0.02) is State.INCONCLUSIVE


def test_sampling_weights_undo_a_biased_review() -> None:
    """Doubtful replies are reviewed ten times as often; the level is that of all replies."""
    rng = np.random.default_rng(1)
    n = 60_000
    doubtful = rng.random(n) < 0.2
    agrees = rng.random(n) < np.where(doubtful, 0.6, 0.95)
    chance = np.where(doubtful, 0.5, 0.05)
    seen = rng.random(n) < chance
    floor = Limit("agreement", "Agreement", "rate", "higher", 0.8)
    sample = one_sample_from_rows(np.arange(n)[seen], agrees[seen], np.ones(seen.sum()), chance[seen])
    verdict = judge_limit(sample, floor, RULES)
    assert verdict.estimate == pytest.approx(0.88, abs=0.015)
    assert agrees[seen].mean() < 0.75
    assert verdict.passed


@pytest.mark.parametrize(
    ("rate", "state"), [(0.2, State.PASS), (0.02, State.FAIL), (0.6, State.FAIL), (0.05, State.INCONCLUSIVE)]
)
def test_a_band_fails_on_both_sides(rate: float, state: State) -> None:
    rng = np.random.default_rng(9)
    sample = one_sample_from_rows(np.arange(1500), rng.random(1500) < rate, np.ones(1500))
    verdict = judge_band(sample, Limit("escalation", "Escalation", "rate", "lower", 0.0), (0.05, 0.45), RULES)
    assert verdict.state is state


def test_an_empty_band_is_refused() -> None:
    sample = one_sample_from_rows([1, 2], [0, 1], [1, 1])
    with pytest.raises(ValueError, match="empty"):
        judge_band(sample, Limit("escalation", "Escalation", "rate", "lower", 0.0), (0.5, 0.5), RULES)


@pytest.mark.parametrize(("agent", "reason"), [(60.0, Reason.GOAL_MET), (98.0, Reason.GOAL_MISSED)])
def test_a_goal_is_met_or_missed(agent: float, reason: Reason) -> None:
    rng = np.random.default_rng(2)
    n = 8000
    treated = (rng.random(n) < 0.5).astype(float)
    waits = rng.exponential(np.where(treated > 0, agent, 120.0))
    sums = comparison_from_rows(np.zeros(n), np.arange(n), treated, waits, np.ones(n))
    goal = Question("first_response", "First response time", "seconds", "lower", 0.4, relative=True)
    verdict = judge_goal(sums, goal, RULES)
    assert verdict.reason is reason
    assert verdict.sentence


def test_a_pass_waits_for_a_hundred_in_the_smaller_arm_however_good_they_are() -> None:
    for weight in (0.2, 0.8):
        sums = desk(5, n=300, customers=300, effect=2.0, response=0.9, weight=weight, days=2).comparison()
        assert min(sums.n_treated, sums.n_control) < 100
        verdict = judge_difference(sums, replace(CSAT, margin=0.3), RULES)
        assert verdict.lower > -verdict.margin
        assert verdict.state is State.INCONCLUSIVE


def test_only_the_sequential_test_keeps_a_part_of_alpha_back() -> None:
    assert RULES.pass_alpha < RULES.alpha
    for method in (Method.FIXED_HORIZON, Method.GROUP_SEQUENTIAL):
        assert replace(RULES, method=method).pass_alpha == RULES.alpha
    verdict = judge_difference(EQUAL, CSAT, RULES)
    information = estimate_above(EQUAL, better="higher", margin=0.15).information

    assert verdict.lower == pytest.approx(
        lower_bound(verdict.estimate, information, alpha=RULES.pass_alpha, margin=0.15)
    )
