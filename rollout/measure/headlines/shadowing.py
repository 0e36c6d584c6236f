"""What shadow says: agreement by category, escalation side by side, where knowledge is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.proportions import wilson
from rollout.measure.comparisons import RATINGS
from rollout.measure.headlines.slice import MINIMUM, Point, Slice
from rollout.measure.query import Source

_REPLIES = f"""(
    SELECT category, bool_or(dropped IS NULL) AS compared, bool_or(abstained) AS abstained,
        CASE WHEN NOT bool_or(dropped IS NULL) THEN min(dropped) END AS dropped,
        bool_or(by_person AND agreement IS NOT NULL) AS by_people,
        coalesce(avg(agreement) FILTER (by_person), avg(agreement)) AS agreement,
        bool_or(agent_escalated) AS agent_escalated,
        coalesce(avg(CAST(human_escalated AS DOUBLE)) FILTER (by_person),
            avg(CAST(human_escalated AS DOUBLE))) >= 0.5 AS human_escalated
    FROM ({RATINGS}
    ) WHERE $category IS NULL OR category = $category
    GROUP BY ticket_id, version, category
)"""
"""One row per reply. People's word where there is one, a heuristic's otherwise: this page describes."""
_CATEGORIES = f"""
SELECT coalesce(category, 'unknown') AS "group", count(*) FILTER (compared) AS compared,
    count(agreement) FILTER (compared) AS n, sum(agreement) FILTER (compared) AS agreed,
    count(*) FILTER (compared AND by_people) AS by_people,
    count(*) FILTER (compared AND abstained) AS abstained
FROM {_REPLIES} GROUP BY ALL ORDER BY ALL"""
_ESCALATION = f"""
SELECT agent_escalated, human_escalated, count(*) AS n FROM {_REPLIES}
WHERE compared AND agent_escalated IS NOT NULL AND human_escalated IS NOT NULL
GROUP BY ALL ORDER BY ALL"""
_DROPPED = f"""
SELECT dropped, count(*) AS n FROM {_REPLIES} WHERE dropped IS NOT NULL GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True, slots=True)
class Shadow:
    """Agent replies beside humans' on the same tickets: no customer saw them, so they are no outcome."""

    comparisons: int
    sentence: str
    sql: str
    by_category: tuple[Point, ...]
    escalation: tuple[Mapping[str, Any], ...]
    abstained: int
    dropped: Mapping[str, int]
    gaps: tuple[Mapping[str, Any], ...]
    """Categories by how many answers the agent withheld for want of knowledge."""

    def to_json(self) -> dict[str, Any]:
        return {
            "comparisons": self.comparisons,
            "sentence": self.sentence,
            "sql": self.sql,
            "by_category": [point.to_json() for point in self.by_category],
            "escalation": [dict(row) for row in self.escalation],
            "abstained": self.abstained,
            "dropped": dict(self.dropped),
            "gaps": [dict(row) for row in self.gaps],
        }


def shadowing(source: Source, these: Slice) -> Shadow | None:
    """The shadow's read; None where nothing ran in shadow."""
    query = these.query(_CATEGORIES)
    rows = query.rows(source)
    dropped = {row["dropped"]: row["n"] for row in these.query(_DROPPED).rows(source)}
    if not rows:
        return None
    compared, abstained = (sum(row[name] for row in rows) for name in ("compared", "abstained"))
    rated, agreed = sum(row["n"] for row in rows), sum(row["agreed"] or 0.0 for row in rows)
    people = sum(row["by_people"] for row in rows)
    told = f"On {compared:,} tickets the agent answered in shadow and withheld {abstained:,} answers"
    told += f"; it agreed with the human on {agreed / rated:.0%} of {rated:,} rated" if rated else ""
    told += f", {people:,} of them by people." if rated else "."
    return Shadow(
        comparisons=compared,
        sentence=told,
        sql=query.sql,
        by_category=tuple(_point(row) for row in rows if row["n"]),
        escalation=tuple(these.query(_ESCALATION).rows(source)),
        abstained=abstained,
        dropped=dropped,
        gaps=tuple(_gaps(rows)),
    )


def _point(row: Mapping[str, Any]) -> Point:
    n = row["n"]
    interval = wilson(min(row["agreed"], n), n)
    enough = n >= MINIMUM
    return Point(
        group=row["group"],
        value=interval.estimate if enough else None,
        lower=interval.lower if enough else None,
        upper=interval.upper if enough else None,
        n=n,
        more={"enough": enough, "by_people": row["by_people"]},
    )


def _gaps(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [
        {"category": row["group"], "withheld": row["abstained"], "tickets": row["compared"]}
        for row in rows
        if row["abstained"]
    ]
    return sorted(found, key=lambda row: (-row["withheld"], row["category"]))
