"""What a gate keeps of every ticket, and the sums over it: the queries of ``gate_query`` cut in two.

A narrow row per ticket (customer, stratum, what it carries of every metric) is read off the facts once,
and again when its day changes. All sums run over those rows. Customers' sums add up over strata, and
every stratum lies within one day. What the days of the base add to a customer's sums is kept as well, so
that a look sums the rows of the other days and corrects the customers whom they touch.

``k`` is the prefix of a gate's tables: ``chosen`` (days being counted, of which ``days`` is the condition),
``open`` and ``base`` (rows of tickets), ``strata``, ``voices`` (ratings), ``past`` (what customers did
before the first exposure), ``units`` (customers' sums over the base), ``affected`` (customers whose
tickets of the base are others since the last look). Customers are kept as 64-bit hashes: nothing readable
of them is held a second time, and among a million two fall together once in 10⁷ gates.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from policies.vocabulary import METRICS
from rollout.measure.csat import ANSWERED, RATING_WINDOW_DAYS
from rollout.measure.gate_query import (
    awaited,
    cells,
    counts,
    immature,
    means,
    products,
    seen,
    strata,
    summed,
    totalled,
    unit_names,
    units,
)
from rollout.measure.history_query import past, past_rows
from rollout.measure.query import Source
from rollout.measure.scope import Scope
from rollout.measure.wanted import MARKS, Wanted, rates, remembering

_MINE: Final = "tenant = $tenant AND workflow = $workflow"
_WEEK: Final = f"epoch_us(csat_at) // {RATING_WINDOW_DAYS * 86_400_000_000}"
_FEW: Final = 40
_REPEATED: Final = "row_number() OVER (PARTITION BY unit, week ORDER BY csat_at, ticket_id) > 1"


def of_days(source: Source, table: str, days: Collection[date]) -> str:
    """Condition: of one of the days. Few are skipped to by name, many looked up in ``table``, made for it."""
    if not days:
        return "FALSE"
    if len(days) > _FEW:
        listed = f'CREATE OR REPLACE TABLE {table} AS SELECT unnest(CAST($days AS DATE[])) AS "day"'
        source.query(listed, {"days": sorted(days)})
        return f'"day" IN (SELECT "day" FROM {table})'
    named = ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))
    return f'"day" IN ({named})'


def next_change(wanted: Sequence[Wanted]) -> str:
    """When, after ``$as_of``, time alone next changes what a ticket carries of the metrics; NULL: never."""
    moments = ["opened_at", "resolved_at"]
    if rates(wanted):
        moments += ["csat_at", "csat_offered_at"]
        moments.append(f"coalesce(csat_offered_at, csat_at) + INTERVAL {METRICS['csat'].lag_hours:.0f} HOUR")
    metrics = {want.metric for want in wanted} & METRICS.keys() - {"csat"}
    lags = {METRICS[metric].lag_hours for metric in metrics} - {0}
    moments += [f"resolved_at + INTERVAL {lag:.0f} HOUR" for lag in sorted(lags)]
    if "escalation" in metrics:
        moments.append("escalated_at")
    if "first_response" in metrics:
        moments.append("opened_at + to_seconds(first_response_seconds)")
    later = ", ".join(f"CASE WHEN {moment} > $as_of THEN {moment} END" for moment in moments)
    return f"least({later})"


def changes_query(days: str, wanted: Sequence[Wanted]) -> str:
    """Per chosen day: when time alone next changes it, and its last resolution."""
    return f"""
SELECT "day", min({next_change(wanted)}) AS changes_at, max(resolved_at) AS resolved_at
FROM facts WHERE {_MINE} AND {days} GROUP BY "day\""""


def rows_of(k: str, days: str, scope: Scope, wanted: Sequence[Wanted]) -> str:
    """The narrow rows of the chosen days' tickets, with their day, category and when they were opened."""
    return f"""WITH {_tickets(k, days, scope, wanted)}
    {seen(wanted, ', "day", category, epoch_us(opened_at) * 2 + CAST(a AS BIGINT) AS met')}"""


def waiting_of(k: str, days: str, scope: Scope, wanted: Sequence[Wanted]) -> str:
    """The row of ``waiting`` per chosen day that has one."""
    return f"""WITH {_tickets(k, days, scope, wanted)}
SELECT "day", {awaited(wanted)} FROM tickets WHERE {immature(wanted)} GROUP BY "day\""""


def _tickets(k: str, days: str, scope: Scope, wanted: Sequence[Wanted]) -> str:
    repeats = f""", repeats AS (
    SELECT ticket_id AS line FROM {k}_voices WHERE repeated AND {days}
)"""
    return f"""tickets AS NOT MATERIALIZED (
    SELECT *, {MARKS}, ticket_id AS line
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND {days}
){repeats if rates(wanted) else ""}"""


