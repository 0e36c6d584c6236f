"""Gate sums kept from look to look, so that a look counts only the days that have changed.

The full query is the definition and the oracle; this class answers with the same row or falls back to
it: on a first look, on a desk too small to matter, and when asked about an earlier moment. A day has
changed when its facts have (the view numbers every day's revisions), when time alone changes what one of
its tickets carries, and when a rating elsewhere takes or gives back a customer's voice. Everything is
held in memory beside the view, lost with the process, and made again from the facts.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from rollout.measure.day_rows import Outdated, Rows
from rollout.measure.day_table import ATTACHED, drop, there
from rollout.measure.gate_query import gate_query
from rollout.measure.kept_days import LEAST
from rollout.measure.query import Query, Source
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted

GATES: Final = 4
"""Gates kept at a time: about 70 bytes per ticket and 150 per customer each."""
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

Answer = list[dict[str, Any]]


class Part(Protocol):
    """A further count of one gate, kept beside its sums."""

    def answer(self, rows: Rows, scope: Scope) -> Answer: ...


@dataclass(slots=True)
class _Gate:
    """One gate over time."""

    rows: Rows | None = None
    parts: dict[str, Part | None] = field(default_factory=dict)
    seen_until: datetime = _EVER
    looks: int = 0
    """Full scans since the first look, or since what was kept was lost."""


class DaySums:
    """The kept sums of one source. Thread-safe; one look at a time."""

    def __init__(self, source: Source, least: int = LEAST) -> None:
        self._source = source
        self._least = least
        self._gates: OrderedDict[str, _Gate] = OrderedDict()
        self._lock = threading.Lock()
        self._names = (f"{ATTACHED}.kept_{number}" for number in count(1))
        self._latest: tuple[str, _Gate] | None = None
        self.kept_looks = 0
        """Looks answered without a full scan."""

    def row(self, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> dict[str, Any]:
        """What ``gate_query`` answers."""
        with self._lock:
            self._latest = None
            gate = self._gate(scope, wanted, wage)
            row = self._kept(gate, scope)
            if row is not None:
                self._latest = _moment(scope), gate
                return row
            row = gate_query(scope, wanted, wage).one(self._source)
            newest = scope.as_of >= gate.seen_until
            gate.looks += 1
            gate.seen_until = max(gate.seen_until, scope.as_of)
            # Not for whoever looks once.
            if gate.rows is None and newest and gate.looks > 1 and (row["tickets"] or 0) >= self._least:
                self._begin(gate, scope, wanted, wage)
            return row

    def part(self, scope: Scope, name: str, make: Callable[[Rows], Part | None], full: Query) -> Answer:
        """What ``full`` answers, from a part that is kept where the latest look was of the same scope.

        ``make`` says ``None`` where the rows do not hold what the part counts.
        """
        with self._lock:
            if self._latest is None or self._latest[0] != _moment(scope):
                return full.rows(self._source)
            gate = self._latest[1]
            if gate.rows is None:
                return full.rows(self._source)
            try:
                if name not in gate.parts:
                    gate.parts[name] = make(gate.rows)
                part = gate.parts[name]
                return full.rows(self._source) if part is None else part.answer(gate.rows, scope)
            except BaseException:
                self._drop(gate)
                raise

    def _gate(self, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> _Gate:
        timeless = {**scope.params, "as_of": None, "steps": None if scope.every_step else scope.steps}
        key = repr((scope.where, timeless, wage, tuple(wanted), scope.exposed_at))
        gate = self._gates.setdefault(key, _Gate())
        self._gates.move_to_end(key)
        while len(self._gates) > GATES:
            _, old = self._gates.popitem(last=False)
            self._drop(old)
        return gate

    def _kept(self, gate: _Gate, scope: Scope) -> dict[str, Any] | None:
        rows = gate.rows
        if rows is None or rows.as_of is None or scope.as_of < rows.as_of:
            return None
        if f"{rows.k}_units" not in there(self._source):
            self._drop(gate)
            return None
        try:
            rows.bring_up(scope)
            row = rows.row(scope)
        except Outdated:
            self._drop(gate)
            return None
        except BaseException:  # half of what is kept may be of this moment
            self._drop(gate)
            raise
        self.kept_looks += 1
        return row

    def _begin(self, gate: _Gate, scope: Scope, wanted: Sequence[Wanted], wage: float | None) -> None:
        self._source.query(f"ATTACH IF NOT EXISTS ':memory:' AS {ATTACHED}")
        gate.rows = Rows(self._source, next(self._names), wanted, wage)
        try:
            gate.rows.bring_up(scope)
        except BaseException:
            self._drop(gate)
            raise
        if not gate.rows.days:  # nobody numbers the revisions of these facts
            self._drop(gate)

    def _drop(self, gate: _Gate) -> None:
        if gate.rows is not None:
            drop(self._source, gate.rows.k)
        gate.rows = None
        gate.parts.clear()
        gate.looks = 0


def _moment(scope: Scope) -> str:
    return repr((scope.where, scope.params))


_kept: WeakKeyDictionary[Any, DaySums] = WeakKeyDictionary()
_keeping = threading.Lock()


def day_sums(source: Source) -> DaySums:
    """The sums kept for a source, for as long as the source is there."""
    with _keeping:
        return _kept.setdefault(source, DaySums(source))
