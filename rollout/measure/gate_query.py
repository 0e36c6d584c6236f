"""The one query of a gate: every metric's stratified, customer-clustered sums in one pass.

Stratum h is (step, weights in force, day): within it the chance of the treated arm was one number.
Per stratum first (p_h, ȳ_h), then per customer (a_c, b_c), then over customers; see
``experiments.samples.Comparison`` for the sums. Text is composed from definitions of this package
only, every value is bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import ANSWERED, OFFERED, REPEATED, RESPONSE, RIPE
from rollout.measure.definition import Definition
from rollout.measure.query import Query
from rollout.measure.scope import STEP, Scope

_STRATUM: Final = f"hash({STEP}, weight, canary_weight, day)"
"""64 bits: two of a thousand strata fall together once in 10¹³ gates."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A metric as a gate asks for it."""

    metric: str
    against: str = "control"
    """``control`` (difference of the arms) or ``limit`` (the treated arm's level)."""
    relative: bool = False
    """Whether the margin is a share of the control mean, which takes three sums more."""
    cap: float | None = None
    """Winsorising cap in the metric's unit."""

    @property
    def definition(self) -> Definition:
        return RESPONSE if self.metric == RESPONSE.metric else CATALOGUE[self.metric]


def gate_query(scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> Query:
    """The query whose only row ``gate_rows`` reads. ``wage`` is USD per hour of a person."""
    rating = any(want.metric == "csat" for want in wanted)
    if rating:
        wanted = [*wanted, Wanted(RESPONSE.metric)]
    both = [want for want in wanted if want.against == "control"]
    repeated = f"LEFT JOIN ({REPEATED}) AS r USING (ticket_id)" if rating else ""
    flag = "r.ticket_id IS NOT NULL" if rating else "FALSE"
    counted = [part for want in wanted for part in _counts(want)] + (_surveys() if rating else [])
    sql = f"""
WITH tickets AS MATERIALIZED (
    SELECT *, CAST(arm = $treated AS DOUBLE) AS a, {_STRATUM} AS h
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
), seen AS MATERIALIZED (
    SELECT customer_id, a, h{_lines([part for want in wanted for part in _carried(want)], lead=True)}
    FROM (SELECT tickets.*, {flag} AS repeated FROM tickets {repeated})
), strata AS (
    SELECT h{_lines([part for want in both for part in _stratum(want)], lead=True)}
    FROM seen GROUP BY h
), units AS (
    SELECT customer_id{_lines([part for want in wanted for part in _unit(want)], lead=True)}
    FROM seen JOIN strata USING (h) GROUP BY customer_id
), summed AS (
    SELECT count(*) AS units{_lines([part for want in wanted for part in _summed(want)], lead=True)}
    FROM units
), totalled AS (
    SELECT count(*) AS strata{_lines([part for want in both for part in _totalled(want)], lead=True)}
    FROM strata
), counted AS (
    SELECT count(*) AS tickets, sum(a) AS treated,
        max(opened_at) AS newest,
        count(*) FILTER ({STEP} = $step) AS recent,
        sum(a) FILTER ({STEP} = $step) AS recent_treated,
        min(opened_at) FILTER ({STEP} = $step) AS recent_from{_lines(counted, lead=True)}
    FROM tickets
)
SELECT * FROM summed, totalled, counted"""
    params = {**scope.params, "wage": wage, **{f"cap_{want.metric}": want.cap for want in wanted}}
    return Query(sql.strip(), params)


def _lines(parts: Sequence[str], *, lead: bool = False) -> str:
    text = ",\n        ".join(parts)
    return f",\n        {text}" if lead and parts else text


def _carried(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    value = f"CAST({d.value} AS DOUBLE)"
    if want.cap is not None:
        value = f"least({value}, $cap_{m})"
    return [
        f"CASE WHEN {d.counts} THEN {value} ELSE CAST(0 AS DOUBLE) END AS y_{m}",
        f"CAST(coalesce({d.counts}, FALSE) AS DOUBLE) AS d_{m}",
    ]


def _stratum(want: Wanted) -> list[str]:
    m = want.metric
    parts = [
        f"sum(d_{m}) AS n_{m}",
        f"sum(a * d_{m}) AS nt_{m}",
        f"sum(y_{m}) AS s_{m}",
        f"sum(a * y_{m}) AS st_{m}",
        f"coalesce(sum(a * d_{m}) / nullif(sum(d_{m}), 0), 0) AS p_{m}",
        f"coalesce(sum(y_{m}) / nullif(sum(d_{m}), 0), 0) AS m_{m}",
    ]
    if want.relative:
        parts.append(f"coalesce(sum(a * y_{m}) / nullif(sum(d_{m}), 0), 0) AS mx_{m}")
    return parts


def _unit(want: Wanted) -> list[str]:
    m = want.metric
    if want.against == "limit":
        return [
            f"sum(a * y_{m}) AS a_{m}",
            f"sum(a * d_{m}) AS b_{m}",
            f"sum(a * y_{m} * y_{m}) AS raa_{m}",
            f"sum(a * y_{m} * d_{m}) AS rab_{m}",
            f"sum(a * d_{m} * d_{m}) AS rbb_{m}",
        ]
    y, contrast = f"(y_{m} - m_{m} * d_{m})", f"(a - p_{m})"
    parts = [
        f"sum({contrast} * {y}) AS a_{m}",
        f"sum({contrast} * {contrast} * d_{m}) AS b_{m}",
        f"sum({y} * {y}) AS w_{m}",
        f"sum(d_{m}) AS d_{m}",
    ]
    if want.relative:
        x = f"(a * y_{m} - mx_{m} * d_{m})"
        parts += [
            f"sum({contrast} * {x}) AS x_{m}",
            f"sum({x} * {x}) AS wxx_{m}",
            f"sum({x} * {y}) AS wxy_{m}",
        ]
    return parts


def _summed(want: Wanted) -> list[str]:
    m = want.metric
    a, b, d = f"a_{m}", f"b_{m}", f"d_{m}" if want.against == "control" else f"b_{m}"
    parts = [
        f"sum({a}) AS {m}__a",
        f"sum({b}) AS {m}__b",
        f"sum({a} * {a}) AS {m}__aa",
        f"sum({a} * {b}) AS {m}__ab",
        f"sum({b} * {b}) AS {m}__bb",
        f"count(*) FILTER ({d} > 0) AS {m}__clusters",
    ]
    if want.against == "limit":
        return parts + [f"sum({part}_{m}) AS {m}__{part}" for part in ("raa", "rab", "rbb")]
    parts += [f"sum(w_{m}) AS {m}__within", f"max({b}) AS {m}__largest"]
    if want.relative:
        x = f"x_{m}"
        parts += [
            f"sum({x}) AS {m}__x",
            f"sum({x} * {x}) AS {m}__xx",
            f"sum({a} * {x}) AS {m}__ax",
            f"sum({x} * {b}) AS {m}__xb",
            f"sum(wxx_{m}) AS {m}__wxx",
            f"sum(wxy_{m}) AS {m}__wxy",
        ]
    return parts


def _totalled(want: Wanted) -> list[str]:
    m = want.metric
    return [
        f"sum(n_{m}) AS {m}__n",
        f"sum(nt_{m}) AS {m}__nt",
        f"sum(s_{m}) AS {m}__s",
        f"sum(st_{m}) AS {m}__st",
        f"count(*) FILTER (n_{m} > 0) AS {m}__strata",
    ]


def _counts(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    arm = " AND a = 1" if want.against == "limit" else ""
    return [
        f"count(*) FILTER ({d.immature}{arm}) AS {m}__immature",
        f"min({d.matures_at}) FILTER ({d.immature}{arm}) AS {m}__matures_at",
        f"count(*) FILTER ({d.unknown}{arm}) AS {m}__unknown",
        f"count(*) FILTER ({d.unknown} AND a = 1) AS {m}__unknown_treated",
    ]


def _surveys() -> list[str]:
    parts = []
    for name, arm in (("treated", 1), ("control", 0)):
        ripe = f"{OFFERED} AND {RIPE} AND a = {arm}"
        parts += [
            f"count(*) FILTER ({ripe}) AS offered_{name}",
            f"count(*) FILTER ({ripe} AND {ANSWERED}) AS answered_{name}",
        ]
        parts += [
            f"count(*) FILTER ({ANSWERED} AND a = {arm} AND round(csat) = {score}) AS {name}_{score}"
            for score in range(1, 6)
        ]
    return parts
