"""The whole forecast of a plan at a desk: every track, step and metric, with its assurance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from policies.plan import Plan
from policies.vocabulary import Mode
from rollout.errors import UsageError
from rollout.planning.climb import Calendar, Stay, climb, stay_in
from rollout.planning.demands import Demand, per_metric
from rollout.planning.desk import Desk
from rollout.planning.moves import Moves, moves
from rollout.planning.remedies import Undecidable, undecidable
from rollout.planning.rungs import Rung, canary, ladder
from rollout.planning.screens import Screen, explained, screens

RANGE: Final = (0.5, 0.8, 0.9)
"""Chances for which dates are given, the plan's own power beside them."""
UNKNOWN_VOLUME: Final = "declare volume: {tickets_per_day: N} in the plan, or give --volume N or --data DIR"


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The same step at the next one's weight."""

    weight: float
    """Percent."""
    days: float
    """Until its gate has passed with the planned power."""


@dataclass(frozen=True, slots=True)
class StepForecast:
    stay: Stay
    """With the plan's power."""
    ranges: Mapping[float, Stay]
    """By assurance: the same step with every step before it left at that assurance, too."""
    chance: float
    """The power each metric is planned for, so that the gate has the plan's."""
    moves: Moves
    what_if: WhatIf | None
    screens: Sequence[Screen]
    sentence: str | None
    """Why slow metrics are not in the gate, and what is still seen of them."""

    @property
    def rung(self) -> Rung:
        return self.stay.rung

    def mde(self, demand: Demand, days: float | None) -> float:
        """What the metric could clear so long after entry; infinite where nothing."""
        return math.inf if days is None else demand.mde(self.stay.seen(demand, days), self.chance)


@dataclass(frozen=True, slots=True)
class TrackForecast:
    name: str
    beside: str | None
    """Of a canary: the step of the ladder it runs beside."""
    steps: Sequence[StepForecast]
    undecidable: Sequence[Undecidable]

    def total(self, assurance: float) -> float:
        """Days until the last step is left, every step taking its time at that assurance."""
        return sum(step.ranges[assurance].left for step in self.steps)


@dataclass(frozen=True, slots=True)
class Forecast:
    plan: Plan
    desk: Desk
    start: datetime
    assurance: float
    """The plan's power."""
    tracks: Sequence[TrackForecast]
    calendar: Calendar

    @property
    def undecidable(self) -> list[Undecidable]:
        return [each for track in self.tracks for each in track.undecidable]


def forecast(plan: Plan, desk: Desk, start: datetime, *, beside: str | None = None) -> Forecast:
    """Everything that can be said beforehand, were the rollout started at ``start``.

    Dates assume an agent that is as good as the humans: a worse one takes longer or never passes.

    Raises:
        UsageError: nobody knows the volume, or the canary's place is unknown.

    """
    if not desk.volume:
        raise UsageError(f"the volume of {plan.workflow!r} is not known; {UNKNOWN_VOLUME}")
    calendar = Calendar(start, plan.freeze)
    tracks = [_track(plan, desk, ladder(plan, desk), calendar, None)]
    if plan.canary is not None:
        host = beside or plan.steps[-1].name
        tracks.append(_track(plan, desk, canary(plan, desk, beside), calendar, host))
    return Forecast(plan, desk, start, plan.inference.power, tracks, calendar)


def _track(
    plan: Plan, desk: Desk, rungs: list[Rung], calendar: Calendar, beside: str | None
) -> TrackForecast:
    power = plan.inference.power
    climbs = {assurance: climb(rungs, assurance, calendar) for assurance in {*RANGE, power}}
    planned = climbs[power]
    steps = [
        StepForecast(
            stay=stay,
            ranges={assurance: stays[index] for assurance, stays in sorted(climbs.items())},
            chance=per_metric(power, len(stay.rung.gate)),
            moves=moves(plan, [rung.step for rung in rungs], index, track=stay.rung.track),
            what_if=_what_if(planned, index, power, calendar),
            screens=screens(stay),
            sentence=explained(stay),
        )
        for index, stay in enumerate(planned)
    ]
    name = rungs[0].track
    return TrackForecast(name, beside, steps, list(undecidable(plan, desk, planned)))


def _what_if(stays: Sequence[Stay], index: int, power: float, calendar: Calendar) -> WhatIf | None:
    """The step at the weight of the next; None on the last one, in shadow, and at an equal weight."""
    stay = stays[index]
    if index + 1 >= len(stays) or stay.rung.step.mode is Mode.SHADOW:
        return None
    share = stays[index + 1].rung.share
    if share == stay.rung.share:
        return None
    there = stay_in(stay.rung.with_share(share), stay.before, stay.entered, power, calendar)
    return WhatIf(share * 100, there.gate_days)
