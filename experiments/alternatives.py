"""Two older ways to look, for those who must: each says what it gives up.

Both test H0: δ ≤ −margin one-sided. The harm test stays anytime-valid whichever is chosen, because
nobody wants to wait for a scheduled look to stop something bad.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.special import ndtr, ndtri

from experiments.sequential import Floats
from experiments.verdict import Looks, Method

GRID = 0.02
"""Spacing of the integration grid in standard deviations; boundaries hold to 1e-4."""
MOST_POINTS = 400
ASSUMED_LOOKS = 20
"""Looks per horizon where nobody remembered them; more of them would raise the boundary by little."""


def fixed_bound(effect: float, information: float, *, alpha: float) -> float:
    """δ̂ − z_{1−α}/√I: the shortest bound, valid at one look planned beforehand.

    Gives up: any second look. Judged daily at the margin it promotes in about a third of all runs.
    A gate that misses at its one look has missed; more data cannot be asked for.
    """
    return effect - float(ndtri(1 - alpha)) / math.sqrt(information) if information > 0 else -math.inf


def spent_alpha(fraction: float, *, alpha: float) -> float:
    """O'Brien-Fleming-like spending 2·(1 − Φ(z_{1−α/2}/√t)), one-sided (Lan & DeMets 1983)."""
    if fraction <= 0:
        return 0.0
    return float(2 * ndtr(-ndtri(1 - alpha / 2) / math.sqrt(min(fraction, 1.0))))


def spending_boundary(fractions: tuple[float, ...], *, alpha: float) -> tuple[float, ...]:
    """Critical z at each look; the density of surviving paths is carried on by quadrature.

    Gives up: power after the planned maximum information; freedom of cadence (it must remember
    every look's information); and validity where increments are not independent, as when customers
    switch arms at a ramp. In return it is stronger than the e-process up to its horizon.

    Args:
        fractions: information of each look over the planned maximum, ascending, > 0.
        alpha: one-sided level spent in total by fraction 1.

    Raises:
        ValueError: fractions do not ascend from above zero.

    References: Armitage, McPherson & Rowe (1969); Jennison & Turnbull (2000), ch. 19.

    """
    if not fractions or fractions[0] <= 0 or any(b <= a for a, b in pairwise(fractions)):
        raise ValueError(f"looks at {fractions} must ascend from above zero")
    return _path(fractions, alpha).critical


def group_sequential_bound(
    effect: float,
    information: float,
    *,
    alpha: float,
    horizon: float,
    looks: tuple[float, ...] | None = None,
) -> float:
    """δ̂ − c_k/√I with the critical value of this look; −infinite once alpha is spent.

    Args:
        effect: δ̂, larger is better.
        information: I now.
        alpha: one-sided level.
        horizon: the planned maximum information.
        looks: information at every earlier look, ascending. None assumes one at every twentieth of
            the horizon and takes a look after it for the last one: who forgets looks may take
            that one once.

    """
    if not information > 0 or (looks and looks[-1] >= horizon):
        return -math.inf
    if looks is None:
        looks = tuple(horizon * step / ASSUMED_LOOKS for step in range(1, ASSUMED_LOOKS))
    earlier = tuple(look / horizon for look in looks if 0 < look < information)
    critical = spending_boundary((*earlier, information / horizon), alpha=alpha)[-1]
    return effect - critical / math.sqrt(information)


def look_due(method: Method, information: float, *, horizon: float, looks: Looks | None) -> bool:
    """Whether a planned look is to be taken at this information.

    Group-sequential: each time a twentieth of the horizon has come since the last look, and at the
    horizon, which is the last. Fixed horizon: once, there. A look missed between two ticks is not made
    up for; the spending of alpha allows for that. Who keeps no memory looks whenever asked.
    """
    if method is Method.SEQUENTIAL:
        return True
    last = looks.at[-1] if looks is not None and looks.at else 0.0
    if last >= horizon or (looks is not None and looks.passed):
        return False
    if information >= horizon:
        return True
    if method is Method.FIXED_HORIZON:
        return False
    return looks is None or information >= last + horizon / ASSUMED_LOOKS


def looks_spent(*, horizon: float, looks: Looks | None) -> bool:
    """Whether the last planned look was taken and none passed."""
    return looks is not None and bool(looks.at) and looks.at[-1] >= horizon and not looks.passed


@dataclass(frozen=True, slots=True)
class _Path:
    """Boundaries so far, and where the scores of paths that never crossed lie."""

    critical: tuple[float, ...]
    points: Floats
    mass: Floats


@lru_cache(maxsize=1024)
def _path(fractions: tuple[float, ...], alpha: float) -> _Path:
    if not fractions:
        return _Path((), np.zeros(1), np.ones(1))
    *earlier, now = fractions
    path, before = _path(tuple(earlier), alpha), (earlier[-1] if earlier else 0.0)
    fresh = spent_alpha(now, alpha=alpha) - spent_alpha(before, alpha=alpha)
    step = math.sqrt(now - before)
    low, high = -10.0 * math.sqrt(now), 40.0 * math.sqrt(now)
    for _ in range(60):
        middle = (low + high) / 2
        tail = float(path.mass @ ndtr((path.points - middle) / step))
        low, high = (middle, high) if tail > fresh else (low, middle)
    edge, floor = min(high, 8.0 * math.sqrt(now)), -8.0 * math.sqrt(now)
    count = math.ceil((edge - floor) / (GRID * max(step, GRID)))
    cuts = np.linspace(floor, edge, min(max(count, 64), MOST_POINTS) + 1)
    cdf = ndtr((cuts[:, None] - path.points[None, :]) / step) @ path.mass
    return _Path((*path.critical, high / math.sqrt(now)), (cuts[1:] + cuts[:-1]) / 2, np.diff(cdf))
