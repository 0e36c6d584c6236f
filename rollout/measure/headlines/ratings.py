"""CSAT by the path that served, and by arm."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from experiments.proportions import mean_interval
from rollout.measure.csat import ANSWERED, OFFERED, REPEATED, RIPE
from rollout.measure.headlines.slice import RANDOMISED_LIVE, Headline, Point, Slice
from rollout.measure.query import Source, aware_utc

PATHS: Final = {
    "agent": "the agent alone",
    "human": "humans",
    "agent_then_human": "humans after the agent",
    "abandoned": "nobody to the end (abandoned)",
}


def ratings(source: Source, these: Slice) -> Headline:
    """Mean of answered surveys by path. A path is decided after treatment: it describes, no more."""
    by_path = these.query(_sql(these, "path", "path IS NOT NULL"))
    rows = _points(by_path.rows(source))
    weekly = these.query(_sql(these, "path", "path IS NOT NULL", trend=True))
    arms = these.query(_sql(these, "arm", RANDOMISED_LIVE))
    return Headline(
        sentence=_sentence(rows),
        sql=by_path.sql,
        rows=rows,
        trend=_points(weekly.rows(source)),
        by={"by_arm": _points(arms.rows(source))},
    )


def _sql(these: Slice, group: str, condition: str, *, trend: bool = False) -> str:
    at = f"date_trunc('{these.grain}', opened_at) AS \"at\"," if trend else ""
    counted = f"{ANSWERED} AND NOT repeated"
    return f"""
WITH tickets AS {these.tickets}, repeats AS ({REPEATED}
), rated AS (
    SELECT tickets.*, repeats.ticket_id IS NOT NULL AS repeated
    FROM tickets LEFT JOIN repeats USING (ticket_id)
)
SELECT {group} AS "group", {at}
    count(*) FILTER ({counted}) AS n, sum(csat) FILTER ({counted}) AS total,
    sum(csat * csat) FILTER ({counted}) AS squares,
    count(*) FILTER ({OFFERED}) AS offered,
    count(*) FILTER ({OFFERED} AND {RIPE}) AS ripe,
    count(*) FILTER ({OFFERED} AND {RIPE} AND {ANSWERED}) AS answered
FROM rated WHERE {condition} GROUP BY ALL ORDER BY ALL"""


def _points(rows: Iterable[Mapping[str, Any]]) -> tuple[Point, ...]:
    return tuple(_point(row) for row in rows if row["offered"] or row["n"])


def _point(row: Mapping[str, Any]) -> Point:
    n = row["n"]
    interval = mean_interval(n, row["total"] or 0.0, row["squares"] or 0.0)
    enough = n >= 2
    rate = row["answered"] / row["ripe"] if row["ripe"] else None
    when: dict[str, Any] = {"at": _iso(row["at"])} if "at" in row else {}
    return Point(
        group=row["group"],
        value=interval.estimate if n else None,
        lower=max(interval.lower, 1.0) if enough else None,
        upper=min(interval.upper, 5.0) if enough else None,
        n=n,
        more={**when, "offered": row["offered"], "response_rate": rate},
    )


def _sentence(rows: tuple[Point, ...]) -> str:
    known = [row for row in rows if row.value is not None]
    if not known:
        return "No survey has been answered in this period."
    parts = [f"{row.value:.2f} by {PATHS.get(row.group, row.group)} ({_of(row)})" for row in known]
    return (
        f"Mean rating, 1 to 5: {', '.join(parts)}. Descriptive: who served is decided after treatment, and "
        "easier tickets stay with the agent."
    )


def _of(row: Point) -> str:
    rate = row.more["response_rate"]
    return f"{row.n:,} answers" + ("" if rate is None else f", {rate:.0%} response")


def _iso(moment: datetime) -> str:
    aware = aware_utc(moment)
    assert aware is not None
    return aware.isoformat()
