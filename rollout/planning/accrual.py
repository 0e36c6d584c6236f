"""What arrives, step after step: observations of both arms, each known only after its lag."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

HORIZON_DAYS: Final = 3650.0
"""Beyond ten years nothing is predicted: it is called never."""
_HALVINGS: Final = 48


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which neither volume nor weights change; days from the start of the rollout."""

    start: float
    end: float
    tickets_per_day: float
    """Tickets that are compared."""
    share: float
    """Of them in the treated arm, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Accrued:
    """Observations so far."""

    treated: float = 0.0
    control: float = 0.0
    contrast: float = 0.0
    """Σ over steps of n·p(1−p): what a difference of the arms is estimated from. A small holdout
    counts for as little as it is: 95/5 brings a fifth of 50/50."""

    @property
    def smaller_arm(self) -> float:
        return min(self.treated, self.control)

    @property
    def share(self) -> float:
        total = self.treated + self.control
        return self.treated / total if total > 0 else 0.0


def accrued(stretches: Sequence[Stretch], day: float, *, carried: float, lag_days: float) -> Accrued:
    """Observations known by ``day``: those of tickets opened at least ``lag_days`` before."""
    treated = control = contrast = 0.0
    for stretch in stretches:
        days = max(min(stretch.end, day - lag_days) - stretch.start, 0.0)
        n = days * stretch.tickets_per_day * carried
        treated += n * stretch.share
        control += n * (1 - stretch.share)
        contrast += n * stretch.share * (1 - stretch.share)
    return Accrued(treated, control, contrast)


def first_day(met: Callable[[float], bool], start: float) -> float:
    """The first day from ``start`` on at which a condition that stays met is met; infinite if never."""
    if met(start):
        return start
    step = 1.0
    while not met(start + step):
        step *= 2
        if step > HORIZON_DAYS:
            return float("inf")
    low, high = (start + step / 2 if step > 1 else start), start + step
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if met(middle) else (middle, high)
    return high
