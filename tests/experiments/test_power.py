"""What data can show, and when."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.power import (
    crossing_probability,
    fixed_information,
    information_for_assurance,
    information_per_ticket,
    mde,
    needed_information,
    wait_for,
)
from experiments.schedule import Design, detectable_harm, feasibility, schedule
from experiments.sequential import boundary
from experiments.verdict import Method, Rules, Traffic

RULES = Rules(alpha=0.05, power=0.8)
margins = st.floats(1e-3, 1e3)


def test_fixed_sample_size_has_its_textbook_value() -> None:
    """Non-inferiority of means, sd 10, margin 5, alpha 0.05, power 0.8: 50 per arm.

    Source: Chow, Shao & Wang, Sample Size Calculations in Clinical Research, example 3.2.4.
    """
    information = fixed_information(5.0, alpha=0.05, power=0.8)
    assert math.ceil(2 * 10.0**2 * information) == 50


@given(margins, st.floats(0.55, 0.99), st.sampled_from(list(Method)))
def test_detectable_effect_reaches_the_margin_at_the_needed_information(
    margin: float, power: float, method: Method
) -> None:
    rules = replace(RULES, power=power, method=method)
    needed = needed_information(margin, rules)
    assert mde(needed, margin, rules) <= margin * (1 + 1e-6)
    assert mde(needed / 2, margin, rules) > margin


@given(margins, st.floats(0.1, 1e4), st.floats(1.01, 10))
def test_more_information_detects_less(margin: float, clock: float, more: float) -> None:
    information = clock / margin**2
    assert mde(information * more, margin, RULES) < mde(information, margin, RULES)


def test_no_information_detects_nothing() -> None:
    assert mde(0.0, 0.1, RULES) == math.inf
    assert detectable_harm(0.0, 0.1, RULES) == math.inf


def test_the_standing_example_a_short_small_canary_cannot_judge_csat() -> None:
    """48 h at 5 % of 2,000 tickets a day, 12 % answers: some 24 ratings, information about 29."""
    per_observation = 24 * 0.95 / 29
    traffic = Traffic(2000, 0.05, 0.12)
    design = Design(margin=0.48, plan_margin=0.12, per_observation=per_observation, traffic=traffic)
    answer = feasibility(design, RULES, max_days=2)
    assert not answer.decidable
    assert 2000 * 2 * information_per_ticket(traffic, per_observation) == pytest.approx(29, rel=0.01)
    assert mde(29, 0.48, RULES) == pytest.approx(0.621, abs=0.005)
    assert answer.detectable_harm > 0.5, "the slow metric still screens for large harm"


def design(**changes: object) -> Design:
    traffic = Traffic(tickets_per_day=2000, weight=0.1, carried=0.12, lag_days=3)
    base = Design(margin=0.15, plan_margin=0.15, per_observation=1.1, traffic=traffic)
    return replace(base, **changes)


def test_each_remedy_alone_makes_an_undecidable_gate_decidable() -> None:
    start = design()
    days = 20.0
    answer = feasibility(start, RULES, max_days=days)
    assert not answer.decidable
    traffic = start.traffic
    cures = {
        "weight": (design(traffic=replace(traffic, weight=answer.weight)), days),
        "duration": (start, answer.days),
        "margin": (design(margin=answer.reachable_margin), days),
        "volume": (design(traffic=replace(traffic, tickets_per_day=answer.tickets_per_day)), days),
    }
    for name, (cured, length) in cures.items():
        assert feasibility(cured, RULES, max_days=length * (1 + 1e-9)).decidable, name
    almost = design(traffic=replace(traffic, weight=answer.weight * 0.97))
    assert not feasibility(almost, RULES, max_days=days).decidable, "the weight named is the smallest"


def test_no_weight_helps_where_one_half_is_too_little() -> None:
    tiny = design(traffic=Traffic(50, 0.1, 0.12))
    assert feasibility(tiny, RULES, max_days=14).weight is None


def test_a_window_longer_than_the_step_cannot_be_cured_by_volume() -> None:
    slow = design(traffic=Traffic(10_000, 0.5, 1.0, lag_days=7))
    answer = feasibility(slow, RULES, max_days=2)
    assert not answer.decidable
    assert answer.tickets_per_day is None
    assert answer.weight is None
    assert answer.days > 7


def test_earlier_steps_shorten_the_wait() -> None:
    fresh = feasibility(design(), RULES, max_days=99)
    later = feasibility(design(information=200.0, smaller_arm=250.0), RULES, max_days=99)
    assert later.needed_days < fresh.needed_days


def test_without_traffic_nothing_is_ever_decided() -> None:
    still = wait_for(100, information=0, smaller_arm=0, per_observation=1.0, traffic=Traffic(0, 0.1))
    assert still.days == math.inf
    assert (
        wait_for(100, information=0, smaller_arm=0, per_observation=1.0, traffic=Traffic(100, 0.0)).days
        == math.inf
    )


def test_what_is_there_needs_no_wait() -> None:
    done = wait_for(10, information=20, smaller_arm=500, per_observation=1.0, traffic=Traffic(100, 0.1))
    assert (done.tickets, done.days) == (0.0, 0.0)


def test_the_later_date_has_the_higher_assurance() -> None:
    plan = schedule(design(), RULES)
    assert plan.even.days < plan.planned.days < plan.late.days < math.inf


def test_a_truly_worse_agent_is_never_expected_to_pass() -> None:
    assert schedule(design(), RULES, effect=-0.3).even.days == math.inf


@pytest.mark.slow
@pytest.mark.parametrize(("assurance", "effect"), [(0.5, 0.0), (0.8, 0.0), (0.95, 0.0), (0.8, -0.03)])
def test_predicted_information_keeps_its_assurance(assurance: float, effect: float) -> None:
    """Simulated paths, looked at now and then on the way, pass by then as often as promised."""
    margin, runs, looks = 0.12, 8000, 15
    later = 600.0
    for _ in range(20):  # the gap between looks depends on where they end
        later = information_for_assurance(
            assurance, margin=margin, alpha=0.05, effect=effect, between=later / looks
        )
    clock = np.linspace(later / looks, later, looks)
    edge = boundary(clock, alpha=0.05, mu=margin, tau=margin / 4)
    rng = np.random.default_rng(3)
    gain = clock[0]
    steps = rng.normal((effect + margin) * gain, math.sqrt(gain), (runs, looks))
    passed = (steps.cumsum(axis=1) >= edge).any(axis=1).mean()
    assert assurance - 0.03 < passed < assurance + 0.05


def test_a_path_ahead_is_expected_to_pass_sooner() -> None:
    behind = crossing_probability(500, 0.0, margin=0.12, alpha=0.05, score=5.0, information=100)
    ahead = crossing_probability(500, 0.0, margin=0.12, alpha=0.05, score=25.0, information=100)
    assert behind < ahead
    assert crossing_probability(90, 0.0, margin=0.12, alpha=0.05, score=5.0, information=100) == 0.0
