"""How work flows: containment, first response and handle time, by arm. Shown, never gated alone."""

from collections.abc import Mapping
from typing import Any

from experiments.proportions import wilson
from rollout.measure.definition import CLOSED
from rollout.measure.headlines.slice import ARM_GROUP, Headline, Point, Slice, comparable, where
from rollout.measure.query import Source
from rollout.measure.times import ANSWERED_BY


def flow(source: Source, these: Slice) -> Headline:
    """Containment: share of ended tickets that no person touched. It says nothing of satisfaction."""
    query = these.query(_sql(these))
    rows = tuple(_point(row) for row in query.rows(source))
    known = [row for row in rows if row.value is not None and comparable(row.group)]
    parts = [f"{row.value:.1%} of {row.n:,} {where(row.group)}" for row in known]
    told = (
        f"Ended without a person: {', '.join(parts)}. Whether that was good is what CSAT and re-contact say."
    )
    return Headline(told if parts else "No ticket has ended in this period.", query.sql, rows)


def _sql(these: Slice) -> str:
    return f"""
SELECT {ARM_GROUP} AS "group",
    count(*) FILTER ({CLOSED} AND path IS NOT NULL) AS n,
    count(*) FILTER ({CLOSED} AND path = 'agent') AS contained,
    count(*) FILTER ({CLOSED} AND path = 'abandoned') AS abandoned,
    median(first_response_seconds) FILTER ({ANSWERED_BY}) AS first_response,
    count(*) FILTER (first_response_seconds IS NOT NULL AND {ANSWERED_BY}) AS answered,
    median(handle_seconds) FILTER ({CLOSED}) AS handle_time,
    count(*) FILTER ({CLOSED} AND handle_seconds IS NOT NULL) AS handled
FROM {these.tickets} GROUP BY ALL ORDER BY ALL"""


def _point(row: Mapping[str, Any]) -> Point:
    n = row["n"]
    interval = wilson(row["contained"], n)
    return Point(
        group=row["group"],
        value=interval.estimate if n else None,
        lower=interval.lower if n else None,
        upper=interval.upper if n else None,
        n=n,
        more={
            "abandoned": row["abandoned"],
            "first_response_median": row["first_response"],
            "first_response_n": row["answered"],
            "handle_time_median": row["handle_time"],
            "handle_time_n": row["handled"],
        },
    )
