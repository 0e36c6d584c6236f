"""The query of a gate, split by days: those that are over are summed per customer once and kept.

Customers' sums add up over strata, and every stratum lies within one day. What is kept of the closed
days (one row per stratum, one per customer) plus the same sums over the open days is therefore what
``gate_query`` counts, to the last bits of rounding. Customers are kept as 64-bit hashes: nothing
readable is held a second time, and among a million customers two fall together once in 10⁷ gates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from policies.vocabulary import METRICS
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import ANSWERED
from rollout.measure.gate_query import (
    cells,
    ends,
    gate_params,
    means,
    repeats,
    seen,
    strata,
    unit_names,
    units,
    waiting,
)
from rollout.measure.history_query import past
from rollout.measure.query import Query
from rollout.measure.scope import Scope
from rollout.measure.wanted import MARKS, Wanted, rates, with_response

_LAG: Final = max(METRICS[name].lag_hours for name in CATALOGUE) + 1
"""Hours; one more than any window, because life tables go by whole hours."""
SETTLES: Final = f"""greatest(opened_at, resolved_at + INTERVAL {_LAG:.0f} HOUR,
        csat_at + INTERVAL {_LAG:.0f} HOUR, csat_offered_at + INTERVAL {_LAG:.0f} HOUR,
        opened_at + to_seconds(first_response_seconds), escalated_at)"""
"""From then on time alone changes nothing about what a ticket carries, of any metric."""

_MINE: Final = "tenant = $tenant AND workflow = $workflow"
_BACK: Final = f"""coalesce(least(epoch_us(recontact_at) - epoch_us(resolved_at), {_LAG * 3_600_000_000:.0f}),
        {_LAG * 3_600_000_000:.0f})"""
_PRINT: Final = f"count(*) AS rows, coalesce(sum(hash(seq, {_BACK}, customer_id)), 0) AS sum"
"""Facts follow from events, and ``seq`` names a ticket's newest. Beyond its own events a ticket's row
depends on the customer's other tickets (the re-contact) and on erasure (the customer's name). Who comes
back later than any metric looks changes nothing; somebody does every minute."""
OPEN: Final = "(day > $until OR list_contains(CAST($skipped AS DATE[]), day))"
WITHIN: Final = "day BETWEEN $first AND $last AND list_contains(CAST($days AS DATE[]), day)"


@dataclass(frozen=True, slots=True)
class Closed:
    """Which days are kept, and in which tables."""

    days: frozenset[date]
    strata: str
    units: str
    past: str | None
    """Of what customers did before the first exposure, where that is a covariate."""
    rated_from: datetime
    """No rating of an open day is older; where a week begins. Aware."""

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.strata, self.units, self.past) if self.past else (self.strata, self.units)

    def where(self, known: Iterable[date]) -> dict[str, Any]:
        """Parameters of the condition that a day is open; ``known`` are all days there are."""
        until = max(self.days)
        return {
            "until": until,
            "skipped": sorted(day for day in known if day <= until and day not in self.days),
            "rated_from": self.rated_from,
        }


def look_query(
    scope: Scope, wanted: Sequence[Wanted], wage: float | None, closed: Closed, where: Mapping[str, Any]
) -> Query:
    """The row of ``gate_query``, and beside it what tells whether the kept sums still hold."""
    wanted = with_response(wanted)
    opened = OPEN if where["skipped"] else "day > $until"
    sql = f"""
WITH {tickets(scope, wanted, opened)}{repeats(wanted)}{_past(closed)}, seen AS MATERIALIZED (
    {seen(wanted, "fresh")}
), cells AS MATERIALIZED (
    {cells(wanted)}
), recent AS MATERIALIZED (
    {strata(wanted)}
), strata AS (
    FROM recent UNION ALL BY NAME FROM {closed.strata}
), means AS (
    {means(wanted)}
), units AS (
    {_together(wanted, closed.units)}
), {ends(wanted)}, waiting AS (
    {waiting(wanted, "fresh")}
)
SELECT summed.*, totalled.*, waiting.*, print.rows AS print_rows, print.sum AS print_sum, {_AGAIN}
FROM summed, totalled, waiting, ({_print(opened)}) AS print"""
    if not repeats(wanted):
        sql = sql.replace(_AGAIN, "0 AS again, 0 AS strays")
    return Query(sql.strip(), {**gate_params(scope, wanted, wage), **where})


_AGAIN: Final = f"""(SELECT coalesce(sum(hash(ticket_id)), 0)
        FROM (SELECT line, ticket_id FROM tickets WHERE NOT fresh) SEMI JOIN repeats USING (line)) AS again,
    (SELECT count(*) FROM tickets WHERE fresh AND csat_at < $rated_from AND {ANSWERED}) AS strays"""
"""Closed days' ratings that do not count, which a late rating of an open day may change."""


