"""The one query of a gate: every metric's stratified, customer-clustered sums in one pass over tickets.

Stratum h is (step, weights in force, day): within it the chance of the treated arm was one number.
Tickets become narrow rows once; cells of tickets alike give the strata (p_h, ȳ_h), and what a cell adds
to a customer's (a_c, b_c) is looked up instead of computed; see ``experiments.samples.Comparison`` for
the sums. d is 0 or 1 throughout, so that Σỹ² is Σy² − n·ȳ² and needs no pass over rows. Customers are
64-bit hashes: among a million two fall together once in 10⁷ gates. Text is composed from definitions of
this package only, every value is bound.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from rollout.measure.csat import ANSWERED, repeated
from rollout.measure.definition import NEVER
from rollout.measure.history_query import KNOWN, known_by, past, past_strata
from rollout.measure.query import Query, day_if
from rollout.measure.scope import Scope
from rollout.measure.wanted import (
    KEY,
    MARKS,
    Wanted,
    arm,
    bit,
    carried,
    has,
    rates,
    remembering,
    shared,
    with_response,
)

__all__ = ["Wanted", "gate_query", "histogram_query", "with_response"]


def gate_query(scope: Scope, wanted: Sequence[Wanted], wage: float | None, marks: str = MARKS) -> Query:
    """The query whose only row ``gate_rows`` reads.

    Args:
        scope: which tickets.
        wanted: the metrics.
        wage: USD per hour of a person.
        marks: columns ``a`` (which side a ticket is on) and ``h`` (its stratum).

    """
    wanted = with_response(wanted)
    sql = f"""
WITH tickets AS NOT MATERIALIZED (
    SELECT *, {marks}, rowid AS line
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
){repeats(wanted)}{memory(wanted)}, seen AS MATERIALIZED (
    {seen(wanted)}
), cells AS MATERIALIZED (
    {cells(wanted)}
), strata AS MATERIALIZED (
    {strata(wanted)}
), means AS (
    {means(wanted)}
), units AS (
    {units(wanted)}
), summed AS (
    {summed(wanted)}
), totalled AS (
    {totalled(wanted)}
), waiting AS (
    {waiting(wanted)}
)
SELECT * FROM summed, totalled, waiting"""
    return Query(sql.strip(), gate_params(scope, wanted, wage))


def gate_params(scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> dict[str, Any]:
    caps = {f"cap_{want.metric}": want.cap for want in wanted}
    return {**scope.params, **known_by(scope.exposed_at), "wage": wage, **caps}


def memory(wanted: Sequence[Wanted]) -> str:
    """A further CTE, where customers have a history."""
    return f", past AS MATERIALIZED (\n    {past(wanted)}\n)" if remembering(wanted) else ""


def repeats(wanted: Sequence[Wanted]) -> str:
    """A further CTE over ``tickets``, where a rating may be a customer's second within a week."""
    return f", repeats AS MATERIALIZED ({repeated('line')}\n)" if rates(wanted) else ""


def seen(wanted: Sequence[Wanted], beside: str = "") -> str:
    """One narrow row per ticket: customer, stratum, what it carries of every metric, more columns."""
    joined = "LEFT JOIN repeats USING (line)" if rates(wanted) else ""
    flag = "repeats.line IS NOT NULL" if rates(wanted) else "FALSE"
    return f"""SELECT hash(customer_id) AS unit, h, {carried(wanted)}{beside}
    FROM (SELECT tickets.*, {flag} AS repeated{shared(wanted)}
        FROM tickets {joined})"""


def cells(wanted: Sequence[Wanted]) -> str:
    """Tickets alike: how many, and the sums of what is no rate."""
    return f"""SELECT {KEY}, {arm(wanted)} AS a, count(*) AS tickets{_lines(_cell(want) for want in wanted)}
    FROM seen GROUP BY {KEY}"""


def strata(wanted: Sequence[Wanted]) -> str:
    sums = f"""SELECT h, sum(tickets) AS tickets, sum(a * tickets) AS treated{
        _lines(_stratum(wanted, want) for want in wanted)
    }
    FROM cells GROUP BY h"""
    if not remembering(wanted):
        return sums
    return f"SELECT * FROM ({sums})\n    LEFT JOIN ({past_strata(wanted)}) USING (h)"


def means(wanted: Sequence[Wanted]) -> str:
    both = [want for want in wanted if want.against == "control"]
    return f"""SELECT h{_lines(_means(want) for want in both)}
    FROM strata"""


