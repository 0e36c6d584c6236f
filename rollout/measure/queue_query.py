"""How long the human arm waits, by hour, beside what the agent had escalated by then.

Comparable are the same hour of a like day under the same weights, after about as many tickets for people in
the day before: a common spike of tickets is then on both sides. Told apart are hours after the agent
escalated a larger *share* of its tickets than usual. Two measures that suggest themselves are not used.
The length of the queue: escalations reach the human arm through it, and to hold it fixed hides most of
what they do. How many escalations are waiting: on a day with few people they pile up just as the human
arm's own tickets do, without being the cause. The share escalated depends on neither volume nor staff.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.cells import Cells, comparison_of_cells
from experiments.control import FLOOR_SECONDS
from experiments.samples import Comparison
from rollout.evidence import Queue
from rollout.measure.query import Query, Source
from rollout.measure.scope import Scope

CAP: Final = timedelta(days=7)
"""Longer waits count as this long: fixed once and for all desks."""
SETTLED: Final = timedelta(days=1)
"""Tickets count from this age on. Who still waits then has waited at least so long."""
BEFORE: Final = 24
"""Hours looked back: a whole day, so that what came in overnight counts until it is worked off."""
STEPS_PER_DOUBLING: Final = 2
"""Arrivals are alike that differ by less than two fifths."""
UNKNOWN: Final = 0.2
"""Share of waits or escalation times that may be unrecorded."""
_DAY: Final = 24
_FIRST_DAY: Final = 3
"""1970 began on a Thursday; Monday is 0."""
_FRIDAY: Final = 4

_HOUR: Final = "epoch_us({column}) // 3_600_000_000 AS hour"
_MINE: Final = "tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of AND excluded IS NULL"
_ARRIVALS: Final = f"""
SELECT {_HOUR.format(column="opened_at")}, count(*) FILTER (coalesce(arm, 'human') = 'human') AS people,
    count(*) FILTER (arm <> 'human') AS agent FROM facts
WHERE {_MINE} GROUP BY hour"""
_ESCALATIONS: Final = f"""
SELECT {_HOUR.format(column="escalated_at")}, count(*) AS n FROM facts
WHERE {_MINE} AND escalated AND arm <> 'human' AND coalesce(escalated_at <= $as_of, TRUE) GROUP BY hour"""


def waits_query(scope: Scope) -> Query:
    """Control tickets per weights in force and hour: how many, Σy and Σy² of y = ln(60 s + wait)."""
    waited = "(epoch_us($as_of) - epoch_us(opened_at)) / 1e6"
    sql = f"""
WITH control AS (
    SELECT hash(step, weight, canary_weight) AS regime, {_HOUR.format(column="opened_at")},
        CASE WHEN opened_at + to_seconds(first_response_seconds) <= $as_of THEN first_response_seconds
            WHEN first_response_seconds IS NOT NULL OR coalesce(resolved_at > $as_of, path IS NULL)
                THEN {waited} END AS wait
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND arm = $control AND opened_at <= $settled
), measured AS (
    SELECT *, CASE WHEN wait IS NOT NULL THEN ln($floor + least(wait, $cap)) END AS y FROM control
)
SELECT regime, hour, count(y) AS n, count(*) - count(y) AS unknown,
    coalesce(sum(y), 0) AS total, coalesce(sum(y * y), 0) AS squares
FROM measured GROUP BY regime, hour ORDER BY regime, hour"""
    return Query(
        sql.strip(),
        {
            **scope.params,
            "settled": scope.as_of - SETTLED,
            "floor": FLOOR_SECONDS,
            "cap": CAP.total_seconds(),
        },
    )


def queue_of(source: Source, scope: Scope) -> Queue:
    """The human arm's waits after many and after few escalations, or why they cannot be told apart."""
    query = waits_query(scope)
    waits = query.rows(source)
    escalations = Query(_ESCALATIONS, scope.params).rows(source)
    undated = sum(row["n"] for row in escalations if row["hour"] is None)
    dated = {int(row["hour"]): int(row["n"]) for row in escalations if row["hour"] is not None}
    known, unknown = (sum(row[name] for row in waits) for name in ("n", "unknown"))
    missing = None
    if not known + unknown:
        missing = "no ticket of the human arm is a day old yet"
    elif unknown > UNKNOWN * (known + unknown):
        missing = f"the wait is not recorded of {unknown:,} of the human arm's {known + unknown:,} tickets"
    elif undated > UNKNOWN * (undated + sum(dated.values())):
        missing = f"of {undated:,} of the agent's escalations it is not recorded when they were made"
    elif not dated:
        missing = "the agent has escalated nothing"
    if missing is not None:
        return Queue(missing=missing, sql=query.sql)
    return Queue(
        _compared(waits, dated, Query(_ARRIVALS, scope.params).rows(source)),
        escalations=sum(dated.values()),
        sql=query.sql,
    )


def _compared(
    waits: Sequence[Mapping[str, Any]], escalated: Mapping[int, int], arrivals: Sequence[Mapping[str, Any]]
) -> Comparison:
    hour = np.array([row["hour"] for row in waits], dtype=np.int64)
    people, agent = (
        _before(hour, {int(row["hour"]): int(row[arm]) for row in arrivals}) for arm in ("people", "agent")
    )
    share = _before(hour, escalated) / np.maximum(agent, 1)
    regime = np.unique([row["regime"] for row in waits], return_inverse=True)[1].reshape(-1)
    day = hour // _DAY
    # Monday to Thursday are alike: an open day follows. Friday, Saturday and Sunday are each their own.
    like = np.maximum((day + _FIRST_DAY) % 7, _FRIDAY - 1)
    load = np.floor(STEPS_PER_DOUBLING * np.log2(1 + people))
    numbers = (np.array([float(row[name]) for row in waits]) for name in ("n", "total", "squares"))
    return comparison_of_cells(
        Cells.of(np.stack([regime, like, hour % _DAY, load], axis=1), day, share, *numbers)
    )


def _before(hours: NDArray[np.int64], counts: Mapping[int, int]) -> NDArray[np.float64]:
    """What ``counts`` holds of the ``BEFORE`` hours before each hour."""
    first = min([*counts, int(hours.min())]) - BEFORE
    span = max([*counts, int(hours.max())]) - first + 1
    line = np.zeros(span + 1)
    for hour, count in counts.items():
        line[hour - first + 1] = count
    until = np.cumsum(line)
    place = hours - first
    return np.asarray(until[place] - until[place - BEFORE], dtype=np.float64)
