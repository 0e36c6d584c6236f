"""What else a gate counts, kept by day: rows that add up, categories, and the integrity of the split.

Each part has a full query, which is its definition, and here the same count from what is kept of the
closed days and the tickets of the open ones. A customer whose tickets are all in closed days costs
nothing: kept totals are corrected for the customers that the open days touch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final, Self

from rollout.measure.category_query import STRATA, SUMMED, TOTALLED, UNITS, observed
from rollout.measure.day_query import OPEN, WITHIN, tickets
from rollout.measure.query import Query
from rollout.measure.scope import STEP, Scope
from rollout.measure.wanted import Wanted

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OfDays(Scope):
    """The tickets of a scope on some days: whatever counts a scope counts those."""

    chosen: str = "TRUE"
    limits: Mapping[str, Any] | None = None

    @classmethod
    def open(cls, scope: Scope, where: Mapping[str, Any]) -> Self:
        return cls._of(scope, OPEN, where)

    @classmethod
    def within(cls, scope: Scope, days: frozenset[date]) -> Self:
        return cls._of(scope, WITHIN, bounds(days))

    @classmethod
    def _of(cls, scope: Scope, chosen: str, limits: Mapping[str, Any]) -> Self:
        known = {each.name: getattr(scope, each.name) for each in fields(Scope)}
        return cls(**known, chosen=chosen, limits=limits)

    @property
    def where(self) -> str:
        return f"{super(OfDays, self).where}\n        AND {self.chosen}"

    @property
    def params(self) -> dict[str, Any]:
        return {**super(OfDays, self).params, **(self.limits or {})}


def bounds(days: frozenset[date]) -> dict[str, Any]:
    """Parameters of ``WITHIN``."""
    return {"days": sorted(days), "first": min(days), "last": max(days)}


def added(some: Rows, others: Rows, keys: Sequence[str]) -> Rows:
    """Rows of two sets of days as one: what is no key adds up."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in (*some, *others):
        label = tuple(row[key] for key in keys)
        before = found.get(label)
        found[label] = row if before is None else _sum(before, row, keys)
    return [found[label] for label in sorted(found, key=repr)]


