"""A gate's counts beside its sums, from kept days where the look before was of the same tickets.

Ask after ``DaySums.row``: that is who brings what is kept up to the moment.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from experiments.samples import Comparison
from rollout.evidence import IntegrityCounts
from rollout.measure.category_query import category_query, comparisons_of
from rollout.measure.day_parts import Answer, Categories, Counted, Split
from rollout.measure.day_rows import Rows
from rollout.measure.day_sums import DaySums, day_sums
from rollout.measure.gate_query import histogram_query
from rollout.measure.integrity import counts_of, integrity_query
from rollout.measure.query import Source
from rollout.measure.scope import Scope
from rollout.measure.survival_query import DAYS, Survival, survival_from, survival_query
from rollout.measure.wanted import rates


def ratings(source: Source, scope: Scope) -> Answer:
    return kept_ratings(day_sums(source), scope)


def integrity_of(source: Source, scope: Scope) -> IntegrityCounts:
    kept = day_sums(source).part(scope, "split", Split, integrity_query(scope))
    # Excluded tickets are few, and a scan for them is short.
    return counts_of(scope, kept, integrity_query(scope, excluded=True).rows(source))


def by_category(source: Source, scope: Scope, metric: str) -> dict[str, Comparison]:
    """Category to its comparison of the arms; empty where no ticket names a category."""
    return comparisons_of(kept_categories(day_sums(source), scope, metric))


def survival_of(source: Source, scope: Scope, metric: str) -> Survival:
    """The arms' risks over the steps in which both were watched to the end of the window."""
    return survival_from(kept_survival(day_sums(source), scope, metric), metric)


def kept_ratings(sums: DaySums, scope: Scope) -> Answer:
    def make(rows: Rows) -> Counted | None:
        if not rates(rows.wanted):  # then nobody knows when a rating changes a day
            return None
        return Counted(rows, "ratings", partial(histogram_query, by_day=True), ("a", "score"))

    return sums.part(scope, "ratings", make, histogram_query(scope))


def kept_categories(sums: DaySums, scope: Scope, metric: str) -> Answer:
    def make(rows: Rows) -> Categories | None:
        # A cap changes y, and by category nothing is capped.
        want = next((want for want in rows.wanted if want.metric == metric and want.cap is None), None)
        return Categories(rows, want) if want is not None else None

    return sums.part(scope, f"category_{metric}", make, category_query(scope, metric))


def kept_survival(sums: DaySums, scope: Scope, metric: str) -> Answer:
    def make(rows: Rows) -> Counted:
        # Tables go by whole hours watched, up to one more than the window.
        watched = timedelta(days=DAYS[metric], hours=2)
        query_of = partial(survival_query, metric=metric, by_day=True)
        return Counted(rows, f"survival_{metric}", query_of, _KEYS, watched)

    return sums.part(scope, f"survival_{metric}", make, survival_query(scope, metric))


_KEYS: Sequence[str] = ("step", "treated", "event", "hour")
