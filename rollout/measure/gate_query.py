"""The one query of a gate: every metric's stratified, customer-clustered sums in one pass.

Stratum h is (step, weights in force, day): within it the chance of the treated arm was one number.
Per stratum first (p_h, ȳ_h), then per customer (a_c, b_c), then over customers; see
``experiments.samples.Comparison`` for the sums. d is 0 or 1 throughout, so that Σỹ² is Σy² − n·ȳ²
and needs no pass over rows. Tickets are read twice rather than held: held, ten million of them would not
fit into the view's memory. Text is composed from definitions of this package only, every value is
bound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.vocabulary import METRICS
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import ANSWERED, REPEATED, RESPONSE
from rollout.measure.definition import NEVER, Definition
from rollout.measure.query import Query
from rollout.measure.scope import Scope

MARKS: Final = "CAST(arm = $treated AS DOUBLE) AS a, hash(step, weight, canary_weight, day) AS h"
"""Arm and stratum. 64 bits: two of a thousand strata fall together once in 10¹³ gates."""


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

    @property
    def binary(self) -> bool:
        """Whether y is 0 or 1, its own square."""
        return self.cap is None and (self.metric == RESPONSE.metric or METRICS[self.metric].unit == "rate")


def gate_query(scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> Query:
    """The query whose only row ``gate_rows`` reads. ``wage`` is USD per hour of a person."""
    wanted = with_response(wanted)
    sql = f"""
WITH tickets AS NOT MATERIALIZED (
    SELECT *, {MARKS}
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
){repeats(wanted)}, seen AS NOT MATERIALIZED (
    {seen(wanted)}
), strata AS MATERIALIZED (
    {strata(wanted)}
), means AS (
    {means(wanted)}
), units AS (
    SELECT customer_id{unit_sums(wanted)}
    FROM seen JOIN means USING (h) GROUP BY customer_id
), {ends(wanted)}
SELECT * FROM summed, totalled"""
    return Query(sql.strip(), gate_params(scope, wanted, wage))


def with_response(wanted: Sequence[Wanted]) -> Sequence[Wanted]:
    """CSAT is never read without the response rate."""
    return [*wanted, Wanted(RESPONSE.metric)] if _rates(wanted) else wanted


def gate_params(scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> dict[str, Any]:
    return {**scope.params, "wage": wage, **{f"cap_{want.metric}": want.cap for want in wanted}}


def repeats(wanted: Sequence[Wanted]) -> str:
    """A further CTE over ``tickets``, where a rating may be a customer's second within a week."""
    return f", repeats AS MATERIALIZED ({REPEATED}\n)" if _rates(wanted) else ""


def seen(wanted: Sequence[Wanted], kept: str = "TRUE") -> str:
    """One row per ticket: what it carries of every metric."""
    joined = "LEFT JOIN repeats USING (ticket_id)" if _rates(wanted) else ""
    flag = "repeats.ticket_id IS NOT NULL" if _rates(wanted) else "FALSE"
    return f"""SELECT customer_id, a, h{_lines(_carried(want) for want in wanted)}
    FROM (SELECT tickets.*, {flag} AS repeated FROM tickets {joined})
    WHERE {kept}"""


def strata(wanted: Sequence[Wanted]) -> str:
    """Per stratum, from sums per stratum and arm: half as many sums over tickets."""
    folded = _lines(_stratum(want) for want in wanted)
    return f"""SELECT h, sum(tickets) AS tickets, sum(a * tickets) AS treated{folded}
    FROM (
        SELECT h, a, count(*) AS tickets{_lines(_arm(want) for want in wanted)}
        FROM seen GROUP BY h, a
    ) GROUP BY h"""


def means(wanted: Sequence[Wanted]) -> str:
    both = [want for want in wanted if want.against == "control"]
    return f"""SELECT h{_lines(_means(want) for want in both)}
    FROM strata"""


def unit_sums(wanted: Sequence[Wanted]) -> str:
    """What is summed per customer over ``seen JOIN means``; ``carried`` has a bit per metric.

    One column of bits costs a sixth of as many counts: what a customer's row takes is what grouping costs.
    """
    bits = (
        " | ".join(f"(CAST(d_{want.metric} AS INTEGER) << {bit})" for bit, want in enumerate(wanted)) or "0"
    )
    return f"{_lines(_unit(want) for want in wanted)},\n        bit_or({bits}) AS carried"


def unit_names(wanted: Sequence[Wanted]) -> list[str]:
    """The columns of ``unit_sums`` that add up."""
    return [part.rsplit(" AS ", 1)[1] for want in wanted for part in _unit(want)]


def ends(wanted: Sequence[Wanted]) -> str:
    """The last two CTEs, over ``units`` and ``strata``: one row each."""
    return f"""summed AS (
    SELECT count(*) AS units{_lines(_summed(want, bit) for bit, want in enumerate(wanted))}
    FROM units
), totalled AS (
    SELECT sum(tickets) AS tickets, sum(treated) AS treated{_lines(_totalled(want) for want in wanted)}
    FROM strata
)"""


def _rates(wanted: Sequence[Wanted]) -> bool:
    return any(want.metric == "csat" for want in wanted)


def histogram_query(scope: Scope) -> Query:
    """How many gave which rating, by arm; every answered survey, repeated ones included."""
    sql = f"""
SELECT CAST(arm = $treated AS INTEGER) AS a, CAST(round(csat) AS INTEGER) AS score, count(*) AS n
FROM facts
WHERE {scope.where}
    AND excluded IS NULL AND {ANSWERED}
GROUP BY ALL ORDER BY ALL"""
    return Query(sql.strip(), scope.params)


