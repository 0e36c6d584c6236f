"""Intervals for reports: closed forms for one look. Gates use ``sequential``."""

import math
from dataclasses import dataclass

from scipy.special import ndtri, stdtrit


@dataclass(frozen=True, slots=True)
class Interval:
    estimate: float
    lower: float
    upper: float


UNKNOWN = Interval(math.nan, math.nan, math.nan)


def wilson(successes: float, n: float, *, confidence: float = 0.95) -> Interval:
    """A share and its score interval (Wilson 1927); NaN without observations.

    Raises:
        ValueError: not 0 <= successes <= n.

    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} cannot be")
    if n == 0:
        return UNKNOWN
    z = float(ndtri((1 + confidence) / 2))
    share, shrunk = successes / n, n + z * z
    centre = (successes + z * z / 2) / shrunk
    half = z * math.sqrt(successes * (1 - share) + z * z / 4) / shrunk
    # The ends are exact at the edges; rounding must not push them past the share itself.
    lower = 0.0 if successes == 0 else min(centre - half, share)
    upper = 1.0 if successes == n else max(centre + half, share)
    return Interval(share, lower, upper)


def newcombe(
    successes_1: float, n_1: float, successes_2: float, n_2: float, *, confidence: float = 0.95
) -> Interval:
    """A difference of two independent shares by squaring and adding (Newcombe 1998, method 10)."""
    first, second = (
        wilson(successes_1, n_1, confidence=confidence),
        wilson(successes_2, n_2, confidence=confidence),
    )
    difference = first.estimate - second.estimate
    return Interval(
        difference,
        difference - math.hypot(first.estimate - first.lower, second.upper - second.estimate),
        difference + math.hypot(first.upper - first.estimate, second.estimate - second.lower),
    )


def mean_interval(n: float, total: float, squares: float, *, confidence: float = 0.95) -> Interval:
    """A mean of independent values and its t interval, from n, Σy and Σy²; infinite below two values."""
    if n < 1:
        return UNKNOWN
    mean = total / n
    if n < 2:
        return Interval(mean, -math.inf, math.inf)
    variance = max(squares - n * mean * mean, 0.0) / (n - 1)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * math.sqrt(variance / n)
    return Interval(mean, mean - half, mean + half)
