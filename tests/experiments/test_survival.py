"""Windows still open are neither good nor bad."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from experiments.estimate import estimate_difference
from experiments.rows import comparison_from_rows
from experiments.survival import comparison_of_risks, kaplan_meier, life_table, pseudo_values

HORIZON = 7 * 24


def tickets(seed: int, n: int = 3000, *, days: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Opened over ``days`` days, watched until the end: duration in hours, came back, true outcome."""
    rng = np.random.default_rng(seed)
    watched = rng.integers(1, days * 24, n)
    back = np.where(rng.random(n) < 0.18, rng.integers(1, HORIZON, n), 10_000)
    event = back <= np.minimum(watched, HORIZON)
    return np.where(event, back, watched), event, back <= HORIZON


@pytest.mark.parametrize("seed", range(3))
def test_kaplan_meier_equals_statsmodels(seed: int) -> None:
    duration, event, _ = tickets(seed)
    oracle = SurvfuncRight(duration, event.astype(int))
    at = np.searchsorted(oracle.surv_times, HORIZON, side="right") - 1
    found = kaplan_meier(life_table(duration, event, HORIZON))
    assert found.value == pytest.approx(1 - oracle.surv_prob[at], rel=1e-10)
    assert found.se == pytest.approx(oracle.surv_prob_se[at], rel=1e-10)


def test_kaplan_meier_has_freireichs_remission_values() -> None:
    """6-MP arm of the leukaemia trial: S(10) = 0.7529, standard error 0.0963.

    Source: Freireich et al. (1963), as tabulated in Kleinbaum & Klein, Survival Analysis, chapter 2.
    """
    duration = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    event = [1] * 9 + [0] * 12
    found = kaplan_meier(life_table(duration, event, 10))
    assert 1 - found.value == pytest.approx(0.7529, abs=5e-5)
    assert found.se == pytest.approx(0.0963, abs=5e-5)


def test_pseudo_values_average_to_kaplan_meier_and_spread_like_greenwood() -> None:
    duration, event, _ = tickets(4)
    values = pseudo_values(duration, event, HORIZON)
    found = kaplan_meier(life_table(duration, event, HORIZON))
    assert values.mean() == pytest.approx(found.value, rel=1e-10)
    assert values.std() / np.sqrt(len(values)) == pytest.approx(found.se, rel=0.01)


def test_without_censoring_a_pseudo_value_is_the_outcome_itself() -> None:
    rng = np.random.default_rng(1)
    back = rng.integers(1, 400, 500)
    values = pseudo_values(back, np.ones(500, dtype=bool), HORIZON)
    assert values == pytest.approx((back <= HORIZON).astype(float), abs=1e-9)


def test_nobody_watched_to_the_horizon_identifies_nothing() -> None:
    duration, event, _ = tickets(2, days=5)
    assert np.isnan(kaplan_meier(life_table(duration, event, HORIZON)).value)
    sums = comparison_of_risks(
        np.zeros(len(duration)),
        np.arange(len(duration)),
        np.arange(len(duration)) % 2,
        duration,
        event,
        horizon=HORIZON,
    )
    assert sums.n == 0


def test_open_windows_bias_the_naive_rates_and_not_kaplan_meier() -> None:
    duration, event, truth = tickets(3, n=60_000)
    as_fine = event.mean()
    mature_or_back = event[(duration >= HORIZON) | event].mean()
    found = kaplan_meier(life_table(duration, event, HORIZON))
    assert as_fine < truth.mean() - 0.04
    assert mature_or_back > truth.mean() + 0.08
    assert found.value == pytest.approx(truth.mean(), abs=4 * found.se)


def test_compared_risks_without_censoring_equal_the_plain_comparison() -> None:
    rng = np.random.default_rng(6)
    n = 2000
    stratum, cluster, arm = rng.integers(0, 3, n), rng.integers(0, 900, n), rng.integers(0, 2, n)
    back = rng.integers(1, 900, n)
    found = comparison_of_risks(stratum, cluster, arm, back, np.ones(n, dtype=bool), horizon=HORIZON)
    plain = comparison_from_rows(stratum, cluster, arm, (back <= HORIZON).astype(float), np.ones(n))
    one, other = estimate_difference(found), estimate_difference(plain)
    assert one.effect == pytest.approx(other.effect, rel=1e-9)
    assert one.variance == pytest.approx(other.variance, rel=1e-9)


@pytest.mark.slow
def test_compared_risks_are_unbiased_and_their_variance_is_honest() -> None:
    rng = np.random.default_rng(0)
    effects, variances = [], []
    for _ in range(400):
        n = 1200
        cluster = rng.integers(0, 500, n)
        arm = (rng.random(500) < 0.3)[cluster]
        proneness = rng.gamma(2.0, 0.5, 500)[cluster]
        watched = rng.integers(1, 10 * 24, n)
        back = np.where(rng.random(n) < 0.18 * np.clip(proneness, 0, 3), rng.integers(1, HORIZON, n), 10_000)
        event = back <= np.minimum(watched, HORIZON)
        sums = comparison_of_risks(
            np.zeros(n), cluster, arm, np.where(event, back, watched), event, horizon=HORIZON
        )
        found = estimate_difference(sums)
        effects.append(found.effect)
        variances.append(found.variance)
    spread = np.std(effects)
    assert abs(np.mean(effects)) < 3 * spread / 20
    assert np.sqrt(np.mean(variances)) == pytest.approx(spread, rel=0.12)


def test_an_event_before_its_start_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        life_table([-1], [True], HORIZON)
    with pytest.raises(ValueError, match="horizon"):
        life_table([1], [True], 0)
