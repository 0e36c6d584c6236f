"""Figures counted in the facts are those of the tickets, with their origin."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "measure"))

from desks_for_tests import END, Desk, fact, plan_of, world

from rollout.planning.desk import desk_of
from rollout.planning.figures import Origin
from rollout.planning.observed import FEWEST, observe

METRICS = ["csat", "recontact_7d", "escalation", "latency", "agreement"]


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.close()


def test_volume_and_rates_are_those_of_the_tickets(desk):
    desk.add_frame(world(12_000, customers=12_000, days=60))
    found = observe(desk, plan_of(), METRICS, workflow="w", as_of=END)
    assert found.volume["ten"].value == pytest.approx(200, rel=0.05)
    assert found.volume["ten"].origin is Origin.OBSERVED
    csat, recontact = found.metrics["csat"], found.metrics["recontact_7d"]
    assert csat.carried.value == pytest.approx(0.3, abs=0.03)
    assert csat.mean.value == pytest.approx(3.8, abs=0.1)
    assert 0.8 < csat.sd.value < 1.2
    assert recontact.mean.value == pytest.approx(0.15 * 7 / 9, abs=0.02)
    assert found.metrics["escalation"].mean.value == pytest.approx(0.2, abs=0.02)


def test_what_too_few_tickets_carry_is_left_to_the_assumptions_and_said(desk):
    desk.add_frame(world(6000))
    found = observe(desk, plan_of(), METRICS, workflow="w", as_of=END)
    assert "latency" not in found.metrics
    assert any(f"fewer than {FEWEST} observations" in note and "latency" in note for note in found.notes)
    assert desk_of(plan_of(), observed=found).metrics["csat"].mean.origin is Origin.OBSERVED


def test_customers_alike_with_themselves_make_a_design_effect(desk):
    """Ten tickets of one customer that all end alike are worth one: the effect is ten."""
    start = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    rows = []
    for customer in range(300):
        for ticket in range(10):
            opened = start + timedelta(days=ticket * 2, minutes=customer)
            rows.append(fact(f"t{customer}.{ticket}", f"c{customer}", opened, escalated=customer % 3 == 0))
    desk.add(rows)
    found = observe(desk, plan_of(), ["escalation"], workflow="w", as_of=END)
    window = found.metrics["escalation"]
    assert 5 < window.design_effect.value <= 10.01, "as many tickets of a customer as the window holds"


def test_independent_tickets_have_hardly_any(desk):
    desk.add_frame(world(9000, customers=9000))
    found = observe(desk, plan_of(), ["escalation"], workflow="w", as_of=END)
    assert 1 <= found.metrics["escalation"].design_effect.value < 1.15


def test_only_eligible_tickets_count_and_unrecorded_attributes_are_named(desk):
    desk.add_frame(world(6000, days=60))
    everybody = observe(desk, plan_of(), [], workflow="w", as_of=END)
    narrow = plan_of(eligible={"category": ["billing"], "complexity": ["simple"]})
    some = observe(desk, narrow, [], workflow="w", as_of=END)
    assert some.volume["ten"].value == pytest.approx(everybody.volume["ten"].value / 2, rel=0.1)
    assert some.eligible_share["ten"] == pytest.approx(0.5, abs=0.05)
    assert any("no ticket records its complexity" in note for note in some.notes)


def test_nothing_later_than_the_moment_is_looked_at(desk):
    desk.add_frame(world(6000, days=60))
    early = observe(desk, plan_of(), [], workflow="w", as_of=datetime(2026, 3, 20, tzinfo=UTC))
    assert all("2026-04" not in note for note in early.notes)
    assert observe(desk, plan_of(), [], workflow="elsewhere", as_of=END) is None


def test_a_volume_given_by_hand_counts_before_the_data(desk):
    desk.add_frame(world(6000))
    found = observe(desk, plan_of(), METRICS, workflow="w", as_of=END)
    figure = desk_of(plan_of(), volume=7, observed=found).volume["ten"]
    assert (figure.value, figure.origin) == (7, Origin.GIVEN)
