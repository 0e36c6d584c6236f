"""Two raters on the same items: agreement beyond what chance alone would bring.

Every coefficient is (observed − expected)/(1 − expected); they differ in what they hold chance to be.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from experiments.proportions import wilson
from experiments.shares import Codes, Floats, check_weights, codes_of, per_cluster, too_few

Table = Floats
"""Square: rows one rater, columns the other."""

_Z: Final = float(ndtri(0.975))
_ROUNDING: Final = 1e-12


class Coefficient(StrEnum):
    """Ideas of chance."""

    KAPPA = "kappa"
    """Each rater keeps to its own shares of labels (Cohen 1960). Small when one label dominates."""
    AC1 = "ac1"
    """Chance only decides items that are hard (Gwet 2008); survives rare labels."""
    ALPHA = "alpha"
    """The raters are exchangeable and draw from one urn without replacement (Krippendorff 2011)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    n: float
    """Items that both rated, or at least two did."""
    observed: float
    """Share of items on which both said the same; NaN without items."""
    expected: float
    """Share that chance alone would bring, by the coefficient's own idea of chance."""
    value: float
    """(observed − expected)/(1 − expected); NaN where chance explains everything."""
    se: float
    lower: float
    """95 %, for one look; NaN where unknown."""
    upper: float
    clusters: int
    """Customers the items are from; of a table of counts, its items."""


def cohen_kappa(table: ArrayLike) -> Agreement:
    """κ of a square table of counts of independent items.

    The standard error is that of Fleiss, Cohen & Everitt (1969, eq. 13). Read it beside ``gwet_ac1``.

    Raises:
        ValueError: the table is not square or has negative counts.

    """
    return _of_table(table, Coefficient.KAPPA)


def gwet_ac1(table: ArrayLike) -> Agreement:
    """AC₁ of a square table of counts of independent items.

    Raises:
        ValueError: as ``cohen_kappa``.

    """
    return _of_table(table, Coefficient.AC1)


def agreement(
    first: ArrayLike,
    second: ArrayLike,
    *,
    labels: int,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    coefficient: Coefficient = Coefficient.KAPPA,
) -> Agreement:
    """The agreement of two raters' labels, weighted, with an error clustered by customer.

    The coefficient is a smooth function of the table's shares; its variance is that of the items'
    influences (delta method) summed by cluster, times G/(G − 1). Unknown with fewer than ten effective
    clusters. Where fewer than ten of them disagree, the influences say little: the interval is then
    Wilson's of the observed share at as many items as effective clusters, chance taken as given.

    Args:
        first: labels 0 to ``labels`` − 1 by one rater.
        second: by the other.
        labels: how many there are.
        weight: 1 / chance of review; 1 where left out.
        cluster: the customer; each item its own where left out.
        coefficient: which idea of chance; for exchangeable raters see ``between_raters``.

    Raises:
        ValueError: a label is none of them, or a weight is not positive.

    """
    one, two = np.asarray(first, dtype=np.intp), np.asarray(second, dtype=np.intp)
    size = len(one)
    weights = np.ones(size) if weight is None else np.asarray(weight, dtype=np.float64)
    customers = np.arange(size) if cluster is None else codes_of(cluster)
    check_weights(weights)
    _check_labels(np.concatenate([one, two]), labels)
    pairs = _Pairs(one, two, weights, customers, n=float(size), ratings=2 * size)
    return _clustered(pairs, labels, coefficient)


def between_raters(
    item: ArrayLike,
    label: ArrayLike,
    *,
    labels: int,
    weight: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
) -> Agreement:
    """Krippendorff's α of nominal labels by any number of raters per item; single ratings tell nothing.

    Args:
        item: what each rating is about.
        label: 0 to ``labels`` − 1, one row per rating.
        labels: how many there are.
        weight: of the item, on each of its rows.
        cluster: the customer, on each row.

    Raises:
        ValueError: as ``agreement``.

    """
    given, about = np.asarray(label, dtype=np.intp), np.asarray(item)
    weights = np.ones(len(given)) if weight is None else np.asarray(weight, dtype=np.float64)
    customers = codes_of(about if cluster is None else cluster)
    check_weights(weights)
    _check_labels(given, labels)
    groups: dict[object, list[int]] = {}
    for row, name in enumerate(about.tolist()):
        groups.setdefault(name, []).append(row)
    several = [rows for rows in groups.values() if len(rows) > 1]
    # Each ordered pair weighs 1/(m − 1), so that each of an item's m ratings counts once.
    found = [(i, j, len(rows) - 1) for rows in several for i in rows for j in rows if i != j]
    one, two, others = (np.array([row[at] for row in found], dtype=np.intp) for at in range(3))
    pairs = _Pairs(
        given[one],
        given[two],
        weights[one] / others,
        customers[one],
        n=float(len(several)),
        ratings=sum(map(len, several)),
    )
    return _clustered(pairs, labels, Coefficient.ALPHA)


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of labels, one row each."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: Floats
    cluster: Codes
    n: float
    """Items they are about."""
    ratings: int
    """Labels they are made of."""


