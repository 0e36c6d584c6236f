"""Agreement beyond chance: published values, statsmodels, and errors that see customers and weights."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from experiments.agreement import Coefficient, agreement, between_raters, cohen_kappa, gwet_ac1
from experiments.proportions import mean_interval, newcombe, wilson

TABLES = [[[20, 5], [10, 15]], [[118, 5], [2, 0]], [[44, 5, 1], [7, 20, 3], [9, 5, 6]]]


def rows_of(table: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """One row per item of a table of counts."""
    counts = np.array(table)
    one, two = np.indices(counts.shape)
    return np.repeat(one.ravel(), counts.ravel()), np.repeat(two.ravel(), counts.ravel())


@pytest.mark.parametrize("table", TABLES)
def test_kappa_and_its_error_equal_statsmodels(table: list) -> None:
    oracle = cohens_kappa(np.array(table))
    found = cohen_kappa(table)
    assert found.value == pytest.approx(oracle.kappa, rel=1e-12)
    assert found.se == pytest.approx(oracle.std_kappa, rel=1e-9)


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_as_many_customers_give_what_their_table_gives(table: list) -> None:
    oracle = cohens_kappa(np.array(table))
    one, two = rows_of(table)
    found = agreement(one, two, labels=len(table))
    n = len(one)
    assert found.value == pytest.approx(oracle.kappa, rel=1e-12)
    assert found.se == pytest.approx(oracle.std_kappa * math.sqrt(n / (n - 1)), rel=1e-9)
    ac1 = agreement(one, two, labels=len(table), coefficient=Coefficient.AC1)
    assert ac1.value == pytest.approx(gwet_ac1(table).value, rel=1e-12)


def test_the_interval_of_kappa_is_statsmodels_where_enough_disagree() -> None:
    oracle = cohens_kappa(np.array(TABLES[0]))
    found = cohen_kappa(TABLES[0])
    assert (found.lower, found.upper) == pytest.approx((oracle.kappa_low, oracle.kappa_upp), rel=1e-9)


def test_agreement_on_a_rare_label_does_not_look_like_chance() -> None:
    """The kappa paradox: 94 % agreement, kappa about zero, AC1 high.

    Source: 118/5/2/0 from Gwet (2008), British Journal of Mathematical and Statistical Psychology 61.
    """
    table = [[118, 5], [2, 0]]
    assert cohen_kappa(table).observed == pytest.approx(118 / 125)
    assert cohen_kappa(table).value == pytest.approx(-0.0234, abs=5e-4)
    assert gwet_ac1(table).value == pytest.approx(0.9408, abs=5e-4)


@pytest.mark.parametrize(
    ("first", "second", "alpha"),
    [("0100000010", "1110010000", 0.095), ("aabbdcccedda", "babbbccceddd", 0.692)],
)
def test_krippendorffs_examples(first: str, second: str, alpha: float) -> None:
    """Source: Krippendorff (2011), Computing Krippendorff's alpha-reliability, examples A and B."""
    letters = sorted({*first, *second})
    label = [letters.index(each) for each in first + second]
    item = [*range(len(first))] * 2
    found = between_raters(item, label, labels=len(letters))
    assert found.value == pytest.approx(alpha, abs=6e-4)
    assert found.n == len(first)


def test_alpha_of_several_raters_is_that_of_its_coincidences() -> None:
    """By the definition: a third rater on some items, and items with a single rating left out."""
    rng = np.random.default_rng(4)
    item = np.repeat(np.arange(60), rng.integers(1, 4, 60))
    label = rng.integers(0, 3, len(item))
    coincidences = np.zeros((3, 3))
    for each in np.unique(item):
        mine = label[item == each]
        for i in range(len(mine)):
            for j in range(len(mine)):
                if i != j:
                    coincidences[mine[i], mine[j]] += 1 / (len(mine) - 1)
    n = coincidences.sum()
    margins = coincidences.sum(axis=1)
    disagreed = 1 - np.trace(coincidences) / n
    by_chance = 1 - (margins * (margins - 1)).sum() / (n * (n - 1))
    found = between_raters(item, label, labels=3)
    assert found.value == pytest.approx(1 - disagreed / by_chance, rel=1e-12)
    assert 1 - found.expected == pytest.approx(by_chance, rel=1e-12)


