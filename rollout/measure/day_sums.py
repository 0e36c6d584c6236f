"""Gate sums kept from look to look, so that a look counts the open days only.

The full query is the definition and the oracle; this class answers with the same row or falls back to
it: on a first look, on a desk too small to matter, when asked about an earlier moment, and when
anything in the closed days has changed. Everything is held in memory beside the view, lost with the
process, and made again from the facts.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final
from weakref import WeakKeyDictionary

from rollout.measure.csat import RATING_WINDOW_DAYS
from rollout.measure.day_parts import Rows, Tables, bounds
from rollout.measure.day_query import (
    Closed,
    again_query,
    days_query,
    look_query,
    past_table,
    strata_table,
    units_table,
)
from rollout.measure.gate_query import gate_params, gate_query
from rollout.measure.kept_parts import Parts
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted, remembering, with_response

LEAST: Final = 200_000
"""Tickets below which a full scan takes too little time to be worth keeping anything."""
GATES: Final = 4
"""Gates kept at a time: about 100 to 200 bytes per customer each."""
QUIET: Final = timedelta(days=7)
"""A day that changed after it had settled is counted anew for so long before it is kept again."""
PATIENCE: Final = 64
"""At most so many full scans before sums that kept going stale are made once more."""
_ATTACHED: Final = "day_sums"
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Base:
    """Kept sums, and what must still be true for them to hold."""

    closed: Closed
    as_of: datetime
    where: Mapping[str, Any]
    check: Mapping[str, Any]
    prints: Mapping[date, tuple[int, int]]
    """Of every closed day, to find the one that changed."""


@dataclass(slots=True)
class _Gate:
    """One gate over time."""

    parts: Parts
    """Its other counts."""
    rated: dict[frozenset[date], datetime] = field(default_factory=dict)
    """Of the closed days there were: since when the other days hold ratings."""
    base: _Base | None = None
    seen_until: datetime = _EVER
    looks: int = 0
    """Full scans since the first look, or since the sums were lost."""
    misses: int = 0
    """How often closed days turned out to have changed."""
    changed: dict[date, datetime] = field(default_factory=dict)
    """Days that changed after they had settled, and when that was noticed."""

    @property
    def due(self) -> bool:
        """Whether keeping sums is worth another pass: not for whoever looks once."""
        return self.looks >= min(1 << self.misses + 1, PATIENCE)


class DaySums:
    """The kept sums of one source. Thread-safe; one look at a time."""

    def __init__(self, source: Source, least: int = LEAST) -> None:
        self._source = source
        self._least = least
        self._gates: OrderedDict[str, _Gate] = OrderedDict()
        self._lock = threading.Lock()
        self._names = (f"{_ATTACHED}.kept_{number}" for number in count(1))
        self._latest: tuple[str, _Gate] | None = None
        self.kept_looks = 0
        """Looks answered without a full scan."""

    def row(self, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> dict[str, Any]:
        """What ``gate_query`` answers."""
        with self._lock:
            self._latest = None
            gate = self._gate(scope, wanted, wage)
            if gate.base is not None and scope.as_of >= gate.base.as_of:
                row = self._kept(gate, scope, wanted, wage)
                if row is not None:
                    self._latest = _moment(scope), gate
                    return row
            row = gate_query(scope, wanted, wage).one(self._source)
            gate.looks += 1
            newest = scope.as_of >= gate.seen_until
            gate.seen_until = max(gate.seen_until, scope.as_of)
            if gate.base is None and newest and gate.due and (row["tickets"] or 0) >= self._least:
                self._extend(gate, scope, wanted, wage)
            return row

    def rows(self, scope: Scope, name: str, query_of: Callable[[Scope], Query], keys: Sequence[str]) -> Rows:
        """What ``query_of(scope)`` answers, whose rows add up over days but for their ``keys``.

        Counted from kept days where the latest look was of the same scope and found them unchanged.
        """
        with self._lock:
            gate = self._verified(scope)
            if gate is None or gate.base is None:
                return query_of(scope).rows(self._source)
            return gate.parts.rows(scope, gate.base.closed, gate.base.where, (name, query_of, keys))

    def table(self, scope: Scope, name: str, tables: Tables, full: Query) -> Rows:
        """What ``full`` answers, from tables kept of closed days where that is possible."""
        with self._lock:
            gate = self._verified(scope)
            if gate is None or gate.base is None:
                return full.rows(self._source)
            return gate.parts.table(scope, gate.base.closed, gate.base.where, (name, tables), gate.rated)

    def _verified(self, scope: Scope) -> _Gate | None:
        if self._latest is None or self._latest[0] != _moment(scope):
            return None
        gate = self._latest[1]
        return gate if gate.base is not None and self._there(gate.base.closed) else None

    def _gate(self, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> _Gate:
        timeless = {**scope.params, "as_of": None, "steps": None if scope.every_step else scope.steps}
        key = repr((scope.where, timeless, wage, tuple(wanted), scope.exposed_at))
        if key not in self._gates:
            self._gates[key] = _Gate(Parts(self._source, self._names))
        gate = self._gates[key]
        self._gates.move_to_end(key)
        while len(self._gates) > GATES:
            _, old = self._gates.popitem(last=False)
            self._drop(old)
        return gate

    def _kept(
        self, gate: _Gate, scope: Scope, wanted: Sequence[Wanted], wage: float | None
    ) -> dict[str, Any] | None:
        base = gate.base
        assert base is not None
        if not self._there(base.closed):
            gate.base = None
            return None
        row = look_query(scope, wanted, wage, base.closed, base.where).one(self._source)
        if row.pop("strays") or any(row.pop(name) != value for name, value in base.check.items()):
            self._note_changes(gate, scope)
            return None
        self.kept_looks += 1
        if scope.as_of.date() > base.as_of.date():
            self._extend(gate, scope, wanted, wage)
        return row

    def _there(self, closed: Closed) -> bool:
        """A view that had to be opened again has forgotten what was kept in memory."""
        found = self._source.query(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = $name", {"name": _ATTACHED}
        )
        return set(closed.tables) <= {f"{_ATTACHED}.{row['table_name']}" for row in found}

    def _note_changes(self, gate: _Gate, scope: Scope) -> None:
        assert gate.base is not None
        now = {row["day"]: (row["rows"], row["sum"]) for row in days_query(scope).rows(self._source)}
        for day, before in gate.base.prints.items():
            if now.get(day) != before:
                gate.changed[day] = scope.as_of
        gate.misses += 1
        gate.looks = 0
        self._drop(gate)

    def _drop(self, gate: _Gate, *, forget: bool = True) -> None:
        if gate.base is not None and self._there(gate.base.closed):
            for name in gate.base.closed.tables:
                self._source.query(f"DROP TABLE {name}")
            if forget:
                gate.parts.drop()
        if forget:
            gate.parts = Parts(self._source, self._names)
            gate.rated.clear()
        gate.base = None

    def _extend(self, gate: _Gate, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> None:
        """Keep every day that has settled since; says nothing if a writer was faster."""
        before = gate.base
        days = days_query(scope, before.where if before is not None else None).rows(self._source)
        held = before.closed.days if before is not None else frozenset()
        fresh = [row["day"] for row in days if row["day"] not in held and _settled(row, gate, scope.as_of)]
        if _past_moves(scope, wanted, days, held | set(fresh)):
            self._drop(gate)
            return
        if not fresh:
            gate.base = replace(before, as_of=scope.as_of) if before is not None else None
            return
        self._source.query(f"ATTACH IF NOT EXISTS ':memory:' AS {_ATTACHED}")
        name = next(self._names)
        closed = Closed(
            days=held | set(fresh),
            strata=f"{name}_strata",
            units=f"{name}_units",
            past=f"{name}_past" if remembering(wanted) else None,
            rated_from=_rated_from(days, held | set(fresh)),
        )
        where = closed.where({row["day"] for row in days} | held)
        params = {
            **gate_params(scope, with_response(wanted), wage),
            **bounds(frozenset(fresh)),
            "rated_from": before.closed.rated_from if before is not None else _EVER,
        }
        kept = before.closed if before is not None else None
        for sql in (
            *([past_table(wanted, closed.past)] if closed.past else []),
            strata_table(scope, wanted, closed, kept.strata if kept else None),
            units_table(scope, wanted, closed, kept.units if kept else None),
        ):
            Query(sql, params).rows(self._source)
        prints = {row["day"]: (row["rows"], row["sum"]) for row in days if row["day"] in closed.days}
        prints |= before.prints if before is not None else {}
        self._drop(gate, forget=False)
        # Whatever changes from here on, or has changed since the days were read, the next look notices.
        again = again_query(scope, wanted, where).one(self._source)
        rows, sums = (sum(part) for part in zip(*prints.values(), strict=True))
        expected = {"print_rows": rows, "print_sum": sums, "again": again["again"]}
        gate.base = _Base(closed, scope.as_of, where, expected, prints)
        gate.rated[closed.days] = closed.rated_from
        gate.looks = 0
        if again["strays"]:
            self._drop(gate)


def _moment(scope: Scope) -> str:
    return repr((scope.where, scope.params))


def _past_moves(
    scope: Scope, wanted: Sequence[Wanted], days: Sequence[Mapping[str, Any]], closed: frozenset[date]
) -> bool:
    """Whether a day of the customers' history is not kept: its changes would go unnoticed."""
    if not remembering(wanted) or scope.exposed_at is None:
        return False
    return any(day["day"] <= scope.exposed_at.date() and day["day"] not in closed for day in days)


def _settled(day: Mapping[str, Any], gate: _Gate, as_of: datetime) -> bool:
    changed = gate.changed.get(day["day"])
    settles_at = aware_utc(day["settles_at"])
    assert settles_at is not None
    return settles_at <= as_of and (changed is None or changed + QUIET <= as_of)


def _rated_from(days: Sequence[Mapping[str, Any]], closed: frozenset[date]) -> datetime:
    """When the week of the oldest rating begins that an open day holds or, opened later, may hold."""
    after = datetime.combine(max(closed) + timedelta(days=1), datetime.min.time(), UTC)
    rated = [aware_utc(day["rated_at"]) for day in days if day["day"] not in closed]
    oldest = min([after, *(at for at in rated if at is not None)])
    return oldest - (oldest - _EVER) % timedelta(days=RATING_WINDOW_DAYS)


_kept: WeakKeyDictionary[Any, DaySums] = WeakKeyDictionary()
_keeping = threading.Lock()


def day_sums(source: Source) -> DaySums:
    """The sums kept for a source, for as long as the source is there."""
    with _keeping:
        return _kept.setdefault(source, DaySums(source))
