"""Those who stay silent are bounded, not ignored."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.nonresponse import check_response, lee_bounds, response_tolerance
from experiments.rows import comparison_from_rows

counts = st.dictionaries(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]), st.integers(1, 200), min_size=1)


def test_trimming_by_hand() -> None:
    """Ten answers of 20 offered against eight of 20: a fifth of the ten is trimmed."""
    treated, control = {1: 2, 4: 3, 5: 5}, {3: 4, 5: 4}
    found = lee_bounds(treated, control, rate_treated=0.5, rate_control=0.4)
    assert found.trimmed == pytest.approx(0.2)
    assert found.high == pytest.approx((3 * 4 + 5 * 5) / 8 - 4.0)
    assert found.low == pytest.approx((2 * 1 + 3 * 4 + 3 * 5) / 8 - 4.0)


@given(counts, counts)
def test_equal_rates_leave_the_difference_of_means(treated: dict, control: dict) -> None:
    found = lee_bounds(treated, control, rate_treated=0.12, rate_control=0.12)
    mean = [sum(k * v for k, v in arm.items()) / sum(arm.values()) for arm in (treated, control)]
    assert found.low == pytest.approx(mean[0] - mean[1])
    assert found.high == pytest.approx(mean[0] - mean[1])


@given(counts, counts, st.floats(0.05, 1), st.floats(0.05, 1))
def test_bounds_hold_the_difference_and_swap_with_the_arms(
    treated: dict, control: dict, one: float, other: float
) -> None:
    found = lee_bounds(treated, control, rate_treated=one, rate_control=other)
    mirrored = lee_bounds(control, treated, rate_treated=other, rate_control=one)
    mean = [sum(k * v for k, v in arm.items()) / sum(arm.values()) for arm in (treated, control)]
    assert found.low <= mean[0] - mean[1] + 1e-9
    assert found.high >= mean[0] - mean[1] - 1e-9
    assert found.low == pytest.approx(-mirrored.high, abs=1e-9)


def test_without_answers_everything_is_possible() -> None:
    found = lee_bounds({}, {5: 3}, rate_treated=0.0, rate_control=0.1)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_the_tolerable_gap_shifts_the_mean_by_half_the_margin() -> None:
    gap = response_tolerance(4.2, 0.15)
    assert gap * (5 - 4.2) / (1 - gap) == pytest.approx(0.075)


def answers(agent: float, human: float, n: int = 40_000) -> object:
    rng = np.random.default_rng(1)
    treated = rng.random(n) < 0.4
    answered = rng.random(n) < np.where(treated, agent, human)
    return comparison_from_rows(np.zeros(n), np.arange(n), treated, answered, np.ones(n))


def test_silence_in_either_arm_is_alarming_and_noise_is_not() -> None:
    assert check_response(answers(0.08, 0.12), tolerance=0.085, alpha=0.01).alarm
    assert check_response(answers(0.16, 0.12), tolerance=0.085, alpha=0.01).alarm
    assert not check_response(answers(0.12, 0.12), tolerance=0.085, alpha=0.01).alarm
    assert not check_response(answers(0.118, 0.12), tolerance=0.085, alpha=0.01).alarm
