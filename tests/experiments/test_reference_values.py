"""Numbers that others publish: what they test their own statistics against, ours must give too."""

import math

import numpy as np
import pytest

from experiments.estimate import estimate_difference
from experiments.rows import comparison_from_rows
from experiments.sequential import best_rho, boundary, log_evidence
from experiments.srm import SplitCount, check_ratio


def exactly(mean: float, deviation: float, n: int) -> np.ndarray:
    """Values with this sample mean and sample standard deviation."""
    half = n // 2
    spread = deviation * math.sqrt((n - 1) / (2 * half))
    values = np.concatenate([np.full(half, mean - spread), np.full(half, mean + spread)])
    return np.append(values, mean) if n % 2 else values


def compared(treated: np.ndarray, control: np.ndarray) -> tuple[float, float]:
    """Effect and robust variance where every observation is a customer of its own."""
    y = np.concatenate([treated, control])
    arm = np.repeat([1.0, 0.0], [len(treated), len(control)])
    sums = comparison_from_rows(np.zeros(len(y)), np.arange(len(y)), arm, y, np.ones(len(y)))
    found = estimate_difference(sums)
    return found.effect, found.variance_robust


def test_independent_customers_give_growthbooks_two_sided_interval() -> None:
    """Source: gbstats, frequentist/test_tests.py: 0.29 with 0.04538 to 0.53462, p = 0.02016."""
    effect, variance = compared(exactly(0.7, 6.2, 3461), exactly(0.41, 3.9, 3407))
    assert effect == pytest.approx(0.29, abs=1e-9)
    reach = 1.95996 * math.sqrt(variance)
    assert effect - reach == pytest.approx(0.04538, abs=2e-4)
    assert effect + reach == pytest.approx(0.53462, abs=2e-4)
    assert math.erfc(effect / math.sqrt(2 * variance)) == pytest.approx(0.02016, abs=2e-4)


def test_proportions_give_posthogs_relative_interval() -> None:
    """Source: PostHog, test_frequentist.py: 62/1471 against 87/1529, −0.25925 with −0.49475 to −0.02376.

    Theirs divides by the control mean, whose own variance the delta method adds.
    """
    treated, control = np.repeat([1.0, 0.0], [62, 1409]), np.repeat([1.0, 0.0], [87, 1442])
    effect, variance = compared(treated, control)
    base = 87 / 1529
    assert effect / base == pytest.approx(-0.25925, abs=1e-5)
    own = base * (1 - base) / 1528
    ratio = 62 / 1471 / base
    relative = (variance - own + ratio**2 * own) / base**2
    reach = 1.95996 * math.sqrt(relative)
    assert effect / base - reach == pytest.approx(-0.49475, abs=2e-4)
    assert effect / base + reach == pytest.approx(-0.02376, abs=2e-4)


def test_the_mixture_centred_on_zero_has_confseqs_one_sided_values() -> None:
    """Source: gostevehoward/confseq, uniform_boundaries_unittest.cpp, TestOneSidedNormalMixture.

    A normal cut off below zero with variance 1/ρ, tuned at 100 for twice the level.
    """
    tau = best_rho(100, alpha=0.10) ** -0.5
    assert float(log_evidence(10, 100, 0.0, tau)) == pytest.approx(-0.06502391, abs=1e-5)
    assert float(boundary(100, alpha=0.05, mu=0.0, tau=tau)) == pytest.approx(27.66071, abs=1e-4)


@pytest.mark.parametrize(
    ("control", "treated", "alarm"), [(500, 500, False), (100, 900, True), (250, 250, False), (50, 450, True)]
)
def test_the_sample_ratio_alarm_agrees_with_growthbooks_sequential_one(
    control: int, treated: int, alarm: bool
) -> None:
    """Source: gbstats, test_ssrm.py; the last two on each of two days."""
    days = 1 if control + treated == 1000 else 2
    counts = [SplitCount(treated, treated + control, 0.5)] * days
    assert check_ratio(counts, alpha=0.05).alarm is alarm
