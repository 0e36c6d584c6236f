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
    SELECT customer_id, hash(step, weight, canary_weight) AS regime, step, weight, canary_weight,
        epoch_us(opened_at) * 2 + CAST(arm = $treated AS BIGINT) AS met,
        arm = $treated AS treated, arms_seen > 1 AS doubled, {across} AS across
    FROM facts
    WHERE {scope.where}
        AND excluded {kept}
), stays AS (
    SELECT customer_id, regime, min(met) AS met, bool_and(treated) <> bool_or(treated) AS crossed
    FROM tickets GROUP BY customer_id, regime
), firsts AS (
    SELECT arg_min(regime, met) AS regime, min(met) % 2 AS treated, bool_or(crossed) AS crossed
    FROM stays GROUP BY customer_id
), units AS (
    SELECT regime, count(*) AS total, sum(treated) AS treated, count(*) FILTER (crossed) AS crossed
    FROM firsts GROUP BY regime
), regimes AS (
    SELECT regime, {STEP} AS step, weight, canary_weight, tickets, doubled, controls, across
    FROM (
        SELECT regime, step, weight, canary_weight, count(*) AS tickets,
            count(*) FILTER (doubled) AS doubled, count(*) FILTER (NOT treated) AS controls,
            count(*) FILTER (NOT treated AND across) AS across
        FROM tickets GROUP BY regime, step, weight, canary_weight)
)
SELECT step, weight, canary_weight, tickets, doubled, controls, across,
    coalesce(total, 0) AS total, coalesce(treated, 0) AS treated, coalesce(crossed, 0) AS crossed
FROM regimes LEFT JOIN units USING (regime) ORDER BY step, weight, canary_weight"""
    return Query(sql.strip(), scope.params)


def integrity_of(source: Source, scope: Scope) -> IntegrityCounts:
    rows = integrity_query(scope).rows(source)
    return counts_of(scope, rows, integrity_query(scope, excluded=True).rows(source))


def counts_of(scope: Scope, rows: list[dict[str, Any]], left_out: list[dict[str, Any]]) -> IntegrityCounts:
    """From the rows of ``integrity_query``, over what counts and over what is left out."""
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
