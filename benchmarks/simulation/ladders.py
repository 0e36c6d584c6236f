"""Whole ladders: four guardrails, four rungs, ninety days, five policies on the same customers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.judge import judge_difference
from experiments.verdict import Question, Rules
from simulation.desk import LAG_DAYS, MARGINS, METRICS, Day, Desk, World
from simulation.policies import ALPHA, HOLD, POLICIES, PROMOTE, ROLL_BACK, Ours, Policy, verdicts
from simulation.sums import Sums

WEIGHTS = (0.05, 0.10, 0.30, 0.60)
SCALES = (4.0, 2.5, 1.5, 1.0)
DWELL_DAYS = (2, 5, 7, 7)
CAP_DAYS = 90
CHECK_EVERY = 37
"""Every so many looks the vectorised rule is held against ``judge_difference`` itself."""


@dataclass
class Climb:
    """One policy's way up: state and sums of its own, customers shared with the others."""

    policy: Policy
    sums: Sums
    step: int = 0
    entered: int = 0
    outcome: int = HOLD
    day: int = CAP_DAYS

    @property
    def open(self) -> bool:
        return self.outcome == HOLD


@dataclass(frozen=True)
class Outcomes:
    """Arrays of shape (runs, policies)."""

    outcome: np.ndarray
    day: np.ndarray


def run(
    world: World, seeds: Iterable[int], policies: Sequence[type] = POLICIES, looks_per_day: int = 1
) -> Outcomes:
    """Climb once per seed with each of ``policies``; what is decided takes effect the next day."""
    results = [_climb(world, seed, policies, looks_per_day) for seed in seeds]
    return Outcomes(
        np.array([[c.outcome for c in climbs] for climbs in results]),
        np.array([[c.day for c in climbs] for climbs in results]),
    )


def _climb(world: World, seed: int, policies: Sequence[type], looks_per_day: int) -> list[Climb]:
    desk = Desk(world, np.random.default_rng(seed))
    climbs = [Climb(policy(), Sums(len(METRICS), world.customers)) for policy in policies]
    waiting: list[tuple] = []
    for day in desk.days(CAP_DAYS):
        decided = _during(climbs, desk, day, waiting, looks_per_day) if looks_per_day > 1 else {}
        arms = {}
        for place, climb in enumerate(climbs):
            if climb.open:
                arms[place] = (desk.bucket[day.customer] < WEIGHTS[climb.step]).astype(float)
                _count(climb.sums, day, arms[place])
        waiting.append((day, arms))
        if day.index >= LAG_DAYS:
            matured, before = waiting[day.index - LAG_DAYS]
            for place, arm in before.items():
                if climbs[place].open:
                    _count_matured(climbs[place].sums, matured, arm)
            waiting[day.index - LAG_DAYS] = ()
        for place, climb in enumerate(climbs):
            if climb.open:
                _decide(climb, day.index, decided.get(place, HOLD))
        if not any(climb.open for climb in climbs):
            break
    return climbs


def _during(climbs: list[Climb], desk: Desk, day: Day, waiting: list[tuple], looks: int) -> dict[int, int]:
    """What each open climb decided first, on the looks before the day's last."""
    found: dict[int, int] = {}
    old, before = waiting[day.index - LAG_DAYS] if day.index >= LAG_DAYS else (None, {})
    for number in range(1, looks):
        now = day.until(number / looks)
        matured = None if old is None else old.until(number / looks)
        kept = None if old is None else old.time <= number / looks
        for place, climb in enumerate(climbs):
            if not climb.open or place in found or not len(now.customer):
                continue
            with climb.sums.tried():
                _count(climb.sums, now, (desk.bucket[now.customer] < WEIGHTS[climb.step]).astype(float))
                if matured is not None and place in before and len(matured.customer):
                    _count_matured(climb.sums, matured, before[place][kept])
                due = day.index + 1 - climb.entered > DWELL_DAYS[climb.step]
                decision = climb.policy.decide(climb.sums.look(), MARGINS, SCALES[climb.step], due)
            if decision != HOLD:
                found[place] = decision
    return found


def _count(sums: Sums, day: object, arm: np.ndarray) -> None:
    """CSAT where answered, escalation and cost at once."""
    rows = np.array([0, 2, 3])
    treated = arm > 0
    y = np.where(treated, day.agent[rows], day.human[rows])
    d = np.ones_like(y)
    d[0] = np.where(treated, day.answered[1], day.answered[0])
    sums.add(rows, arm, y * d, d, day.starts, day.who)


def _count_matured(sums: Sums, day: object, arm: np.ndarray) -> None:
    y = np.where(arm > 0, day.agent[1], day.human[1])[None, :]
    sums.add(np.array([1]), arm, y, np.ones_like(y), day.starts, day.who)


def _decide(climb: Climb, today: int, earlier: int = HOLD) -> None:
    look = climb.sums.look()
    due = today + 1 - climb.entered >= DWELL_DAYS[climb.step]
    scale = SCALES[climb.step]
    if isinstance(climb.policy, Ours) and today % CHECK_EVERY == CHECK_EVERY - 1:
        _check_against_the_library(climb.sums, scale)
    decision = earlier or climb.policy.decide(look, MARGINS, scale, due)
    if decision == PROMOTE and climb.step + 1 < len(WEIGHTS):
        climb.step, climb.entered = climb.step + 1, today + 1
        climb.policy.enter()
    elif decision in {PROMOTE, ROLL_BACK}:
        climb.outcome, climb.day = decision, today + 1


def _check_against_the_library(sums: Sums, scale: float) -> None:
    rules = Rules(alpha=ALPHA, power=0.8, guardrails=len(METRICS))
    failed, passed = verdicts(sums.look(), MARGINS, scale)
    for metric, name in enumerate(METRICS):
        # Plenty of customers: the small-cluster factor of the library is the one used here.
        verdict = judge_difference(
            sums.comparison(metric, clusters=10**9),
            Question(name, name, "count", "higher", float(MARGINS[metric]), scale=scale),
            rules,
        )
        if (verdict.failed, verdict.passed) != (failed[metric], passed[metric]):
            raise AssertionError(f"{name}: {verdict} but {failed[metric]}, {passed[metric]}")
