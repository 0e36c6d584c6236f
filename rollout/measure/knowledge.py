"""What is known where: subjects the agent could not answer, articles that it uses, and how old they are."""

from collections.abc import Mapping
from typing import Any, Final

from rollout.measure.cost import MODEL_USD
from rollout.measure.headlines.slice import Slice
from rollout.measure.query import Source, aware_utc

LOW: Final = 0.5
"""Confidence, of the answer or of what was found for it, below which an answer is called unsure."""
STALE_DAYS: Final = 180
_MOST_ROWS: Final = 50
_EXAMPLES: Final = 3
_WITHHELD: Final = (
    "('low-confidence', 'low-retrieval-confidence', 'low-retrieval-confidence-sensitive-topic', "
    "'model-handed-over')"
)
"""Reasons for which an agent hands off because it does not know."""
_AGENT: Final = "coalesce(arm, '') IN ('agent', 'canary')"

_GAPS: Final = f"""
WITH live AS (
    SELECT ticket_id, opened_at, coalesce(category, 'unknown') AS category,
        CASE WHEN escalation_reason IN {_WITHHELD} THEN 'withheld'
            WHEN coalesce(errors, 0) > 0 OR (path = 'abandoned' AND NOT coalesce(escalated, FALSE))
                THEN 'unanswered'
            WHEN NOT coalesce(escalated, FALSE)
                AND least(coalesce(confidence, 1), coalesce(retrieval_confidence, 1)) < {LOW}
                THEN 'unsure' END AS kind,
        {MODEL_USD} AS model, human_seconds
    FROM {{tickets}} WHERE {_AGENT} AND coalesce(mode, 'live') <> 'shadow'
), shadow AS (
    SELECT ticket_id, min(occurred_at) AS opened_at, coalesce(max(category), 'unknown') AS category,
        CASE WHEN bool_or(coalesce(abstained, FALSE)) THEN 'withheld'
            WHEN max(confidence) < {LOW} THEN 'unsure' END AS kind,
        CAST(NULL AS DOUBLE) AS model, CAST(NULL AS DOUBLE) AS human_seconds
    FROM comparisons WHERE tenant = $tenant AND workflow = $workflow AND occurred_at <= $as_of
        AND ($since IS NULL OR occurred_at > $since) AND dropped IS NULL
    GROUP BY ticket_id, version
), found AS (
    SELECT *, 'live' AS mode FROM live WHERE kind IS NOT NULL
    UNION ALL BY NAME SELECT *, 'shadow' AS mode FROM shadow WHERE kind IS NOT NULL
)
SELECT category, kind, mode, count(*) AS tickets,
    CASE WHEN mode = 'live' THEN
        sum(coalesce(model, 0)) + sum(coalesce(human_seconds, 0)) * CAST($wage AS DOUBLE) / 3600.0
    END AS usd,
    sum(human_seconds) / 60.0 AS minutes, max_by(ticket_id, opened_at, {_EXAMPLES}) AS examples
FROM found GROUP BY category, kind, mode
ORDER BY tickets DESC, category, kind, mode LIMIT {_MOST_ROWS}"""
"""Formatted with the slice's own subquery, never with anything a caller said."""

_ARTICLES: Final = f"""
WITH cited AS (
    SELECT ticket_id, version, occurred_at, sources, retrieval_age_days AS age, escalated
    FROM (
        SELECT h.ticket_id, h.version, h.occurred_at, h.sources, h.retrieval_age_days,
            h.outcome = 'handed_off' AS escalated
        FROM handlings AS h WHERE h.tenant = $tenant AND h.workflow = $workflow AND h.handler = 'agent'
            AND h.occurred_at <= $as_of AND ($since IS NULL OR h.occurred_at > $since)
        UNION ALL
        SELECT c.ticket_id, c.version, c.occurred_at, c.sources, NULL, coalesce(c.agent_escalated, FALSE)
        FROM shadow_comparisons AS c WHERE c.tenant = $tenant AND c.workflow = $workflow
            AND NOT starts_with(c.rater, 'human:')
            AND c.occurred_at <= $as_of AND ($since IS NULL OR c.occurred_at > $since)
    ) WHERE len(sources) > 0
)
SELECT article, count(*) AS replies, count(*) FILTER (escalated) AS handed_off,
    max(occurred_at) AS newest,
    coalesce(max(age) FILTER (len(sources) = 1), min(age)) AS age_days,
    count(*) FILTER (age IS NOT NULL AND len(sources) = 1) > 0 AS exact,
    max_by(ticket_id, occurred_at, {_EXAMPLES}) AS examples
FROM (SELECT *, unnest(sources) AS article FROM cited)
GROUP BY article ORDER BY replies DESC, article LIMIT {_MOST_ROWS}"""
"""A reply tells the age of the oldest article it used. So an article's age is known where it was used alone;
elsewhere the least of those ages is as old as it can be."""


def knowledge(source: Source, these: Slice, wage: float | None) -> dict[str, Any]:
    """Gaps, stale articles in use and the articles most used, in the slice's period.

    Args:
        source: who answers SQL.
        these: one workflow's tickets; only workflow, tenant and period are looked at.
        wage: US dollars an hour of a person; without one no cost is known.

    Returns:
        ``gaps`` (``kind`` ``withheld``, ``unsure`` or ``unanswered``; most tickets first), ``articles`` (most
        replies first) and ``stale`` (those older than ``stale_days``, oldest first), with the queries.

    """
    gaps = these.query(_GAPS.format(tickets=these.tickets), wage=wage)
    cited = these.query(_ARTICLES)
    articles = [_article(row) for row in cited.rows(source)]
    stale = [row for row in articles if row["age_days"] is not None and row["age_days"] > STALE_DAYS]
    rows = gaps.rows(source)
    return {
        "gaps": rows,
        "articles": articles,
        "stale": sorted(stale, key=lambda row: -row["age_days"]),
        "stale_days": STALE_DAYS,
        "unsure_below": LOW,
        "sentence": _sentence(rows, stale),
        "sql": {"gaps": gaps.sql, "articles": cited.sql},
    }


def _article(row: Mapping[str, Any]) -> dict[str, Any]:
    newest = aware_utc(row["newest"])
    return {**row, "newest": None if newest is None else newest.isoformat()}


def _sentence(gaps: list[dict[str, Any]], stale: list[dict[str, Any]]) -> str:
    if not gaps:
        return "No ticket of this period shows a gap."
    tickets = sum(row["tickets"] for row in gaps)
    by_category: dict[str, int] = {}
    for row in gaps:
        by_category[row["category"]] = by_category.get(row["category"], 0) + row["tickets"]
    most = max(sorted(by_category), key=by_category.__getitem__)
    told = f"{tickets:,} tickets show a gap, most of them in {most} ({by_category[most]:,})."
    if stale:
        told += f" {len(stale)} article{'s' if len(stale) > 1 else ''} in use may be out of date."
    return told