def _lines(groups: Iterable[Sequence[str]]) -> str:
    return "".join(f",\n        {part}" for parts in groups for part in parts)


def _carried(want: Wanted) -> list[str]:
    """Per ticket: y, d, and what is still open or was never recorded."""
    m, d = want.metric, want.definition
    value = f"CAST({d.value} AS DOUBLE)"
    if want.cap is not None:
        value = f"least({value}, $cap_{m})"
    parts = [
        f"CASE WHEN {d.counts} THEN {value} ELSE CAST(0 AS DOUBLE) END AS y_{m}",
        f"CAST(coalesce({d.counts}, FALSE) AS DOUBLE) AS d_{m}",
    ]
    if d.immature != NEVER:
        parts.append(f"coalesce({d.immature}, FALSE) AS i_{m}")
        parts.append(f"CASE WHEN {d.immature} THEN {d.matures_at} END AS at_{m}")
    if d.unknown != NEVER:
        parts.append(f"CAST(coalesce({d.unknown}, FALSE) AS INTEGER) AS u_{m}")
    return parts


def _arm(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    parts = [f"sum(d_{m}) AS n_{m}", f"sum(y_{m}) AS s_{m}"]
    if not want.binary:
        parts.append(f"sum(y_{m} * y_{m}) AS q_{m}")
    if d.immature != NEVER:
        parts += [f"count(*) FILTER (i_{m}) AS i_{m}", f"min(at_{m}) AS at_{m}", f"max(at_{m}) AS by_{m}"]
    if d.unknown != NEVER:
        parts.append(f"sum(u_{m}) AS u_{m}")
    return parts


def _stratum(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    square = f"s_{m}" if want.binary else f"q_{m}"
    parts = [
        f"sum(n_{m}) AS n_{m}",
        f"sum(a * n_{m}) AS nt_{m}",
        f"sum(s_{m}) AS s_{m}",
        f"sum(a * s_{m}) AS st_{m}",
        f"sum({square}) AS q_{m}",
        f"sum(a * {square}) AS qt_{m}",
    ]
    if d.immature != NEVER:
        arm = "a * " if want.against == "limit" else ""
        parts += [f"sum({arm}i_{m}) AS i_{m}", f"min(at_{m}) AS at_{m}", f"max(by_{m}) AS by_{m}"]
    if d.unknown != NEVER:
        parts += [f"sum(u_{m}) AS u_{m}", f"sum(a * u_{m}) AS ut_{m}"]
    return parts


def _means(want: Wanted) -> list[str]:
    m = want.metric
    parts = [
        f"coalesce(nt_{m} / nullif(n_{m}, 0), 0) AS p_{m}",
        f"coalesce(s_{m} / nullif(n_{m}, 0), 0) AS m_{m}",
    ]
    return [*parts, f"coalesce(st_{m} / nullif(n_{m}, 0), 0) AS mx_{m}"] if want.relative else parts


def _unit(want: Wanted) -> list[str]:
    m = want.metric
    if want.against == "limit":
        return [f"sum(a * y_{m}) AS a_{m}", f"sum(a * d_{m}) AS b_{m}"]
    contrast = f"(a - p_{m})"
    parts = [
        f"sum({contrast} * (y_{m} - m_{m} * d_{m})) AS a_{m}",
        f"sum({contrast} * {contrast} * d_{m}) AS b_{m}",
    ]
    return [*parts, f"sum({contrast} * (a * y_{m} - mx_{m} * d_{m})) AS x_{m}"] if want.relative else parts


def _summed(want: Wanted, bit: int) -> list[str]:
    m = want.metric
    a, b, x = f"a_{m}", f"b_{m}", f"x_{m}"
    carried = b if want.against == "limit" else f"(carried & {1 << bit})"
    parts = [
        f"sum({a}) AS {m}__a",
        f"sum({b}) AS {m}__b",
        f"sum({a} * {a}) AS {m}__aa",
        f"sum({a} * {b}) AS {m}__ab",
        f"sum({b} * {b}) AS {m}__bb",
        f"max({b}) AS {m}__largest",
        f"count(*) FILTER ({carried} > 0) AS {m}__clusters",
    ]
    if want.relative:
        parts += [
            f"sum({x}) AS {m}__x",
            f"sum({x} * {x}) AS {m}__xx",
            f"sum({a} * {x}) AS {m}__ax",
            f"sum({x} * {b}) AS {m}__xb",
        ]
    return parts


def _totalled(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    n = f"nullif(n_{m}, 0)"
    parts = [
        f"sum(n_{m}) AS {m}__n",
        f"sum(nt_{m}) AS {m}__nt",
        f"sum(s_{m}) AS {m}__s",
        f"sum(st_{m}) AS {m}__st",
        f"sum(qt_{m}) AS {m}__qt",
        f"sum(greatest(q_{m} - s_{m} * s_{m} / {n}, 0)) AS {m}__within",
        f"count(*) FILTER (n_{m} > 0) AS {m}__strata",
    ]
    if want.relative:
        parts += [
            f"sum(qt_{m} - st_{m} * st_{m} / {n}) AS {m}__wxx",
            f"sum(qt_{m} - st_{m} * s_{m} / {n}) AS {m}__wxy",
        ]
    if d.immature != NEVER:
        parts += [
            f"sum(i_{m}) AS {m}__immature",
            f"min(at_{m}) AS {m}__matures_at",
            f"max(by_{m}) AS {m}__mature_by",
        ]
    if d.unknown != NEVER:
        parts += [f"sum(u_{m}) AS {m}__unknown", f"sum(ut_{m}) AS {m}__unknown_treated"]
    return parts
