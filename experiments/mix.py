"""Whether the tickets have changed, apart from whether the service has: drift of mix, and of quality.

A rate moves when harder tickets come in, and when the same tickets are served worse. Only the second is
anybody's doing. Descriptive: two periods are compared, nothing was randomised.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from scipy.special import chdtri

_Z: Final = 1.959963984540054
"""The normal distribution's 97.5 % point: intervals are for one look, at 95 %."""
_EVERY_CELL: Final = 0.5
"""Added to each count, so that a value that is new, or gone, has a finite share."""


@dataclass(frozen=True, slots=True)
class Stability:
    """How far apart two distributions over the same values are."""

    psi: float
    """Population stability index: 0 for equal shares."""
    by_chance: float
    """What it stays below with 95 % where both periods draw from the same distribution."""

    @property
    def drifted(self) -> bool:
        """Whether chance alone would rarely show as much."""
        return self.psi > self.by_chance


@dataclass(frozen=True, slots=True)
class Cell:
    """Outcomes of one stratum: how many, their sum and their sum of squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def variance(self) -> float:
        """Of the mean."""
        if self.n < 2:
            return 0.0
        return max(self.squares - self.total**2 / self.n, 0.0) / (self.n - 1) / self.n


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A difference of two means, taken apart: ``now - then == mix + quality``."""

    then: float
    now: float
    mix: float
    """What the changed composition alone makes."""
    quality: float
    """What is left at the earlier composition: the same kinds of tickets, served better or worse."""
    lower: float
    upper: float
    """95 % interval of ``quality``."""
    covered: float
    """Share of the earlier period's tickets whose stratum has some in both periods."""


def stability(then: Mapping[str, int], now: Mapping[str, int]) -> Stability | None:
    """The population stability index of two periods' counts; None where a period is empty.

    PSI is Jeffreys' divergence, sum (q - p) ln(q / p) (Siddiqi 2006, Credit Risk Scorecards, ch. 10). Without
    drift it is distributed as (1/n + 1/m) chi-squared with k - 1 degrees of freedom (Yurdakul and Naranjo
    2020), which is what ``by_chance`` uses instead of the customary 0.1 and 0.25: those know no sample size.
    """
    n, m = sum(then.values()), sum(now.values())
    values = sorted({*then, *now})
    if not n or not m:
        return None
    if len(values) < 2:
        return Stability(0.0, 0.0)
    smooth = _EVERY_CELL * len(values)
    psi = 0.0
    for value in values:
        p = (then.get(value, 0) + _EVERY_CELL) / (n + smooth)
        q = (now.get(value, 0) + _EVERY_CELL) / (m + smooth)
        psi += (q - p) * math.log(q / p)
    return Stability(psi, (1 / n + 1 / m) * float(chdtri(len(values) - 1, 0.05)))


def decompose(then: Mapping[str, Cell], now: Mapping[str, Cell]) -> Decomposition | None:
    """Take the difference of two periods' means apart by stratum; None where they share no stratum.

    Direct standardisation to the earlier composition, over the strata that both periods have (Kitagawa 1955,
    with the interaction counted as mix). The interval takes strata as independent and weights as known.
    """
    shared = sorted(name for name in then if then[name].n and name in now and now[name].n)
    if not shared:
        return None
    before, after = (sum(each[name].n for name in shared) for each in (then, now))
    weights = {name: then[name].n / before for name in shared}
    at_then = sum(weights[name] * then[name].mean for name in shared)
    at_now = sum(now[name].n / after * now[name].mean for name in shared)
    quality = sum(weights[name] * (now[name].mean - then[name].mean) for name in shared)
    error = math.sqrt(sum(weights[name] ** 2 * (now[name].variance + then[name].variance) for name in shared))
    return Decomposition(
        then=at_then,
        now=at_now,
        mix=at_now - at_then - quality,
        quality=quality,
        lower=quality - _Z * error,
        upper=quality + _Z * error,
        covered=before / sum(cell.n for cell in then.values()),
    )
