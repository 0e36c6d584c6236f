"""Re-contact within 7 days, by arm and by path; resolutions split into confirmed, assumed, reversed."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from experiments.proportions import wilson
from rollout.measure.headlines.slice import ARM_GROUP, Headline, Point, Slice, comparable, where
from rollout.measure.query import Source, aware_utc
from rollout.measure.recontact import CLAIMED, matured, returned

DAYS: Final = 7


def returns(source: Source, these: Slice) -> Headline:
    """Share of matured, claimed resolutions after which the customer came back on the same issue."""
    by_arm = these.query(_sql(these, ARM_GROUP))
    rows = _points(by_arm.rows(source))
    paths = these.query(_sql(these, "coalesce(path, 'open')"))
    weekly = these.query(_sql(these, ARM_GROUP, trend=True))
    return Headline(
        sentence=_sentence(rows),
        sql=by_arm.sql,
        rows=rows,
        trend=_points(weekly.rows(source)),
        by={"by_path": _points(paths.rows(source))},
    )


def _sql(these: Slice, group: str, *, trend: bool = False) -> str:
    at = f"date_trunc('{these.grain}', opened_at) AS \"at\"," if trend else ""
    ripe, back = matured(DAYS), returned(DAYS)
    return f"""
SELECT {group} AS "group", {at}
    count(*) FILTER ({ripe}) AS n, count(*) FILTER ({ripe} AND {back}) AS back,
    count(*) FILTER ({CLAIMED} AND NOT {ripe}) AS immature,
    max(resolved_at) FILTER ({CLAIMED} AND NOT {ripe}) AS newest,
    count(*) FILTER ({CLAIMED} AND resolution = 'confirmed') AS confirmed,
    count(*) FILTER ({CLAIMED} AND resolution = 'assumed') AS assumed,
    count(*) FILTER (resolution = 'abandoned' AND resolved_at <= $as_of) AS abandoned
FROM {these.tickets} GROUP BY ALL ORDER BY ALL"""


def _points(rows: Iterable[Mapping[str, Any]]) -> tuple[Point, ...]:
    return tuple(_point(row) for row in rows if row["n"] or row["immature"])


def _point(row: Mapping[str, Any]) -> Point:
    n = row["n"]
    interval = wilson(row["back"], n)
    newest = aware_utc(row["newest"])
    when: dict[str, Any] = {}
    if "at" in row:
        at = aware_utc(row["at"])
        assert at is not None
        when = {"at": at.isoformat()}
    return Point(
        group=row["group"],
        value=interval.estimate if n else None,
        lower=interval.lower if n else None,
        upper=interval.upper if n else None,
        n=n,
        more={
            **when,
            "immature": row["immature"],
            "provisional_until": None if newest is None else (newest + timedelta(days=DAYS)).isoformat(),
            "confirmed": row["confirmed"],
            "assumed": row["assumed"],
            "reversed": row["back"],
            "abandoned": row["abandoned"],
        },
    )


def _sentence(rows: tuple[Point, ...]) -> str:
    known = [row for row in rows if row.value is not None and comparable(row.group)]
    waiting = sum(row.more["immature"] for row in rows)
    tail = f" {waiting:,} resolutions are younger than {DAYS} days and not in it yet." if waiting else ""
    if not known:
        return f"No claimed resolution is {DAYS} days old yet.{tail}"
    parts = [f"{row.value:.1%} {where(row.group)} ({row.n:,} matured)" for row in known]
    return f"Customers who came back on the same issue within {DAYS} days: {', '.join(parts)}.{tail}"
