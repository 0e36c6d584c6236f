"""When should the agent have handed over? Its decisions against people's, and other thresholds' prices.

A *missed* escalation goes on where a human was needed, a *needless* one hands over where none was.
Prices are in needless escalations per ticket. Nothing here decides: intervals are for one look.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import stdtrit

from experiments.calibration import Reviewed
from experiments.shares import (
    Flags,
    Floats,
    Share,
    effective_clusters,
    per_cluster,
    share_of,
    too_few,
    weighted_sample,
)

GRID = tuple(step / 50 for step in range(51))
"""Thresholds that are tried unless told otherwise."""
CONFIDENCE = 0.95
"""With which the range of thresholds holds the cheapest one."""


@dataclass(frozen=True, slots=True)
class Cell:
    n: float
    """Reviewed tickets; a fraction where raters differ about one."""
    share: float
    """Of all tickets, weighted; NaN where the matrix is unknown."""


@dataclass(frozen=True, slots=True)
class EscalationMatrix:
    """What the agent did against whether a human was needed."""

    n: int
    both: Cell
    missed: Cell
    needless: Cell
    neither: Cell
    sensitivity: Share
    """Of the tickets that needed a human, those the agent handed over."""
    specificity: Share
    """Of the tickets that needed none, those it did not hand over."""
    precision: Share
    """Of the tickets it handed over, those that needed a human."""
    missed_of_answered: Share
    """Of the tickets it answered, those that needed a human."""


def escalation_matrix(rows: Reviewed) -> EscalationMatrix:
    """The agent's decisions against the reviewers', over rows where both are known.

    A ticket on which raters differ counts in part on both sides.
    """
    rows = rows.only(~np.isnan(rows.handed_over) & ~np.isnan(rows.needs_human))
    over, needed = rows.handed_over, rows.needs_human
    whole = share_of(over, rows.weight, rows.cluster)

    def cell(where: Floats) -> Cell:
        share = float(rows.weight @ where) / whole.weight if whole.known else math.nan
        return Cell(float(where.sum()), share)

    return EscalationMatrix(
        n=len(over),
        both=cell(over * needed),
        missed=cell((1 - over) * needed),
        needless=cell(over * (1 - needed)),
        neither=cell((1 - over) * (1 - needed)),
        sensitivity=_among(rows, over, needed),
        specificity=_among(rows, 1 - over, 1 - needed),
        precision=_among(rows, needed, over),
        missed_of_answered=_among(rows, needed, 1 - over),
    )


class Undecided(StrEnum):
    """Why no threshold is called the cheapest."""

    NO_LABELS = "no_labels"
    FEW_CUSTOMERS = "few_customers"
    NONE_NEEDED = "none_needed"
    """Too few tickets needed a human: what missing one costs cannot be weighed."""
    ALL_NEEDED = "all_needed"
    """Too few tickets needed none."""
    ONE_CONFIDENCE = "one_confidence"
    """No threshold tells any two tickets apart."""


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What one threshold would have done. Shares are of all tickets and NaN where unknown."""

    threshold: float
    """The agent answers at this confidence and above; a confidence that is not stated counts as low."""
    answered: float
    missed: float
    needless: float
    good: Share
    """Of the answered, those that were right."""
    missed_of_answered: Share
    """Of the answered, those that needed a human."""
    cost: float
    """missed·price + needless: needless escalations' worth per ticket."""
    tied: bool
    """Not told apart from the cheapest."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every threshold that was tried, ascending, and which of them may be the cheapest."""

    n: int
    points: tuple[ThresholdPoint, ...]
    best: ThresholdPoint | None
    """The cheapest; of equals the most cautious. None where ``undecided`` says why."""
    low: float
    """Lowest threshold not told apart from the cheapest; NaN without one."""
    high: float
    undecided: Undecided | None


