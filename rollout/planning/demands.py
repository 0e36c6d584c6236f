"""What one metric of a gate asks of the data before it can pass."""

import math
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self

from experiments.power import (
    BURN_IN,
    HARM_BURN_IN,
    mde,
    needed_information,
)
from experiments.schedule import detectable_harm
from experiments.verdict import Rules
from policies.vocabulary import METRICS
from rollout.ladder.judge import Task
from rollout.planning.accrual import Accrued
from rollout.planning.figures import MetricFacts
from rollout.planning.levels import mean_reach, rate_observations, rate_reach

_LEAST_VARIANCE: Final = 1e-12


class Demand(Protocol):
    """One metric in one step. ``assurance`` is the chance of that metric alone."""

    @property
    def metric(self) -> str: ...
    @property
    def facts(self) -> MetricFacts: ...
    @property
    def margin(self) -> float:
        """The margin tested, or the limit, in the metric's own unit."""

    def met(self, seen: Accrued, assurance: float) -> bool:
        """Whether a pass has come by then with that chance, if nothing is wrong with the agent."""

    def mde(self, seen: Accrued, assurance: float) -> float:
        """The distance from margin or limit that this much could clear; infinite before the burn-in."""

    def harm(self, seen: Accrued) -> float:
        """The smallest worsening that would roll back with the planned power; infinite if none would."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Agent against humans (or update against agent), by a margin."""

    facts: MetricFacts
    plan_margin: float
    """In the metric's own unit."""
    scale: float
    relative: float | None
    """The plan's margin as a share of the control mean, where it is one."""
    rules: Rules

    @property
    def metric(self) -> str:
        return self.facts.metric

    @property
    def margin(self) -> float:
        return self.plan_margin * self.scale

    def met(self, seen: Accrued, assurance: float) -> bool:
        needed = _information(assurance, self.rules) / self.margin**2
        return seen.smaller_arm >= BURN_IN and self._information(seen) >= needed

    def mde(self, seen: Accrued, assurance: float) -> float:
        if seen.smaller_arm < BURN_IN:
            return math.inf
        return mde(self._information(seen), self.margin, replace(self.rules, power=assurance, guardrails=1))

    def harm(self, seen: Accrued) -> float:
        if seen.smaller_arm < HARM_BURN_IN:
            return math.inf
        return detectable_harm(seen.contrast / self._variance, self.plan_margin, self.rules)

    def times(self, factor: float) -> Self:
        """The same demand with another margin."""
        share = None if self.relative is None else self.relative * factor
        return replace(self, plan_margin=self.plan_margin * factor, relative=share)

    @property
    def _variance(self) -> float:
        """Of one observation; a desk where nothing was ever observed to vary still divides by something."""
        return max(self.facts.sd.value**2 * self.facts.design_effect.value, _LEAST_VARIANCE)

    def _information(self, seen: Accrued) -> float:
        """Of the difference above its margin; a margin that is itself estimated makes it less.

        θ = ȳ_t − (1+r)·ȳ_c has variance σ²/n·(1/p + (1+r)²/(1−p)) where lower is better.
        """
        if self.relative is None:
            return seen.contrast / self._variance
        share = self.relative * self.scale
        factor = 1 + share if METRICS[self.metric].better == "lower" else max(1 - share, 0.0)
        return seen.contrast / (self._variance * ((1 - seen.share) + factor**2 * seen.share))


@dataclass(frozen=True, slots=True)
class Level:
    """The agent alone, against a floor or ceiling."""

    facts: MetricFacts
    margin: float
    rules: Rules

    @property
    def metric(self) -> str:
        return self.facts.metric

    def met(self, seen: Accrued, assurance: float) -> bool:
        n = self._effective(seen)
        if METRICS[self.metric].unit == "rate":
            level, limit = self._oriented
            return n >= rate_observations(level, limit, alpha=self.rules.alpha, assurance=assurance)
        gap = self.margin - self.facts.mean.value
        return gap > 0 and self.mde(seen, assurance) <= gap

    def mde(self, seen: Accrued, assurance: float) -> float:
        n, alpha = self._effective(seen), self.rules.alpha
        if METRICS[self.metric].unit == "rate":
            level, _ = self._oriented
            return rate_reach(level, n, alpha=alpha, assurance=assurance) - level if n >= 1 else math.inf
        return mean_reach(self.facts.sd.value, n, alpha=alpha, assurance=assurance)

    def harm(self, seen: Accrued) -> float:
        """Not screened by size: whatever lies beyond a limit for certain rolls back."""
        del seen
        return math.inf

    @property
    def _oriented(self) -> tuple[float, float]:
        """Level and limit as shares of what is bad."""
        if METRICS[self.metric].better == "lower":
            return self.facts.mean.value, self.margin
        return 1 - self.facts.mean.value, 1 - self.margin

    def _effective(self, seen: Accrued) -> float:
        return seen.treated / self.facts.design_effect.value


def demand_of(task: Task, facts: MetricFacts, rules: Rules) -> Difference | Level:
    """What a metric of a step asks, as this desk can answer it."""
    if task.limit is not None:
        return Level(facts, task.limit, rules)
    assert task.margin is not None
    relative = task.margin.value if task.margin.relative else None
    margin = task.margin.value * (facts.mean.value if task.margin.relative else 1.0)
    return Difference(facts, margin, task.scale, relative, rules)


def per_metric(assurance: float, metrics: int) -> float:
    """The chance each of several metrics needs so that all pass together (Bonferroni's bound)."""
    return 1 - (1 - assurance) / max(metrics, 1)


def _information(assurance: float, rules: Rules) -> float:
    """Information times squared margin by which a look passes with that chance.

    Earlier looks are not counted, as in the gate's own forecast: counting them promises 4 to 10 points
    too much to a desk that is looked at daily, leaving them out promises 6 to 10 too little.
    """
    return needed_information(1.0, replace(rules, power=assurance, guardrails=1))
