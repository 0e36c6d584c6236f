"""The kept rows of one gate's tickets, brought up to a moment: only days that changed are counted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from rollout.measure import day_query as sql
from rollout.measure.day_table import Table
from rollout.measure.definition import NEVER
from rollout.measure.gate_query import gate_params
from rollout.measure.kept_days import REVISIONS
from rollout.measure.query import Query, Source, aware_utc, utc_day
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted, rates, remembering, with_response


class Outdated(Exception):
    """What customers did before the first exposure reads differently now; everything rests on it."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it was counted."""

    revision: int
    changes_at: datetime | None
    """When time alone next changes it."""
    resolved_at: datetime | None
    """Its last resolution."""
    counted: int
    """A number that grows with every count."""
    waiting: Mapping[str, Any] = field(default_factory=dict)


class Rows:
    """Rows of tickets, strata, ratings and the base of one gate; ``k`` is the prefix of its tables."""

    def __init__(self, source: Source, k: str, wanted: Sequence[Wanted], wage: float | None) -> None:
        self.source = source
        self.k = k
        self.wanted = with_response(wanted)
        self._wage = wage
        self.days: dict[date, Day] = {}
        self.based: set[date] = set()
        """Days whose tickets are in the base: time alone changes nothing about them any more."""
        self.patches = 0
        """Looks at which the base changed; ``affected`` are the customers of the last of them."""
        self.as_of: datetime | None = None
        self._base: dict[str, Any] = {}
        self._counts = 0
        self._past: Mapping[str, Any] = {}
        names = ("open", "base", "strata", "voices", "units")
        self._open, self._closed, self._strata, self._voices, self._units = (
            Table(source, f"{k}_{name}") for name in names
        )

    def bring_up(self, scope: Scope) -> None:
        """Count every day whose facts changed, whose moment has come, or whose ratings were overruled.

        Raises:
            Outdated: nothing that is kept holds.

        """
        params = gate_params(scope, self.wanted, self._wage)
        rows = Query(REVISIONS, params).rows(self.source)
        revisions = {row["day"]: int(row["revision"]) for row in rows}
        stale = {day for day, revision in revisions.items() if self._stale(day, revision, scope.as_of)}
        stale |= self.days.keys() - revisions.keys()
        self._remember(scope, params, stale)
        changed = False
        if stale:
            if rates(self.wanted):
                stale |= self._listen(scope, params, stale)
            changed = self._count(scope, params, revisions, stale)
        if self.as_of is not None and utc_day(scope.as_of) > utc_day(self.as_of):
            changed = self._close(also=changed) or changed
        if changed:
            self._sum_base(params)
        self.as_of = scope.as_of

    def row(self, scope: Scope) -> dict[str, Any]:
        """What ``gate_query`` answers."""
        params = gate_params(scope, self.wanted, self._wage)
        moved = Query(sql.moved_query(self.k, self.wanted), params).one(self.source)
        totals = Query(sql.totals_query(self.k, self.wanted), params).one(self.source)
        return {**_moved(self._base, moved), **totals, **self._waiting()}

    def _stale(self, day: date, revision: int, as_of: datetime) -> bool:
        known = self.days.get(day)
        return (
            known is None
            or known.revision != revision
            or (known.changes_at is not None and known.changes_at <= as_of)
        )

    def _choose(self, days: Collection[date], name: str = "chosen") -> str:
        """The condition on a day to be one of them."""
        return sql.of_days(self.source, f"{self.k}_{name}", days)

    def _remember(self, scope: Scope, params: Mapping[str, Any], stale: set[date]) -> None:
        if not remembering(self.wanted) or scope.exposed_at is None:
            return
        if self._past and not any(day <= utc_day(scope.exposed_at) for day in stale):
            return
        found = Query(sql.past_print(self.wanted), params).one(self.source)
        if self._past and found != self._past:
            raise Outdated
        if not self._past:
            past = f"CREATE OR REPLACE TABLE {self.k}_past AS {sql.past_of(self.wanted)}"
            Query(past, params).rows(self.source)
        self._past = found

    def _listen(self, scope: Scope, params: Mapping[str, Any], stale: set[date]) -> set[date]:
        """Take in the days' ratings; returns other days of which another rating counts now."""
        days, k = self._choose(stale), self.k
        Query(f"CREATE OR REPLACE TABLE {k}_heard AS {sql.heard(days, scope)}", params).rows(self.source)
        if not self.days:
            self._voices.replace("FALSE", sql.ruled(k, days, first=True), params)
            return set()
        self.source.query(f"CREATE OR REPLACE TABLE {k}_ruled AS {sql.ruled(k, days)}")
        others = {row["day"] for row in self.source.query(sql.overruled(k, days))}
        gone = f"{days} OR ticket_id IN (SELECT ticket_id FROM {k}_ruled)"
        self._voices.replace(gone, f"FROM {k}_ruled", {})
        return others

    def _count(
        self, scope: Scope, params: Mapping[str, Any], revisions: Mapping[date, int], stale: set[date]
    ) -> bool:
        """Count the days; returns whether the base has changed, whose customers are ``affected`` then."""
        first, days, k = not self.days, self._choose(stale), self.k
        self._counts += 1
        self._note(scope, params, revisions, days, stale)
        if first:
            self.based = {day for day, known in self.days.items() if known.changes_at is None}
        patched = stale & self.based
        if patched and not first:
            self._affected(f"SELECT unit FROM {k}_base WHERE {days}")
        parts = (self._closed, patched, "chosen_based"), (self._open, stale - patched, "chosen_open")
        for table, chosen, name in parts:
            if chosen or first:
                some = self._choose(chosen, name)
                table.replace(some, sql.rows_of(k, some, scope, self.wanted), params)
        self._strata.replace(days, sql.strata_of(k, days, self.wanted), params)
        if first:
            self._sum_base(params, whole=True)
        elif patched:
            self._affected(f"SELECT unit FROM {k}_base WHERE {days}", also=True)
        return bool(patched) and not first

    def _note(
        self,
        scope: Scope,
        params: Mapping[str, Any],
        revisions: Mapping[date, int],
        days: str,
        stale: set[date],
    ) -> None:
        for day in stale:
            self.days.pop(day, None)
        for row in Query(sql.changes_query(days, self.wanted), params).rows(self.source):
            day = row["day"]
            if day in revisions:
                moments = aware_utc(row["changes_at"]), aware_utc(row["resolved_at"])
                self.days[day] = Day(revisions[day], *moments, self._counts)
        for day in stale & revisions.keys() - self.days.keys():
            self.days[day] = Day(revisions[day], None, None, self._counts)
        for row in Query(sql.waiting_of(self.k, days, scope, self.wanted), params).rows(self.source):
            day = row.pop("day")
            if day in self.days:
                self.days[day] = replace(self.days[day], waiting=row)

    def _close(self, *, also: bool) -> bool:
        """Let the days that have settled join the base; returns whether there are any.

        ``also``: besides what has changed in the base at this look already.
        """
        settled = {day for day, known in self.days.items() if known.changes_at is None} - self.based
        if not settled:
            return False
        gone = self._choose(settled)
        self._affected(f"SELECT unit FROM {self.k}_open WHERE {gone}", also=also)
        self._closed.replace("FALSE", f"FROM {self.k}_open WHERE {gone}", {})
        self._open.replace(gone, f"FROM {self.k}_open WHERE FALSE", {})
        self.based |= settled
        return True

    def _affected(self, units: str, *, also: bool = False) -> None:
        """Say which customers are affected; ``also``: besides those who are already."""
        known = f" UNION FROM {self.k}_affected" if also else ""
        self.source.query(
            f"CREATE OR REPLACE TABLE {self.k}_affected AS SELECT DISTINCT unit FROM ({units}{known})"
        )

    def _sum_base(self, params: Mapping[str, Any], *, whole: bool = False) -> None:
        rows = f"FROM {self.k}_base" + ("" if whole else f" SEMI JOIN {self.k}_affected USING (unit)")
        gone = f"unit IN (SELECT unit FROM {self.k}_affected)"
        self._units.replace(gone, sql.units_of(self.k, self.wanted, rows), params)
        self._base = Query(sql.base_query(self.k, self.wanted), params).one(self.source)
        self.patches += 1

    def _waiting(self) -> dict[str, Any]:
        rows = [known.waiting for known in self.days.values() if known.waiting]
        found: dict[str, Any] = {"waiting": sum(row["waiting"] for row in rows)}
        for want in self.wanted:
            if want.definition.immature != NEVER:
                for name, pick in ((f"{want.metric}__matures_at", min), (f"{want.metric}__mature_by", max)):
                    moments = [row[name] for row in rows if row[name] is not None]
                    found[name] = pick(moments) if moments else None
        return found


def _moved(base: Mapping[str, Any], by: Mapping[str, Any]) -> dict[str, Any]:
    """Sums over customers of the base and of open days together.

    What is largest can only have grown: no customer's weight shrinks by another ticket.
    """
    found: dict[str, Any] = {}
    for name, kept in base.items():
        parts = [part for part in (kept, by[name]) if part is not None]
        together = max if name.endswith("__largest") else sum
        found[name] = together(parts) if parts else None
    return found
