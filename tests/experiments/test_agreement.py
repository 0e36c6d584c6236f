"""Agreement beyond chance, and confidence that means what it says."""

import math

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from experiments.agreement import (
    EscalationTable,
    calibration,
    cheapest,
    cohen_kappa,
    gwet_ac1,
    threshold_costs,
)
from experiments.proportions import mean_interval, newcombe, wilson


@pytest.mark.parametrize(
    "table", [[[20, 5], [10, 15]], [[118, 5], [2, 0]], [[44, 5, 1], [7, 20, 3], [9, 5, 6]]]
)
def test_kappa_and_its_error_equal_statsmodels(table: list) -> None:
    oracle = cohens_kappa(np.array(table))
    found = cohen_kappa(table)
    assert found.value == pytest.approx(oracle.kappa, rel=1e-12)
    assert found.se == pytest.approx(oracle.std_kappa, rel=1e-9)


def test_agreement_on_a_rare_label_does_not_look_like_chance() -> None:
    """The kappa paradox: 94 % agreement, kappa about zero, AC1 high.

    Source: 118/5/2/0 from Gwet (2008), British Journal of Mathematical and Statistical Psychology 61.
    """
    table = [[118, 5], [2, 0]]
    assert cohen_kappa(table).observed == pytest.approx(118 / 125)
    assert cohen_kappa(table).value == pytest.approx(-0.0234, abs=5e-4)
    assert gwet_ac1(table).value == pytest.approx(0.9408, abs=5e-4)


def test_the_error_of_ac1_is_that_of_resampled_tables() -> None:
    rng = np.random.default_rng(2)
    share = np.array([[0.5, 0.1], [0.05, 0.35]])
    draws = rng.multinomial(400, share.ravel(), 4000).reshape(-1, 2, 2)
    spread = np.std([gwet_ac1(table).value for table in draws])
    assert gwet_ac1(share * 400).se == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize("coefficient", [cohen_kappa, gwet_ac1])
def test_agreement_of_nothing_or_of_one_label_is_unknown(coefficient: object) -> None:
    assert math.isnan(coefficient([[0, 0], [0, 0]]).value)
    assert math.isnan(coefficient([[7]]).value)
    with pytest.raises(ValueError, match="square"):
        coefficient([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ValueError, match="negative"):
        coefficient([[1, -2], [4, 5]])


def test_perfect_agreement_is_one() -> None:
    assert cohen_kappa([[10, 0], [0, 10]]).value == pytest.approx(1.0)
    assert gwet_ac1([[10, 0], [0, 10]]).value == pytest.approx(1.0)


def test_honest_confidence_has_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    stated = rng.random(20_000)
    honest = calibration(stated, rng.random(20_000) < stated)
    boastful = calibration(stated, rng.random(20_000) < stated**3)
    assert honest.error < 0.02 < boastful.error
    assert len(honest.bins) == 10
    assert sum(part.n for part in honest.bins) == 20_000
    assert all(part.accuracy.lower <= part.accuracy.estimate <= part.accuracy.upper for part in boastful.bins)


def test_calibration_edges() -> None:
    assert calibration([], []).bins == ()
    assert calibration([1.0, 0.0], [True, False]).brier == 0.0
    with pytest.raises(ValueError, match="outside"):
        calibration([1.2], [True])


def test_the_cheapest_threshold_weighs_missed_against_needless() -> None:
    rng = np.random.default_rng(1)
    stated = rng.random(20_000)
    needs_human = rng.random(20_000) > stated
    costs = threshold_costs(stated, needs_human, missed=4.0, needless=1.0)
    assert cheapest(costs).threshold == pytest.approx(0.8, abs=0.05)
    assert costs[0].table.needless == costs[0].table.both == 0
    assert cheapest(threshold_costs([], [], missed=1, needless=1)) is None
    with pytest.raises(ValueError, match="negative"):
        threshold_costs([0.5], [True], missed=-1, needless=1)


def test_escalation_table_counts_every_ticket_once() -> None:
    table = EscalationTable(both=3, missed=2, needless=4, neither=11)
    assert table.n == 20
    assert table.cost(missed=10, needless=1) == pytest.approx(24 / 20)
    assert sum(map(sum, table.counts)) == 20


def test_newcombes_example() -> None:
    """56/70 against 48/80: 0.0524 to 0.3339. Source: Newcombe (1998), example (a), method 10."""
    found = newcombe(56, 70, 48, 80)
    assert (found.lower, found.upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)]
)
def test_wilsons_intervals(k: int, n: int, low: float, high: float) -> None:
    """Source: Newcombe (1998), Interval estimation for the single proportion, table I, method 3."""
    found = wilson(k, n)
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=5e-5)


def test_intervals_of_nothing() -> None:
    assert math.isnan(wilson(0, 0).estimate)
    assert math.isnan(mean_interval(0, 0.0, 0.0).estimate)
    assert mean_interval(1, 3.0, 9.0).upper == math.inf
    with pytest.raises(ValueError, match="cannot be"):
        wilson(3, 2)


def test_mean_interval_is_students() -> None:
    values = np.array([4.0, 5.0, 3.0, 5.0, 1.0])
    from scipy.stats import sem, t

    low, high = t.interval(0.95, 4, loc=values.mean(), scale=sem(values))
    found = mean_interval(5, values.sum(), (values**2).sum())
    assert (found.lower, found.upper) == pytest.approx((low, high))