def again_query(scope: Scope, wanted: Sequence[Wanted], where: Mapping[str, Any]) -> Query:
    """What ``look_query`` says of closed days' ratings, alone."""
    again = _AGAIN if rates(wanted) else "0 AS again, 0 AS strays"
    sql = f"WITH {tickets(scope, with_response(wanted), OPEN)}{repeats(wanted)}\nSELECT {again}"
    return Query(sql, {**scope.params, **where})


def days_query(scope: Scope, where: Mapping[str, Any] | None = None) -> Query:
    """Every day, or every open one: when it settles, the oldest rating, and its print."""
    chosen = f" AND {OPEN}" if where is not None else ""
    sql = f"""
SELECT day, max({SETTLES}) AS settles_at, min(csat_at) AS rated_at, {_PRINT}
FROM facts WHERE {_MINE} AND day IS NOT NULL{chosen} GROUP BY day ORDER BY day"""
    return Query(sql.strip(), {**scope.params, **(where or {})})


def past_table(wanted: Sequence[Wanted], name: str) -> str:
    return f"CREATE TABLE {name} AS\n{past(with_response(wanted))}"


def strata_table(scope: Scope, wanted: Sequence[Wanted], using: Closed, kept: str | None) -> str:
    """``using`` are the tables to make and to take the past from, ``kept`` is what there was."""
    wanted = with_response(wanted)
    return f"""
CREATE TABLE {using.strata} AS
WITH {tickets(scope, wanted, WITHIN)}{repeats(wanted)}{_past(using)}, seen AS ({seen(wanted, "fresh")}
), cells AS ({cells(wanted)}
), recent AS (
    {strata(wanted)}
)
FROM recent{f" UNION ALL BY NAME FROM {kept}" if kept else ""}"""


def units_table(scope: Scope, wanted: Sequence[Wanted], using: Closed, kept: str | None) -> str:
    """``using`` are the tables to make and to take means and the past from."""
    wanted = with_response(wanted)
    return f"""
CREATE TABLE {using.units} AS
WITH {tickets(scope, wanted, WITHIN)}{repeats(wanted)}{_past(using)}, seen AS MATERIALIZED (
    {seen(wanted, "fresh")}
), cells AS ({cells(wanted)}
), strata AS (FROM {using.strata}
), means AS (
    {means(wanted)}
)
{_together(wanted, kept)}"""


def tickets(scope: Scope, wanted: Sequence[Wanted], chosen: str) -> str:
    """The chosen days' tickets, and the others' ratings: a customer has one voice a week over all."""
    rated = f"""
    UNION ALL
    SELECT *, {MARKS}, rowid AS line, FALSE AS fresh
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND NOT ({chosen}) AND csat_at >= $rated_from"""
    return f"""tickets AS (
    SELECT *, {MARKS}, rowid AS line, TRUE AS fresh
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND {chosen}{rated if rates(wanted) else ""}
)"""


def _past(closed: Closed) -> str:
    return f", past AS (FROM {closed.past})" if closed.past else ""


def _together(wanted: Sequence[Wanted], kept: str | None) -> str:
    recent = units(wanted)
    if kept is None:
        return recent
    # Neither side names a customer twice, and a join of two sides costs a third of grouping them.
    sums = "".join(
        f", coalesce(recent.{name}, 0) + coalesce(kept.{name}, 0) AS {name}" for name in unit_names(wanted)
    )
    return f"""SELECT unit{sums}, coalesce(recent.carried, 0) | coalesce(kept.carried, 0) AS carried
    FROM ({recent}) AS recent FULL JOIN {kept} AS kept USING (unit)"""


def _print(opened: str) -> str:
    return f"SELECT {_PRINT} FROM facts WHERE {_MINE} AND NOT ({opened})"