@pytest.mark.parametrize("coefficient", [Coefficient.KAPPA, Coefficient.AC1])
def test_the_error_is_that_of_resampled_customers(coefficient: Coefficient) -> None:
    rng = np.random.default_rng(2)
    customers, each = 150, 6
    harsh = rng.random(customers) < 0.3
    truth = rng.random((customers, each)) < np.where(harsh, 0.8, 0.2)[:, None]
    seen = np.where(rng.random((customers, each)) < np.where(harsh, 0.35, 0.05)[:, None], ~truth, truth)
    weight = np.where(harsh, 1.0, 3.0)[:, None] * np.ones(each)
    who = np.repeat(np.arange(customers), each)
    found = agreement(
        truth.ravel(), seen.ravel(), labels=2, weight=weight.ravel(), cluster=who, coefficient=coefficient
    )
    draws = []
    for _ in range(400):
        drawn = rng.integers(0, customers, customers)
        draws.append(
            agreement(
                truth[drawn].ravel(),
                seen[drawn].ravel(),
                labels=2,
                weight=weight[drawn].ravel(),
                cluster=who,
                coefficient=coefficient,
            ).value
        )
    assert found.se == pytest.approx(np.std(draws), rel=0.1)
    blind = agreement(truth.ravel(), seen.ravel(), labels=2, weight=weight.ravel(), coefficient=coefficient)
    assert found.se > 1.1 * blind.se, "tickets of one customer tell less than tickets of many"


@pytest.mark.parametrize("coefficient", [cohen_kappa, gwet_ac1])
def test_agreement_of_nothing_or_of_one_label_is_unknown(coefficient: Any) -> None:
    assert math.isnan(coefficient([[0, 0], [0, 0]]).value)
    assert math.isnan(coefficient([[7]]).value)
    assert math.isnan(coefficient([[7]]).lower)
    with pytest.raises(ValueError, match="square"):
        coefficient([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(ValueError, match="negative"):
        coefficient([[1, -2], [4, 5]])


def test_one_customer_is_no_evidence_however_many_tickets() -> None:
    one, two = rows_of([[50, 5], [5, 40]])
    found = agreement(one, two, labels=2, cluster=np.zeros(100))
    assert math.isnan(found.value)
    assert (found.n, found.clusters) == (100, 1)
    assert math.isnan(agreement([], [], labels=2).value)
    assert math.isnan(between_raters([], [], labels=2).value)
    assert math.isnan(between_raters(range(30), [0] * 30, labels=2).value), "nobody rated an item twice"
    with pytest.raises(ValueError, match="0 to 1"):
        agreement([2], [0], labels=2)


def test_perfect_agreement_is_one_and_not_certain() -> None:
    for found in (cohen_kappa([[10, 0], [0, 10]]), gwet_ac1([[10, 0], [0, 10]])):
        assert found.value == pytest.approx(1.0)
        assert found.upper == 1.0
        assert 0.4 < found.lower < 0.8, "twenty items leave room for disagreement"


items = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 25), st.sampled_from([1, 2, 4])),
    min_size=15,
    max_size=60,
)


@given(items, st.sampled_from([Coefficient.KAPPA, Coefficient.AC1]), st.randoms(use_true_random=False))
def test_order_and_scale_of_weights_do_not_matter_and_a_weight_is_a_number_of_copies(
    drawn: list, coefficient: Coefficient, random: Any
) -> None:
    def found(rows: list, scale: float = 1.0) -> list[float]:
        one, two, who, weight = (np.array(column) for column in zip(*rows, strict=True))
        result = agreement(one, two, labels=3, weight=weight * scale, cluster=who, coefficient=coefficient)
        return [result.observed, result.expected, result.value, result.se]

    base = found(drawn)
    copies = [(*row[:3], 1) for row in drawn for _ in range(row[3])]
    for other in (found(random.sample(drawn, len(drawn))), found(drawn, 0.37), found(copies)):
        assert other == pytest.approx(base, rel=1e-9, abs=1e-9, nan_ok=True)


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
