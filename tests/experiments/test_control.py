"""What became of the control arm: found when it matters, silent when it does not, never guessed."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cells import Cells, comparison_of_cells, more_than_usual
from experiments.control import DRIFT_TOLERATED, ControlCheck, Standing, check_contamination, check_drift
from experiments.rows import comparison_from_rows
from experiments.samples import NO_COMPARISON, Comparison
from experiments.verdict import Question, Reason

CSAT = Question("csat", "CSAT", "points", "higher", 0.15)
RECONTACT = Question("recontact_7d", "Re-contact", "rate", "lower", 0.02)
COST = Question("cost", "Cost", "usd", "lower", 0.1, relative=True)


def periods(worse: float = 0.0, n: int = 6000, seed: int = 0, mix: float = 0.0) -> Comparison:
    """Ratings before and after, with a weekly rhythm; ``mix`` moves tickets to the hard category."""
    rng = np.random.default_rng(seed)
    late = np.arange(n) >= n // 2
    weekday, hard = rng.integers(0, 7, n), rng.random(n) < 0.3 + mix * late
    y = np.clip(np.round(4.2 - 0.1 * weekday - 0.9 * hard - worse * late + rng.normal(0, 0.9, n)), 1, 5)
    return comparison_from_rows(2 * weekday + hard, rng.integers(0, n // 2, n), late, y, np.ones(n))


def hours(slower: float = 0.0, days: int = 60, seed: int = 0, per_hour: int = 5) -> Cells:
    """Cells of a desk that is open around the clock; ``slower`` is in logarithms, per doubled dose."""
    rng = np.random.default_rng(seed)
    day, hour = np.repeat(np.arange(days), 24), np.tile(np.arange(24), days)
    dose = np.repeat(rng.gamma(4, 5, days), 24) + rng.random(days * 24)
    mean = 7 + 0.5 * np.sin(hour / 24 * 2 * math.pi) + np.repeat(rng.normal(0, 0.2, days), 24)
    mean += slower * (dose > 20)
    y = mean[:, None] + rng.normal(0, 0.8, (len(day), per_hour))
    size = np.full(len(day), per_hour)
    return Cells.of(hour, day, dose, size, y.sum(axis=1), (y**2).sum(axis=1))


def test_a_human_arm_that_collapses_is_found_and_named() -> None:
    found = check_drift(periods(worse=0.9), CSAT)
    assert found.standing is Standing.INVALID
    assert found.finding is not None
    assert (found.finding.reason, found.finding.metric) == (Reason.CONTROL_DRIFT, "csat")
    assert found.finding.flatters
    assert found.finding.causes
    assert found.tolerated == pytest.approx(DRIFT_TOLERATED * 0.15)
    assert found.lower is not None
    assert found.lower > found.tolerated
    assert "worse than before the rollout" in found.sentence


@pytest.mark.parametrize("worse", [-0.9, 0.0, 0.3])
def test_drift_for_the_better_or_below_the_tolerance_is_the_weather(worse: float) -> None:
    found = check_drift(periods(worse=worse), CSAT)
    assert (found.standing, found.finding) == (Standing.PASS, None)
    assert found.worsening == pytest.approx(worse, abs=0.2)


def test_another_mix_of_tickets_is_no_erosion() -> None:
    found = check_drift(periods(mix=0.6), CSAT)
    assert found.before is not None
    assert found.after is not None
    assert found.before - found.after > DRIFT_TOLERATED * 0.15
    assert found.standing is Standing.PASS


def test_of_a_rate_that_should_be_low_more_is_worse() -> None:
    rng = np.random.default_rng(1)
    late = np.arange(8000) >= 4000
    for rate, standing in ((0.3, Standing.INVALID), (0.05, Standing.PASS)):
        y = rng.random(8000) < np.where(late, rate, 0.15)
        sums = comparison_from_rows(np.zeros(8000), np.arange(8000), late, y, np.ones(8000))
        assert check_drift(sums, RECONTACT).standing is standing


@pytest.mark.parametrize(("factor", "standing"), [(1.6, Standing.INVALID), (1.2, Standing.PASS)])
def test_a_relative_margin_is_a_share_of_what_was_before(factor: float, standing: Standing) -> None:
    rng = np.random.default_rng(2)
    late = np.arange(8000) >= 4000
    y = rng.lognormal(1, 0.6, 8000) * np.where(late, factor, 1.0)
    found = check_drift(
        comparison_from_rows(np.zeros(8000), np.arange(8000), late, y, np.ones(8000)), COST, since="before"
    )
    assert found.standing is standing
    assert found.before is not None
    assert found.tolerated == pytest.approx(0.3 * found.before, rel=0.01)


def test_margins_that_allow_everything_are_not_checked() -> None:
    generous = replace(CSAT, margin=0.4, relative=True)
    assert check_drift(periods(worse=2), generous).standing is Standing.NOT_CHECKED


def few(sums: Comparison) -> list[tuple[str, Comparison]]:
    return [
        ("nothing", NO_COMPARISON),
        ("few observations", replace(sums, n_control=99.0)),
        ("one customer", replace(sums, clusters=1)),
        ("a handful of customers", replace(sums, sum_bb=sums.sum_b**2 / 3)),
        ("not a number", replace(sums, sum_a=math.nan)),
        ("no count", replace(sums, n_treated=math.nan)),
        (
            "all alike",
            replace(sums, sum_aa=0.0, sum_ab=0.0, sum_bb=sums.sum_b**2 / 900, within=0.0, sum_a=0.0),
        ),
    ]


@pytest.mark.parametrize("which", range(7))
def test_what_cannot_be_checked_is_not_passed(which: int) -> None:
    name, sums = few(periods())[which]
    found = check_drift(sums, CSAT)
    assert (found.standing, found.finding) == (Standing.NOT_CHECKED, None), name
    assert "not checked" in found.sentence
    name, sums = few(comparison_of_cells(hours()))[which]
    assert check_contamination(sums).standing is Standing.NOT_CHECKED, name


def test_a_queue_that_slows_with_escalations_is_found_and_named() -> None:
    found = check_contamination(comparison_of_cells(hours(slower=0.6)))
    assert found.standing is Standing.INVALID
    assert found.finding is not None
    assert (found.finding.reason, found.finding.metric) == (Reason.CONTAMINATION, None)
    assert found.worsening == pytest.approx(math.expm1(0.6), rel=0.2)


@pytest.mark.parametrize("slower", [-0.6, 0.0, 0.05])
def test_a_queue_that_does_not_care_is_left_alone(slower: float) -> None:
    assert check_contamination(comparison_of_cells(hours(slower=slower))).standing is Standing.PASS


def test_cells_are_summed_as_their_tickets_would_be() -> None:
    rng = np.random.default_rng(3)
    n = 900
    stratum, cluster = rng.integers(0, 9, n), rng.integers(0, 30, n)
    dose = (stratum * 7 + cluster) % 11
    y = rng.normal(5, 2, n) + 0.3 * dose
    key = np.stack([stratum, cluster, dose], axis=1)
    _, code = np.unique(key, axis=0, return_inverse=True)
    code = code.reshape(-1)
    first = np.unique(code, return_index=True)[1]
    count = np.bincount(code).astype(float)
    cells = Cells.of(*key[first].T, count, np.bincount(code, y), np.bincount(code, y * y))
    treated = more_than_usual(cells)[code]
    whole = comparison_from_rows(stratum, cluster, treated, y, np.ones(n))
    found = comparison_of_cells(cells)
    for name in ("sum_a", "sum_b", "within", "n", "n_treated", "mean_treated", "mean_control"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name)), name
    assert found.sum_aa > whole.sum_aa, "leverage widens the spread"


def test_few_cells_per_stratum_do_not_halve_the_variance() -> None:
    """Strata of two cells: the honest variance of the difference, without a correction it is half of it."""
    rng = np.random.default_rng(4)
    effects, variances = [], []
    for _ in range(300):
        strata = np.repeat(np.arange(80), 2)
        y = rng.normal(0, 1, 160)
        cells = Cells.of(strata, np.arange(160), np.tile([0.0, 1.0], 80), np.ones(160), y, y * y)
        sums = comparison_of_cells(cells)
        effect = sums.sum_a / sums.sum_b
        effects.append(effect)
        spread = sums.sum_aa - 2 * effect * sums.sum_ab + effect**2 * sums.sum_bb
        variances.append(spread / sums.sum_b**2)
    assert np.mean(variances) == pytest.approx(np.var(effects), rel=0.2)


def checks_equal(one: ControlCheck, other: ControlCheck) -> None:
    assert one.standing is other.standing
    assert one.worsening == pytest.approx(other.worsening)
    assert one.lower == pytest.approx(other.lower)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), shift=st.floats(-3, 3))
def test_order_names_and_shared_shifts_of_hours_change_nothing(seed: int, shift: float) -> None:
    """Rows in any order, strata under any names, and a stratum in which everybody waits longer."""
    cells = hours(days=30, seed=seed % 7)
    rng = np.random.default_rng(seed)
    order, names = rng.permutation(len(cells.n)), rng.permutation(24)
    moved = cells.total + shift * cells.n * (cells.stratum == 5)
    squares = cells.squares + (cells.stratum == 5) * (2 * shift * cells.total + shift**2 * cells.n)
    parts: list[Any] = [names[cells.stratum], cells.cluster, cells.dose, cells.n, moved, squares]
    again = Cells.of(*(part[order] for part in parts))
    checks_equal(
        replace(check_contamination(comparison_of_cells(cells)), before=None),
        replace(check_contamination(comparison_of_cells(again)), before=None),
    )


def test_splitting_a_cell_changes_no_effect() -> None:
    cells = hours(slower=0.3)
    halves = Cells.of(
        *(np.concatenate([part, part]) for part in (cells.stratum, cells.cluster, cells.dose)),
        *(np.concatenate([part / 2, part / 2]) for part in (cells.n, cells.total, cells.squares)),
    )
    whole, split = comparison_of_cells(cells), comparison_of_cells(halves)
    assert split.sum_a == pytest.approx(whole.sum_a)
    assert split.sum_b == pytest.approx(whole.sum_b)


def test_hours_that_never_differ_have_no_contrast() -> None:
    cells = hours(days=20)
    flat = Cells.of(cells.stratum, cells.cluster, np.ones(len(cells.n)), cells.n, cells.total, cells.squares)
    assert comparison_of_cells(flat) is NO_COMPARISON
    assert not more_than_usual(Cells.of([], [], [], [], [], [])).size
    assert comparison_of_cells(Cells.of([], [], [], [], [], [])) is NO_COMPARISON
