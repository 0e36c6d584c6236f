"""What no gate may ever do, whatever the data look like."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rows_for_tests import Desk, desk

from experiments.judge import judge_difference
from experiments.limits import judge_limit
from experiments.rows import comparison_from_rows, one_sample_from_rows
from experiments.samples import NO_COMPARISON, NO_SAMPLE, Comparison, OneSample
from experiments.verdict import Limit, Method, Question, Reason, Rules, State

CSAT = Question("csat", "CSAT (1 to 5)", "points", "higher", 0.15)
COST = Question("cost", "Cost per ticket", "usd", "lower", 0.10, relative=True)
RULES = Rules(alpha=0.05, power=0.8, guardrails=3)
seeds = st.integers(0, 10_000)
desks = settings(max_examples=30)
"""Each example builds and judges whole desks."""
truths = st.sampled_from([-0.9, -0.4, -0.15, 0.0, 0.2])


def same(one: Comparison, other: Comparison, question: Question = CSAT) -> None:
    first, second = judge_difference(one, question, RULES), judge_difference(other, question, RULES)
    assert (first.state, first.reason) == (second.state, second.reason)
    if first.estimate is not None:
        assert second.estimate == pytest.approx(first.estimate, rel=1e-6, abs=1e-9)


@desks
@given(seeds, truths)
def test_the_order_of_rows_never_matters(seed: int, effect: float) -> None:
    rows = desk(seed, n=1500, effect=effect)
    shuffled = rows.taking(np.random.default_rng(seed).permutation(len(rows.y)))
    same(rows.comparison(), shuffled.comparison())


@desks
@given(seeds, truths)
def test_a_day_counted_in_batches_is_the_same_day(seed: int, effect: float) -> None:
    """Batches arrive one after the other, interleaved with other days; the sums are the day's."""
    rows = desk(seed, n=1500, effect=effect)
    batches = np.array_split(np.arange(len(rows.y)), 7)
    arrived = np.concatenate([batches[i] for i in np.random.default_rng(seed).permutation(7)])
    same(rows.comparison(), rows.taking(arrived).comparison())


@desks
@given(seeds, truths, st.sampled_from([0.0, 1.0]))
def test_a_stratum_with_one_arm_only_changes_no_effect(seed: int, effect: float, arm: float) -> None:
    rows = desk(seed, n=1500, effect=effect)
    rng = np.random.default_rng(seed)
    extra = 40
    grown = Desk(
        np.concatenate([rows.stratum, np.full(extra, 99)]),
        np.concatenate([rows.cluster, 10_000 + np.arange(extra)]),
        np.concatenate([rows.treated, np.full(extra, arm)]),
        np.concatenate([rows.y, rng.integers(1, 6, extra).astype(float)]),
        np.concatenate([rows.d, np.ones(extra)]),
        np.concatenate([rows.x, np.zeros(extra)]),
    )
    one = judge_difference(rows.comparison(), CSAT, RULES)
    other = judge_difference(grown.comparison(), CSAT, RULES)
    assert other.estimate == pytest.approx(one.estimate, rel=1e-9)
    # Its observations still teach how much answers vary, so only a verdict on the edge may move.
    assert {one.state, other.state} != {State.PASS, State.FAIL}


@desks
@given(seeds, truths)
def test_shifting_the_level_of_a_day_changes_nothing(seed: int, effect: float) -> None:
    """An arm-neutral day effect, however large, is not the agent's doing."""
    rows = desk(seed, n=1500, effect=effect)
    shift = np.random.default_rng(seed).normal(0, 3, 64)[rows.stratum]
    moved = replace(rows, y=rows.y + shift * rows.d)
    same(rows.comparison(), moved.comparison())


@desks
@given(seeds, truths, st.floats(1e-3, 1e4))
def test_the_unit_never_matters(seed: int, effect: float, unit: float) -> None:
    rows = desk(seed, n=1500, effect=effect)
    scaled = replace(rows, y=rows.y * unit)
    first = judge_difference(rows.comparison(), CSAT, RULES)
    second = judge_difference(scaled.comparison(), replace(CSAT, margin=CSAT.margin * unit), RULES)
    assert (first.state, first.reason) == (second.state, second.reason)


