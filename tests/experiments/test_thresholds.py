"""Escalation by confidence: published counts, brute force, and a range that holds the truth."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.calibration import Reviewed
from experiments.thresholds import Undecided, escalation_matrix, sweep


def reviewed(n: int, seed: int = 0, **columns: Any) -> Reviewed:
    """A ticket needs a human the more likely, the less sure the agent is."""
    rng = np.random.default_rng(seed)
    stated = rng.random(n)
    given_columns = {
        "confidence": stated,
        "needs_human": rng.random(n) > stated,
        "good": rng.random(n) < stated,
    }
    return Reviewed.of(**(given_columns | columns))


def test_altmans_liver_scans() -> None:
    """Sensitivity 231/258 = 0.90, specificity 54/86 = 0.63. Source: Altman & Bland (1994), BMJ 308:1552."""
    over = np.repeat([1, 0, 1, 0], [231, 27, 32, 54])
    needed = np.repeat([1, 1, 0, 0], [231, 27, 32, 54])
    found = escalation_matrix(
        Reviewed.of(
            confidence=np.full(344, 0.5), good=np.full(344, math.nan), needs_human=needed, handed_over=over
        )
    )
    assert [found.both.n, found.missed.n, found.needless.n, found.neither.n] == [231, 27, 32, 54]
    assert found.sensitivity.value == pytest.approx(231 / 258)
    assert found.specificity.value == pytest.approx(54 / 86)
    assert found.precision.value == pytest.approx(231 / 263)
    assert found.missed_of_answered.value == pytest.approx(27 / 81)
    assert found.sensitivity.lower == pytest.approx(0.8523, abs=5e-4)
    assert found.sensitivity.upper == pytest.approx(0.9268, abs=5e-4)


def test_the_matrix_counts_reviewed_tickets_and_weighs_what_they_stand_for() -> None:
    """Reviewed at one in ten where the agent answered and always where it handed over."""
    over = np.repeat([1.0, 0.0], [100, 40])
    needed = np.concatenate([np.repeat([1.0, 0.0], [60, 40]), np.repeat([1.0, 0.0], [10, 30])])
    rows = Reviewed.of(
        confidence=np.full(140, 0.5),
        good=np.full(140, math.nan),
        needs_human=needed,
        handed_over=over,
        weight=np.repeat([1.0, 10.0], [100, 40]),
    )
    found = escalation_matrix(rows)
    assert (found.missed.n, found.missed.share) == (10, pytest.approx(100 / 500))
    assert found.sensitivity.value == pytest.approx(60 / 160), "ignoring the weights would say 60/70"
    assert found.specificity.value == pytest.approx(300 / 340)
    shares = (found.both, found.missed, found.needless, found.neither)
    assert sum(cell.share for cell in shares) == pytest.approx(1.0)
    assert sum(cell.n for cell in shares) == found.n == 140


def test_a_matrix_of_one_customer_is_unknown() -> None:
    rows = reviewed(50, handed_over=np.ones(50), cluster=np.zeros(50))
    found = escalation_matrix(rows)
    assert math.isnan(found.both.share)
    assert not found.sensitivity.known
    assert found.n == 50


@pytest.mark.parametrize("price", [1.0, 4.0, 9.0])
def test_the_cheapest_threshold_is_the_one_theory_says(price: float) -> None:
    """Handing over pays where P(needed | confidence)·price exceeds the rest: Elkan (2001), eq. 2."""
    rows = reviewed(10_000)
    found = sweep(rows, missed_cost=price)
    assert found.best is not None
    assert found.best.threshold == pytest.approx(price / (1 + price), abs=0.06)
    assert found.low <= price / (1 + price) <= found.high


def test_every_point_is_what_counting_by_hand_gives() -> None:
    rng = np.random.default_rng(7)
    n = 400
    rows = reviewed(
        n, 7, weight=rng.integers(1, 6, n), cluster=rng.integers(0, 90, n), held=rng.random(n) < 0.1
    )
    rows.confidence[:20] = math.nan
    found = sweep(rows, missed_cost=5.0, thresholds=[0.2, 0.62, 0.9])
    total = rows.weight.sum()
    for point in found.points:
        missed = needless = answered = right = 0.0
        for i in range(n):
            goes_on = not rows.held[i] and rows.confidence[i] >= point.threshold
            w, needed = rows.weight[i], rows.needs_human[i]
            answered += w * goes_on
            missed += w * needed * goes_on
            needless += w * (1 - needed) * (not goes_on)
            right += w * rows.good[i] * goes_on
        assert point.answered == pytest.approx(answered / total)
        assert point.missed == pytest.approx(missed / total)
        assert point.needless == pytest.approx(needless / total)
        assert point.good.value == pytest.approx(right / answered)
        assert point.missed_of_answered.value == pytest.approx(missed / answered)
        assert point.cost == pytest.approx((5 * missed + needless) / total)


def test_what_a_rule_hands_over_no_threshold_takes_back() -> None:
    found = sweep(reviewed(500, held=np.ones(500, dtype=bool)), missed_cost=5.0)
    assert {point.answered for point in found.points} == {0.0}
    assert found.undecided is Undecided.ONE_CONFIDENCE


def test_the_range_holds_the_truth_and_narrows() -> None:
    """At price 3 the truth is 0.75. 95 % promised; found in 60 of 60 small and 60 of 60 larger samples."""
    grid = [step / 20 for step in range(21)]
    few = [sweep(reviewed(150, seed), missed_cost=3.0, thresholds=grid) for seed in range(60)]
    many = [sweep(reviewed(1500, seed), missed_cost=3.0, thresholds=grid) for seed in range(60)]
    for looks in (few, many):
        assert sum(look.low <= 0.75 <= look.high for look in looks) >= 57
    widths = [np.mean([look.high - look.low for look in looks]) for looks in (few, many)]
    assert widths[1] < widths[0]
    assert widths[1] < 0.5


def test_the_range_widens_where_few_customers_wrote_all_the_tickets() -> None:
    """Each ticket ten times over, as by ten customers or by one: the same cost, not the same certainty."""
    base = reviewed(150, 3)
    copies = np.repeat(np.arange(150), 10)
    many = base.only(copies)
    one = sweep(Reviewed.of(**_columns(many) | {"cluster": copies}), missed_cost=3.0)
    other = sweep(Reviewed.of(**_columns(many) | {"cluster": np.arange(1500)}), missed_cost=3.0)
    assert one.best.cost == pytest.approx(other.best.cost)
    assert one.high - one.low > other.high - other.low


def _columns(rows: Reviewed) -> dict[str, Any]:
    return {name: getattr(rows, name) for name in Reviewed.__slots__}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (Reviewed.of(confidence=[], good=[], needs_human=[]), Undecided.NO_LABELS),
        (reviewed(80, needs_human=np.full(80, math.nan)), Undecided.NO_LABELS),
        (reviewed(80, cluster=np.zeros(80)), Undecided.FEW_CUSTOMERS),
        (reviewed(80, needs_human=np.zeros(80)), Undecided.NONE_NEEDED),
        (reviewed(80, needs_human=np.ones(80)), Undecided.ALL_NEEDED),
        (reviewed(80, confidence=np.full(80, 0.9)), Undecided.ONE_CONFIDENCE),
        (reviewed(80, confidence=np.full(80, math.nan)), Undecided.ONE_CONFIDENCE),
    ],
)
def test_no_threshold_is_called_cheapest_without_reason(rows: Reviewed, why: Undecided) -> None:
    found = sweep(rows, missed_cost=5.0)
    assert (found.best, found.undecided) == (None, why)
    assert math.isnan(found.low)
    assert not any(point.tied for point in found.points)
    if why in {Undecided.NO_LABELS, Undecided.FEW_CUSTOMERS}:
        assert all(math.isnan(point.cost) and math.isnan(point.missed) for point in found.points)


@pytest.mark.parametrize("price", [0.0, -1.0, math.inf, math.nan])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="missed_cost"):
        sweep(reviewed(20), missed_cost=price)


rows = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.2, 0.55, 0.8, 1.0]),
        st.sampled_from([0.0, 1.0, 0.5]),
        st.integers(0, 30),
        st.sampled_from([1, 2, 4]),
    ),
    min_size=15,
    max_size=60,
)


@given(rows, st.randoms(use_true_random=False))
def test_order_and_scale_of_weights_do_not_matter_and_a_weight_is_a_number_of_copies(
    given_rows: list, random: Any
) -> None:
    def found(these: list, scale: float = 1.0) -> list[float]:
        stated, needed, who, weight = (np.array(column) for column in zip(*these, strict=True))
        made = Reviewed.of(
            confidence=stated,
            good=needed,
            needs_human=needed,
            handed_over=stated < 0.5,
            weight=weight * scale,
            cluster=who,
        )
        result, matrix = sweep(made, missed_cost=5.0, thresholds=[0.1, 0.5, 0.9]), escalation_matrix(made)
        numbers = [(point.cost, point.answered, point.good.value) for point in result.points]
        ends = [result.low, result.high, matrix.both.share, matrix.sensitivity.value]
        return [*np.ravel(numbers), *ends]

    base = found(given_rows)
    copies = [(*row[:3], 1) for row in given_rows for _ in range(row[3])]
    for other in (found(random.sample(given_rows, len(given_rows))), found(given_rows, 0.3), found(copies)):
        assert other == pytest.approx(base, rel=1e-9, abs=1e-9, nan_ok=True)


@given(rows)
def test_a_higher_threshold_answers_less_and_misses_less(given_rows: list) -> None:
    stated, needed, who, weight = (np.array(column) for column in zip(*given_rows, strict=True))
    made = Reviewed.of(confidence=stated, good=needed, needs_human=needed, weight=weight, cluster=who)
    points = sweep(made, missed_cost=5.0).points
    for one, next_one in pairwise(points):
        assert not one.answered < next_one.answered
        assert not one.missed < next_one.missed
        assert not one.needless > next_one.needless
