"""Gates that cannot be decided within their time, and which single change would help."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from policies.plan import Plan
from policies.vocabulary import METRICS, Mode
from rollout.planning.climb import Stay, wait
from rollout.planning.demands import Demand, Difference, demand_of, per_metric
from rollout.planning.desk import Desk
from rollout.planning.rungs import Rung

_MOST_MARGIN = 64.0
_MOST_VOLUME = 1e4
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Remedies:
    """Each alone makes the gate decidable; None where it cannot."""

    weight: float | None
    """The nearest allowed ``set_weight`` (of a shadow step: ``percentage``), in percent."""
    days: float | None
    margin: float | None
    """The plan's margin, unscaled, in the metric's unit (a share where it is relative)."""
    tickets_per_day: float | None
    """Eligible tickets a day."""
    instead: tuple[str, ...]
    """Other metrics that could be decided here in time."""


@dataclass(frozen=True, slots=True)
class Undecidable:
    """A metric whose gate is not decided within ``max_duration``."""

    stay: Stay
    demand: Demand
    days: float
    remedies: Remedies


def undecidable(plan: Plan, desk: Desk, stays: list[Stay]) -> Iterator[Undecidable]:
    """Every metric of a gate that is not expected to pass in time with the plan's power."""
    for position, stay in enumerate(stays):
        longest = stay.rung.max_days
        for demand in stay.rung.gate if longest is not None else ():
            days = stay.waits[demand.metric] + stay.rung.extra_days
            if longest is not None and days > longest + 1e-9:
                bounds = _weights(plan, stays, position)
                yield Undecidable(stay, demand, days, _remedies(plan, desk, stay, demand, days, bounds))


def _remedies(
    plan: Plan, desk: Desk, stay: Stay, demand: Demand, days: float, bounds: tuple[float, float]
) -> Remedies:
    rung, chance = stay.rung, per_metric(plan.inference.power, len(stay.rung.gate))
    assert rung.max_days is not None
    limit = rung.max_days - rung.extra_days + 1e-9

    def in_time(changed: Rung, asked: Demand) -> bool:
        return wait(changed, asked, stay.before, stay.entered, chance) <= limit

    def more_tickets(factor: float) -> bool:
        return in_time(replace(rung, tickets_per_day=rung.tickets_per_day * factor), demand)

    margin = None
    if isinstance(demand, Difference):
        factor = least(lambda by: in_time(rung, demand.times(by)), 1.0, _MOST_MARGIN)
        stated = demand.plan_margin if demand.relative is None else demand.relative
        margin = None if factor is None else stated * factor
    volume = least(more_tickets, 1.0, _MOST_VOLUME)
    return Remedies(
        weight=_weight(rung, lambda changed: in_time(changed, demand), bounds),
        days=days if math.isfinite(days) else None,
        margin=margin,
        tickets_per_day=None if volume is None else desk.volume[_host(plan, rung)].value * volume,
        instead=tuple(name for name, other in _others(plan, desk, rung) if in_time(rung, other)),
    )


def least(does: Callable[[float], bool], low: float, high: float) -> float | None:
    """The smallest value between that does, for a condition that stays true; None if none does."""
    if not does(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if does(middle) else (middle, high)
    return high


def _weight(rung: Rung, does: Callable[[Rung], bool], bounds: tuple[float, float]) -> float | None:
    """Towards one half, where a difference is seen best, in whole percent, within what the ladder allows."""
    if rung.step.mode is Mode.SHADOW:
        assert rung.step.shadow is not None
        now = float(rung.step.shadow.percentage)
        candidates = [(percent, percent / now) for percent in range(math.ceil(now) + 1, 101)]
        for percent, factor in candidates:
            if does(replace(rung, tickets_per_day=rung.tickets_per_day * factor)):
                return float(percent)
        return None
    now, (lowest, highest) = rung.share * 100, bounds
    goal = min(max(50.0, lowest), highest)
    steps = range(math.floor(now) + 1, math.floor(goal) + 1)
    if goal < now:
        steps = range(math.ceil(now) - 1, math.ceil(goal) - 1, -1)
    return next((float(percent) for percent in steps if does(rung.with_share(percent / 100))), None)


def _weights(plan: Plan, stays: list[Stay], position: int) -> tuple[float, float]:
    """Least and most ``set_weight`` a step may have between its neighbours, in percent."""
    most = 100.0 - float(plan.holdout) if stays[position].rung.track == "ladder" else 99.0
    earlier = [float(stay.rung.step.weight) for stay in stays[:position]]
    later = [float(stay.rung.step.weight) for stay in stays[position + 1 :]]
    return max([1.0, *earlier]), min([most, *later])


def _others(plan: Plan, desk: Desk, rung: Rung) -> Iterator[tuple[str, Demand]]:
    """Metrics of the plan that this step could be gated on instead."""
    named = {demand.metric for demand in rung.gate}
    yield from ((demand.metric, demand) for demand in rung.watched if _has_margin(plan, demand.metric))
    if rung.step.mode is Mode.SHADOW:
        return
    from rollout.ladder.judge import tasks_of

    known = {demand.metric for demand in rung.watched}
    for metric in plan.guardrails():
        if metric not in named | known and metric in desk.metrics:
            whole = rung.step.model_copy(update={"gate": [metric]})
            task = next(task for task in tasks_of(plan, whole) if task.metric == metric)
            yield metric, demand_of(task, desk.metrics[metric], rung.rules)


def _has_margin(plan: Plan, metric: str) -> bool:
    """Whether a gate may name it: a margin of its own, or a limit."""
    return METRICS[metric].limit is not None or metric in plan.margins()


def _host(plan: Plan, rung: Rung) -> str:
    return plan.steps[-1].name if rung.track == "canary" else rung.name