@desks
@given(seeds, truths, st.floats(1e-3, 1e4))
def test_a_relative_margin_has_no_unit_at_all(seed: int, effect: float, unit: float) -> None:
    rows = desk(seed, n=1500, effect=effect)
    same_state = judge_difference(rows.comparison(), COST, RULES).state
    assert judge_difference(replace(rows, y=rows.y * unit).comparison(), COST, RULES).state is same_state


@desks
@given(seeds, truths, st.sampled_from([2, 5, 20]), st.sampled_from([1.0, 2.5, 4.0]))
def test_more_data_with_the_same_effect_never_turns_a_pass_into_a_failure(
    seed: int, effect: float, times: int, scale: float
) -> None:
    rows = desk(seed, n=1500, effect=effect)
    copies = [
        replace(rows, cluster=rows.cluster + copy * 10_000, stratum=rows.stratum + copy * 100)
        for copy in range(times)
    ]
    grown = Desk(*(np.concatenate([getattr(c, name) for c in copies]) for name in Desk.__dataclass_fields__))
    question = replace(CSAT, scale=scale)
    early = judge_difference(rows.comparison(), question, RULES)
    late = judge_difference(grown.comparison(), question, RULES)
    if early.state is State.PASS:
        assert late.state is State.PASS
    if early.state is State.FAIL:
        assert late.state is State.FAIL


@desks
@given(seeds, truths, st.sampled_from([1.0, 2.5, 4.0]))
def test_a_looser_step_never_fails_what_a_stricter_one_passes(seed: int, effect: float, scale: float) -> None:
    rows = desk(seed, n=3000, effect=effect).comparison()
    if judge_difference(rows, CSAT, RULES).passed:
        assert judge_difference(rows, replace(CSAT, scale=scale), RULES).passed


@desks
@given(seeds, truths)
def test_a_pass_and_a_failure_exclude_each_other_in_the_numbers_shown(seed: int, effect: float) -> None:
    verdict = judge_difference(desk(seed, n=4000, effect=effect).comparison(), CSAT, RULES)
    if verdict.passed:
        assert verdict.lower > -verdict.margin
    if verdict.failed:
        assert verdict.upper < 0
        assert verdict.estimate < -verdict.margin


