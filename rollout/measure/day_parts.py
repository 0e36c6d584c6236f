"""What else a gate counts, from the rows that ``day_rows`` keeps: counts by day, categories, the split.

Each part has a full query, which is its definition. A customer whose tickets are all in the base costs
nothing: kept totals are corrected for the customers whom the open days touch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, Final, Self

from rollout.measure.category_query import STRATA, SUMMED, TOTALLED, UNITS
from rollout.measure.day_query import of_days
from rollout.measure.day_rows import Rows
from rollout.measure.day_table import Table
from rollout.measure.query import Query
from rollout.measure.scope import STEP, Scope
from rollout.measure.wanted import Wanted, arm, bit, has

Answer = list[dict[str, Any]]
_PARTS: Final = ("open", "base")


@dataclass(frozen=True, slots=True)
class OfDays(Scope):
    """The tickets of a scope on the days of a table: whatever counts a scope counts those."""

    days: str = "TRUE"
    """Condition."""

    @classmethod
    def of(cls, scope: Scope, days: str) -> Self:
        return cls(**{each.name: getattr(scope, each.name) for each in fields(Scope)}, days=days)

    @property
    def where(self) -> str:
        return f"{super(OfDays, self).where}\n        AND {self.days}"


class Counted:
    """Rows of counts that add up over days.

    ``query_of`` answers for a scope, with its ``keys``, the day and a count ``n``. ``moves_for`` is how
    long after its last resolution time still changes a day's counts, at any moment.
    """

    def __init__(
        self,
        rows: Rows,
        name: str,
        query_of: Callable[[Scope], Query],
        keys: Sequence[str],
        moves_for: timedelta = timedelta(0),
    ) -> None:
        self._table = Table(rows.source, f"{rows.k}_{name}")
        self._days = f"{rows.k}_{name}_days"
        self._query_of = query_of
        self._keys = ", ".join(keys)
        self._moves_for = moves_for
        self._counted: dict[date, int] = {}

    def answer(self, rows: Rows, scope: Scope) -> Answer:
        stale = _stale(rows, self._counted)
        if stale:
            days = of_days(rows.source, self._days, stale)
            query = self._query_of(OfDays.of(scope, days))
            self._table.replace(days, query.sql, query.params)
            for day in stale:
                self._counted.pop(day, None)
                if day in rows.days:
                    self._counted[day] = self._mark(rows, scope, day)
        total = (
            f"SELECT {self._keys}, CAST(sum(n) AS BIGINT) AS n FROM {self._table.name} GROUP BY {self._keys}"
        )
        return rows.source.query(f"{total} ORDER BY {self._keys}")

    def _mark(self, rows: Rows, scope: Scope, day: date) -> int:
        """Which count of the day this is; negative where time alone goes on changing it."""
        known = rows.days[day]
        moves = known.changes_at is not None or (
            known.resolved_at is not None and known.resolved_at + self._moves_for > scope.as_of
        )
        return -1 if self._moves_for and moves else known.counted


class Categories:
    """``category_query``, kept."""

    def __init__(self, rows: Rows, want: Wanted) -> None:
        self._k = f"{rows.k}_{want.metric}"
        self._observed = _observed(rows.wanted, want)
        self._strata, self._units = (Table(rows.source, f"{self._k}_{name}") for name in ("strata", "units"))
        self._counted: dict[date, int] = {}
        self._patches = -1

    def answer(self, rows: Rows, scope: Scope) -> Answer:
        del scope
        k, units = self._k, f"{self._k}_units"
        if stale := _stale(rows, self._counted):
            days = of_days(rows.source, f"{k}_days", stale)
            both = " UNION ALL BY NAME ".join(f"FROM {rows.k}_{part} WHERE {days}" for part in _PARTS)
            named = STRATA.replace("SELECT category", 'SELECT any_value("day") AS "day", category', 1)
            self._strata.replace(days, f"WITH {self._over(both)} {named}", {})
            self._counted = {day: known.counted for day, known in rows.days.items()}
        if self._patches != rows.patches:
            whole = self._patches + 1 != rows.patches
            base = f"FROM {rows.k}_base" + ("" if whole else f" SEMI JOIN {rows.k}_affected USING (unit)")
            gone = "TRUE" if whole else f"unit IN (SELECT unit FROM {rows.k}_affected)"
            self._units.replace(gone, f"WITH {self._over(base)}, strata AS (FROM {k}_strata) {UNITS}", {})
            rows.source.query(f"CREATE OR REPLACE TABLE {k}_summed AS WITH units AS (FROM {units}) {SUMMED}")
            self._patches = rows.patches
        return rows.source.query(f"""
