"""Evidence that may be looked at all the time, and the older ways that may not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from experiments.alternatives import (
    fixed_bound,
    group_sequential_bound,
    spending_boundary,
    spent_alpha,
)
from experiments.rates import log_evidence_below, rate_lower, rate_upper
from experiments.sequential import (
    NARROW,
    best_rho,
    boundary,
    log_evidence,
    lower_bound,
    two_sided_mixture,
    upper_bound,
)

clocks = st.floats(1e-2, 1e5)
effects = st.floats(1e-2, 10.0)


def test_log_evidence_has_its_published_value() -> None:
    assert float(log_evidence(20, 100, 0.12, 0.03)) == pytest.approx(1.66335958, abs=1e-8)


def test_log_evidence_equals_the_integral_it_stands_for() -> None:
    score, clock, mu, tau = 17.0, 90.0, 0.2, 0.1
    prior = norm(mu, tau)

    def integrand(theta: float) -> float:
        return math.exp(theta * score - theta**2 * clock / 2) * prior.pdf(theta) / prior.sf(0)

    assert float(log_evidence(score, clock, mu, tau)) == pytest.approx(
        math.log(quad(integrand, 0, 3, epsabs=1e-12)[0]), rel=1e-9
    )


@pytest.mark.parametrize(("clock", "mu", "tau"), [(50, 0.12, 0.03), (400, 0.12, 0.12), (5, 0.0, 0.5)])
def test_the_e_value_has_mean_one_without_an_effect(clock: float, mu: float, tau: float) -> None:
    spread = math.sqrt(clock)

    def integrand(z: float) -> float:
        return math.exp(float(log_evidence(z * spread, clock, mu, tau)) + norm.logpdf(z))

    assert quad(integrand, -12, 25, limit=400)[0] == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize("effect", [-0.3, -0.1])
def test_below_the_null_the_e_value_has_a_smaller_mean(effect: float) -> None:
    clock = 60.0

    def integrand(z: float) -> float:
        score = z * math.sqrt(clock) + effect * clock
        return math.exp(float(log_evidence(score, clock, 0.2, 0.05)) + norm.logpdf(z))

    assert quad(integrand, -12, 25, limit=400)[0] < 1


@given(clocks, effects, st.floats(0.05, 2.0), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_boundary_is_where_the_evidence_suffices(
    clock: float, mu: float, ratio: float, alpha: float
) -> None:
    found = float(boundary(clock, alpha=alpha, mu=mu, tau=ratio * mu))
    assert float(log_evidence(found, clock, mu, ratio * mu)) == pytest.approx(math.log(1 / alpha), abs=1e-6)


@given(clocks, effects, st.floats(1.01, 5.0))
def test_a_stricter_level_needs_a_higher_score(clock: float, mu: float, factor: float) -> None:
    assert boundary(clock, alpha=0.05 / factor, mu=mu, tau=mu / 4) > boundary(
        clock, alpha=0.05, mu=mu, tau=mu / 4
    )


@given(effects, st.floats(1.0, 1e4), st.floats(1.01, 4.0))
def test_the_boundary_rises_with_information_and_the_bound_tightens(
    mu: float, clock: float, more: float
) -> None:
    early, late = clock / mu**2, more * clock / mu**2
    scores = boundary(np.array([early, late]), alpha=0.05, mu=mu, tau=mu / 4)
    assert scores[1] > scores[0]
    assert scores[1] / late < scores[0] / early


@given(clocks, effects, st.floats(1e-3, 1e3))
def test_the_boundary_does_not_know_the_unit(clock: float, mu: float, unit: float) -> None:
    one = float(boundary(clock, alpha=0.05, mu=mu, tau=mu / 4))
    other = float(boundary(clock / unit**2, alpha=0.05, mu=mu * unit, tau=mu * unit / 4))
    assert other * unit == pytest.approx(one, rel=1e-7)


def test_a_narrow_mixture_is_walds_test() -> None:
    wald = math.log(20) / 0.12 + 0.12 * 500 / 2
    assert float(boundary(500, alpha=0.05, mu=0.12, tau=1e-5)) == pytest.approx(wald, rel=1e-4)


def test_two_sided_mixture_and_its_tuning_have_confseqs_values() -> None:
    """Source: the unit tests of gostevehoward/confseq (two-sided normal mixture)."""
    rho = best_rho(100, alpha=0.05)
    assert rho == pytest.approx(12.60056, abs=1e-5)
    assert two_sided_mixture(100, alpha=0.05, rho=rho) == pytest.approx(30.35209, abs=1e-5)


def test_bounds_say_nothing_without_information() -> None:
    assert lower_bound(0.3, 0.0, alpha=0.05, margin=0.1) == -math.inf
    assert upper_bound(math.nan, 10.0, alpha=0.05, margin=0.1) == math.inf


@pytest.mark.slow
def test_crossings_under_the_null_stay_below_alpha() -> None:
    rng = np.random.default_rng(5)
    steps, runs = 400, 20_000
    clock = np.linspace(5, 2400, steps)
    edge = boundary(clock, alpha=0.05, mu=0.12, tau=0.03)
    score = np.zeros(runs)
    crossed = np.zeros(runs, dtype=bool)
    for index in range(steps):
        gain = clock[index] - (clock[index - 1] if index else 0.0)
        score += rng.normal(0, math.sqrt(gain), runs)
        crossed |= score >= edge[index]
    rate = crossed.mean()
    assert rate < 0.05
    assert rate > 0.025, "far below alpha the test would waste data"


def test_spending_boundaries_have_their_published_values() -> None:
    """Five equal looks, one-sided 0.025, O'Brien-Fleming-like spending.

    Source: Reboussin, DeMets, Kim & Lan (2000) and the documentation of the R package ldbounds.
    """
    found = spending_boundary((0.2, 0.4, 0.6, 0.8, 1.0), alpha=0.025)
    assert found == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=4e-4)


def test_spending_ends_at_alpha() -> None:
    assert spent_alpha(1.0, alpha=0.05) == pytest.approx(0.05)
    assert spent_alpha(3.0, alpha=0.05) == pytest.approx(0.05)
    assert spent_alpha(0.0, alpha=0.05) == 0.0


def test_one_look_is_the_fixed_test() -> None:
    assert spending_boundary((1.0,), alpha=0.05)[0] == pytest.approx(norm.isf(0.05), abs=1e-6)
    assert group_sequential_bound(0.1, 400, alpha=0.05, horizon=400, looks=()) == pytest.approx(
        fixed_bound(0.1, 400, alpha=0.05), abs=1e-6
    )


def test_a_spent_horizon_says_nothing_more() -> None:
    assert group_sequential_bound(1.0, 900, alpha=0.05, horizon=600, looks=(300, 650)) == -math.inf


def test_forgotten_looks_are_not_free() -> None:
    first = group_sequential_bound(0.1, 400, alpha=0.05, horizon=600, looks=())
    forgotten = group_sequential_bound(0.1, 400, alpha=0.05, horizon=600)
    assert forgotten < first
    late = group_sequential_bound(0.1, 700, alpha=0.05, horizon=600)
    assert late < fixed_bound(0.1, 700, alpha=0.05)


@pytest.mark.slow
def test_forgotten_looks_still_keep_alpha() -> None:
    rng = np.random.default_rng(4)
    looks, runs, horizon = 40, 20_000, 600.0
    clock = horizon * np.arange(1, looks + 1) / looks
    score, crossed = np.zeros(runs), np.zeros(runs, dtype=bool)
    for at in clock:
        score += rng.normal(0.0, math.sqrt(clock[0]), runs)
        bar = -group_sequential_bound(0.0, at, alpha=0.05, horizon=horizon)
        crossed |= score / at > bar
    assert 0.03 < crossed.mean() < 0.055


def test_looks_must_ascend() -> None:
    with pytest.raises(ValueError, match="ascend"):
        spending_boundary((0.5, 0.4), alpha=0.05)


@pytest.mark.parametrize(("rate", "n"), [(0.01, 300), (0.2, 50), (0.8, 40)])
def test_the_rate_e_value_has_mean_one_at_its_border(rate: float, n: int) -> None:
    from scipy.stats import binom

    k = np.arange(n + 1)
    values = np.array([math.exp(log_evidence_below(float(x), n, rate)) for x in k])
    assert float(values @ binom.pmf(k, n, rate)) == pytest.approx(1.0, abs=1e-9)
    assert float(values @ binom.pmf(k, n, min(1.3 * rate, 0.99))) < 1


@given(st.integers(0, 200), st.integers(1, 200))
def test_rate_bounds_hold_the_share_between_them(k: int, n: int) -> None:
    k = min(k, n)
    low, high = rate_lower(k, n, alpha=0.05), rate_upper(k, n, alpha=0.05)
    assert 0 <= low <= k / n <= high <= 1


def test_no_event_in_many_is_evidence_and_in_few_is_not() -> None:
    assert rate_upper(0, 1000, alpha=0.05) < 0.01
    assert rate_upper(0, 30, alpha=0.05) > 0.05


def test_the_spread_of_the_margins_test_costs_next_to_nothing_and_helps_halfway_to_the_margin() -> None:
    """Against Wald's test, the best where the arms do not differ; the same 4,000 paths, ninety looks."""
    looks = np.linspace(0, 30, 91)[1:]
    paths = np.random.default_rng(7).normal(0, math.sqrt(looks[0]), (4000, len(looks))).cumsum(axis=1)

    def passed(drift: float, tau: float) -> tuple[float, float]:
        hit = paths + drift * looks >= boundary(looks, alpha=0.047, mu=1.0, tau=tau)
        spent = np.where(hit.any(axis=1), looks[hit.argmax(axis=1)], looks[-1])
        return float(hit.any(axis=1).mean()), float(spent.mean())

    assert passed(1.0, NARROW)[1] < 1.01 * passed(1.0, 0.01)[1]
    assert passed(0.5, NARROW)[0] > 1.02 * passed(0.5, 0.01)[0]
    assert passed(1.0, NARROW)[1] < 0.99 * passed(1.0, 0.25)[1]
