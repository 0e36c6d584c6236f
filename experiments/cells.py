"""Comparisons of hours: rows that share hour and dose come as one cell with count, sum and squares."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.samples import NO_COMPARISON, Comparison

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """Groups of tickets that share stratum, cluster and dose; all arrays of shape (cells,)."""

    stratum: NDArray[np.intp]
    cluster: NDArray[np.intp]
    dose: Floats
    """How much of it there was before these tickets opened."""
    n: Floats
    total: Floats
    """Σy over the cell's tickets."""
    squares: Floats
    """Σy² over the cell's tickets."""

    @classmethod
    def of(
        cls,
        stratum: ArrayLike,
        cluster: ArrayLike,
        dose: ArrayLike,
        n: ArrayLike,
        total: ArrayLike,
        squares: ArrayLike,
    ) -> "Cells":
        """From labels and numbers; empty cells are dropped."""
        count = np.asarray(n, dtype=np.float64)
        kept = count > 0
        values = (np.asarray(part, dtype=np.float64)[kept] for part in (dose, n, total, squares))
        return cls(_codes(stratum, kept), _codes(cluster, kept), *values)


def more_than_usual(cells: Cells) -> NDArray[np.bool_]:
    """Whether a cell's dose exceeds its stratum's usual one, the median over its tickets.

    Of the two middle values the lower counts, so that two unequal cells are always told apart.
    """
    if not len(cells.n):
        return np.zeros(0, dtype=np.bool_)
    order = np.lexsort((cells.dose, cells.stratum))
    stratum, weight = cells.stratum[order], cells.n[order]
    before = np.cumsum(weight)
    starts = np.flatnonzero(np.diff(stratum, prepend=-1))
    base = (before[starts] - weight[starts])[stratum]
    half = np.bincount(stratum, weight)[stratum] / 2
    reached = np.flatnonzero(before - base >= half)
    first = reached[np.unique(stratum[reached], return_index=True)[1]]
    return np.asarray(cells.dose > cells.dose[order][first][cells.stratum], dtype=np.bool_)


def comparison_of_cells(cells: Cells) -> Comparison:
    """More of the dose than usual (treated) against the rest, summed as ``Comparison`` defines.

    The effect is that of ``rows.comparison_from_rows`` over the single tickets, d = 1. Strata in which
    the dose never varies have no contrast and count for nothing, not even towards n.

    The spread is corrected for leverage: comparable hours are few, and the mean of two cells splits
    their distance evenly between both clusters, which halves the sandwich. Each cell's share of the
    squares is therefore divided by one minus its weight in the stratum's mean, as HC2 does for single
    rows (MacKinnon & White 1985; for clusters Bell & McCaffrey 2002).
    """
    treated = more_than_usual(cells).astype(np.float64)
    h, n = cells.stratum, cells.n
    if not len(n):
        return NO_COMPARISON
    size = np.bincount(h, n)
    share = np.bincount(h, n * treated) / size
    mean = np.bincount(h, cells.total) / size
    kept = (share > 0)[h]
    if not kept.any():
        return NO_COMPARISON
    contrast = treated - share[h]
    centred = cells.total - mean[h] * n
    _, c = np.unique(cells.cluster[kept], return_inverse=True)
    rest = np.maximum(1 - n / size[h], np.finfo(float).tiny)  # 0 only where nothing is kept
    wider = 1 / np.sqrt(rest)
    a = np.bincount(c, (contrast * centred * wider)[kept])
    b = np.bincount(c, (contrast**2 * n * wider)[kept])
    within = cells.squares - 2 * mean[h] * cells.total + mean[h] ** 2 * n
    arms = [np.flatnonzero(kept & (treated == arm)) for arm in (1.0, 0.0)]
    n_treated, n_control = (float(n[arm].sum()) for arm in arms)
    return Comparison(
        sum_a=float((contrast * centred)[kept].sum()),
        sum_b=float((contrast**2 * n)[kept].sum()),
        sum_aa=float(a @ a),
        sum_ab=float(a @ b),
        sum_bb=float(b @ b),
        within=float(within[kept].sum()),
        n=n_treated + n_control,
        n_treated=n_treated,
        n_control=n_control,
        clusters=len(a),
        strata=int((share > 0).sum()),
        mean_treated=float(cells.total[arms[0]].sum()) / n_treated,
        mean_control=float(cells.total[arms[1]].sum()) / n_control,
        largest_b=float(b.max()),
    )


def _codes(labels: ArrayLike, kept: NDArray[np.bool_]) -> NDArray[np.intp]:
    found = np.asarray(labels)[kept]
    return np.unique(found, return_inverse=True, axis=0)[1].reshape(-1).astype(np.intp)
