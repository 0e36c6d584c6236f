"""Cost per resolution, gross and net of re-contact, by arm."""

from collections.abc import Mapping
from typing import Any, Final

from experiments.estimate import estimate_level
from experiments.samples import OneSample
from rollout.measure.cost import HUMAN_SECONDS, HUMAN_USD, MODEL_USD, TICKET_USD
from rollout.measure.definition import CLOSED
from rollout.measure.headlines.slice import ARM_GROUP, Headline, Point, Slice, comparable, where
from rollout.measure.query import Source, aware_utc
from rollout.measure.recontact import CLAIMED, matured, returned

_Z: Final = 1.959963984540054
"""The normal distribution's 97.5 % point: intervals of reports are for one look, at 95 %."""


def costs(source: Source, these: Slice, wage: float | None) -> Headline:
    """Model cost plus people's minutes at the wage, over claimed resolutions.

    Gross counts every claimed resolution, net only those that hold: gross / (1 − re-contact rate of
    the matured ones). Without a wage only the model's part and the minutes are known.
    """
    query = these.query(_sql(these), wage=wage)
    rows = tuple(_point(row) for row in query.rows(source))
    weekly = these.query(_sql(these, trend=True), wage=wage)
    return Headline(
        sentence=_sentence(rows, wage),
        sql=query.sql,
        rows=rows,
        trend=tuple(_point(row) for row in weekly.rows(source)),
    )


def _sql(these: Slice, *, trend: bool = False) -> str:
    at, on = (f"date_trunc('{these.grain}', opened_at) AS \"at\",", ', "at"') if trend else ("", "")
    known = f"CASE WHEN $wage IS NULL THEN {MODEL_USD} ELSE {TICKET_USD} END"
    return f"""
WITH closed AS (
    SELECT {ARM_GROUP} AS "group", {at} customer_id,
        {known} AS usd, {MODEL_USD} AS model, {HUMAN_USD} AS human, {HUMAN_SECONDS} / 60.0 AS minutes,
        CAST({CLAIMED} AS DOUBLE) AS resolved,
        {matured(7)} AS mature, {matured(7)} AND {returned(7)} AS back
    FROM {these.tickets} WHERE {CLOSED}
), customers AS (
    SELECT "group"{on}, customer_id, sum(usd) AS a, sum(resolved) AS b, sum(usd * usd) AS raa,
        sum(usd * resolved) AS rab, sum(model) AS model, sum(human) AS human, sum(minutes) AS minutes,
        count(*) AS tickets, count(*) FILTER (mature) AS mature, count(*) FILTER (back) AS back
    FROM closed WHERE usd IS NOT NULL GROUP BY "group"{on}, customer_id
), summed AS (
    SELECT "group"{on}, sum(a) AS a, sum(b) AS b, sum(a * a) AS aa, sum(a * b) AS ab, sum(b * b) AS bb,
        sum(raa) AS raa, sum(rab) AS rab, count(*) AS clusters, sum(model) AS model, sum(human) AS human,
        sum(minutes) AS minutes, sum(tickets) AS tickets, sum(mature) AS mature, sum(back) AS back
    FROM customers GROUP BY ALL
), unknown AS (
    SELECT "group"{on}, count(*) AS unknown FROM closed WHERE usd IS NULL GROUP BY ALL
)
SELECT * FROM summed FULL JOIN unknown USING ("group"{on}) ORDER BY "group"{on}"""


def _point(row: Mapping[str, Any]) -> Point:
    resolved = row["b"] or 0.0
    gross = row["a"] / resolved if resolved else None
    returning = row["back"] / row["mature"] if row["mature"] else None
    factor = 1 / (1 - returning) if returning is not None and returning < 1 else None
    half = _Z * estimate_level(_sample(row)).se if resolved else None
    net = gross * factor if gross is not None and factor is not None else None
    spread = half * factor if half is not None and factor is not None and half < float("inf") else None
    at = aware_utc(row.get("at"))
    return Point(
        group=row["group"],
        value=net,
        lower=None if net is None or spread is None else max(net - spread, 0.0),
        upper=None if net is None or spread is None else net + spread,
        n=round(resolved),
        more={
            **({} if at is None else {"at": at.isoformat()}),
            "gross": gross,
            "net": net,
            "model": row["model"] / resolved if resolved and row["model"] is not None else None,
            "human": row["human"] / resolved if resolved and row["human"] is not None else None,
            "human_minutes": row["minutes"] / resolved if resolved and row["minutes"] is not None else None,
            "recontact_rate": returning,
            "tickets": int(row["tickets"] or 0),
            "unknown": int(row["unknown"] or 0),
        },
    )


def _sample(row: Mapping[str, Any]) -> OneSample:
    return OneSample(
        sum_a=row["a"],
        sum_b=row["b"],
        sum_aa=row["aa"],
        sum_ab=row["ab"],
        sum_bb=row["bb"],
        row_aa=row["raa"],
        row_ab=row["rab"],
        row_bb=row["b"],
        n=row["b"],
        events=row["a"],
        clusters=row["clusters"],
    )


def _sentence(rows: tuple[Point, ...], wage: float | None) -> str:
    known = [row for row in rows if row.more["gross"] is not None and comparable(row.group)]
    if not known:
        return "No resolution with a known cost in this period."
    what = "Cost per claimed resolution" if wage is not None else "Model cost alone per claimed resolution"
    parts = [
        f"${row.more['gross']:.2f} {where(row.group)}"
        + ("" if row.value is None else f" (${row.value:.2f} net of re-contact)")
        for row in known
    ]
    text = f"{what}: {', '.join(parts)}."
    if wage is None:
        text += " The plan names no cost.human_usd_per_hour, so people's time is not in it."
    unknown = sum(row.more["unknown"] for row in rows)
    return text + (f" {unknown:,} tickets with an unknown cost are left out." if unknown else "")