def units(wanted: Sequence[Wanted]) -> str:
    """Per customer; ``carried`` has the bits of all that any of the customer's tickets carries."""
    sums = f"""SELECT unit{_lines(_unit(want) for want in wanted)}, bit_or(bits) AS carried
    FROM seen JOIN (
        SELECT {KEY}{_lines(_adds(wanted, want) for want in wanted)}
        FROM cells JOIN means USING (h)
    ) USING ({KEY})
    GROUP BY unit"""
    if not remembering(wanted):
        return sums
    # A customer's x is one number: it meets the customer's sums, not every ticket.
    covariates = _lines(
        [f"coalesce(x_{m}, 0) * g_{m} - e_{m} AS z_{m}"]
        for m in (want.metric for want in remembering(wanted))
    )
    kept = ", ".join(name for name in unit_names(wanted) if not name.startswith("z_"))
    return f"""SELECT unit, {kept}{covariates},
        carried | CASE WHEN past.unit IS NULL THEN 0 ELSE {KNOWN} END AS carried
    FROM ({sums}) LEFT JOIN past USING (unit)"""


def unit_names(wanted: Sequence[Wanted]) -> list[str]:
    """The columns of ``units`` that add up."""
    names = [part.rsplit(" AS ", 1)[1] for want in wanted for part in _unit(want)]
    return [
        *(name for name in names if name[:2] not in ("g_", "e_")),
        *(f"z_{want.metric}" for want in remembering(wanted)),
    ]


def summed(wanted: Sequence[Wanted]) -> str:
    """One row over ``units``."""
    return f"""SELECT count(*) AS units{_lines(_summed(wanted, want) for want in wanted)}
    FROM units"""


def totalled(wanted: Sequence[Wanted]) -> str:
    """One row over ``strata``."""
    return f"""SELECT sum(tickets) AS tickets, sum(treated) AS treated{
        _lines(_totalled(want) for want in wanted)
    }
    FROM strata"""


def waiting(wanted: Sequence[Wanted]) -> str:
    """When the first and the last of the tickets still open will be known: one row."""
    return f"""SELECT {awaited(wanted)}
    FROM tickets WHERE {immature(wanted)}"""


def awaited(wanted: Sequence[Wanted]) -> str:
    undecided = (want for want in wanted if want.definition.immature != NEVER)
    return f"count(*) AS waiting{_lines(_waiting(want) for want in undecided)}"


def immature(wanted: Sequence[Wanted]) -> str:
    """Condition: a ticket is still open, and says when it will be known."""
    return f"({' OR '.join(want.definition.immature for want in wanted if want.dated) or 'FALSE'})"


def histogram_query(scope: Scope, *, by_day: bool = False) -> Query:
    """How many gave which rating, by arm; every answered survey, repeated ones included."""
    sql = f"""
SELECT {day_if(by_day)}CAST(arm = $treated AS INTEGER) AS a, CAST(round(csat) AS INTEGER) AS score,
    count(*) AS n
FROM facts
WHERE {scope.where}
    AND excluded IS NULL AND {ANSWERED}
GROUP BY ALL ORDER BY ALL"""
    return Query(sql.strip(), scope.params)


def _lines(groups: Iterable[Sequence[str]]) -> str:
    return "".join(f",\n        {part}" for parts in groups for part in parts)


def _cell(want: Wanted) -> list[str]:
    m = want.metric
    return [] if want.binary else [f"sum(y_{m}) AS s_{m}", f"sum(y_{m} * y_{m}) AS q_{m}"]


