"""What is kept of a gate's other counts: brought up to the closed days when asked for, then looked at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rollout.measure.day_parts import OfDays, Rows, Tables, added
from rollout.measure.day_query import Closed
from rollout.measure.query import Query, Source
from rollout.measure.scope import Scope


class Parts:
    """The parts of one gate. ``names`` gives every table a new name, beside the kept sums."""

    def __init__(self, source: Source, names: Iterator[str]) -> None:
        self._source = source
        self._names = names
        self._rows: dict[str, tuple[frozenset[date], Rows]] = {}
        self._tables: dict[str, tuple[frozenset[date], str, Tables]] = {}

    def rows(
        self,
        scope: Scope,
        closed: Closed,
        where: Mapping[str, Any],
        count: tuple[str, Callable[[Scope], Query], Sequence[str]],
    ) -> Rows:
        """Rows that add up over days; ``count`` is a name, the full query of a scope, and its keys."""
        name, query_of, keys = count
        days, kept = self._rows.get(name, (frozenset(), []))
        if not days <= closed.days:
            days, kept = frozenset(), []
        if missing := closed.days - days:
            kept = added(kept, query_of(OfDays.within(scope, missing)).rows(self._source), keys)
            self._rows[name] = (closed.days, kept)
        return added(kept, query_of(OfDays.open(scope, where)).rows(self._source), keys)

    def table(
        self,
        scope: Scope,
        closed: Closed,
        where: Mapping[str, Any],
        count: tuple[str, Tables],
        rated: Mapping[frozenset[date], datetime],
    ) -> Rows:
        """Rows from tables. ``rated``: of sets of closed days, since when the other days hold ratings."""
        name, made = count
        days, table, _ = self._tables.get(name, (frozenset(), None, made))
        if table is not None and not (days <= closed.days and days in rated):
            self._forget(name)
            days, table = frozenset(), None
        if days != closed.days:
            fresh = f"{next(self._names)}_{name}"
            rated_from = rated.get(days, datetime.min.replace(year=1970, tzinfo=closed.rated_from.tzinfo))
            for query in made.make(scope, closed.days - days, rated_from, fresh, table):
                query.rows(self._source)
            if table is not None:
                self._forget(name)
            self._tables[name] = (closed.days, fresh, made)
            table = fresh
        assert table is not None
        return made.look(scope, table, where).rows(self._source)

    def drop(self) -> None:
        for name in list(self._tables):
            self._forget(name)
        self._rows.clear()

    def _forget(self, name: str) -> None:
        _, table, made = self._tables.pop(name)
        for part in made.names:
            self._source.query(f"DROP TABLE IF EXISTS {table}_{part}")
