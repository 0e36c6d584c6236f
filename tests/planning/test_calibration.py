"""Simulated desks decide by the predicted date about as often as was promised."""

import math

import numpy as np
import pytest

from experiments.judge import judge_difference
from experiments.samples import Comparison
from experiments.verdict import Question
from policies.vocabulary import METRICS
from rollout.planning.climb import Calendar, climb
from rollout.planning.desk import desk_of
from rollout.planning.figures import Figure, MetricFacts, Origin
from rollout.planning.rungs import ladder

RUNS = 120


def passes_by(days, *, volume, weight, rate, margin, rules, runs, repeat, seed):
    """Share of simulated rollouts of one step that have passed at a daily look until ``days``.

    Escalations of customers who write ``repeat`` tickets, all alike with chance one half, so that
    tickets are clustered; looked at with the product's own judge.
    """
    rng = np.random.default_rng(seed)
    passed = 0
    known = METRICS["escalation"]
    question = Question("escalation", known.title, known.unit, known.better, margin)
    for _ in range(runs):
        n = math.ceil(days) * volume
        customers = n // repeat
        who = rng.permutation(np.repeat(np.arange(customers), repeat))
        arm = (rng.random(customers) < weight)[who]
        mood = (rng.random(customers) < rate)[who]
        y = np.where((rng.random(customers) < 0.5)[who], mood, rng.random(len(who)) < rate).astype(float)
        passed += any(
            judge_difference(sums(who[:end], arm[:end], y[:end], volume), question, rules).passed
            for end in (math.floor(day * volume) for day in np.arange(days % 1, days + 1e-9) if day > 0)
        )
    return passed / runs


def sums(who, arm, y, volume):
    day = np.arange(len(y)) // volume
    count = np.bincount(day)
    p, mean = np.bincount(day, arm) / count, np.bincount(day, y) / count
    contrast = arm - p[day]
    a = np.bincount(who, contrast * (y - mean[day]))
    b = np.bincount(who, contrast**2)
    n_treated = float(arm.sum())
    return Comparison(
        sum_a=a.sum(),
        sum_b=b.sum(),
        sum_aa=(a * a).sum(),
        sum_ab=(a * b).sum(),
        sum_bb=(b * b).sum(),
        within=((y - mean[day]) ** 2).sum(),
        n=float(len(y)),
        n_treated=n_treated,
        n_control=len(y) - n_treated,
        clusters=int((b > 0).sum()),
        strata=len(count),
        mean_treated=float(y[arm].mean()) if n_treated else math.nan,
        mean_control=float(y[~arm].mean()),
        largest_b=float(b.max()),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("assurance", "weight", "volume", "repeat"),
    [(0.5, 10, 400, 1), (0.8, 10, 400, 1), (0.8, 30, 200, 3)],
)
def test_a_rollout_is_decided_by_its_date_as_often_as_was_said(
    plan_of, monday, assurance, weight, volume, repeat
):
    """At least as often, and at most 12 points more, give or take the simulation's own error."""
    margin, rate = 0.05, 0.2
    plan = plan_of(steps=[{"name": "only", "set_weight": weight}], metrics={"escalation": {"margin": "5pp"}})
    desk = desk_of(plan, volume=volume)
    # Half of the customers are wholly alike with themselves: the intraclass correlation is one half.
    effect = 1 + (repeat - 1) * 0.5
    figures = [Figure(value, Origin.OBSERVED) for value in (rate, math.sqrt(rate * (1 - rate)), 1.0, effect)]
    desk.metrics["escalation"] = MetricFacts("escalation", *figures)
    (rung,) = ladder(plan, desk)
    (stay,) = climb([rung], assurance, Calendar(monday))
    seen = passes_by(
        stay.waits["escalation"],
        volume=volume,
        weight=weight / 100,
        rate=rate,
        margin=margin,
        rules=rung.rules,
        runs=RUNS,
        repeat=repeat,
        seed=7,
    )
    noise = 2 * math.sqrt(assurance * (1 - assurance) / RUNS)
    assert assurance - noise <= seen <= assurance + 0.12 + noise
