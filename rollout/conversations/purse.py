"""What shadows have spent today, read from the record: a restart gives nobody a new budget."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from rollout.handle.attempt import DEADLINE
from rollout.handle.shadow import FAILED
from rollout.record.segments import decoded, lines, lines_of, segments
from rollout.records import Kind, Record

Key = tuple[str, str, str]
"""Tenant, workflow and version."""
_MARK: Final = f'"{Kind.COMPARISON.value}"'.encode()
_ASKED: Final = frozenset({None, DEADLINE, FAILED})
"""Why nothing came of a run that was begun, and so may have cost; None where something did."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a shadow, as far as its purse goes."""

    key: Key
    day: date
    cost_usd: float | None
    """None where nobody knows."""


class Purse:
    """Runs of the day on which a server starts. Later ones are counted by whoever makes them."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: dict[Key, list[Run]] = {}
        for run in runs:
            self._runs.setdefault(run.key, []).append(run)

    @classmethod
    def read(cls, folder: Path, head: int, now: datetime) -> "Purse":
        """Today's (UTC) runs in the journal of a folder, of which ``head`` is the newest record.

        Raises:
            JournalCorrupt: a record of today is missing or cannot be read.

        """
        after = _before(folder, now)
        told = (line for line in lines(folder, after, head) if _MARK in line.raw)
        found = (record for line in told for record in decoded(line))
        return cls(run for record in found if (run := _run(record)) and run.day == now.date())

    def spent(self, key: Key, unknown_cost_usd: float) -> Mapping[date, float]:
        """By UTC day, with runs of unknown price at that price."""
        spent: dict[date, float] = {}
        for run in self._runs.get(key, ()):
            cost = unknown_cost_usd if run.cost_usd is None else run.cost_usd
            spent[run.day] = spent.get(run.day, 0.0) + cost
        return spent


def _before(folder: Path, now: datetime) -> int:
    """A record that was recorded before today began, no more than one segment before the first of today."""
    midnight = datetime.combine(now.date(), datetime.min.time(), UTC)
    for segment in reversed(segments(folder)):
        first = next(lines_of(segment.path, segment.first), None)
        if first is not None and decoded(first)[0].recorded_at < midnight:
            return segment.first - 1
    return 0


def _run(record: Record) -> Run | None:
    payload = record.payload
    if record.kind != Kind.COMPARISON or payload.get("dropped") not in _ASKED:
        return None
    key = (record.tenant, str(record.workflow), str(payload["version"]))
    cost = payload.get("cost_usd")
    return Run(key, record.occurred_at.astimezone(UTC).date(), None if cost is None else float(cost))