def heard(days: str, scope: Scope) -> str:
    """The chosen days' ratings."""
    return f"""SELECT "day", hash(customer_id) AS unit, {_WEEK} AS week, csat_at, ticket_id
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND {ANSWERED} AND {days}"""


def ruled(k: str, days: str, *, first: bool = False) -> str:
    """Which ratings count of customers and weeks that the chosen days' ratings, new or old, are about."""
    if first:
        return f"SELECT *, {_REPEATED} AS repeated FROM {k}_heard"
    return f"""WITH touched AS (
    SELECT unit, week FROM {k}_heard
    UNION SELECT unit, week FROM {k}_voices WHERE {days}
)
SELECT *, {_REPEATED} AS repeated
FROM (
    FROM {k}_heard
    UNION ALL BY NAME
    SELECT * EXCLUDE (repeated) FROM {k}_voices SEMI JOIN touched USING (unit, week) WHERE NOT ({days})
)"""


def overruled(k: str, days: str) -> str:
    """Other days, of which a rating counts now that did not, or the other way round."""
    return f"""SELECT DISTINCT old."day"
FROM (FROM {k}_voices WHERE NOT ({days})) AS old JOIN {k}_ruled AS new USING (ticket_id)
WHERE old.repeated <> new.repeated"""


def strata_of(k: str, days: str, wanted: Sequence[Wanted]) -> str:
    """Strata over the chosen days' rows, with their day."""
    rows = " UNION ALL BY NAME ".join(f"FROM {k}_{part} WHERE {days}" for part in ("open", "base"))
    return f"""WITH seen AS ({rows}), {_past(k, wanted)}cells AS MATERIALIZED (
    {cells(wanted)}
)
SELECT * FROM ({strata(wanted)}) JOIN (SELECT h, any_value("day") AS "day" FROM seen GROUP BY h) USING (h)"""


def units_of(k: str, wanted: Sequence[Wanted], rows: str) -> str:
    """Customers' sums over ``rows``, whose means are the kept strata's."""
    return f"""WITH seen AS ({rows}), {_past(k, wanted)}cells AS MATERIALIZED (
    {cells(wanted)}
), strata AS (FROM {k}_strata
), means AS (
    {means(wanted)}
)
{units(wanted)}"""


def base_query(k: str, wanted: Sequence[Wanted]) -> str:
    """The row of ``summed`` over the base."""
    return f"WITH units AS (FROM {k}_units) {summed(wanted)}"


def moved_query(k: str, wanted: Sequence[Wanted]) -> str:
    """By how much open days' tickets move the row of ``base_query``; ``largest`` is of whom they touch."""
    names = ", ".join(f"{name} AS base_{name}" for name in (*unit_names(wanted), "carried"))
    parts = ",\n    ".join(part for want in wanted for part in _moved(wanted, want))
    return f"""WITH recent AS (
    {units_of(k, wanted, f"FROM {k}_open")}
)
SELECT count(*) - count(base.unit) AS units,
    {parts}
FROM recent LEFT JOIN (SELECT unit, {names} FROM {k}_units) AS base USING (unit)"""


def _moved(wanted: Sequence[Wanted], want: Wanted) -> list[str]:
    b = f"b_{want.metric}"
    both, alone = f"{b} + coalesce(base_{b}, 0)", f"coalesce(base_{b}, 0)"
    parts = [f"sum({_difference(*factors)}) AS {name}" for name, factors in products(want)]
    parts.append(f"max({both}) AS {want.metric}__largest")
    now = counts(wanted, want, both, "carried | coalesce(base_carried, 0)")
    before = counts(wanted, want, alone, "coalesce(base_carried, 0)")
    for (name, some), (_, others) in zip(now, before, strict=True):
        parts.append(f"count(*) FILTER ({some}) - count(*) FILTER ({others}) AS {name}")
    return parts


def _difference(p: str, q: str | None = None) -> str:
    """(p + P)(q + Q) - PQ, where the capitals are the base's."""
    if q is None:
        return p
    return f"{p} * ({q} + coalesce(base_{q}, 0)) + coalesce(base_{p}, 0) * {q}"


def totals_query(k: str, wanted: Sequence[Wanted]) -> str:
    return f"WITH strata AS (FROM {k}_strata) {totalled(wanted)}"


def past_of(wanted: Sequence[Wanted]) -> str:
    return past(wanted)


def past_print(wanted: Sequence[Wanted]) -> str:
    """Tells whether ``past`` is still what it was."""
    return f"SELECT count(*) AS n, coalesce(sum(hash(rows_)), 0) AS print FROM ({past_rows(wanted)}) AS rows_"


def _past(k: str, wanted: Sequence[Wanted]) -> str:
    return f"past AS (FROM {k}_past), " if remembering(wanted) else ""