def _stratum(wanted: Sequence[Wanted], want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    n = f"tickets * {has(wanted, want, 'd')}"
    s = f"tickets * {has(wanted, want, 'd', 'y')}" if want.binary else f"s_{m}"
    q = s if want.binary else f"q_{m}"
    parts = [f"sum({of}) AS {name}_{m}" for of, name in ((n, "n"), (s, "s"), (q, "q"))]
    parts += [f"sum(a * {of}) AS {name}_{m}" for of, name in ((n, "nt"), (s, "st"), (q, "qt"))]
    if d.immature != NEVER:
        where = "a * " if want.against == "limit" else ""
        parts.append(f"sum({where}tickets * {has(wanted, want, 'i')}) AS i_{m}")
    if d.unknown != NEVER:
        unknown = f"tickets * {has(wanted, want, 'u')}"
        parts += [f"sum({unknown}) AS u_{m}", f"sum(a * {unknown}) AS ut_{m}"]
    return parts


def _means(want: Wanted) -> list[str]:
    m = want.metric
    parts = [
        f"coalesce(nt_{m} / nullif(n_{m}, 0), 0) AS p_{m}",
        f"coalesce(s_{m} / nullif(n_{m}, 0), 0) AS m_{m}",
    ]
    if want.relative:
        parts.append(f"coalesce(st_{m} / nullif(n_{m}, 0), 0) AS mx_{m}")
    if want.history:
        parts.append(f"coalesce(hx_{m} / nullif(n_{m}, 0), 0) AS mz_{m}")
    return parts


def _adds(wanted: Sequence[Wanted], want: Wanted) -> list[str]:
    """What a ticket of the cell adds to its customer's sums; ``ca`` and ``cx`` once per unit of y."""
    m, d = want.metric, has(wanted, want, "d")
    y = has(wanted, want, "d", "y") if want.binary else "0"
    if want.against == "limit":
        amount = [f"a * {y} AS a_{m}"] if want.binary else [f"CAST(0 AS DOUBLE) AS a_{m}", f"a AS ca_{m}"]
        return [*amount, f"a * {d} AS b_{m}"]
    contrast = f"(a - p_{m})"
    parts = [f"{contrast} * ({y} - m_{m} * {d}) AS a_{m}", f"{contrast} * {contrast} * {d} AS b_{m}"]
    if not want.binary:
        parts.append(f"{contrast} AS ca_{m}")
    if want.relative:
        parts.append(f"{contrast} * (a * {y} - mx_{m} * {d}) AS x_{m}")
        parts += [] if want.binary else [f"{contrast} * a AS cx_{m}"]
    if want.history:
        parts += [f"{contrast} * {d} AS g_{m}", f"{contrast} * {d} * mz_{m} AS e_{m}"]
    return parts


def _unit(want: Wanted) -> list[str]:
    m = want.metric
    amount = "" if want.binary else f" + ca_{m} * y_{m}"
    parts = [f"sum(a_{m}{amount}) AS a_{m}", f"sum(b_{m}) AS b_{m}"]
    if want.relative and want.against == "control":
        amount = "" if want.binary else f" + cx_{m} * y_{m}"
        parts.append(f"sum(x_{m}{amount}) AS x_{m}")
    if want.history:
        parts += [f"sum(g_{m}) AS g_{m}", f"sum(e_{m}) AS e_{m}"]
    return parts


def products(want: Wanted) -> list[tuple[str, tuple[str, ...]]]:
    """The sums over customers: name, and the columns of ``units`` that are multiplied."""
    m = want.metric
    a, b, x, z = (f"{name}_{m}" for name in "abxz")
    found = [("a", (a,)), ("b", (b,)), ("aa", (a, a)), ("ab", (a, b)), ("bb", (b, b))]
    if want.relative:
        found += [("x", (x,)), ("xx", (x, x)), ("ax", (a, x)), ("xb", (x, b))]
    if want.history:
        found += [("z", (z,)), ("zz", (z, z)), ("az", (a, z)), ("zb", (z, b))]
    return [(f"{m}__{name}", factors) for name, factors in found]


def counts(wanted: Sequence[Wanted], want: Wanted, b: str, bits: str) -> list[tuple[str, str]]:
    """How many customers: name and condition, of a customer's b and of what any of the tickets carries."""
    counted = f"{b} > 0" if want.against == "limit" else f"({bits}) & {bit(wanted, want, 'd')} > 0"
    found = [(f"{want.metric}__clusters", counted)]
    if want.history:
        found.append((f"{want.metric}__remembered", f"{counted} AND ({bits}) & {KNOWN} > 0"))
    return found


def _summed(wanted: Sequence[Wanted], want: Wanted) -> list[str]:
    b = f"b_{want.metric}"
    return [
        *(f"sum({' * '.join(factors)}) AS {name}" for name, factors in products(want)),
        f"max({b}) AS {want.metric}__largest",
        *(f"count(*) FILTER ({some}) AS {name}" for name, some in counts(wanted, want, b, "carried")),
    ]


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
    if want.history:
        # Where one arm is empty nothing is compared, and the tickets may be those that x was read from.
        both = f"FILTER (nt_{m} > 0 AND nt_{m} < n_{m})"
        parts += [
            f"sum(greatest(hxx_{m} - hx_{m} * hx_{m} / {n}, 0)) {both} AS {m}__wzz",
            f"sum(hxy_{m} - hx_{m} * s_{m} / {n}) {both} AS {m}__wzy",
        ]
    if d.immature != NEVER:
        parts.append(f"sum(i_{m}) AS {m}__immature")
    if d.unknown != NEVER:
        parts += [f"sum(u_{m}) AS {m}__unknown", f"sum(ut_{m}) AS {m}__unknown_treated"]
    return parts


def _waiting(want: Wanted) -> list[str]:
    m, d = want.metric, want.definition
    at = f"CASE WHEN {d.immature} THEN {d.matures_at} END" if want.dated else d.matures_at
    return [f"min({at}) AS {m}__matures_at", f"max({at}) AS {m}__mature_by"]
