"""The human arm's own checks: false alarms on ordinary desks, and what they find on broken ones.

Both are looked at every day and an alarm stays. Queues are first come, first served, hour by hour: what
a shift cannot answer waits for the next one, overnight too, so that waits hang together over days.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from experiments.cells import Cells, comparison_of_cells
from experiments.control import FLOOR_SECONDS, check_contamination, check_drift
from experiments.integrity import ALPHA
from experiments.rows import comparison_from_rows
from experiments.verdict import Question
from simulation.desk import _WEEK, _ratings
from simulation.monte_carlo import Measured, measured

CSAT = Question("csat", "CSAT", "points", "higher", 0.12)
SHARED_ALPHA = ALPHA / 4
"""Four guardrails share the alarm."""
DAYS = 70
_HOURS = np.array(
    [1, 0.7, 0.5, 0.4, 0.4, 0.7, 1.5, 3, 5, 7, 8, 7.5, 6.5, 6.5, 7, 7, 6.5, 6, 5, 4.5, 4, 3.5, 2.5, 1.6]
)
_STAGES = np.repeat([0.1, 0.3, 0.6], [14, 14, 42])
"""Weights in force, by day."""


@dataclass(frozen=True)
class Mood:
    """What happens to the human arm's ratings after the start, in points."""

    season: float = 0.0
    """Lost on average over the whole time, most of it towards the end."""
    level: float = 0.0
    """Lost from the first day on."""
    collapse: float = 0.0
    """Lost at once on day 21."""
    shocks: float = 0.0
    """Standard deviation of whole days, good and bad, in latent units."""


@dataclass(frozen=True)
class Hours:
    """A desk's hours, all arrays of shape (hours,)."""

    day: np.ndarray
    hour: np.ndarray
    stage: np.ndarray
    people: np.ndarray
    """Tickets of the human arm that opened."""
    agent: np.ndarray
    escalated: np.ndarray
    wait: np.ndarray
    """Hours until the first answer; NaN where it comes after the end."""


@dataclass(frozen=True)
class Line:
    """A desk with a queue. The agent passes on ``escalates`` of its tickets, changing from day to day."""

    shared: bool = False
    """Whether the people who answer the human arm answer escalations too."""
    volume: float = 600.0
    escalates: float = 0.2
    unsteady: float = 0.5
    """Standard deviation of the logarithm of a day's escalation share."""
    load: float = 0.85
    """Planned share of the people's time that is used."""
    spikes: float = 0.0
    """Chance that a day has some hours with up to three times the tickets, of both arms."""
    shortage: float = 0.0
    """Chance that a day lacks up to two fifths of the people."""
    growth: float = 0.0
    """More tickets at the end than at the start, as a share; people grow with them."""
    weekends: bool = True


def control_drift(runs: int, seed: int) -> dict[str, Measured]:
    """Eight weeks of baseline and seventy days; CSAT, 12 % of 500 tickets of people answered."""
    edge = 3 * CSAT.margin
    worlds = {
        "false alarm: weekly rhythm, nothing else": Mood(),
        "false alarm: good and bad days": Mood(shocks=0.15),
        "false alarm: a season that takes two thirds of what is tolerated": Mood(
            season=edge * 2 / 3, shocks=0.1
        ),
        "false alarm: exactly what is tolerated is lost from the first day": Mood(level=edge),
    }
    found = {name: measured(_drift_days(mood, runs, seed) <= DAYS) for name, mood in worlds.items()}
    for worse in (0.8, 1.2):
        days = _drift_days(Mood(collapse=worse, shocks=0.1), runs, seed)
        found |= _found(f"the human arm loses {worse:g} points on day 21", days, 21)
    return found


def _drift_days(mood: Mood, runs: int, seed: int) -> np.ndarray:
    """The day of the alarm; infinite without one."""
    return np.array([_drift_run(mood, np.random.default_rng([seed, run])) for run in range(runs)])


def _drift_run(mood: Mood, rng: np.random.Generator) -> float:
    size = rng.poisson(60 * np.tile(_WEEK, 18))
    day = np.repeat(np.arange(len(size)) - 56, size)
    customer = rng.integers(0, 12_000, len(day))
    latent = rng.normal(0, 0.5, 12_000)[customer] + rng.normal(0, math.sqrt(0.75), len(day))
    latent += 0.15 * (day % 7 >= 5) + rng.normal(0, mood.shocks, len(size))[day + 56]
    lost = (day >= 0) * (2 * mood.season * day / DAYS + mood.level) + mood.collapse * (day >= 21)
    rating = _ratings(latent)
    # Each rating falls by a whole point or two with the chance that takes exactly what is to be lost.
    worse = np.floor(lost + rng.random(len(day)))
    score = rating - worse
    for today in range(1, DAYS + 1):
        seen = day < today
        sums = comparison_from_rows(
            day[seen] % 7, customer[seen], day[seen] >= 0, score[seen], np.ones(seen.sum())
        )
        if check_drift(sums, CSAT, alpha=SHARED_ALPHA).finding is not None:
            return today
    return math.inf


