"""How the agent works: rules it broke, how long it took, what its models cost."""

from typing import Any, Final

from rollout.measure.headlines.slice import Slice
from rollout.measure.query import Source, aware_utc

_MOST_ROWS: Final = 400
_WORK: Final = """(
    SELECT ticket_id, coalesce(version, 'unknown') AS version, occurred_at, violations, latency_seconds,
        cost_usd, model, 'live' AS mode
    FROM handlings WHERE tenant = $tenant AND workflow = $workflow AND handler = 'agent'
        AND occurred_at <= $as_of AND ($since IS NULL OR occurred_at > $since)
    UNION ALL
    SELECT ticket_id, version, occurred_at, violations, latency_seconds, cost_usd, 'shadow', 'shadow'
    FROM shadow_comparisons WHERE tenant = $tenant AND workflow = $workflow AND dropped IS NULL
        AND NOT starts_with(rater, 'human:')
        AND occurred_at <= $as_of AND ($since IS NULL OR occurred_at > $since)
)"""
"""One row per reply of an agent, to a customer or in shadow."""
_VIOLATIONS: Final = f"""
WITH replies AS (
    SELECT date_trunc('{{grain}}', occurred_at) AS "at", version, mode, count(*) AS replies
    FROM {_WORK} GROUP BY ALL
), broken AS (
    SELECT date_trunc('{{grain}}', occurred_at) AS "at", version, mode, rule, count(*) AS n,
        max_by(ticket_id, occurred_at, 3) AS examples
    FROM (SELECT *, unnest(violations) AS rule FROM {_WORK}) GROUP BY "at", version, mode, rule
)
SELECT "at", version, mode, rule, n, replies, examples FROM broken JOIN replies USING ("at", version, mode)
ORDER BY "at", version, mode, rule LIMIT {_MOST_ROWS}"""
_LATENCY: Final = f"""
SELECT version, mode, count(*) AS n, quantile_cont(latency_seconds, 0.5) AS p50,
    quantile_cont(latency_seconds, 0.95) AS p95, quantile_cont(latency_seconds, 0.99) AS p99
FROM {_WORK} WHERE latency_seconds IS NOT NULL GROUP BY version, mode ORDER BY version, mode"""
_COST: Final = f"""
SELECT date_trunc('day', occurred_at) AS "at", version, count(*) AS replies, sum(cost_usd) AS usd,
    count(*) FILTER (cost_usd IS NULL) AS unknown
FROM {_WORK} GROUP BY ALL ORDER BY "at", version LIMIT {_MOST_ROWS * 2}"""


def quality(source: Source, these: Slice) -> dict[str, Any]:
    """Violations by rule and version over time, latency percentiles and model cost per day.

    Returns:
        ``violations``, ``latency`` and ``cost``, each with ``rows``, ``sentence`` and ``sql``. A cost of None
        is unknown; ``unknown`` counts the replies whose price nobody knows.

    """
    asked = {
        "violations": these.query(_VIOLATIONS.format(grain=these.grain)),
        "latency": these.query(_LATENCY),
        "cost": these.query(_COST),
    }
    found = {name: [_told(row) for row in query.rows(source)] for name, query in asked.items()}
    sentences = {
        "violations": _of_violations(found["violations"]),
        "latency": _of_latency(found["latency"]),
        "cost": _of_cost(found["cost"]),
    }
    return {
        name: {"rows": found[name], "sentence": sentences[name], "sql": query.sql}
        for name, query in asked.items()
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    at = aware_utc(row.get("at"))
    return row if at is None else row | {"at": at.isoformat()}


def _of_violations(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No reply of this period broke a rule that is checked."
    by_rule: dict[str, int] = {}
    for row in rows:
        by_rule[row["rule"]] = by_rule.get(row["rule"], 0) + row["n"]
    most = max(sorted(by_rule), key=by_rule.__getitem__)
    total = sum(by_rule.values())
    times = "Once" if total == 1 else f"{total:,} times"
    return f"{times} a rule was broken, most often {most} ({by_rule[most]:,})."


def _of_latency(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "No reply of this period says how long it took."
    most = max(rows, key=lambda row: row["n"])
    return (
        f"Of {most['n']:,} replies of {most['version']} half took up to {most['p50']:,.1f} s, "
        f"19 of 20 up to {most['p95']:,.1f} s."
    )


def _of_cost(rows: list[dict[str, Any]]) -> str:
    known = sum(row["usd"] or 0.0 for row in rows)
    replies, unknown = (sum(row[name] for row in rows) for name in ("replies", "unknown"))
    if not replies:
        return "No agent replied in this period."
    told = f"Models cost ${known:,.2f} for {replies - unknown:,} replies."
    return told + (f" The price of {unknown:,} more is unknown." if unknown else "")
