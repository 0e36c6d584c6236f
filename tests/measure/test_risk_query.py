"""Kaplan-Meier as what decides: the SQL is the library's own comparison, and a plan can ask for it."""

from dataclasses import asdict
from datetime import timedelta

import numpy as np
import pytest
from desks_for_tests import END, Desk, plan_of, world

from experiments.survival import comparison_of_risks
from rollout.gating import gate
from rollout.measure.query import Query
from rollout.measure.risk_query import risks, watched
from rollout.measure.scope import Scope

OPEN = {"recontact_7d": {"margin": "2pp", "estimator": "kaplan_meier"}}


def scope_of(desk: Desk, days: float) -> Scope:
    at = END - timedelta(days=days)
    return Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=at)


@pytest.mark.parametrize("days", [0, 20, 40])
def test_the_sums_are_those_of_the_library_over_the_same_tickets(desk: Desk, days: float) -> None:
    desk.add_frame(world(6_000, customers=900, recontact=0.1))
    scope = scope_of(desk, days)
    rows = Query(watched(scope, "recontact_7d"), scope.params).rows(desk)
    step, customer, arm, hour, back = (
        np.array([row[key] for row in rows]) for key in ("step", "customer_id", "treated", "hour", "event")
    )
    expected = asdict(comparison_of_risks(step, customer, arm, hour, back, horizon=168))
    found = asdict(risks(desk, scope, "recontact_7d")[0])
    for key in ("covariate", "treated_part", "largest_b"):
        found.pop(key), expected.pop(key)
    assert found == pytest.approx(expected, rel=1e-9)


def test_one_customers_many_tickets_widen_the_interval(desk: Desk) -> None:
    desk.add_frame(world(6_000, customers=150, recontact=0.0))
    sums, _ = risks(desk, scope_of(desk, 0), "recontact_7d")
    assert sums.clusters == 150
    assert sums.largest_b > 0


def test_a_plan_that_asks_for_it_is_sooner_sure(desk: Desk) -> None:
    desk.add_frame(world(24_000, customers=8_000, days=40, weights=(("thirty", 30.0),)))
    at = END - timedelta(days=66)
    plain = {"recontact_7d": {"margin": "2pp"}}
    rows = {}
    for name, metrics in (("plain", plain), ("kaplan_meier", OPEN)):
        found = gate(desk, plan_of(metrics=metrics), "w", at).to_json()
        rows[name] = next(row for row in found["metrics"] if row["metric"] == "recontact_7d")
    assert {name: row["estimator"] for name, row in rows.items()} == {
        "plain": "plain",
        "kaplan_meier": "kaplan_meier",
    }
    assert rows["kaplan_meier"]["se"] < rows["plain"]["se"]
    assert rows["kaplan_meier"]["n_agent"] > rows["plain"]["n_agent"]


def test_nothing_watched_to_its_windows_end_never_passes(desk: Desk) -> None:
    desk.add_frame(world(4_000, days=4))
    found = gate(desk, plan_of(metrics=OPEN), "w", END - timedelta(days=73)).to_json()
    row = next(row for row in found["metrics"] if row["metric"] == "recontact_7d")
    assert (row["verdict"], row["estimate"]) == ("INCONCLUSIVE", None)
