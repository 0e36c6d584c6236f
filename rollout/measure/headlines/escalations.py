"""Escalation by category and arm, with bands."""

from collections.abc import Mapping
from typing import Any

from experiments.proportions import wilson
from rollout.measure.headlines.slice import ARM_GROUP, MINIMUM, Headline, Point, Slice, comparable, where
from rollout.measure.query import Source, aware_utc

Bands = Mapping[str, tuple[float, float]]


def escalations(source: Source, these: Slice, bands: Bands) -> Headline:
    """Share of tickets that went on to a person, per category; at triage apart from mid-conversation."""
    query = these.query(_sql(these, "coalesce(category, 'unknown')"))
    rows = tuple(_point(row, bands) for row in query.rows(source))
    weekly = these.query(_sql(these, f"date_trunc('{these.grain}', opened_at)"))
    return Headline(
        sentence=_sentence(rows, bands),
        sql=query.sql,
        rows=rows,
        trend=tuple(_mark(row) for row in weekly.rows(source)),
    )


def _sql(these: Slice, group: str) -> str:
    return f"""
SELECT {group} AS "group", {ARM_GROUP} AS arm,
    count(*) AS n, count(*) FILTER (escalated) AS escalated,
    count(*) FILTER (escalated AND coalesce(escalated_at_triage, FALSE)) AS at_triage
FROM {these.tickets} WHERE escalated IS NOT NULL GROUP BY ALL ORDER BY ALL"""


def _point(row: Mapping[str, Any], bands: Bands) -> Point:
    n, enough = row["n"], row["n"] >= MINIMUM
    interval = wilson(row["escalated"], n)
    band = bands.get(row["group"])
    low, high = band or (None, None)
    return Point(
        group=row["group"],
        value=interval.estimate if enough else None,
        lower=interval.lower if enough else None,
        upper=interval.upper if enough else None,
        n=n,
        more={
            "arm": row["arm"],
            "enough": enough,
            "at_triage": row["at_triage"] / n if enough else None,
            "mid_conversation": (row["escalated"] - row["at_triage"]) / n if enough else None,
            "band_low": low,
            "band_high": high,
            "band": _check(interval.lower, interval.upper, band) if enough and band else None,
        },
    )


def _mark(row: Mapping[str, Any]) -> Point:
    interval, at = wilson(row["escalated"], row["n"]), aware_utc(row["group"])
    assert at is not None
    return Point(
        row["arm"],
        interval.estimate,
        interval.lower,
        interval.upper,
        row["n"],
        {"at": at.isoformat()},
    )


def _check(lower: float, upper: float, band: tuple[float, float]) -> str:
    low, high = band
    if lower > high:
        return "above"
    if upper < low:
        return "below"
    return "inside" if low <= lower and upper <= high else "unclear"


def _sentence(rows: tuple[Point, ...], bands: Bands) -> str:
    known = [row for row in rows if row.value is not None and comparable(row.more["arm"])]
    served = [row for row in known if row.more["arm"] not in ("human", "unassigned")] or known
    if not served:
        return f"No category has {MINIMUM} tickets yet, too few for a share."
    most = max(served, key=lambda row: row.value or 0.0)
    text = (
        f"Most is escalated in {most.group}: {most.value:.1%} of {most.n:,} tickets "
        f"{where(most.more['arm'])}."
    )
    outside = [
        f"{row.group} ({row.more['band']}, {row.more['arm']} arm)"
        for row in served
        if row.more["band"] in ("above", "below")
    ]
    if outside:
        text += f" Outside their band: {', '.join(outside)}."
    elif bands:
        text += " No category is outside its band beyond chance."
    few = sum(row.value is None for row in rows)
    return text + (
        f" {few} {'cell has' if few == 1 else 'cells have'} fewer than {MINIMUM} tickets." if few else ""
    )
