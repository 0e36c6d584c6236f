"""What was used and what it cost: tickets, agents' replies, tokens, money, people's minutes."""

from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal

from rollout.measure.query import Query, Source

By = Literal["tenant", "version", "workflow", "day"]
BY: Final[tuple[By, ...]] = ("tenant", "version", "workflow", "day")

_DONE_AT: Final = "coalesce(finished_at, occurred_at)"
_GROUPS: Final[dict[By, tuple[str, str, str]]] = {
    "tenant": ("tenant", "tenant", "tenant"),
    "workflow": ("workflow", "workflow", "workflow"),
    "version": ("CASE WHEN arm IN ('agent', 'canary') THEN version END", "version", "version"),
    "day": (
        "strftime(opened_at, '%Y-%m-%d')",
        f"strftime({_DONE_AT}, '%Y-%m-%d')",
        "strftime(occurred_at, '%Y-%m-%d')",
    ),
}
"""What a row is about, of a ticket, of a handling and of a shadow's comparison."""

# Raters of one shadow reply repeat what it cost, so it is counted once per version and ticket.
_SHADOW_REPLIES: Final = """
SELECT tenant, workflow, version, ticket_id, min(occurred_at) AS occurred_at, max(cost_usd) AS usd
FROM shadow_comparisons WHERE dropped IS NULL GROUP BY ALL"""


def usage_query(since: datetime, until: datetime, by: By, tenant: str | None) -> Query:
    """One row per group, in its order.

    Everything counts when it happened: a ticket when it was opened, an answer and a person's minutes when
    they were given, a shadow's reply when it was compared. Imported history is no use of this server.
    Money is in US dollars, NULL where no price is known; ``*_unknown`` counts the answers without one.

    Args:
        since: from this moment, with its zone.
        until: before this one.
        by: what a row is about. Under ``version``, tickets are those given to its arm; NULL are people.
        tenant: whose; everybody's where None.

    """
    return Query(_sql(by, tenant), {"since": since, "until": until, "tenant": tenant})


def usage_rows(
    source: Source, since: datetime, until: datetime, by: By, tenant: str | None
) -> list[dict[str, Any]]:
    """The rows of ``usage_query``."""
    return usage_query(since, until, by, tenant).rows(source)


def shadow_spending(source: Source, day: date) -> list[dict[str, Any]]:
    """What shadows have spent since a day (UTC) began, by tenant, workflow and version."""
    sql = f"""
SELECT tenant, workflow, version, coalesce(sum(usd), 0.0) AS usd, count(*) FILTER (usd IS NULL) AS unknown
FROM ({_SHADOW_REPLIES.replace("GROUP BY ALL", "AND occurred_at >= $since GROUP BY ALL")})
GROUP BY ALL ORDER BY ALL"""
    return Query(sql, {"since": datetime.combine(day, time(), UTC)}).rows(source)


def _sql(by: By, tenant: str | None) -> str:
    ticket, handling, shadow = _GROUPS[by]
    mine = "" if tenant is None else " AND tenant = $tenant"

    def within(moment: str) -> str:
        return f"{moment} >= $since AND {moment} < $until{mine}"

    return f"""
WITH shadow_replies AS ({_SHADOW_REPLIES}), opened AS (
    SELECT {ticket} AS "group", count(*) AS tickets
    FROM facts WHERE source IS DISTINCT FROM 'import' AND {within("opened_at")} GROUP BY ALL
), done AS (
    SELECT {handling} AS "group",
        count(*) FILTER (handler = 'agent') AS agent_replies,
        sum(tokens) FILTER (handler = 'agent') AS tokens,
        sum(cost_usd) FILTER (handler = 'agent') AS model_usd,
        count(*) FILTER (handler = 'agent' AND cost_usd IS NULL) AS model_unknown,
        sum(human_seconds) / 60.0 AS human_minutes
    FROM handlings WHERE {within(_DONE_AT)} GROUP BY ALL
), watched AS (
    SELECT {shadow} AS "group", count(*) AS shadow_replies, sum(usd) AS shadow_usd,
        count(*) FILTER (usd IS NULL) AS shadow_unknown
    FROM shadow_replies WHERE {within("occurred_at")} GROUP BY ALL
), groups AS (
    SELECT "group" FROM opened UNION SELECT "group" FROM done UNION SELECT "group" FROM watched
)
SELECT g."group", coalesce(tickets, 0) AS tickets, coalesce(agent_replies, 0) AS agent_replies,
    coalesce(tokens, 0)::BIGINT AS tokens, model_usd, coalesce(model_unknown, 0) AS model_unknown,
    coalesce(shadow_replies, 0) AS shadow_replies, shadow_usd,
    coalesce(shadow_unknown, 0) AS shadow_unknown, coalesce(human_minutes, 0.0) AS human_minutes
FROM groups g
LEFT JOIN opened ON opened."group" IS NOT DISTINCT FROM g."group"
LEFT JOIN done ON done."group" IS NOT DISTINCT FROM g."group"
LEFT JOIN watched ON watched."group" IS NOT DISTINCT FROM g."group"
ORDER BY g."group" NULLS LAST"""