WITH {self._over(f"FROM {rows.k}_open")}, strata AS (FROM {k}_strata
), touched AS (
    SELECT recent.category, kept.unit IS NULL AS fresh, recent.a, recent.b, coalesce(kept.a, 0) AS ka,
        coalesce(kept.b, 0) AS kb
    FROM ({UNITS}) AS recent LEFT JOIN {units} AS kept USING (category, unit)
), summed AS (
    SELECT category, sum(clusters) AS clusters, sum(a) AS a, sum(b) AS b, sum(aa) AS aa, sum(ab) AS ab,
        sum(bb) AS bb, max(largest) AS largest
    FROM (
        SELECT category, count(*) FILTER (fresh) AS clusters, sum(a) AS a, sum(b) AS b,
            sum(a * (a + 2 * ka)) AS aa, sum(a * b + a * kb + ka * b) AS ab,
            sum(b * (b + 2 * kb)) AS bb, max(b + kb) AS largest
        FROM touched GROUP BY category
        UNION ALL BY NAME FROM {k}_summed
    ) GROUP BY category
), totalled AS (
    {TOTALLED}
)
SELECT * REPLACE (CAST(clusters AS BIGINT) AS clusters)
FROM summed JOIN totalled USING (category) ORDER BY category""")

    def _over(self, rows: str) -> str:
        """The CTE that the sums of ``category_query`` are over."""
        return f"""observed AS MATERIALIZED (
    {self._observed.format(rows=rows)}
)"""


def _observed(wanted: Sequence[Wanted], want: Wanted) -> str:
    y = has(wanted, want, "y") if want.binary else f"y_{want.metric}"
    return f"""SELECT "day", category, unit, h, {arm(wanted)} AS a, {y} AS y
    FROM ({{rows}}) WHERE category IS NOT NULL AND bits & {bit(wanted, want, "d")} > 0"""


_STAYS: Final = """SELECT unit, regime, min(met) AS met, bool_or(met % 2 = 1) AS here,
        bool_or(met % 2 = 0) AS there
    FROM rows JOIN regimes USING (h) GROUP BY unit, regime"""
_FIRSTS: Final = """SELECT unit, arg_min(regime, met) AS regime, min(met) % 2 AS treated,
        bool_or(here AND there) AS crossed
    FROM stays GROUP BY unit"""
_PER_REGIME: Final = """SELECT regime, count(*) AS total, sum(treated) AS treated,
        count(*) FILTER (crossed) AS crossed"""


class Split:
    """``integrity_query``, kept."""

    def __init__(self, rows: Rows) -> None:
        self._k = k = f"{rows.k}_split"
        self._regimes, self._stays, self._firsts = (
            Table(rows.source, f"{k}_{name}") for name in ("regimes", "stays", "firsts")
        )
        self._counted: dict[date, int] = {}
        self._patches = -1

    def answer(self, rows: Rows, scope: Scope) -> Answer:
        k = self._k
        if stale := _stale(rows, self._counted):
            days = of_days(rows.source, f"{k}_days", stale)
            self._regimes.replace(days, _regimes(OfDays.of(scope, days)), scope.params)
            self._counted = {day: known.counted for day, known in rows.days.items()}
        if self._patches != rows.patches:
            self._sum_base(rows)
        return rows.source.query(f"""
WITH rows AS (FROM {rows.k}_open), regimes AS (FROM {k}_regimes), recent AS MATERIALIZED (
    {_STAYS}
), touched AS (SELECT DISTINCT unit FROM recent
), stays AS (
    SELECT unit, regime, min(met) AS met, bool_or(here) AS here, bool_or(there) AS there
    FROM (FROM recent UNION ALL BY NAME SELECT * FROM {k}_stays SEMI JOIN touched USING (unit))
    GROUP BY unit, regime
), firsts AS ({_FIRSTS}
), units AS (
    SELECT regime, sum(total) AS total, sum(treated) AS treated, sum(crossed) AS crossed
    FROM (
        {_PER_REGIME} FROM firsts GROUP BY regime
        UNION ALL BY NAME FROM {k}_units
        UNION ALL BY NAME SELECT regime, -total AS total, -treated AS treated, -crossed AS crossed
        FROM ({_PER_REGIME} FROM {k}_firsts SEMI JOIN touched USING (unit) GROUP BY regime)
    ) GROUP BY regime
), counts AS (
    SELECT regime, step, weight, canary_weight, sum(tickets) AS tickets, sum(doubled) AS doubled,
        sum(controls) AS controls, sum(across) AS across
    FROM regimes GROUP BY ALL
)
SELECT step, weight, canary_weight, tickets, doubled, controls, across,
    coalesce(total, 0) AS total, coalesce(treated, 0) AS treated, coalesce(crossed, 0) AS crossed
FROM counts LEFT JOIN units USING (regime) ORDER BY step, weight, canary_weight""")

    def _sum_base(self, rows: Rows) -> None:
        k, whole = self._k, self._patches + 1 != rows.patches or self._patches < 0
        some = "" if whole else f" SEMI JOIN {rows.k}_affected USING (unit)"
        gone = "TRUE" if whole else f"unit IN (SELECT unit FROM {rows.k}_affected)"
        stays = f"WITH rows AS (FROM {rows.k}_base{some}), regimes AS (FROM {k}_regimes) {_STAYS}"
        self._stays.replace(gone, stays, {})
        self._firsts.replace(gone, f"WITH stays AS (FROM {k}_stays{some}) {_FIRSTS}", {})
        totals = f"{_PER_REGIME} FROM {k}_firsts GROUP BY regime"
        rows.source.query(f"CREATE OR REPLACE TABLE {k}_units AS {totals}")
        self._patches = rows.patches


def _regimes(scope: Scope) -> str:
    """Per day and weights in force: the stratum's key, and counts that need no customer."""
    across = "path IN ('agent', 'agent_then_human')" if scope.track == "ladder" else "FALSE"
    return f"""SELECT "day", hash(step, weight, canary_weight, "day") AS h,
        hash(step, weight, canary_weight) AS regime, {STEP} AS step, weight, canary_weight,
        count(*) AS tickets, count(*) FILTER (arms_seen > 1) AS doubled,
        count(*) FILTER (arm <> $treated) AS controls,
        count(*) FILTER (arm <> $treated AND {across}) AS across
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL
    GROUP BY ALL"""


def _stale(rows: Rows, counted: dict[date, int]) -> set[date]:
    """Days that were counted since, or are no more."""
    gone = counted.keys() - rows.days.keys()
    return gone | {day for day, known in rows.days.items() if counted.get(day) != known.counted}
