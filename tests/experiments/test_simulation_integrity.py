"""The desks behind the published figures of the human arm's checks do what they are said to do."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("simulation.integrity")
    for name in [name for name in sys.modules if name.split(".")[0] == "simulation"]:
        del sys.modules[name]


def test_a_queue_is_served_in_order_and_waits_for_the_morning(worlds: ModuleType) -> None:
    work = np.array([10.0, 0, 0, 0, 4, 0, 0, 0])
    capacity = np.array([2.0, 2, 0, 0, 4, 4, 4, 4])
    waits = worlds._waits(work, capacity)
    # The fifth of the first ten: three more are done that day, the next one in a quarter of hour 4.
    assert waits[0] == pytest.approx(4.25 - 0.5, abs=0.01)
    ends = np.arange(len(work)) + 0.5 + waits
    assert (np.diff(ends) > -1e-6).all(), "nobody is overtaken"


def test_only_a_shared_queue_lets_escalations_wait_beside_the_human_arm(worlds: ModuleType) -> None:
    def slope(line: object) -> float:
        hours = worlds.simulate_hours(line, np.random.default_rng(3))
        share = worlds._day_before(hours.escalated) / np.maximum(worlds._day_before(hours.agent), 1)
        seen = np.isfinite(hours.wait) & (hours.hour >= 8) & (hours.hour < 20) & (hours.day >= 28)
        return float(np.corrcoef(share[seen], hours.wait[seen])[0, 1])

    own = worlds.Line(escalates=0.35, unsteady=0.7)
    assert abs(slope(own)) < 0.2
    assert slope(worlds.Line(shared=True, escalates=0.35, unsteady=0.7)) > 0.4


def test_the_simulated_human_arm_loses_what_is_stated(worlds: ModuleType) -> None:
    assert np.isinf(worlds._drift_days(worlds.Mood(), 1, 0)).all()
    found = worlds._drift_days(worlds.Mood(collapse=1.5), 1, 0)
    assert 21 < found[0] < 50