def _sum(one: Mapping[str, Any], other: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {name: value if name in keys else value + other[name] for name, value in one.items()}


@dataclass(frozen=True, slots=True)
class Tables:
    """A part kept in tables: how they are made of some days, and what a look makes of them."""

    names: tuple[str, ...]
    make: Callable[[Scope, frozenset[date], datetime, str, str | None], Sequence[Query]]
    """Of days to add, since when the others hold ratings, new tables' prefix, and those to build on."""
    look: Callable[[Scope, str, Mapping[str, Any]], Query]


def categories(metric: str) -> Tables:
    """``category_query``, kept."""

    def make(
        scope: Scope, days: frozenset[date], rated_from: datetime, name: str, kept: str | None
    ) -> Sequence[Query]:
        params = {**scope.params, **bounds(days), "rated_from": rated_from}
        before = f" UNION ALL BY NAME FROM {kept}_strata" if kept else ""
        merged = f"""SELECT category, unit, coalesce(kept.a, 0) + coalesce(recent.a, 0) AS a,
        coalesce(kept.b, 0) + coalesce(recent.b, 0) AS b
    FROM ({UNITS}) AS recent FULL JOIN {kept}_units AS kept USING (category, unit)"""
        base = f"WITH {tickets(scope, _wanted(metric), WITHIN)}, {observed(metric)}"
        return [
            Query(f"CREATE TABLE {name}_strata AS {base} {STRATA}{before}", params),
            Query(
                f"CREATE TABLE {name}_units AS {base}, strata AS (FROM {name}_strata)"
                f" {merged if kept else UNITS}",
                params,
            ),
            Query(f"CREATE TABLE {name}_summed AS WITH units AS (FROM {name}_units) {SUMMED}"),
        ]

    def look(scope: Scope, name: str, where: Mapping[str, Any]) -> Query:
        sql = f"""
WITH {tickets(scope, _wanted(metric), OPEN)}, {observed(metric)}, recent AS MATERIALIZED (
    {STRATA}
), strata AS (
    FROM recent UNION ALL BY NAME FROM {name}_strata
), touched AS (
    SELECT recent.category, kept.unit IS NULL AS fresh, recent.a, recent.b, coalesce(kept.a, 0) AS ka,
        coalesce(kept.b, 0) AS kb
    FROM ({UNITS}) AS recent LEFT JOIN {name}_units AS kept USING (category, unit)
), summed AS (
    SELECT category, sum(clusters) AS clusters, sum(a) AS a, sum(b) AS b, sum(aa) AS aa, sum(ab) AS ab,
        sum(bb) AS bb, max(largest) AS largest
    FROM (
        SELECT category, count(*) FILTER (fresh) AS clusters, sum(a) AS a, sum(b) AS b,
            sum(a * (a + 2 * ka)) AS aa, sum(a * b + a * kb + ka * b) AS ab,
            sum(b * (b + 2 * kb)) AS bb, max(b + kb) AS largest
        FROM touched GROUP BY category
        UNION ALL BY NAME FROM {name}_summed
    ) GROUP BY category
), totalled AS (
    {TOTALLED}
)
SELECT * REPLACE (CAST(clusters AS BIGINT) AS clusters)
FROM summed JOIN totalled USING (category) ORDER BY category"""
        return Query(sql.strip(), {**scope.params, **where})

    return Tables(("strata", "units", "summed"), make, look)


def _wanted(metric: str) -> list[Wanted]:
    return [Wanted(metric)]


_STAYS: Final = """SELECT hash(customer_id) AS unit, hash(step, weight, canary_weight) AS regime,
        min(epoch_us(opened_at) * 2 + CAST(arm = $treated AS BIGINT)) AS met,
        bool_or(arm = $treated) AS here, bool_or(arm <> $treated) AS there"""
_FIRSTS: Final = """SELECT unit, arg_min(regime, met) AS regime, min(met) % 2 AS treated,
        bool_or(here AND there) AS crossed"""
_PER_REGIME: Final = """SELECT regime, count(*) AS total, sum(treated) AS treated,
        count(*) FILTER (crossed) AS crossed"""
_TOGETHER: Final = """SELECT unit, regime, min(met) AS met, bool_or(here) AS here, bool_or(there) AS there"""


def integrity() -> Tables:
    """``integrity_query``, kept."""

    def make(
        scope: Scope, days: frozenset[date], rated_from: datetime, name: str, kept: str | None
    ) -> Sequence[Query]:
        del rated_from
        scope = OfDays.within(scope, days)
        stays, regimes = f"{_STAYS} {_rows(scope)} GROUP BY ALL", _regimes(scope)
        if kept:
            stays = f"{_TOGETHER} FROM ({stays} UNION ALL BY NAME FROM {kept}_stays) GROUP BY unit, regime"
            regimes = _folded(f"{regimes} UNION ALL BY NAME FROM {kept}_regimes")
        return [
            Query(f"CREATE TABLE {name}_stays AS {stays}", scope.params),
            Query(f"CREATE TABLE {name}_firsts AS {_FIRSTS} FROM {name}_stays GROUP BY unit"),
            Query(f"CREATE TABLE {name}_units AS {_PER_REGIME} FROM {name}_firsts GROUP BY regime"),
            Query(f"CREATE TABLE {name}_regimes AS {regimes}", scope.params),
        ]

    def look(scope: Scope, name: str, where: Mapping[str, Any]) -> Query:
        days = OfDays.open(scope, where)
        sql = f"""
WITH recent AS MATERIALIZED (
    {_STAYS}
    {_rows(days)} GROUP BY ALL
), touched AS (SELECT DISTINCT unit FROM recent
), stays AS (
    {_TOGETHER}
    FROM (FROM recent UNION ALL BY NAME SELECT * FROM {name}_stays SEMI JOIN touched USING (unit))
    GROUP BY unit, regime
), firsts AS ({_FIRSTS} FROM stays GROUP BY unit
), units AS (
    SELECT regime, sum(total) AS total, sum(treated) AS treated, sum(crossed) AS crossed
    FROM (
        {_PER_REGIME} FROM firsts GROUP BY regime
        UNION ALL BY NAME FROM {name}_units
        UNION ALL BY NAME SELECT regime, -total AS total, -treated AS treated, -crossed AS crossed
        FROM ({_PER_REGIME} FROM {name}_firsts SEMI JOIN touched USING (unit) GROUP BY regime)
    ) GROUP BY regime
), regimes AS ({_folded(f"{_regimes(days)} UNION ALL BY NAME FROM {name}_regimes")})
SELECT step, weight, canary_weight, tickets, doubled, controls, across,
    coalesce(total, 0) AS total, coalesce(treated, 0) AS treated, coalesce(crossed, 0) AS crossed
FROM regimes LEFT JOIN units USING (regime) ORDER BY step, weight, canary_weight"""
        return Query(sql.strip(), days.params)

    return Tables(("stays", "firsts", "units", "regimes"), make, look)


def _rows(scope: Scope) -> str:
    return f"FROM facts\n    WHERE {scope.where}\n        AND excluded IS NULL"


def _regimes(scope: Scope) -> str:
    across = "path IN ('agent', 'agent_then_human')" if scope.track == "ladder" else "FALSE"
    return f"""SELECT hash(step, weight, canary_weight) AS regime, {STEP} AS step, weight, canary_weight,
        count(*) AS tickets, count(*) FILTER (arms_seen > 1) AS doubled,
        count(*) FILTER (arm <> $treated) AS controls,
        count(*) FILTER (arm <> $treated AND {across}) AS across
    {_rows(scope)} GROUP BY ALL"""


def _folded(rows: str) -> str:
    return f"""SELECT regime, step, weight, canary_weight, sum(tickets) AS tickets, sum(doubled) AS doubled,
        sum(controls) AS controls, sum(across) AS across
    FROM ({rows}) GROUP BY ALL"""
