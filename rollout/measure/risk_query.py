"""Re-contact judged with the windows that are still open: Kaplan-Meier pseudo-values as the gate's rows.

A ticket's pseudo-value depends on its step, its arm, how long it was watched and whether it came back,
so there are few of them: they are computed once per cell and joined back to the tickets, and from there
on the sums are those of every other metric. Strata are steps: inside a day nobody was watched longer
than anybody else.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from experiments.samples import NO_COMPARISON, Companion, Comparison
from experiments.survival import LifeTable, values_by_time
from rollout.measure.query import Query, Source
from rollout.measure.recontact import CLAIMED
from rollout.measure.scope import STEP, Scope

DAYS: Final = {"recontact_7d": 7, "recontact_2d": 2}
"""Windows by metric."""
_HOUR: Final = 3_600_000_000


def watched(scope: Scope, metric: str) -> str:
    """One row per claimed resolution: step, customer, arm, whole hours watched or until the return.

    A return within the hour that is still running is not counted yet: nobody else is at risk in it.
    """
    horizon = DAYS[metric] * 24
    return f"""
    SELECT step, customer_id, treated, coalesce(back <= watched AND back <= {horizon}, FALSE) AS event,
        CAST(least(CASE WHEN back <= watched THEN back ELSE watched END, {horizon + 1}) AS INTEGER) AS hour
    FROM (
        SELECT {STEP} AS step, customer_id, arm = $treated AS treated,
            (epoch_us($as_of) - epoch_us(resolved_at)) // {_HOUR} AS watched,
            CASE WHEN recontact_at IS NOT NULL THEN greatest(
                (epoch_us(recontact_at) - epoch_us(resolved_at) + {_HOUR - 1}) // {_HOUR}, 1) END AS back
        FROM facts
        WHERE {scope.where}
            AND excluded IS NULL AND {CLAIMED})"""


def cells_query(scope: Scope, metric: str) -> Query:
    """How many tickets share a step, an arm, a time and a fate."""
    sql = f"""
SELECT step, treated, event, hour, count(*) AS n FROM ({watched(scope, metric)}
) GROUP BY ALL ORDER BY ALL"""
    return Query(sql.strip(), scope.params)


def life_tables(rows: Sequence[Mapping[str, Any]], horizon: int) -> dict[tuple[str, bool], LifeTable]:
    """Rows of ``cells_query`` as one life table per step and arm."""
    ended: dict[tuple[str, bool], Any] = {}
    for row in rows:
        counts = ended.setdefault((row["step"], row["treated"]), np.zeros((2, horizon + 2)))
        counts[0, row["hour"]] += row["n"]
        counts[1, row["hour"]] += row["n"] * row["event"]
    return {
        key: LifeTable(
            all_ended[::-1].cumsum()[::-1][1 : horizon + 1], back[1 : horizon + 1], round(all_ended.sum())
        )
        for key, (all_ended, back) in ended.items()
    }


def risk_query(scope: Scope, metric: str, rows: Sequence[Mapping[str, Any]]) -> Query | None:
    """One row of sums over pseudo-values; None while no step was watched to its window's end in both arms."""
    tables = life_tables(rows, DAYS[metric] * 24)
    known = {
        step
        for step, _ in tables
        if all((step, arm) in tables and tables[step, arm].identified for arm in (False, True))
    }
    cells = [row for row in rows if row["step"] in known]
    if not cells:
        return None
    by_arm = {key: values_by_time(table) for key, table in tables.items() if key[0] in known}
    values = [float(by_arm[row["step"], row["treated"]][int(row["event"])][row["hour"]]) for row in cells]
    sql = f"""
WITH cells AS (
    SELECT unnest(CAST($cell_step AS VARCHAR[])) AS step, unnest(CAST($cell_treated AS BOOLEAN[])) AS treated,
        unnest(CAST($cell_event AS BOOLEAN[])) AS event, unnest(CAST($cell_hour AS INTEGER[])) AS hour,
        unnest(CAST($cell_value AS DOUBLE[])) AS y
), observed AS MATERIALIZED (
    SELECT customer_id, step AS h, CAST(treated AS DOUBLE) AS a, y
    FROM ({watched(scope, metric)}
    ) JOIN cells USING (step, treated, event, hour)
), strata AS (
    SELECT h, count(*) AS n, sum(a) AS nt, sum(y) AS s, sum(a * y) AS st, sum(y * y) AS q,
        sum(a * y * y) AS qt, avg(a) AS p, avg(y) AS m, avg(a * y) AS mx
    FROM observed GROUP BY h
), units AS (
    SELECT customer_id, sum((a - p) * (y - m)) AS a, sum((a - p) * (a - p)) AS b,
        sum((a - p) * (a * y - mx)) AS x
    FROM observed JOIN strata USING (h) GROUP BY customer_id
), summed AS (
    SELECT count(*) AS clusters, sum(a) AS a, sum(b) AS b, sum(a * a) AS aa, sum(a * b) AS ab,
        sum(b * b) AS bb, max(b) AS largest, sum(x) AS x, sum(x * x) AS xx, sum(a * x) AS ax,
        sum(x * b) AS xb
    FROM units
), totalled AS (
    SELECT count(*) AS strata, sum(n) AS n, sum(nt) AS nt, sum(s) AS s, sum(st) AS st,
        sum(greatest(q - s * s / n, 0)) AS inside, sum(qt - st * st / n) AS inside_xx,
        sum(qt - st * s / n) AS inside_xy
    FROM strata
)
SELECT * FROM summed, totalled"""
    bound = {
        "cell_step": [row["step"] for row in cells],
        "cell_treated": [row["treated"] for row in cells],
        "cell_event": [row["event"] for row in cells],
        "cell_hour": [row["hour"] for row in cells],
        "cell_value": values,
    }
    return Query(sql.strip(), {**scope.params, **bound})


def risks(source: Source, scope: Scope, metric: str) -> tuple[Comparison, str]:
    """The arms' Kaplan-Meier risks compared, clustered by customer, and the query that counted them."""
    cells = cells_query(scope, metric)
    query = risk_query(scope, metric, cells.rows(source))
    if query is None:
        return NO_COMPARISON, cells.sql
    row = query.one(source)
    n, treated = float(row["n"]), float(row["nt"])
    companion = Companion(
        sum_x=row["x"],
        sum_xx=row["xx"],
        sum_ax=row["ax"],
        sum_xb=row["xb"],
        within_xx=row["inside_xx"],
        within_xy=row["inside_xy"],
    )
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
        mean_treated=row["st"] / treated,
        mean_control=(row["s"] - row["st"]) / (n - treated),
        largest_b=row["largest"],
        treated_part=companion,
    ), query.sql