@pytest.mark.parametrize("method", list(Method))
@pytest.mark.parametrize("question", [CSAT, COST], ids=lambda q: q.metric)
class TestWithoutEvidence:
    def never_pass(self, sums: Comparison, question: Question, method: Method) -> Reason:
        verdict = judge_difference(sums, question, replace(RULES, method=method))
        assert verdict.state in {State.INCONCLUSIVE, State.INVALID}
        assert verdict.sentence
        return verdict.reason

    def test_nothing(self, method: Method, question: Question) -> None:
        assert self.never_pass(NO_COMPARISON, question, method) is Reason.NO_DATA

    def test_one_arm(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.treated[:] = 0.0
        assert self.never_pass(rows.comparison(), question, method) is Reason.NO_DATA

    def test_a_constant(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.y = 4.1 * rows.d
        assert self.never_pass(rows.comparison(), question, method) is Reason.NO_VARIATION

    def test_a_constant_in_each_arm(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.y = (3.7 + 1.1 * rows.treated) * rows.d
        assert self.never_pass(rows.comparison(), question, method) is Reason.NO_VARIATION

    def test_one_customer(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.cluster[:] = 7
        assert self.never_pass(rows.comparison(), question, method) is Reason.FEW_CLUSTERS

    def test_two_customers(self, method: Method, question: Question) -> None:
        rows = desk(1, effect=0.5)
        rows.cluster[:] = rows.treated
        self.never_pass(rows.comparison(), question, method)

    def test_a_missing_number(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.y[np.flatnonzero(rows.d)[3]] = math.nan
        assert self.never_pass(rows.comparison(), question, method) is Reason.NOT_A_NUMBER

    def test_an_infinite_number(self, method: Method, question: Question) -> None:
        rows = desk(1)
        rows.y[np.flatnonzero(rows.d)[3]] = math.inf
        with np.errstate(invalid="ignore"):
            assert self.never_pass(rows.comparison(), question, method) is Reason.NOT_A_NUMBER

    def test_a_handful(self, method: Method, question: Question) -> None:
        self.never_pass(desk(1, n=60).comparison(), question, method)


@pytest.mark.parametrize(
    "field", ["sum_a", "sum_b", "sum_aa", "sum_ab", "sum_bb", "within", "n", "n_treated"]
)
def test_a_broken_sum_is_invalid(field: str) -> None:
    sums = replace(desk(1).comparison(), **{field: math.nan})
    assert judge_difference(sums, CSAT, RULES).state is State.INVALID


numbers = st.floats(-1e6, 1e6) | st.just(math.nan)


@given(st.data(), st.integers(1, 40))
def test_arbitrary_small_inputs_never_pass_and_never_crash(data: st.DataObject, n: int) -> None:
    y = data.draw(arrays(float, n, elements=numbers))
    d = data.draw(arrays(float, n, elements=st.sampled_from([0.0, 1.0, 3.0])))
    arm = data.draw(arrays(float, n, elements=st.sampled_from([0.0, 1.0])))
    cluster = data.draw(arrays(int, n, elements=st.integers(0, 5)))
    sums = comparison_from_rows(np.zeros(n), cluster, arm, y, d)
    for question in (CSAT, COST):
        assert not judge_difference(sums, question, RULES).passed


LATENCY = Limit("latency", "Agent reply latency", "seconds", "lower", 30.0)
AGREEMENT = Limit("agreement", "Agreement", "rate", "higher", 0.8)


@pytest.mark.parametrize("limit", [LATENCY, AGREEMENT], ids=lambda limit: limit.metric)
class TestLimitsWithoutEvidence:
    def never_pass(self, sample: OneSample, limit: Limit) -> Reason:
        verdict = judge_limit(sample, limit, RULES)
        assert verdict.state in {State.INCONCLUSIVE, State.INVALID}
        assert verdict.sentence
        return verdict.reason

    def test_nothing(self, limit: Limit) -> None:
        assert self.never_pass(NO_SAMPLE, limit) is Reason.NO_DATA

    def test_one_customer(self, limit: Limit) -> None:
        good = one_sample_from_rows(np.zeros(500), np.ones(500), np.ones(500))
        assert self.never_pass(good, limit) is Reason.FEW_CLUSTERS

    def test_a_missing_number(self, limit: Limit) -> None:
        values = np.ones(500)
        values[3] = math.nan
        assert (
            self.never_pass(one_sample_from_rows(np.arange(500), values, np.ones(500)), limit)
            is Reason.NOT_A_NUMBER
        )

    def test_a_few_customers_who_write_a_lot(self, limit: Limit) -> None:
        good = one_sample_from_rows(np.arange(5000) % 5, np.ones(5000), np.ones(5000))
        self.never_pass(good, limit)


def test_a_constant_measurement_never_passes_a_limit() -> None:
    sample = one_sample_from_rows(np.arange(500), np.full(500, 3.0), np.ones(500))
    assert judge_limit(sample, LATENCY, RULES).reason is Reason.NO_VARIATION


def test_a_rate_without_an_event_passes_only_with_enough_customers() -> None:
    """The exact bound gives a perfect agent its due, and a short trial none."""
    violations = Limit("violations", "Violations", "rate", "lower", 0.01)

    def perfect(n: int) -> State:
        return judge_limit(
            one_sample_from_rows(np.arange(n), np.zeros(n), np.ones(n)), violations, RULES
        ).state

    assert perfect(150) is State.INCONCLUSIVE
    assert perfect(1000) is State.PASS
