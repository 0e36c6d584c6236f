"""How many observations show that one arm keeps to a fixed limit."""

import math
from functools import lru_cache
from typing import Final

from scipy.special import bdtrik, ndtri

from experiments.limits import MEAN_BURN_IN, TUNED_AT
from experiments.rates import rate_upper
from experiments.sequential import best_rho, boundary

_MOST: Final = 2**26
"""More observations than any desk brings: called never."""


@lru_cache(maxsize=1024)
def rate_observations(level: float, limit: float, *, alpha: float, assurance: float) -> float:
    """Independent observations after which a share of ``level`` is shown to lie below ``limit``.

    The bound is the gate's own; the count of events is taken at its ``assurance`` quantile, and
    earlier looks are not counted. For a floor, ask about 1 − share.
    """
    if not level < limit:
        return math.inf
    high = 32
    while rate_reach(level, high, alpha=alpha, assurance=assurance) >= limit:
        high *= 2
        if high > _MOST:
            return math.inf
    low = high // 2 if high > 32 else 1
    while high - low > max(1, high // 200):
        middle = (low + high) // 2
        if rate_reach(level, middle, alpha=alpha, assurance=assurance) < limit:
            high = middle
        else:
            low = middle
    return float(high)


def rate_reach(level: float, n: float, *, alpha: float, assurance: float) -> float:
    """The limit that ``n`` independent observations could just show, with chance ``assurance``."""
    if n < 1:
        return 1.0
    events = max(math.ceil(float(bdtrik(assurance, n, level)) - 1e-9), 0) if level > 0 else 0
    return rate_upper(min(events, n), n, alpha=alpha)


def mean_reach(sd: float, n: float, *, alpha: float, assurance: float) -> float:
    """How far from a limit a mean of ``n`` independent observations can be told, in its own unit."""
    if n < MEAN_BURN_IN or sd <= 0:
        return math.inf
    per_observation = sd**-2
    information = n * per_observation
    tau = best_rho(TUNED_AT * per_observation, alpha=alpha) ** -0.5
    bound = float(boundary(information, alpha=alpha, mu=0.0, tau=tau)) / information
    return bound + float(ndtri(assurance)) / math.sqrt(information)
