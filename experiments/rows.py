"""Reference builders: rows in numpy arrays to sufficient statistics, for tests and small callers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.samples import NO_COMPARISON, NO_SAMPLE, Companion, Comparison, OneSample

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Rows that carry the metric, with strata and customers numbered from 0."""

    stratum: NDArray[np.intp]
    cluster: NDArray[np.intp]
    d: Floats
    contrast: Floats
    """A − p_h."""

    def centred(self, y: Floats) -> Floats:
        """Deviations y − ȳ_h·d from the stratum's mean."""
        total = np.bincount(self.stratum, y) / np.bincount(self.stratum, self.d)
        return np.asarray(y - total[self.stratum] * self.d, dtype=np.float64)

    def per_cluster(self, values: Floats) -> Floats:
        return np.bincount(self.cluster, values).astype(np.float64)


def comparison_from_rows(
    stratum: ArrayLike,
    cluster: ArrayLike,
    treated: ArrayLike,
    y: ArrayLike,
    d: ArrayLike,
    x: ArrayLike | None = None,
) -> Comparison:
    """Sum rows up as ``Comparison`` defines.

    Args:
        stratum: label of the stratum (step and day) of each row, shape (rows,).
        cluster: label of the customer of each row.
        treated: whether the row was assigned to the treated arm.
        y: numerator; read as 0 where d is 0.
        d: denominator, >= 0; rows where it is 0 do not carry the metric and are dropped.
        x: covariate known before the customer's first exposure.

    Raises:
        ValueError: a denominator is negative or not a number.

    """
    denominator = np.asarray(d, dtype=np.float64)
    if not np.all(denominator >= 0):
        raise ValueError("d has negative or missing entries; it counts observations and must be >= 0")
    keep = denominator > 0
    if not keep.any():
        return NO_COMPARISON
    arm = np.asarray(treated, dtype=np.float64)[keep]
    numerator = np.asarray(y, dtype=np.float64)[keep]
    frame = _frame(np.asarray(stratum)[keep], np.asarray(cluster)[keep], arm, denominator[keep])
    y_dev = frame.centred(numerator)
    a = frame.per_cluster(frame.contrast * y_dev)
    b = frame.per_cluster(frame.contrast**2 * frame.d)
    n_treated, n = float(arm @ frame.d), float(frame.d.sum())
    covariate = None
    if x is not None:
        covariate = _companion(frame, np.asarray(x, dtype=np.float64)[keep] * frame.d, a, b, y_dev)
    return Comparison(
        sum_a=float(a.sum()),
        sum_b=float(b.sum()),
        sum_aa=float(a @ a),
        sum_ab=float(a @ b),
        sum_bb=float(b @ b),
        within=float(y_dev @ y_dev),
        n=n,
        n_treated=n_treated,
        n_control=n - n_treated,
        clusters=len(a),
        strata=int(frame.stratum.max()) + 1,
        mean_treated=_ratio(float(arm @ numerator), n_treated),
        mean_control=_ratio(float((1 - arm) @ numerator), n - n_treated),
        largest_b=float(b.max()),
        covariate=covariate,
        treated_part=_companion(frame, arm * numerator, a, b, y_dev),
    )


def one_sample_from_rows(
    cluster: ArrayLike, y: ArrayLike, d: ArrayLike, probability: ArrayLike | None = None
) -> OneSample:
    """Sum rows up as ``OneSample`` defines; ``probability`` is each row's chance to be sampled.

    Raises:
        ValueError: a denominator is negative, or a probability is outside (0, 1].

    """
    denominator = np.asarray(d, dtype=np.float64)
    if not np.all(denominator >= 0):
        raise ValueError("d has negative or missing entries; it counts observations and must be >= 0")
    chance = np.ones_like(denominator) if probability is None else np.asarray(probability, dtype=np.float64)
    if not np.all((chance > 0) & (chance <= 1)):
        raise ValueError("probability has entries outside (0, 1]; a row that was seen could be sampled")
    keep = denominator > 0
    if not keep.any():
        return NO_SAMPLE
    _, codes = np.unique(np.asarray(cluster)[keep], return_inverse=True)
    numerator, denominator = np.asarray(y, dtype=np.float64)[keep], denominator[keep]
    wy, wd = numerator / chance[keep], denominator / chance[keep]
    a, b = np.bincount(codes, wy), np.bincount(codes, wd)
    return OneSample(
        sum_a=float(a.sum()),
        sum_b=float(b.sum()),
        sum_aa=float(a @ a),
        sum_ab=float(a @ b),
        sum_bb=float(b @ b),
        row_aa=float(wy @ wy),
        row_ab=float(wy @ wd),
        row_bb=float(wd @ wd),
        n=float(denominator.sum()),
        events=float(numerator.sum()),
        clusters=len(a),
    )


def _frame(stratum: NDArray[Any], cluster: NDArray[Any], arm: Floats, d: Floats) -> _Frame:
    _, h = np.unique(stratum, return_inverse=True)
    _, c = np.unique(cluster, return_inverse=True)
    share = np.bincount(h, arm * d) / np.bincount(h, d)
    return _Frame(h, c, d, arm - share[h])


def _companion(frame: _Frame, x: Floats, a: Floats, b: Floats, y_dev: Floats) -> Companion:
    x_dev = frame.centred(x)
    per_cluster = frame.per_cluster(frame.contrast * x_dev)
    return Companion(
        sum_x=float(per_cluster.sum()),
        sum_xx=float(per_cluster @ per_cluster),
        sum_ax=float(a @ per_cluster),
        sum_xb=float(per_cluster @ b),
        within_xx=float(x_dev @ x_dev),
        within_xy=float(x_dev @ y_dev),
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
