"""Climbing a track on paper: when is each step left, and on which metric did it wait?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from policies.values import FreezeWindow
from policies.vocabulary import METRICS
from rollout.planning.accrual import HORIZON_DAYS, Accrued, Stretch, accrued, first_day
from rollout.planning.demands import Demand, per_metric
from rollout.planning.rungs import Rung


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where day 0 lies, and on which days nothing is promoted."""

    start: datetime
    freeze: Sequence[FreezeWindow] = ()

    def date(self, day: float) -> datetime | None:
        """The moment of a day; None where it never comes."""
        return self.start + timedelta(days=day) if day <= HORIZON_DAYS else None

    def thawed(self, day: float) -> float:
        """The first day from ``day`` on at which promotion is allowed."""
        for window in sorted(self.freeze, key=lambda each: each.first):
            moment = self.date(day)
            if moment is not None and window.covers(moment):
                end = datetime.combine(window.last, time.min, UTC) + timedelta(days=1)
                day = (end - self.start) / timedelta(days=1)
        return day


@dataclass(frozen=True, slots=True)
class Stay:
    """One step at one assurance; days from its entry."""

    rung: Rung
    entered: float
    """Day of the rollout."""
    before: tuple[Stretch, ...]
    """What earlier steps of the same mode left behind."""
    waits: Mapping[str, float]
    """By metric of the gate: days until it has passed, maturity included; infinite if never."""
    gate_days: float
    """Until all have passed, as often in a row as they must."""
    left: float
    """Days until promotion: minimum duration and freezes included; infinite if never."""

    @property
    def slowest(self) -> str | None:
        """The metric the gate waits for longest; None where all is known on entry."""
        if not self.waits or max(self.waits.values()) <= 0:
            return None
        return max(self.waits, key=lambda metric: self.waits[metric])

    def seen(self, demand: Demand, days: float, *, lag_days: float | None = None) -> Accrued:
        """What is known of a metric so long after entry, if the step lasts that long."""
        lag = METRICS[demand.metric].lag_hours / 24 if lag_days is None else lag_days
        here = self.rung.stretch(self.entered, self.entered + days)
        carried = demand.facts.carried.value
        return accrued([*self.before, here], self.entered + days, carried=carried, lag_days=lag)


def climb(rungs: Sequence[Rung], assurance: float, calendar: Calendar) -> list[Stay]:
    """Every step, entered when the one before is left.

    A step that is never left on its own counts with its longest (else shortest) duration, so that
    what comes after it can still be judged; its ``left`` stays infinite.
    """
    stays: list[Stay] = []
    past: list[tuple[Rung, Stretch]] = []
    day = 0.0
    for rung in rungs:
        before = tuple(stretch for earlier, stretch in past if earlier.adds_to(rung))
        stay = stay_in(rung, before, day, assurance, calendar)
        stays.append(stay)
        length = stay.left if math.isfinite(stay.left) else (rung.max_days or rung.min_days)
        past.append((rung, rung.stretch(day, day + length)))
        day += length
    return stays


def stay_in(
    rung: Rung, before: tuple[Stretch, ...], entered: float, assurance: float, calendar: Calendar
) -> Stay:
    """How long one step takes, entered with what is known before."""
    chance = per_metric(assurance, len(rung.gate))
    waits = {demand.metric: wait(rung, demand, before, entered, chance) for demand in rung.gate}
    gate_days = max(waits.values(), default=0.0) + rung.extra_days
    left = math.inf
    if math.isfinite(gate_days):
        left = calendar.thawed(entered + max(gate_days, rung.min_days)) - entered
    return Stay(rung, entered, before, waits, gate_days, left)


def wait(rung: Rung, demand: Demand, before: tuple[Stretch, ...], entered: float, chance: float) -> float:
    """Days from entry until one metric has passed with ``chance``; infinite if never."""
    stretches = (*before, rung.stretch(entered, math.inf))
    carried, lag = demand.facts.carried.value, METRICS[demand.metric].lag_hours / 24

    def met(day: float) -> bool:
        return demand.met(accrued(stretches, day, carried=carried, lag_days=lag), chance)

    return first_day(met, entered) - entered
