"""The estimator is ordinary least squares with clustered errors, computed from nine sums."""

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from rows_for_tests import Desk, desk

from experiments.estimate import (
    control_level,
    estimate_above,
    estimate_above_relative,
    estimate_difference,
    estimate_level,
)
from experiments.rows import comparison_from_rows, one_sample_from_rows
from experiments.samples import NO_COMPARISON


def regression(rows: Desk) -> tuple[float, float]:
    """Oracle: effect and clustered variance from statsmodels, fixed effects for strata."""
    answered = rows.d > 0
    strata = (rows.stratum[answered][:, None] == np.unique(rows.stratum[answered])[None, :]).astype(float)
    design = np.column_stack([rows.treated[answered], strata])
    fit = sm.OLS(rows.y[answered], design).fit(
        cov_type="cluster", cov_kwds={"groups": rows.cluster[answered], "use_correction": False}
    )
    return float(fit.params[0]), float(fit.cov_params()[0, 0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shape", [{}, {"weight": 0.05}, {"weight": 0.95}, {"customers": 60}, {"days": 1}])
def test_effect_and_variance_equal_clustered_least_squares(seed: int, shape: dict) -> None:
    rows = desk(seed, effect=-0.1, **shape)
    sums = rows.comparison()
    found = estimate_difference(sums)
    effect, variance = regression(rows)
    smaller = min(sums.n_treated, sums.n_control)
    factor = max(smaller / (smaller - 1), sums.clusters / (sums.clusters - 1))
    assert found.effect == pytest.approx(effect, rel=1e-9)
    assert found.variance_robust / factor == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("margin", [0.0, 0.15, 0.6])
def test_the_variance_at_the_margin_is_the_score_tests(better: str, margin: float) -> None:
    """Oracle: residuals of the regression with the effect held at the null, summed per customer."""
    rows = desk(4, effect=-0.1)
    sums = rows.comparison()
    sums = replace(sums, covariate=None)
    found = estimate_above(sums, better=better, margin=margin)
    null = margin if better == "lower" else -margin
    answered = rows.d > 0
    strata = (rows.stratum[answered][:, None] == np.unique(rows.stratum[answered])[None, :]).astype(float)
    arm = sm.OLS(rows.treated[answered], strata).fit().resid
    rest = sm.OLS(rows.y[answered] - null * rows.treated[answered], strata).fit().resid
    scores = np.bincount(rows.cluster[answered], arm * rest)
    smaller = min(sums.n_treated, sums.n_control)
    factor = max(smaller / (smaller - 1), sums.clusters / (sums.clusters - 1))
    assert found.variance_robust == pytest.approx(factor * (scores @ scores) / (arm @ arm) ** 2, rel=1e-9)
    freedom = sums.n - sums.strata - 1
    assert found.variance_floor == pytest.approx((rest @ rest) / freedom / (arm @ arm), rel=1e-9)
    plain = estimate_difference(sums, better=better)
    assert found.effect == pytest.approx(plain.effect + margin)


def test_floor_is_the_unclustered_variance_of_the_same_regression() -> None:
    rows = desk(3)
    answered = rows.d > 0
    strata = (rows.stratum[answered][:, None] == np.unique(rows.stratum)[None, :]).astype(float)
    fit = sm.OLS(rows.y[answered], np.column_stack([rows.treated[answered], strata])).fit()
    assert estimate_difference(rows.comparison()).variance_floor == pytest.approx(fit.bse[0] ** 2, rel=1e-9)


def test_variance_never_falls_below_the_floor() -> None:
    rows = desk(1)
    lonely = Desk(rows.stratum, np.arange(len(rows.y)), rows.treated, rows.y, rows.d, rows.x)
    found = estimate_difference(lonely.comparison())
    assert found.variance == max(found.variance_robust, found.variance_floor)


def test_clusters_matter_when_customers_come_back() -> None:
    rows = desk(2, customers=80)
    assert estimate_difference(rows.comparison()).design_effect > 1.5


def test_a_useful_covariate_shrinks_the_variance_and_a_useless_one_is_left_alone() -> None:
    rows = desk(4)
    plain = estimate_difference(rows.comparison())
    helped = estimate_difference(rows.comparison(covariate=True))
    assert helped.adjusted
    assert helped.variance < plain.variance
    noise = np.full_like(rows.x, 3.0)
    same = estimate_difference(
        comparison_from_rows(rows.stratum, rows.cluster, rows.treated, rows.y, rows.d, noise)
    )
    assert not same.adjusted
    assert same == plain


def test_covariate_adjustment_equals_subtracting_it_from_the_rows() -> None:
    rows = desk(5)
    sums = rows.comparison(covariate=True)
    beta = sums.covariate.within_xy / sums.covariate.within_xx
    by_hand = comparison_from_rows(
        rows.stratum, rows.cluster, rows.treated, rows.y - beta * rows.x * rows.d, rows.d
    )
    assert estimate_difference(sums).effect == pytest.approx(estimate_difference(by_hand).effect, rel=1e-9)
    assert estimate_difference(sums).variance_robust == pytest.approx(
        estimate_difference(by_hand).variance_robust, rel=1e-9
    )


@pytest.mark.parametrize(("better", "factor"), [("lower", 1.1), ("higher", 0.9)])
def test_relative_margin_equals_scaling_the_treated_rows(better: str, factor: float) -> None:
    rows = desk(6)
    scaled = np.where(rows.treated > 0, rows.y / factor, rows.y)
    by_hand = estimate_above(
        comparison_from_rows(rows.stratum, rows.cluster, rows.treated, scaled, rows.d),
        better=better,
        margin=0.0,
    )
    found = estimate_above_relative(rows.comparison(), better=better, share=0.1)
    assert found.effect == pytest.approx(factor * by_hand.effect, rel=1e-9)
    assert found.variance == pytest.approx(factor**2 * by_hand.variance, rel=1e-9)


def test_control_level_is_what_the_effect_leaves_of_the_treated_level() -> None:
    rows = desk(7, days=1)
    sums = rows.comparison()
    assert control_level(sums) == pytest.approx(sums.mean_control, rel=1e-9)


def test_a_relative_margin_without_its_sums_says_what_to_add() -> None:
    from dataclasses import replace

    sums = replace(desk(0).comparison(), treated_part=None)
    with pytest.raises(ValueError, match="treated_part"):
        estimate_above_relative(sums, better="lower", share=0.1)


def test_nothing_in_gives_no_information() -> None:
    assert estimate_difference(NO_COMPARISON).information == 0.0
    assert math.isnan(estimate_difference(NO_COMPARISON).effect)


@given(st.integers(0, 50), st.floats(1e-3, 1e3))
def test_scaling_the_unit_scales_the_estimate(seed: int, scale: float) -> None:
    rows = desk(seed, n=300, customers=90)
    one = estimate_difference(rows.comparison())
    rows.y = rows.y * scale
    other = estimate_difference(rows.comparison())
    assert other.effect == pytest.approx(scale * one.effect, rel=1e-7, abs=1e-12 * scale)
    assert other.variance == pytest.approx(scale**2 * one.variance, rel=1e-7)


def test_a_level_equals_the_clustered_ratio_regression() -> None:
    rows = desk(8)
    chance = np.where(rows.x > 0, 0.5, 1.0)
    found = estimate_level(one_sample_from_rows(rows.cluster, rows.y, rows.d, chance))
    answered = rows.d > 0
    fit = sm.WLS(rows.y[answered], np.ones(answered.sum()), weights=1 / chance[answered]).fit(
        cov_type="cluster", cov_kwds={"groups": rows.cluster[answered], "use_correction": False}
    )
    clusters = len(np.unique(rows.cluster[answered]))
    assert found.effect == pytest.approx(float(fit.params[0]), rel=1e-9)
    assert found.variance_robust == pytest.approx(
        float(fit.bse[0]) ** 2 * clusters / (clusters - 1), rel=1e-9
    )
