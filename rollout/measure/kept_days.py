"""Counts of days that are over, kept as long as the view says that nothing about the day has changed.

For what depends on the time of opening alone: of a day before the moment's all tickets are in.
"""

import threading
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from weakref import WeakKeyDictionary

from rollout.measure.query import Query, Source, utc_day

LEAST: Final = 200_000
"""Tickets below which a full scan takes too little time to be worth keeping anything."""
REVISIONS: Final = 'SELECT "day", revision FROM fact_days WHERE tenant = $tenant AND workflow = $workflow'
"""To be read before the facts: what changes in between is then noticed by the next look."""
DAYS: Final = '"day" BETWEEN $first AND $last AND list_contains(CAST($days AS DATE[]), "day")'
"""The condition on the facts that a query of ``by_day`` has in it."""

Row = dict[str, Any]
_Kept = dict[date, tuple[int, list[Row]]]
_kept: WeakKeyDictionary[Any, dict[str, _Kept]] = WeakKeyDictionary()
_keeping = threading.Lock()


def by_day(source: Source, query: str, params: Mapping[str, Any]) -> list[Row] | None:
    """The rows of a query that names its ``day``, over every day until the moment ``$as_of``.

    ``None`` where nothing is kept: the desk is small, or nobody numbers the revisions of its days.
    """
    if int(source.query("SELECT count(*) AS n FROM facts")[0]["n"]) < LEAST:
        return None
    today = utc_day(params["as_of"])
    revisions = {
        row["day"]: int(row["revision"])
        for row in Query(REVISIONS, params).rows(source)
        if row["day"] <= today
    }
    if not revisions:
        return None
    with _keeping:
        kept = _kept.setdefault(source, {}).setdefault(repr((query, {**params, "as_of": None})), {})
        before = {day: found for day, found in kept.items() if revisions.get(day) == found[0]}
    before.pop(today, None)
    stale = sorted(revisions.keys() - before.keys())
    fresh: dict[date, list[Row]] = {day: [] for day in stale}
    if stale:
        chosen = {**params, "days": stale, "first": stale[0], "last": stale[-1]}
        for row in Query(query, chosen).rows(source):
            fresh[row["day"]].append(row)
    now = before | {day: (revisions[day], rows) for day, rows in fresh.items()}
    over = {day: found for day, found in now.items() if day < today}
    with _keeping:
        kept.update(over)
    return [row for day, (_, rows) in sorted(now.items()) if day <= today for row in rows]
