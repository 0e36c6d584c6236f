"""Kaplan-Meier read of re-contact: equal to matured-only once all is ripe, unbiased before."""

from datetime import timedelta

import pytest
from desks_for_tests import END, Desk, plan_of, world

from rollout.gating import gate

BIG = {"tickets": 24_000, "customers": 8_000, "recontact": 0.15}
WITHIN = 7 / 9
"""Share of returns inside the window, by construction."""


def row(desk: Desk, days: float) -> dict[str, float]:
    found = gate(desk, plan_of(), "w", END - timedelta(days=days)).to_json()
    return next(each for each in found["metrics"] if each["metric"] == "recontact_7d")


def test_it_finds_the_planted_rates_while_windows_are_open(desk: Desk) -> None:
    desk.add_frame(world(**BIG))
    found = row(desk, 30)
    assert found["immature"] > 0
    assert found["km_human"] == pytest.approx(0.15 * WITHIN, abs=0.012)
    assert found["km_agent"] == pytest.approx(0.30 * WITHIN, abs=0.035)
    assert found["km_estimate"] == pytest.approx(found["km_agent"] - found["km_human"])
    assert 0 < found["km_se"] < found["se"] * 1.2


def test_with_every_window_closed_one_step_gives_the_plain_rates(desk: Desk) -> None:
    desk.add_frame(world(**BIG, weights=(("thirty", 30.0),)))
    found = row(desk, 0)
    assert found["immature"] == 0
    assert found["km_human"] == pytest.approx(found["mean_human"], abs=1e-9)
    assert found["km_agent"] == pytest.approx(found["mean_agent"], abs=1e-9)


def test_nothing_watched_to_the_end_of_the_window_says_nothing(desk: Desk) -> None:
    desk.add_frame(world(2_000, days=3))
    found = row(desk, 74)
    assert found["km_estimate"] is None
    assert found["verdict"] != "PASS"
