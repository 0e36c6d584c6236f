"""CUPED's covariate: what a customer's tickets were like before anybody could have met the new arm.

x is the customer's mean of the metric shrunk towards everybody's, Σ(y − ȳ)/(n + k), and 0 for whoever
has no history; one number per customer, whatever became of the customer later. Only tickets that were
opened, closed and judged before the first exposure of the track are read, as they were known by then: a
rating or a return that came later may be the new arm's doing.

Deng, Xu, Kohavi & Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
pre-experiment data.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from rollout.measure.definition import CLOSED
from rollout.measure.kept_days import DAYS, by_day
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted, has, remembering

SHRINKAGE: Final = 4.0
"""k in tickets: right where a fifth of the variance lies between customers; anything else is valid too."""
KNOWN: Final = 1 << 62
"""The bit of ``carried`` that says that a customer has a history."""

_ASSIGNED: Final = """(arm IS NOT NULL AND coalesce(mode, CASE
        WHEN arm <> 'human' OR weight IS NOT NULL OR assignment_reason IS NOT NULL THEN 'live'
        ELSE 'shadow' END) <> 'shadow')"""
"""Not shadow, where customers meet people as before, and not history that nobody randomised."""
_EXPOSED: Final = {"ladder": _ASSIGNED, "canary": "(arm = 'canary' OR coalesce(canary_weight, 0) > 0)"}


def exposed_from(source: Source, scope: Scope) -> datetime | None:
    """When the first customer could meet the track's new arm; ``None`` where nobody was there before."""
    sql = f"""
min(opened_at) FILTER (WHERE {_EXPOSED[scope.track]}) AS exposed_at,
    min(opened_at) FILTER (WHERE excluded IS NULL AND NOT {_ASSIGNED}) AS first_at
FROM facts WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of"""
    params = {"tenant": scope.tenant, "workflow": scope.workflow, "as_of": scope.as_of}
    rows = by_day(source, f'SELECT "day", {sql} AND {DAYS} GROUP BY "day"', params)
    if rows is None:
        rows = Query(f"SELECT {sql}", params).rows(source)
    exposed_at, first_at = (
        min((row[name] for row in rows if row[name]), default=None) for name in ("exposed_at", "first_at")
    )
    return aware_utc(exposed_at) if exposed_at and first_at and first_at < exposed_at else None


def known_by(exposed_at: datetime | None) -> dict[str, Any]:
    """The parameter of ``past``: the last moment before the first exposure."""
    return {"known_by": exposed_at and exposed_at - timedelta(microseconds=1)}


def past(wanted: Sequence[Wanted]) -> str:
    """One row per customer with a history: the covariate of every metric."""
    means = _lines([_covariate(want.metric)] for want in remembering(wanted))
    return f"""SELECT unit{means}
    FROM (
        {past_rows(wanted)}
    ) GROUP BY unit"""


def past_rows(wanted: Sequence[Wanted]) -> str:
    """One row per ticket of a history: what it carried of every metric then."""
    return f"""SELECT hash(customer_id) AS unit{_lines(_carried(want) for want in remembering(wanted))}
        FROM facts
        WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $known_by
            AND excluded IS NULL AND NOT {_ASSIGNED} AND {_then(CLOSED)}"""


def past_strata(wanted: Sequence[Wanted]) -> str:
    """Per stratum Σx, Σx² and Σxy over tickets that carry the metric."""
    found = remembering(wanted)
    return f"""SELECT h{_lines(_per_stratum(wanted, want) for want in found)}
    FROM seen JOIN past USING (unit) GROUP BY h"""


def _then(condition: str) -> str:
    """A condition as of the last moment before the first exposure. Every rating counts: x needs no rule."""
    return condition.replace("$as_of", "$known_by").replace("repeated", "FALSE")


def _carried(want: Wanted) -> list[str]:
    m, counts = want.metric, _then(want.definition.counts)
    return [
        f"CASE WHEN {counts} THEN {_then(want.value)} ELSE CAST(0 AS DOUBLE) END AS y_{m}",
        f"CAST(coalesce({counts}, FALSE) AS DOUBLE) AS d_{m}",
    ]


def _covariate(m: str) -> str:
    everybody = f"coalesce(sum(sum(y_{m})) OVER () / nullif(sum(sum(d_{m})) OVER (), 0), 0)"
    return f"(sum(y_{m}) - sum(d_{m}) * {everybody}) / (sum(d_{m}) + {SHRINKAGE}) AS x_{m}"


def _per_stratum(wanted: Sequence[Wanted], want: Wanted) -> list[str]:
    m, d = want.metric, has(wanted, want, "d")
    y = has(wanted, want, "d", "y") if want.binary else f"y_{m}"
    return [
        f"sum({d} * x_{m}) AS hx_{m}",
        f"sum({d} * x_{m} * x_{m}) AS hxx_{m}",
        f"sum({y} * x_{m}) AS hxy_{m}",
    ]


def _lines(groups: Iterable[Sequence[str]]) -> str:
    return "".join(f",\n        {part}" for parts in groups for part in parts)
