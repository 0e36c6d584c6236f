"""Shares over reviewed rows: weighted by one over their chance of review, clustered by customer.

What too few customers stand behind is *unknown* (NaN), never a share that looks fine. Intervals are
Wilson's for one look, at as many independent observations as would know the share as well.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.estimate import estimate_level
from experiments.limits import effective_n
from experiments.proportions import wilson
from experiments.samples import NO_SAMPLE, OneSample

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]

ENOUGH = 10.0
"""Effective customers (Kish 1965) below which a cell says nothing."""


@dataclass(frozen=True, slots=True)
class Share:
    """A weighted share. ``value`` and its 95 % interval are NaN where too little stands behind it."""

    value: float
    lower: float
    upper: float
    n: int
    """Rows, unweighted."""
    weight: float
    """Rows they stand for: Σw."""
    clusters: int
    """Customers among them."""

    @property
    def known(self) -> bool:
        return not math.isnan(self.value)


def share_of(y: ArrayLike, weight: ArrayLike, cluster: Codes) -> Share:
    """The weighted mean of ``y``, which lies in [0, 1], over rows of numbered customers (``codes_of``).

    Rows whose y is NaN are left out. With fewer than ``ENOUGH`` effective customers, or fewer than two,
    the share is unknown; its counts are kept.

    Raises:
        ValueError: a weight is not positive, or a value lies outside [0, 1].

    """
    values, weights = np.asarray(y, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    check_weights(weights)
    keep = ~np.isnan(values)
    if not np.all((values[keep] >= 0) & (values[keep] <= 1)):
        raise ValueError("a share is made of values between 0 and 1")
    sample = weighted_sample(values[keep], weights[keep], np.asarray(cluster)[keep])
    counts = (int(keep.sum()), float(weights[keep].sum()), sample.clusters)
    if sample.clusters < 2 or too_few(effective_clusters(sample)):
        return Share(math.nan, math.nan, math.nan, *counts)
    estimate = estimate_level(sample)
    level, n = min(max(estimate.effect, 0.0), 1.0), effective_n(sample, estimate)
    interval = wilson(level * n, n)
    return Share(level, interval.lower, interval.upper, *counts)


def weighted_sample(y: Floats, weight: Floats, cluster: Codes) -> OneSample:
    """Rows as the sums that ``OneSample`` defines, every row an observation (d = 1)."""
    if not len(y):
        return NO_SAMPLE
    a, b = per_cluster(weight * y, cluster), per_cluster(weight, cluster)
    wy = weight * y
    return OneSample(
        sum_a=float(a.sum()),
        sum_b=float(b.sum()),
        sum_aa=float(a @ a),
        sum_ab=float(a @ b),
        sum_bb=float(b @ b),
        row_aa=float(wy @ wy),
        row_ab=float(wy @ weight),
        row_bb=float(weight @ weight),
        n=float(len(y)),
        events=float(y.sum()),
        clusters=len(a),
    )


def effective_clusters(sample: OneSample) -> float:
    """(Σb)²/Σb²: as many equal customers would carry the same information (Kish 1965)."""
    return sample.sum_b**2 / sample.sum_bb if sample.sum_bb > 0 else 0.0


def too_few(effective: float) -> bool:
    """Whether so many effective customers say nothing; ten up to rounding are enough."""
    return effective < ENOUGH * (1 - 1e-9)


def codes_of(cluster: ArrayLike) -> Codes:
    """Customers, however they are named, numbered from 0."""
    _, codes = np.unique(np.asarray(cluster), return_inverse=True)
    return codes.astype(np.intp)


def per_cluster(value: Floats, cluster: Codes) -> Floats:
    """Σ of the values of each customer that is there."""
    if not len(value):
        return np.zeros(0)
    sums = np.bincount(cluster, value).astype(np.float64)
    return sums[np.bincount(cluster) > 0]


def check_weights(weight: Floats) -> None:
    """Refuse weights that no chance of review can have given.

    Raises:
        ValueError: a weight is not positive or not finite.

    """
    if not np.all((weight > 0) & (weight < np.inf)):
        raise ValueError("a weight is not positive and finite; it is 1 over the chance of review")