def contamination(runs: int, seed: int) -> dict[str, Measured]:
    """A desk of 600 tickets a day on the ramp, ten weeks, closed at night."""
    own = Line()
    worlds = {
        "weekly rhythm, nothing else": own,
        "common spikes of tickets": replace(own, spikes=0.3),
        "days with too few people": replace(own, shortage=0.3),
        "spikes, too few people, and growth": replace(own, spikes=0.3, shortage=0.3, growth=0.4),
        "a desk at its limit": replace(own, load=0.93, spikes=0.1),
        "closed on weekends": replace(own, weekends=False, spikes=0.2),
    }
    found = {
        f"false alarm, own queue: {name}": measured(_queue_days(line, runs, seed) <= DAYS)
        for name, line in worlds.items()
    }
    one = Line(shared=True, escalates=0.35, unsteady=0.7)
    shared = {
        "one queue, escalations rise and fall": one,
        "one queue at its limit": replace(one, load=0.97),
        "one queue, with spikes and too few people": replace(one, spikes=0.3, shortage=0.3),
    }
    for name, line in shared.items():
        found |= _found(name, _queue_days(line, runs, seed), 0)
    return found


def _found(name: str, days: np.ndarray, after: int) -> dict[str, Measured]:
    """Share of runs with an alarm, and the median days it took where there was one."""
    hits = days[np.isfinite(days)]
    found = {f"found: {name}": measured(np.isfinite(days))}
    if len(hits):
        # The standard error of a median, as of a normal distribution.
        spread = 1.2533 * float(hits.std()) / math.sqrt(len(hits))
        found[f"… median days until then: {name}"] = (float(np.median(hits)) - after, len(hits), spread)
    return found


def _queue_days(line: Line, runs: int, seed: int) -> np.ndarray:
    return np.array([_queue_run(line, np.random.default_rng([seed, run])) for run in range(runs)])


def _queue_run(line: Line, rng: np.random.Generator) -> float:
    hours = simulate_hours(line, rng)
    cells = _cells(hours, rng)
    for today in range(14, DAYS + 1):
        seen = cells.cluster < today
        parts = (cells.stratum, cells.cluster, cells.dose, cells.n, cells.total, cells.squares)
        if check_contamination(comparison_of_cells(Cells.of(*(part[seen] for part in parts)))).finding:
            return today
    return math.inf


def simulate_hours(line: Line, rng: np.random.Generator) -> Hours:
    """Tickets arrive, people work off the backlog in the order of arrival."""
    at = np.arange(24 * DAYS)
    day, hour = at // 24, at % 24
    weight = _STAGES[day]
    rate = line.volume * _WEEK[day % 7] * _HOURS[hour] / _HOURS.sum() * (1 + line.growth * day / DAYS)
    expected = rate.copy()
    for spike in np.flatnonzero(rng.random(DAYS) < line.spikes):
        first = spike * 24 + rng.integers(6, 20)
        rate[first : first + rng.integers(2, 8)] *= rng.uniform(1.5, 3)
    unsteady = rng.normal(-(line.unsteady**2) / 2, line.unsteady, DAYS)
    people, agent = rng.poisson(rate * (1 - weight)), rng.poisson(rate * weight)
    escalated = rng.binomial(agent, np.minimum(line.escalates * np.exp(unsteady)[day], 0.95))
    work = people + (escalated if line.shared else 0)
    planned = expected * ((1 - weight) + (weight * line.escalates if line.shared else 0))
    there = np.where(rng.random(DAYS) < line.shortage, rng.uniform(0.6, 0.9, DAYS), 1.0)[day]
    capacity = _shifts(planned, day, hour, weekends=line.weekends) / line.load * there
    return Hours(day, hour, weight, people, agent, escalated, _waits(work, capacity))


def _shifts(planned: np.ndarray, day: np.ndarray, hour: np.ndarray, *, weekends: bool) -> np.ndarray:
    """The planned work of a week, done evenly in the open hours of its days."""
    open_ = (hour >= 8) & (hour < 20) & (weekends | (day % 7 < 5))
    span = day if weekends else day // 7
    per = np.bincount(span, planned) / np.bincount(span, open_)
    return np.where(open_, per[span], 0.0)


def _waits(work: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """Hours that a ticket of the middle of each hour waits."""
    backlog, waiting = np.zeros(len(work)), 0.0
    for place, (come, done) in enumerate(zip(work, capacity, strict=True)):
        backlog[place] = max(waiting + (come - done) / 2, 0.0)
        waiting = max(waiting + come - done, 0.0)
    done = np.concatenate([[0.0], np.cumsum(capacity)])
    ahead = done[:-1] + capacity / 2 + backlog
    at = np.interp(ahead + 1e-6, done + 1e-9 * np.arange(len(done)), np.arange(len(done)), right=np.nan)
    return np.maximum(at - (np.arange(len(work)) + 0.5), 0.0)


def _cells(hours: Hours, rng: np.random.Generator) -> Cells:
    """The same grouping as ``rollout.measure.queue_query``."""
    kept = np.isfinite(hours.wait) & (hours.people > 0)
    share = _day_before(hours.escalated) / np.maximum(_day_before(hours.agent), 1)
    load = np.floor(2 * np.log2(1 + _day_before(hours.people)))
    like = np.maximum(hours.day % 7, 3)
    label = np.stack([np.round(100 * hours.stage), like, hours.hour, load], axis=1)[kept]
    n = hours.people[kept]
    of = np.repeat(np.arange(len(n)), n)
    y = np.log(FLOOR_SECONDS + (3600 * hours.wait[kept] + 300)[of]) + rng.normal(0, 0.8, len(of))
    return Cells.of(label, hours.day[kept], share[kept], n, np.bincount(of, y), np.bincount(of, y * y))


def _day_before(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    until = np.concatenate([[0], np.cumsum(counts)])
    now = np.arange(len(counts))
    return until[now] - until[np.maximum(now - 24, 0)]
