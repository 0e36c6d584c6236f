"""The arms compared inside each category: which parts of the work an agent harms.

The same sums as a gate's, per category: stratum h is (category, step, weights in force, day), a
customer's sums run over all strata of the category. Only rows that carry the metric are read, so d
is 1 throughout.
"""

from collections.abc import Mapping
from typing import Any, Final

from experiments.samples import Comparison
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import REPEATED
from rollout.measure.query import Query, Source
from rollout.measure.scope import Scope
from rollout.measure.wanted import MARKS

METRICS: Final = ("csat", "recontact_7d", "escalation")
"""What customers feel of a category in wrong hands."""


def category_query(scope: Scope, metric: str) -> Query:
    """One row of sums per category that has both a name and a ticket with the metric."""
    definition = CATALOGUE[metric]
    repeats = f", repeats AS ({REPEATED}\n)" if metric == "csat" else ""
    joined = "LEFT JOIN repeats USING (ticket_id)" if metric == "csat" else ""
    flag = "repeats.ticket_id IS NOT NULL" if metric == "csat" else "FALSE"
    sql = f"""
WITH tickets AS (
    SELECT *, {MARKS} FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
){repeats}, observed AS MATERIALIZED (
    SELECT category, customer_id, a, h, CAST({definition.value} AS DOUBLE) AS y
    FROM (SELECT tickets.*, {flag} AS repeated FROM tickets {joined})
    WHERE category IS NOT NULL AND {definition.counts}
), strata AS (
    SELECT category, h, count(*) AS n, sum(a) AS nt, sum(y) AS s, sum(a * y) AS st,
        sum(y * y) AS q, avg(a) AS p, avg(y) AS m
    FROM observed GROUP BY category, h
), units AS (
    SELECT category, customer_id, sum((a - p) * (y - m)) AS a, sum((a - p) * (a - p)) AS b
    FROM observed JOIN strata USING (category, h) GROUP BY category, customer_id
), summed AS (
    SELECT category, count(*) AS clusters, sum(a) AS a, sum(b) AS b, sum(a * a) AS aa,
        sum(a * b) AS ab, sum(b * b) AS bb, max(b) AS largest
    FROM units GROUP BY category
), totalled AS (
    SELECT category, count(*) AS strata, sum(n) AS n, sum(nt) AS nt, sum(s) AS s, sum(st) AS st,
        sum(greatest(q - s * s / n, 0)) AS inside
    FROM strata GROUP BY category
)
SELECT * FROM summed JOIN totalled USING (category) ORDER BY category"""
    return Query(sql.strip(), scope.params)


def by_category(source: Source, scope: Scope, metric: str) -> dict[str, Comparison]:
    """Category to its comparison of the arms; empty where no ticket names a category."""
    return {row["category"]: _comparison(row) for row in category_query(scope, metric).rows(source)}


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
