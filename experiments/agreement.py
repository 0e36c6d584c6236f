"""Two raters, and one who says how sure they are: chance-corrected agreement and calibration."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from experiments.proportions import Interval, wilson


@dataclass(frozen=True, slots=True)
class Agreement:
    n: float
    observed: float
    """Share of items on which both said the same; NaN without items."""
    expected: float
    """Share that chance alone would bring, by the coefficient's own idea of chance."""
    value: float
    """(observed − expected)/(1 − expected); NaN where chance explains everything."""
    se: float


def cohen_kappa(table: ArrayLike) -> Agreement:
    """κ of a square table of counts, rows one rater and columns the other (Cohen 1960).

    Standard error for non-zero κ by Fleiss, Cohen & Everitt (1969, eq. 13). κ is small when one label
    dominates even though raters agree: read it beside ``gwet_ac1``.

    Raises:
        ValueError: the table is not square or has negative counts.

    """
    share, n = _shares(table)
    if n == 0:
        return Agreement(0.0, math.nan, math.nan, math.nan, math.nan)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, expected = float(np.trace(share)), float(rows @ columns)
    if expected >= 1:
        return Agreement(n, observed, expected, math.nan, math.nan)
    kappa = (observed - expected) / (1 - expected)
    off = 1 - kappa
    both = rows[None, :] + columns[:, None]
    diagonal = float(np.sum(np.diag(share) * (1 - (rows + columns) * off) ** 2))
    spread = share * both**2
    rest = off**2 * float(spread.sum() - np.trace(spread))
    variance = (diagonal + rest - (kappa - expected * off) ** 2) / (n * (1 - expected) ** 2)
    return Agreement(n, observed, expected, kappa, math.sqrt(max(variance, 0.0)))


def gwet_ac1(table: ArrayLike) -> Agreement:
    """AC₁ of a square table of counts (Gwet 2008): chance agreement that survives rare labels.

    Raises:
        ValueError: as ``cohen_kappa``.

    """
    share, n = _shares(table)
    if n == 0:
        return Agreement(0.0, math.nan, math.nan, math.nan, math.nan)
    labels = len(share)
    prevalence = (share.sum(axis=1) + share.sum(axis=0)) / 2
    observed = float(np.trace(share))
    expected = float(prevalence @ (1 - prevalence)) / (labels - 1) if labels > 1 else 1.0
    if expected >= 1:
        return Agreement(n, observed, expected, math.nan, math.nan)
    value = (observed - expected) / (1 - expected)
    # Influence of one item that lies in cell (i, j), by the delta method.
    own = 1 - prevalence
    pull = (own[:, None] + own[None, :]) / (labels - 1)
    influence = (np.eye(labels) - (1 - value) * pull) / (1 - expected)
    centre = float((share * influence).sum())
    variance = float((share * (influence - centre) ** 2).sum()) / n
    return Agreement(n, observed, expected, value, math.sqrt(variance))


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Items whose stated confidence falls between two edges."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean stated confidence."""
    accuracy: Interval
    """Share that was right, with its Wilson interval."""


@dataclass(frozen=True, slots=True)
class Calibration:
    bins: tuple[ReliabilityBin, ...]
    """Bins that hold items, ascending."""
    error: float
    """Expected calibration error: mean |confidence − accuracy| over bins, weighted by size."""
    brier: float
    """Mean squared distance of confidence from being right (1) or wrong (0)."""


def calibration(confidence: ArrayLike, correct: ArrayLike, *, bins: int = 10) -> Calibration:
    """The reliability curve of self-reported confidence (Murphy 1977; Guo et al. 2017 for the error).

    Raises:
        ValueError: a confidence lies outside [0, 1].

    """
    stated = np.asarray(confidence, dtype=np.float64)
    right = np.asarray(correct, dtype=np.float64)
    if stated.size == 0:
        return Calibration((), math.nan, math.nan)
    if not np.all((stated >= 0) & (stated <= 1)):
        raise ValueError("a confidence lies outside 0 to 1")
    place = np.minimum((stated * bins).astype(np.intp), bins - 1)
    found = []
    for index in np.unique(place):
        here = place == index
        count = int(here.sum())
        found.append(
            ReliabilityBin(
                low=index / bins,
                high=(index + 1) / bins,
                n=count,
                confidence=float(stated[here].mean()),
                accuracy=wilson(float(right[here].sum()), count),
            )
        )
    error = sum(part.n * abs(part.confidence - part.accuracy.estimate) for part in found) / stated.size
    return Calibration(tuple(found), error, float(((stated - right) ** 2).mean()))


@dataclass(frozen=True, slots=True)
class EscalationTable:
    """What the agent would have done against what people did (or reviewers thought right)."""

    both: int
    missed: int
    """A human was needed, the agent would have gone on."""
    needless: int
    """The agent would have handed over what needed no human."""
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.missed + self.needless + self.neither

    @property
    def counts(self) -> list[list[int]]:
        """Square table for the coefficients above: rows agent, columns human, escalated first."""
        return [[self.both, self.needless], [self.missed, self.neither]]

    def cost(self, *, missed: float, needless: float) -> float:
        """Mean cost per ticket of being wrong; NaN without tickets."""
        return (self.missed * missed + self.needless * needless) / self.n if self.n else math.nan


@dataclass(frozen=True, slots=True)
class ThresholdCost:
    threshold: float
    """The agent goes on at this confidence and above."""
    table: EscalationTable
    cost: float


def threshold_costs(
    confidence: ArrayLike,
    needs_human: ArrayLike,
    *,
    missed: float,
    needless: float,
    thresholds: Iterable[float] | None = None,
) -> list[ThresholdCost]:
    """What every escalation threshold would have cost on the shadow's tickets, ascending.

    Args:
        confidence: the agent's stated confidence per ticket.
        needs_human: whether the ticket did need a human.
        missed: cost of going on where a human was needed.
        needless: cost of handing over where none was.
        thresholds: those to try; every hundredth where left out.

    Raises:
        ValueError: a cost is negative.

    """
    if missed < 0 or needless < 0:
        raise ValueError(f"costs of {missed} and {needless} must not be negative")
    stated, needed = np.asarray(confidence, dtype=np.float64), np.asarray(needs_human, dtype=bool)
    tried = sorted(thresholds if thresholds is not None else (step / 100 for step in range(101)))
    found = []
    for threshold in tried:
        hands_over = stated < threshold
        table = EscalationTable(
            both=int((hands_over & needed).sum()),
            missed=int((~hands_over & needed).sum()),
            needless=int((hands_over & ~needed).sum()),
            neither=int((~hands_over & ~needed).sum()),
        )
        found.append(ThresholdCost(threshold, table, table.cost(missed=missed, needless=needless)))
    return found


def cheapest(costs: Sequence[ThresholdCost]) -> ThresholdCost | None:
    """The cheapest threshold; of equals the most cautious one. None without tickets."""
    known = [cost for cost in costs if not math.isnan(cost.cost)]
    return min(known, key=lambda cost: (cost.cost, -cost.threshold), default=None)


def _shares(table: ArrayLike) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], float]:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a table of shape {counts.shape} is not square: both raters need the same labels")
    if not np.all(counts >= 0):
        raise ValueError("the table has negative or missing counts")
    n = float(counts.sum())
    return (counts / n if n > 0 else counts), n
