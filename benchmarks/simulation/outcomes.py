"""Outcomes that are late, missing or disturbed: what the gate makes of them."""

import math

import numpy as np

from experiments.estimate import estimate_difference
from experiments.judge import judge_difference
from experiments.nonresponse import check_response, lee_bounds, response_tolerance
from experiments.rows import comparison_from_rows
from experiments.samples import Comparison
from experiments.survival import comparison_of_risks
from experiments.verdict import Circumstances, Question, Reason, Rules
from simulation.desk import _ratings
from simulation.monte_carlo import Measured, measured

RULES = Rules(alpha=0.05, power=0.8)
RECONTACT = Question("recontact_7d", "Re-contact", "rate", "lower", 0.02)
CSAT = Question("csat", "CSAT", "points", "higher", 0.12)
WINDOW = 7


class _Step:
    """Twenty-four days of one step at 30 %, with the day each ticket comes back (99: never)."""

    def __init__(self, rng: np.random.Generator, worse_by: float) -> None:
        daily, days, customers = 1500, 24, 6000
        self.day = np.repeat(np.arange(days), daily)
        self.cluster = rng.integers(0, customers, self.day.size)
        self.arm = (rng.random(customers) < 0.3)[self.cluster]
        chance = 0.18 * rng.gamma(4.0, 0.25, customers)[self.cluster] + worse_by * self.arm
        returns = rng.integers(1, WINDOW + 1, self.day.size)
        self.back = np.where(rng.random(self.day.size) < chance, returns, 99)

    def life_tables(self, today: int) -> Comparison:
        here = self.day < today
        watched = today - self.day[here]
        event = self.back[here] <= np.minimum(watched, WINDOW)
        return comparison_of_risks(
            np.zeros(len(watched)),
            self.cluster[here],
            self.arm[here],
            np.where(event, self.back[here], watched),
            event,
            horizon=WINDOW,
        )

    def matured_only(self, today: int) -> Comparison:
        old = self.day <= today - WINDOW
        return comparison_from_rows(
            self.day[old], self.cluster[old], self.arm[old], self.back[old] <= WINDOW, np.ones(old.sum())
        )

    def first_pass(self, count: str) -> float:
        for today in range(WINDOW + 1, 24, 2):
            if judge_difference(getattr(self, count)(today), RECONTACT, RULES).passed:
                return today
        return math.inf


def open_windows(runs: int, seed: int) -> dict[str, Measured]:
    """Re-contact at its margin (2 pp of 18 %) or equal, judged while windows are still open."""
    rng = np.random.default_rng(seed)
    ways = {"Kaplan-Meier": "life_tables", "matured only": "matured_only"}
    found: dict[str, Measured] = {}
    at_margin = [_Step(rng, 0.02) for _ in range(runs)]
    for name, count in ways.items():
        passes = [math.isfinite(step.first_pass(count)) for step in at_margin]
        found[f"{name}: false promotion at the margin"] = measured(passes)
    equal = [_Step(rng, 0.0) for _ in range(runs)]
    for name, count in ways.items():
        early = [step.first_pass(count) <= 14 for step in equal]
        found[f"{name}: decided by day 14 without a difference"] = measured(early)
    return found


def silent_customers(runs: int, seed: int) -> dict[str, Measured]:
    """The agent is worse by twice the margin, and its unhappy customers answer half as often."""
    rng = np.random.default_rng(seed)
    found = np.array([_silent_run(rng) for _ in range(runs)])
    names = (
        "false promotion, answers taken at face value",
        "false promotion with response guardrail and Lee bounds",
        "response-rate guardrail raises the alarm",
    )
    return {name: measured(found[:, place]) for place, name in enumerate(names)}


def _silent_run(rng: np.random.Generator) -> tuple[bool, bool, bool]:
    n, customers = 60_000, 30_000
    cluster = rng.integers(0, customers, n)
    arm = (rng.random(customers) < 0.4)[cluster]
    rating = _ratings(rng.normal(0, 0.5, customers)[cluster] + rng.normal(0, math.sqrt(0.75), n))
    rating -= arm & (rating > 1) & (rng.random(n) < 2 * CSAT.margin / (rating > 1).mean())
    answered = rng.random(n) < 0.12 * np.where(arm & (rating <= 3), 0.5, 1.0)
    zero = np.zeros(n)
    sums = comparison_from_rows(zero, cluster, arm, rating * answered, answered)
    offered = comparison_from_rows(zero, cluster, arm, answered, np.ones(n))
    bounds = lee_bounds(
        _histogram(rating[answered & arm]),
        _histogram(rating[answered & ~arm]),
        rate_treated=float(answered[arm].mean()),
        rate_control=float(answered[~arm].mean()),
    )
    tolerance = response_tolerance(sums.mean_control, CSAT.margin)
    alarm = check_response(offered, tolerance=tolerance, alpha=0.01).alarm
    around = Circumstances(bounds=(bounds.low, bounds.high), invalid=(Reason.RESPONSE_RATE,) if alarm else ())
    plain, guarded = judge_difference(sums, CSAT, RULES), judge_difference(sums, CSAT, RULES, around)
    return plain.passed, guarded.passed, alarm


def _histogram(ratings: np.ndarray) -> dict[float, float]:
    values, counts = np.unique(ratings, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def shared_queue(runs: int, seed: int) -> dict[str, Measured]:
    """Agent escalations slow the human queue for both arms: what the comparison sees and what it misses.

    A quarter of the agent's tickets escalate; each tenth of the desk's load that this adds makes
    everybody wait 15 % longer. The agent itself is as fast as a human.
    """
    rng = np.random.default_rng(seed)
    differences, drifts = [], []
    for _ in range(runs):
        n, customers = 20_000, 9_000
        cluster, day = rng.integers(0, customers, n), rng.integers(0, 28, n)
        weight = np.array([0.05, 0.1, 0.3, 0.6])[day // 7]
        arm = rng.random(customers)[cluster] < weight
        wait = rng.exponential(60.0, n) * (1 + 1.5 * 0.25 * weight)
        sums = comparison_from_rows(day, cluster, arm, wait, np.ones(n))
        differences.append(estimate_difference(sums).effect / sums.mean_control)
        early, late = (wait[~arm & (day // 7 == week)].mean() for week in (0, 3))
        drifts.append(late / early - 1)
    return {
        "slowdown seen between arms": measured(differences),
        "slowdown of the human arm itself, first to last step": measured(drifts),
    }
