"""Answers from those who answer: how much could the silent ones change?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.estimate import estimate_difference
from experiments.samples import Comparison
from experiments.sequential import lower_bound

TOP = 5.0
"""The best rating."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on treated minus control among those who would answer in either arm."""

    low: float
    high: float
    trimmed: float
    """Share of the arm that answers more often that was trimmed."""


def lee_bounds(
    treated: Mapping[float, float],
    control: Mapping[float, float],
    *,
    rate_treated: float,
    rate_control: float,
) -> Bounds:
    """Trim the arm that answers more often from below and from above (Lee 2009, prop. 1a).

    Valid if being in one arm makes nobody answer less and somebody answer more. With equal rates
    both bounds are the difference of means.

    Args:
        treated: answers by rating, e.g. ``{1: 3, 5: 40}``.
        control: the same for the control arm.
        rate_treated: share of offered surveys that were answered, (0, 1].
        rate_control: the same for the control arm.

    """
    sizes = (sum(treated.values()), sum(control.values()))
    if min(sizes) <= 0 or min(rate_treated, rate_control) <= 0:
        return Bounds(-math.inf, math.inf, math.nan)
    share = 1 - min(rate_treated, rate_control) / max(rate_treated, rate_control)
    if rate_treated >= rate_control:
        other = _mean(control)
        return Bounds(
            _trimmed_mean(treated, share, top=True) - other,
            _trimmed_mean(treated, share, top=False) - other,
            share,
        )
    mine = _mean(treated)
    return Bounds(
        mine - _trimmed_mean(control, share, top=False), mine - _trimmed_mean(control, share, top=True), share
    )


def response_tolerance(mean: float, margin: float, *, top: float = TOP) -> float:
    """The largest relative gap q in response rates that can shift a mean by at most half the margin.

    From q·(top − ȳ)/(1 − q) ≤ m/2: the worst case is that all who fell silent were delighted.
    """
    headroom = max(top - mean, 0.0)
    return (margin / 2) / (headroom + margin / 2)


@dataclass(frozen=True, slots=True)
class ResponseCheck:
    difference: float
    """Response rate, treated minus control; NaN where unknown."""
    relative_gap: float
    """1 − lower/higher."""
    alarm: bool
    """The rates differ beyond chance and by more than is tolerable."""


def check_response(answered: Comparison, *, tolerance: float, alpha: float) -> ResponseCheck:
    """Two-sided guardrail on the response rate, at every look.

    Args:
        answered: y = 1 if answered, d = 1 if offered.
        tolerance: largest relative gap that cannot matter, from ``response_tolerance``.
        alpha: chance of any false alarm.

    """
    estimate = estimate_difference(answered)
    low, high = sorted((answered.mean_treated, answered.mean_control))
    gap = 1 - low / high if high > 0 else math.nan
    margin = tolerance * answered.mean_control
    if not (estimate.information > 0 and margin > 0):
        return ResponseCheck(estimate.effect, gap, alarm=False)
    sizes = (
        lower_bound(sign * estimate.effect, estimate.information, alpha=alpha / 2, margin=margin, ratio=1.0)
        for sign in (1, -1)
    )
    return ResponseCheck(estimate.effect, gap, alarm=gap > tolerance and max(sizes) > 0)


def _mean(counts: Mapping[float, float]) -> float:
    return sum(rating * count for rating, count in counts.items()) / sum(counts.values())


def _trimmed_mean(counts: Mapping[float, float], share: float, *, top: bool) -> float:
    """Mean after dropping ``share`` of the answers, from the best or from the worst."""
    keep = sum(counts.values()) * (1 - share)
    total, left = 0.0, keep
    for rating in sorted(counts, reverse=not top):
        taken = min(counts[rating], left)
        total, left = total + taken * rating, left - taken
    return total / keep
