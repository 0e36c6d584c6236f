"""The worlds that the published figures come from use the very rule that decides."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "simulation"]:
        del sys.modules[name]


def part(name: str) -> ModuleType:
    return importlib.import_module(f"simulation.{name}")


@pytest.mark.parametrize("worse_by", [(0, 0, 0, 0), (3, 3, 0, 0)])
def test_the_simulated_rule_agrees_with_the_library_at_every_look(
    worse_by: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    ladders, desk, policies = part("ladders"), part("desk"), part("policies")
    monkeypatch.setattr(ladders, "CHECK_EVERY", 1)
    ends = ladders.run(desk.World(600, customers=8000, worse_by=worse_by), [3], (policies.Ours,))
    assert ends.outcome.shape == (1, 1)
    if worse_by[0]:
        assert ends.outcome[0, 0] == policies.ROLL_BACK


def test_running_sums_equal_the_sums_of_all_rows() -> None:
    from experiments.estimate import estimate_difference
    from experiments.rows import comparison_from_rows

    desk, sums = part("desk"), part("sums")
    place = desk.Desk(desk.World(300, customers=200), np.random.default_rng(1))
    running, rows = sums.Sums(1, 200), []
    for day in place.days(6):
        arm = (place.bucket[day.customer] < 0.3).astype(float)
        y = np.where(arm > 0, day.agent[0], day.human[0])
        running.add(np.array([0]), arm, y[None, :], np.ones((1, len(y))), day.starts, day.who)
        rows.append(np.stack([np.full(len(y), day.index), day.customer, arm, y]))
    stratum, cluster, arm, y = np.concatenate(rows, axis=1)
    whole = estimate_difference(comparison_from_rows(stratum, cluster, arm, y, np.ones_like(y)))
    look = running.look()
    assert look.effect[0] == pytest.approx(whole.effect, rel=1e-9)
    assert look.floor[0] == pytest.approx(whole.variance_floor, rel=1e-9)
    assert look.robust[0] == pytest.approx(whole.variance_robust, rel=0.01)


def test_the_covariates_sums_are_those_of_the_library() -> None:
    from experiments.rows import comparison_from_rows

    gates = part("gates")
    rng = np.random.default_rng(5)
    past = rng.normal(0, 0.4, 300)
    sums, rows = gates._Sums(300, past), []
    for day in range(4):
        customer = rng.integers(0, 300, 80)
        arm, y = (rng.random(80) < 0.4).astype(float), rng.integers(1, 6, 80).astype(float)
        sums.add(customer, arm, y)
        rows.append(np.stack([np.full(80, day), customer, arm, y]))
    stratum, cluster, arm, y = np.concatenate(rows, axis=1)
    x = past[cluster.astype(int)]
    whole = comparison_from_rows(stratum, cluster, arm, y, np.ones_like(y), x).covariate
    names = ("sum_x", "sum_xx", "sum_ax", "sum_xb", "within_xx", "within_xy")
    assert [getattr(whole, name) for name in names] == pytest.approx(list(sums.beside), rel=1e-9)


def test_sums_after_each_answer_equal_counting_afresh() -> None:
    from experiments.rows import comparison_from_rows

    gates = part("gates")
    rng = np.random.default_rng(2)
    sums, history = gates._Sums(5000, np.zeros(5000)), []
    for day in range(3):
        customer = rng.choice(5000, 60, replace=False)
        arm, y = (rng.random(60) < 0.4).astype(float), rng.integers(1, 6, 60).astype(float)
        seen = sums.prefixes(customer, arm, y)
        for k in (20, 41, 60):
            parts = [*history, np.stack([np.full(k, day), customer[:k], arm[:k], y[:k]])]
            stratum, cluster, arms, values = np.concatenate(parts, axis=1)
            whole = comparison_from_rows(stratum, cluster, arms, values, np.ones_like(values))
            assert seen.effect[k - 1] == pytest.approx(whole.sum_a / whole.sum_b, rel=1e-9)
            effect = whole.sum_a / whole.sum_b
            spread = whole.sum_aa - 2 * effect * whole.sum_ab + effect**2 * whole.sum_bb
            smaller = min(whole.n_treated, whole.n_control)
            assert seen.robust[k - 1] == pytest.approx(
                smaller / (smaller - 1) * spread / whole.sum_b**2, rel=1e-9
            )
        sums.add(customer, arm, y)
        history.append(np.stack([np.full(60, day), customer, arm, y]))


def test_the_agents_outcomes_are_worse_by_exactly_the_stated_margins() -> None:
    desk = part("desk")
    place = desk.Desk(desk.World(4000, worse_by=(2, 2, 2, 2)), np.random.default_rng(0))
    shifts = np.mean([(day.agent - day.human).mean(axis=1) for day in place.days(10)], axis=0)
    assert shifts == pytest.approx(-2 * desk.MARGINS, rel=0.05)
