"""A gate's counts beside its sums, from kept days where the look before was of the same tickets.

Ask after ``DaySums.row``: that is who finds out whether closed days are still what they were.
"""

from functools import partial

from experiments.samples import Comparison
from rollout.evidence import IntegrityCounts
from rollout.measure.category_query import category_query, comparisons_of
from rollout.measure.day_parts import Rows, categories, integrity
from rollout.measure.day_sums import day_sums
from rollout.measure.gate_query import histogram_query
from rollout.measure.integrity import counts_of, integrity_query
from rollout.measure.query import Source
from rollout.measure.scope import Scope
from rollout.measure.survival_query import Survival, survival_from, survival_query


def ratings(source: Source, scope: Scope) -> Rows:
    return day_sums(source).rows(scope, "ratings", histogram_query, ("a", "score"))


def integrity_of(source: Source, scope: Scope) -> IntegrityCounts:
    kept = day_sums(source).table(scope, "integrity", integrity(), integrity_query(scope))
    # Excluded tickets are few, and a scan for them is short.
    return counts_of(scope, kept, integrity_query(scope, excluded=True).rows(source))


def by_category(source: Source, scope: Scope, metric: str) -> dict[str, Comparison]:
    """Category to its comparison of the arms; empty where no ticket names a category."""
    full = category_query(scope, metric)
    return comparisons_of(day_sums(source).table(scope, f"category_{metric}", categories(metric), full))


def survival_of(source: Source, scope: Scope, metric: str) -> Survival:
    """The arms' risks over the steps in which both were watched to the end of the window."""
    query_of = partial(survival_query, metric=metric)
    keys = ("step", "treated", "event", "hour")
    return survival_from(day_sums(source).rows(scope, f"survival_{metric}", query_of, keys), metric)
