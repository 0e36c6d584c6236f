"""One arm's level: shadow comparisons, assisted drafts, and per-category rates for bands."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from experiments.samples import NO_SAMPLE, OneSample
from rollout.evidence import MetricEvidence
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.comparisons import REPLIES
from rollout.measure.query import Query
from rollout.measure.scope import Scope

_SAMPLE: Final = """sum(a) AS a, sum(b) AS b, sum(a * a) AS aa, sum(a * b) AS ab, sum(b * b) AS bb,
    sum(raa) AS raa, sum(rab) AS rab, sum(rbb) AS rbb, sum(n) AS n, sum(events) AS events,
    count(*) FILTER (b > 0) AS clusters"""
_SUMS: Final = """sum(w * y) AS a, sum(w * d) AS b, sum(w * w * y * y) AS raa, sum(w * w * y * d) AS rab,
        sum(w * w * d * d) AS rbb, sum(d) AS n, sum(y) AS events"""

_DRAFTS: Final = """
    SELECT h.outcome, f.customer_id, CAST(1 AS DOUBLE) AS chance
    FROM handlings AS h JOIN facts AS f USING (tenant, workflow, ticket_id)
    WHERE h.tenant = $tenant AND h.workflow = $workflow AND h.occurred_at <= $as_of
        AND f.opened_at <= $as_of AND f.mode = 'assist' AND f.arm = $treated AND f.excluded IS NULL
        AND ($version IS NULL OR f.version = $version) AND ($since IS NULL OR f.opened_at >= $since)
    QUALIFY row_number() OVER (PARTITION BY h.ticket_id, h.outcome LIKE 'draft%'
        ORDER BY h.occurred_at DESC, h.event_id DESC) = 1"""
_TABLES: Final = {"comparisons": REPLIES, "handlings": _DRAFTS}


def level_query(scope: Scope, metric: str) -> Query:
    """Sums of a metric that no human arm stands beside; weighted by 1 / sampling probability.

    A row whose chance is no chance (outside (0, 1]) stands for nobody knows how many: it is unknown.
    """
    definition = CATALOGUE[metric]
    chance = definition.chance
    counts = f"coalesce({definition.counts} AND {chance} > 0 AND {chance} <= 1, FALSE)"
    sql = f"""
WITH rows AS ({_TABLES[definition.table]}
), marked AS (
    SELECT customer_id, CASE WHEN {counts} THEN CAST(1 AS DOUBLE) / {chance} ELSE CAST(0 AS DOUBLE) END AS w,
        CASE WHEN {counts} THEN CAST({definition.value} AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS y,
        CAST({counts} AS DOUBLE) AS d,
        CAST({definition.unknown} OR ({definition.counts} AND NOT {counts}) AS INTEGER) AS unknown
    FROM rows
), units AS (
    SELECT customer_id, {_SUMS}, sum(unknown) AS unknown, count(*) AS tickets
    FROM marked GROUP BY customer_id
)
SELECT {_SAMPLE}, coalesce(sum(unknown), 0) AS unknown, coalesce(sum(tickets), 0) AS tickets
FROM units"""
    return Query(sql.strip(), scope.params)


def band_query(scope: Scope, metric: str, categories: Iterable[str]) -> Query:
    """The treated arm's sums per category, one row each."""
    definition = CATALOGUE[metric]
    sql = f"""
WITH marked AS (
    SELECT customer_id, category, CAST(1 AS DOUBLE) AS w,
        CASE WHEN {definition.counts} THEN CAST({definition.value} AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS y,
        CAST(coalesce({definition.counts}, FALSE) AS DOUBLE) AS d
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND arm = $treated
        AND list_contains(CAST($categories AS VARCHAR[]), category)
), units AS (
    SELECT category, customer_id, {_SUMS} FROM marked GROUP BY category, customer_id
)
SELECT category, {_SAMPLE} FROM units GROUP BY category ORDER BY category"""
    return Query(sql.strip(), {**scope.params, "categories": sorted(categories)})


def sample_of(row: Mapping[str, Any]) -> OneSample:
    if not row["n"]:
        return NO_SAMPLE
    return OneSample(
        sum_a=row["a"],
        sum_b=row["b"],
        sum_aa=row["aa"],
        sum_ab=row["ab"],
        sum_bb=row["bb"],
        row_aa=row["raa"],
        row_ab=row["rab"],
        row_bb=row["rbb"],
        n=row["n"],
        events=row["events"],
        clusters=row["clusters"],
    )


def level_of(row: Mapping[str, Any], metric: str) -> MetricEvidence:
    sample = sample_of(row)
    return MetricEvidence(
        metric,
        level=sample,
        unknown=int(row["unknown"]),
        unknown_treated=int(row["unknown"]),
        carried=sample.n / row["tickets"] if row["tickets"] else None,
    )
