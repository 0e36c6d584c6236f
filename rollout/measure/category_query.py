"""The arms compared inside each category: which parts of the work an agent harms.

The same sums as a gate's, per category: stratum h is (category, step, weights in force, day), a
customer's sums run over all strata of the category. Only rows that carry the metric are read, so d
is 1 throughout.
"""

from collections.abc import Mapping
from typing import Any, Final

from experiments.samples import Comparison
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import repeated
from rollout.measure.query import Query, Source
from rollout.measure.scope import Scope
from rollout.measure.wanted import MARKS

METRICS: Final = ("csat", "recontact_7d", "escalation")
"""What customers feel of a category in wrong hands."""

STRATA: Final = """SELECT category, h, count(*) AS n, sum(a) AS nt, sum(y) AS s, sum(a * y) AS st,
        sum(y * y) AS q
    FROM observed GROUP BY category, h"""
UNITS: Final = """SELECT category, unit, sum((a - p) * (y - m)) AS a, sum((a - p) * (a - p)) AS b
    FROM observed JOIN (SELECT category, h, nt / n AS p, s / n AS m FROM strata) USING (category, h)
    GROUP BY category, unit"""
SUMMED: Final = """SELECT category, count(*) AS clusters, sum(a) AS a, sum(b) AS b, sum(a * a) AS aa,
        sum(a * b) AS ab, sum(b * b) AS bb, max(b) AS largest
    FROM units GROUP BY category"""
TOTALLED: Final = """SELECT category, count(*) AS strata, sum(n) AS n, sum(nt) AS nt, sum(s) AS s,
        sum(st) AS st, sum(greatest(q - s * s / n, 0)) AS inside
    FROM strata GROUP BY category"""


def observed(metric: str) -> str:
    """CTEs over ``tickets``: one row per ticket that carries the metric and names a category."""
    definition = CATALOGUE[metric]
    rated = metric == "csat"
    repeats = f"repeats AS MATERIALIZED ({repeated('line')}\n), " if rated else ""
    joined = "LEFT JOIN repeats USING (line)" if rated else ""
    flag = "repeats.line IS NOT NULL" if rated else "FALSE"
    return f"""{repeats}observed AS MATERIALIZED (
    SELECT category, hash(customer_id) AS unit, a, h, CAST({definition.value} AS DOUBLE) AS y
    FROM (SELECT tickets.*, {flag} AS repeated FROM tickets {joined})
    WHERE fresh AND category IS NOT NULL AND {definition.counts}
)"""


def category_query(scope: Scope, metric: str) -> Query:
    """One row of sums per category that has both a name and a ticket with the metric."""
    sql = f"""
WITH tickets AS (
    SELECT *, {MARKS}, rowid AS line, TRUE AS fresh FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
), {observed(metric)}, strata AS MATERIALIZED (
    {STRATA}
), units AS (
    {UNITS}
), summed AS (
    {SUMMED}
), totalled AS (
    {TOTALLED}
)
SELECT * FROM summed JOIN totalled USING (category) ORDER BY category"""
    return Query(sql.strip(), scope.params)


def by_category(source: Source, scope: Scope, metric: str) -> dict[str, Comparison]:
    """Category to its comparison of the arms; empty where no ticket names a category."""
    return comparisons_of(category_query(scope, metric).rows(source))


def comparisons_of(rows: list[dict[str, Any]]) -> dict[str, Comparison]:
    return {row["category"]: _comparison(row) for row in rows}


def _comparison(row: Mapping[str, Any]) -> Comparison:
    n, treated = float(row["n"]), float(row["nt"])
    return Comparison(
        sum_a=row["a"],
        sum_b=row["b"],
        sum_aa=row["aa"],
        sum_ab=row["ab"],
        sum_bb=row["bb"],
        within=row["inside"],
        n=n,
        n_treated=treated,
        n_control=n - treated,
        clusters=row["clusters"],
        strata=row["strata"],
        mean_treated=row["st"] / treated if treated else float("nan"),
        mean_control=(row["s"] - row["st"]) / (n - treated) if n > treated else float("nan"),
        largest_b=row["largest"],
    )
