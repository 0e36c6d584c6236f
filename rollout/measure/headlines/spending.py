"""What a shadow took per day: replies, money, and what was left out for want of either."""

from typing import Any, Final

from policies.plan import ShadowSettings
from rollout.measure.headlines.slice import Slice
from rollout.measure.query import Source, aware_utc

_MOST_DAYS: Final = 400
_DAYS: Final = f"""
WITH replies AS (
    SELECT ticket_id, version, min(occurred_at) AS occurred_at, max(cost_usd) AS usd,
        bool_and(dropped IS NOT NULL) AS dropped, min(dropped) AS why
    FROM shadow_comparisons
    WHERE tenant = $tenant AND workflow = $workflow AND occurred_at <= $as_of
        AND ($since IS NULL OR occurred_at > $since) AND ($version IS NULL OR version = $version)
    GROUP BY ticket_id, version
)
SELECT date_trunc('day', occurred_at) AS "at", count(*) FILTER (NOT dropped) AS replies,
    sum(usd) FILTER (NOT dropped) AS usd, count(*) FILTER (NOT dropped AND usd IS NULL) AS unknown,
    count(*) FILTER (dropped AND why = 'budget') AS over_budget,
    count(*) FILTER (dropped AND why = 'capacity') AS shed,
    count(*) FILTER (dropped AND why = 'deadline') AS late,
    count(*) FILTER (dropped AND why NOT IN ('budget', 'capacity', 'deadline', 'sampled_out')) AS failed
FROM replies GROUP BY "at" ORDER BY "at" DESC LIMIT {_MOST_DAYS}"""
"""Raters of one reply repeat what it cost, so it is counted once."""


def spending(source: Source, these: Slice, settings: ShadowSettings | None) -> dict[str, Any]:
    """Per day (UTC) what the shadow did, beside what its plan lets it take.

    Returns:
        ``days`` (oldest first: ``at``, ``replies``, ``usd`` or None where no price is known, ``unknown``,
        ``over_budget``, ``shed``, ``late``, ``failed``), ``allowed`` (``budget_usd_per_day``,
        ``concurrency``, ``deadline_seconds``, ``percentage``; None without a shadow step), ``sentence`` and
        ``sql``.

    """
    query = these.query(_DAYS)
    days = [_day(row) for row in reversed(query.rows(source))]
    allowed = None if settings is None else _allowed(settings)
    return {"days": days, "allowed": allowed, "sentence": _sentence(days, allowed), "sql": query.sql}


def _day(row: dict[str, Any]) -> dict[str, Any]:
    at = aware_utc(row["at"])
    assert at is not None
    return row | {"at": at.isoformat()}


def _allowed(settings: ShadowSettings) -> dict[str, Any]:
    return {
        "budget_usd_per_day": settings.budget_usd_per_day,
        "concurrency": settings.concurrency,
        "deadline_seconds": settings.deadline.total_seconds(),
        "percentage": float(settings.percentage),
    }


def _sentence(days: list[dict[str, Any]], allowed: dict[str, Any] | None) -> str:
    known = [day for day in days if day["usd"] is not None]
    if not known:
        return "Nobody knows what the shadow cost." if days else "Nothing ran in shadow."
    most = max(known, key=lambda day: float(day["usd"]))
    told = f"The shadow cost ${sum(day['usd'] for day in known):,.2f} on {len(days):,} days"
    told += f", at most ${most['usd']:,.2f} on one of them"
    if allowed is not None:
        share = most["usd"] / allowed["budget_usd_per_day"]
        told += f": {share:.0%} of the ${allowed['budget_usd_per_day']:,.2f} a day that it may take"
    left = sum(day["over_budget"] for day in days)
    told += "." if not left else f". For want of budget {left:,} tickets were not watched."
    unknown = sum(day["unknown"] for day in days)
    return told + (f" The price of {unknown:,} replies is unknown." if unknown else "")
