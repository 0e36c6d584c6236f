"""What could make a comparison worthless: counts for the sample-ratio, crossover and assignment checks."""

from typing import Any

from rollout.evidence import IntegrityCounts, NewUnits
from rollout.measure.query import Query, Source
from rollout.measure.scope import STEP, Scope, expected_share


def integrity_query(scope: Scope, *, excluded: bool = False) -> Query:
    """One row per regime in which customers were first seen.

    A customer counts once, in the regime of the first ticket: whoever is met again tells nothing
    new about the split. With ``excluded``, over the tickets that are left out everywhere else.
    """
    kept = "IS NOT NULL" if excluded else "IS NULL"
    across = "path IN ('agent', 'agent_then_human')" if scope.track == "ladder" else "FALSE"
    sql = f"""
WITH tickets AS (
    SELECT customer_id, opened_at, CAST(arm = $treated AS INTEGER) AS a,
        {STEP} AS step, weight, canary_weight, arms_seen,
        {across} AS across
    FROM facts
    WHERE {scope.where}
        AND excluded {kept}
), stays AS (
    SELECT customer_id, step, weight, canary_weight, min(a) AS low, max(a) AS high,
        min((opened_at, a)) AS entered, count(*) AS tickets,
        count(*) FILTER (arms_seen > 1) AS doubled, count(*) FILTER (a = 0) AS controls,
        count(*) FILTER (a = 0 AND across) AS across
    FROM tickets
    GROUP BY customer_id, step, weight, canary_weight
), firsts AS (
    SELECT arg_min((step, weight, canary_weight, entered[2]), entered) AS first,
        max(CAST(low < high AS INTEGER)) AS crossed, sum(tickets) AS tickets, sum(doubled) AS doubled,
        sum(controls) AS controls, sum(across) AS across
    FROM stays GROUP BY customer_id
)
SELECT first[1] AS step, first[2] AS weight, first[3] AS canary_weight,
    count(*) AS total, sum(first[4]) AS treated, sum(crossed) AS crossed,
    sum(tickets) AS tickets, sum(doubled) AS doubled, sum(controls) AS controls, sum(across) AS across
FROM firsts GROUP BY ALL ORDER BY ALL"""
    return Query(sql.strip(), scope.params)


def integrity_of(source: Source, scope: Scope) -> IntegrityCounts:
    rows = integrity_query(scope).rows(source)
    left_out = integrity_query(scope, excluded=True).rows(source)
    return IntegrityCounts(
        new_units=tuple(_new_units(scope, row) for row in rows),
        units=_total(rows, "total"),
        crossed=_total(rows, "crossed"),
        tickets=_total(rows, "tickets"),
        double_assigned=_total(rows, "doubled"),
        control_tickets=_total(rows, "controls"),
        served_across=_total(rows, "across"),
        excluded_units=tuple(_new_units(scope, row) for row in left_out),
    )


def _new_units(scope: Scope, row: dict[str, Any]) -> NewUnits:
    share = expected_share(scope.track, row["weight"], row["canary_weight"])
    return NewUnits(row["step"], share, int(row["treated"]), int(row["total"]))


def _total(rows: list[dict[str, Any]], column: str) -> int:
    return sum(int(row[column]) for row in rows)