def _clustered(pairs: _Pairs, labels: int, coefficient: Coefficient) -> Agreement:
    weight, total = pairs.weight, float(pairs.weight.sum())
    by_customer = per_cluster(weight, pairs.cluster)
    clusters = len(by_customer)
    effective = _effective(by_customer)
    if clusters < 2 or too_few(effective):
        return _unknown(pairs.n, clusters)
    share = np.zeros((labels, labels))
    np.add.at(share, (pairs.first, pairs.second), weight / total)
    found = _coefficient(share, coefficient, pairs.ratings)
    pull = per_cluster(weight * found.influence[pairs.first, pairs.second], pairs.cluster)
    error = math.sqrt(clusters / (clusters - 1) * float(pull @ pull)) / total
    differing = pairs.first != pairs.second
    rare = too_few(_effective(per_cluster(weight[differing], pairs.cluster[differing])))
    return _agreement(found, pairs.n, error, clusters, effective if rare else None)


@dataclass(frozen=True, slots=True)
class _Found:
    observed: float
    expected: float
    value: float
    influence: Table
    """Of one item in each cell, centred."""


def _chance_kappa(share: Table) -> tuple[float, Table]:
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    return float(rows @ columns), columns[:, None] + rows[None, :]


def _chance_ac1(share: Table) -> tuple[float, Table]:
    labels = len(share)
    if labels < 2:
        return 1.0, np.zeros_like(share)
    mean = (share.sum(axis=1) + share.sum(axis=0)) / 2
    return float(mean @ (1 - mean)) / (labels - 1), (1 - mean[:, None] - mean[None, :]) / (labels - 1)


def _chance_alpha(share: Table) -> tuple[float, Table]:
    mean = (share.sum(axis=1) + share.sum(axis=0)) / 2
    return float(mean @ mean), mean[:, None] + mean[None, :]


_CHANCE: Final[Mapping[Coefficient, Callable[[Table], tuple[float, Table]]]] = {
    Coefficient.KAPPA: _chance_kappa,
    Coefficient.AC1: _chance_ac1,
    Coefficient.ALPHA: _chance_alpha,
}
"""Expected share and its derivative by each cell."""


def _coefficient(share: Table, coefficient: Coefficient, ratings: int) -> _Found:
    expected, slope = _CHANCE[coefficient](share)
    observed = min(float(np.trace(share)), 1.0)  # shares add up to one and a rounding
    if expected >= 1 - _ROUNDING:
        return _Found(observed, expected, math.nan, np.full_like(share, math.nan))
    value = (observed - expected) / (1 - expected)
    influence = (np.eye(len(share)) - (1 - value) * slope) / (1 - expected)
    influence -= float((share * influence).sum())
    if coefficient is Coefficient.ALPHA and ratings > 1:
        # Drawn without replacement: 1 − De grows by n/(n − 1), disagreement weighs that much less.
        factor = (ratings - 1) / ratings
        value, influence = 1 - (1 - value) * factor, influence * factor
        expected = 1 - (1 - expected) / factor
    return _Found(observed, expected, value, influence)


def _of_table(table: ArrayLike, coefficient: Coefficient) -> Agreement:
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"a table of shape {counts.shape} is not square: both raters need the same labels")
    if not np.all(counts >= 0):
        raise ValueError("the table has negative or missing counts")
    n = float(counts.sum())
    if n == 0:
        return _unknown(0.0, 0)
    found = _coefficient(counts / n, coefficient, round(2 * n))
    error = math.sqrt(float((counts * found.influence**2).sum())) / n
    rare = too_few(n - float(np.trace(counts)))
    return _agreement(found, n, error, round(n), n if rare else None)


def _agreement(found: _Found, n: float, error: float, clusters: int, effective: float | None) -> Agreement:
    """``effective`` items where too few disagree for the error to mean anything."""
    lower, upper = found.value - _Z * error, found.value + _Z * error
    if effective is not None and not math.isnan(found.value):
        ends = wilson(found.observed * effective, effective)
        lower, upper = ((end - found.expected) / (1 - found.expected) for end in (ends.lower, ends.upper))
    bounds = (max(lower, -1.0), min(upper, 1.0)) if not math.isnan(found.value) else (math.nan, math.nan)
    return Agreement(n, found.observed, found.expected, found.value, error, *bounds, clusters)


def _unknown(n: float, clusters: int) -> Agreement:
    return Agreement(n, *(math.nan,) * 6, clusters)


def _check_labels(given: NDArray[np.intp], labels: int) -> None:
    if not np.isin(given, np.arange(labels)).all():
        raise ValueError(f"labels must be 0 to {labels - 1}")


def _effective(by_customer: Floats) -> float:
    """(Σw)²/Σw² over customers (Kish 1965)."""
    return float(by_customer.sum() ** 2 / (by_customer @ by_customer)) if len(by_customer) else 0.0