def sweep(rows: Reviewed, *, missed_cost: float, thresholds: Iterable[float] = GRID) -> Sweep:
    """Price every threshold on the tickets whose need of a human is known.

    A threshold leaves the range once its cost exceeds the cheapest one's by more than chance: a one-sided
    t interval of the difference ticket by ticket, clustered by customer, at 5 % shared by all
    distinguishable thresholds (Bonferroni), so that the range holds the truly cheapest threshold with
    95 % (comparisons with the best, Hsu 1984). The t interval says nothing about a handful of tickets:
    fewer than ten effective customers treated differently never tell two thresholds apart.

    Args:
        rows: reviewed tickets.
        missed_cost: price of a missed escalation in needless ones.
        thresholds: those to try.

    Raises:
        ValueError: the price is not positive.

    """
    if not 0 < missed_cost < math.inf:
        raise ValueError(f"missed_cost == {missed_cost}, must be positive and finite")
    rows = rows.only(~np.isnan(rows.needs_human))
    tried = sorted(thresholds)
    over = [_hands_over(rows, threshold) for threshold in tried]
    costs = [np.where(each, 1 - rows.needs_human, missed_cost * rows.needs_human) for each in over]
    undecided = _why_not(rows, over)
    empty = undecided in {Undecided.NO_LABELS, Undecided.FEW_CUSTOMERS}
    means = [math.nan if empty else float(rows.weight @ cost / rows.weight.sum()) for cost in costs]
    best = None if undecided else min(range(len(tried)), key=lambda at: (means[at], -tried[at]))
    different = len({int(each.sum()) for each in over})
    tied = [
        best is not None and not _dearer(rows, cost - costs[best], max(different - 1, 1)) for cost in costs
    ]
    points = tuple(
        _point(rows, threshold, each, mean, tied=tie)
        for threshold, each, mean, tie in zip(tried, over, means, tied, strict=True)
    )
    among = [point.threshold for point in points if point.tied]
    return Sweep(
        n=len(rows.weight),
        points=points,
        best=None if best is None else points[best],
        low=min(among, default=math.nan),
        high=max(among, default=math.nan),
        undecided=undecided,
    )


def _hands_over(rows: Reviewed, threshold: float) -> Flags:
    return rows.held | ~(rows.confidence >= threshold)


def _why_not(rows: Reviewed, over: list[Flags]) -> Undecided | None:
    if not len(rows.weight):
        return Undecided.NO_LABELS
    sides = [rows.weight > 0, rows.needs_human > 0, rows.needs_human < 1]
    names = [Undecided.FEW_CUSTOMERS, Undecided.NONE_NEEDED, Undecided.ALL_NEEDED]
    for side, name in zip(sides, names, strict=True):
        if too_few(_customers(rows.only(side))):
            return name
    stated = rows.confidence[~np.isnan(rows.confidence)]
    if len(np.unique(stated)) < 2 or all(np.array_equal(each, over[0]) for each in over):
        return Undecided.ONE_CONFIDENCE
    return None


def _customers(rows: Reviewed) -> float:
    return effective_clusters(weighted_sample(rows.needs_human, rows.weight, rows.cluster))


def _dearer(rows: Reviewed, extra: Floats, others: int) -> bool:
    """Whether costs exceed the cheapest threshold's beyond chance, ``extra`` of them on each ticket."""
    if too_few(_customers(rows.only(extra != 0))):
        return False
    total = float(rows.weight.sum())
    mean = float(rows.weight @ extra) / total
    pull = per_cluster(rows.weight * (extra - mean), rows.cluster)
    freedom = len(pull) - 1
    error = math.sqrt(len(pull) / freedom * float(pull @ pull)) / total
    return mean > float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / others)) * error


def _point(rows: Reviewed, threshold: float, over: Flags, cost: float, *, tied: bool) -> ThresholdPoint:
    total = float(rows.weight.sum()) if not math.isnan(cost) else math.nan

    def of_all(where: Floats) -> float:
        return float(rows.weight @ where) / total

    return ThresholdPoint(
        threshold=threshold,
        answered=of_all((~over).astype(np.float64)),
        missed=of_all(np.where(over, 0.0, rows.needs_human)),
        needless=of_all(np.where(over, 1 - rows.needs_human, 0.0)),
        good=_among(rows, rows.good, (~over).astype(np.float64)),
        missed_of_answered=_among(rows, rows.needs_human, (~over).astype(np.float64)),
        cost=cost,
        tied=tied,
    )


def _among(rows: Reviewed, y: Floats, part: Floats) -> Share:
    """Σw·part·y / Σw·part: the share among the rows that belong to ``part``, in full or in part."""
    keep = part > 0
    return share_of(y[keep], rows.weight[keep] * part[keep], rows.cluster[keep])
