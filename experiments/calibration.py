"""Does stated confidence mean what it says? Reliability curve, calibration error, Brier score.

Rows are reviewed answers, weighted by one over their chance of review and clustered by customer.
Nothing here decides: intervals are for one look.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from experiments.shares import (
    Codes,
    Flags,
    Floats,
    Share,
    check_weights,
    codes_of,
    effective_clusters,
    share_of,
    weighted_sample,
)

BINS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """One row per reviewed ticket, as columns of equal length. NaN is unknown throughout."""

    confidence: Floats
    """As the agent stated it, 0 to 1."""
    good: Floats
    """1 where the answer was right, 0 where not; a share where raters differ."""
    needs_human: Floats
    """1 where a human was needed; a share where raters differ."""
    handed_over: Floats
    """1 where the agent did hand over, 0 where it answered."""
    held: Flags
    """Handed over by a rule that no confidence overrides: so it would at every threshold."""
    weight: Floats
    """1 / chance of review."""
    cluster: Codes
    """The customer, numbered from 0."""

    @classmethod
    def of(
        cls,
        *,
        confidence: ArrayLike,
        good: ArrayLike,
        needs_human: ArrayLike,
        handed_over: ArrayLike | None = None,
        held: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
    ) -> Self:
        """The columns, checked. Left out: no hand-over known, none held, weight 1, each its own customer.

        Raises:
            ValueError: columns differ in length, or a value lies outside its range.

        """
        stated = np.asarray(confidence, dtype=np.float64)
        size = len(stated)
        columns = {
            "confidence": stated,
            "good": np.asarray(good, dtype=np.float64),
            "needs_human": np.asarray(needs_human, dtype=np.float64),
            "handed_over": np.asarray(np.full(size, np.nan) if handed_over is None else handed_over, float),
        }
        for name, column in columns.items():
            if not np.all(np.isnan(column) | ((column >= 0) & (column <= 1))):
                raise ValueError(f"{name} has a value outside 0 to 1")
        weights = np.ones(size) if weight is None else np.asarray(weight, dtype=np.float64)
        check_weights(weights)
        found = cls(
            **columns,
            held=np.zeros(size, dtype=bool) if held is None else np.asarray(held, dtype=bool),
            weight=weights,
            cluster=np.arange(size) if cluster is None else codes_of(cluster),
        )
        for name in cls.__slots__:
            if len(getattr(found, name)) != size:
                raise ValueError(f"{name} has {len(getattr(found, name))} rows, confidence has {size}")
        return found

    def only(self, keep: Flags) -> Self:
        """The rows for which ``keep`` holds."""
        return type(self)(**{name: getattr(self, name)[keep] for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers whose stated confidence falls between two edges."""

    low: float
    high: float
    confidence: float
    """Mean stated confidence."""
    good: Share
    """Share that was right; unknown in a bin of few customers."""


@dataclass(frozen=True, slots=True)
class Brier:
    """Mean squared distance of confidence from being right, and its parts by bins (Murphy 1973).

    score = reliability − resolution + uncertainty + within, exactly. ``within`` is what grouping into
    bins leaves over (Stephenson, Coelho & Jolliffe 2008); it is 0 where each bin holds one confidence.
    """

    score: float
    reliability: float
    """Σ share·(confidence − good)²: 0 where confidence means what it says."""
    resolution: float
    """Σ share·(good − overall)²: how far confidence tells good from bad; larger is better."""
    uncertainty: float
    """overall·(1 − overall): what no forecast can take away."""
    within: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything is NaN and ``bins`` empty where too few customers stand behind it."""

    n: int
    """Answers with a stated confidence and a label."""
    bins: tuple[ReliabilityBin, ...]
    """Bins that hold answers, ascending."""
    error: float
    """Expected calibration error: mean |confidence − good| over bins, weighted by their share."""
    error_by_chance: float
    """About what a perfectly calibrated agent would show with as many labels: the error is biased
    upwards, because chance never hits a bin's share exactly."""
    brier: Brier
    confidence: float
    """Mean stated confidence."""
    overall: Share
    """Share of answers that were right."""


_NO_BRIER = Brier(math.nan, math.nan, math.nan, math.nan, math.nan)


def calibrate(rows: Reviewed, *, bins: int = BINS) -> Calibration:
    """The reliability curve of stated confidence, with bins of equal width.

    A confidence at an edge belongs to the bin above it, 1 to the last one. The error is that of Naeini,
    Cooper & Hauskrecht (2015); for its bias see Bröcker (2012) and Roelofs et al. (2022).
    ``error_by_chance`` is Σ share·√(2/π)·√(c(1−c)/m): the mean of the half-normal distribution about
    confidence c with m effective observations.
    """
    rows = rows.only(~np.isnan(rows.confidence) & ~np.isnan(rows.good))
    overall = share_of(rows.good, rows.weight, rows.cluster)
    if not overall.known:
        return Calibration(overall.n, (), math.nan, math.nan, _NO_BRIER, math.nan, overall)
    place: Codes = np.minimum((rows.confidence * bins).astype(np.intp), bins - 1)
    total = overall.weight
    found, error, by_chance, reliability, resolution = [], 0.0, 0.0, 0.0, 0.0
    for index in np.unique(place):
        here = rows.only(place == index)
        weight = float(here.weight.sum())
        stated, good = (float(here.weight @ part) / weight for part in (here.confidence, here.good))
        sample = weighted_sample(here.good, here.weight, here.cluster)
        spread = math.sqrt(2 / math.pi * stated * (1 - stated) / effective_clusters(sample))
        error += weight / total * abs(stated - good)
        by_chance += weight / total * spread
        reliability += weight / total * (stated - good) ** 2
        resolution += weight / total * (good - overall.value) ** 2
        share = share_of(here.good, here.weight, here.cluster)
        found.append(ReliabilityBin(int(index) / bins, (int(index) + 1) / bins, stated, share))
    mean = float(rows.weight @ rows.confidence) / total
    score = float(rows.weight @ (rows.confidence - rows.good) ** 2) / total
    uncertainty = overall.value * (1 - overall.value)
    within = score - (reliability - resolution + uncertainty)
    brier = Brier(score, reliability, resolution, uncertainty, within)
    return Calibration(overall.n, tuple(found), error, by_chance, brier, mean, overall)
