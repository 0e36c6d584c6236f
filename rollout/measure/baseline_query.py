"""The human arm of a comparison beside the same people before the rollout.

The sums are a gate's (``gate_query``), over other tickets: A marks the control tickets that a verdict
rests on, against those from before. The same weekday and category are compared, and the same value of
every attribute the plan admits tickets by: before the rollout people had the hard tickets too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final, Self

from experiments.power import BURN_IN
from policies.plan import Eligibility
from rollout.evidence import Erosion
from rollout.measure.gate_query import gate_query, with_response
from rollout.measure.gate_rows import evidence_of
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.scope import MODE, RANDOMISED, STEP, Scope
from rollout.measure.wanted import Wanted

BASELINE: Final = timedelta(weeks=8)
"""How far back before the rollout: the same season, whole weeks, and little to read."""
ENOUGH: Final = 50_000
"""Earlier tickets that tell the level well enough for tolerances of whole margins. Of larger desks a share
of the customers is read, always the same ones: earlier tickets never grow, so neither does the clock."""
_PEOPLE: Final = f"coalesce(arm, 'human') = 'human' AND {RANDOMISED}"

_BEGUN: Final = f"""
SELECT first_at, (
        SELECT count(*) FROM facts
        WHERE tenant = $tenant AND workflow = $workflow AND opened_at < first_at
            AND opened_at >= first_at - $baseline AND excluded IS NULL AND {_PEOPLE}
    ) AS before
FROM (
    SELECT min(opened_at) AS first_at FROM facts
    WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of AND excluded IS NULL
        AND {MODE} = 'live' AND {RANDOMISED}
        AND (arm <> 'human' OR assignment_reason IS NOT NULL OR weight > 0)
)"""


@dataclass(frozen=True, slots=True)
class Periods(Scope):
    """The control tickets of a scope and those they are held against. ``late`` is a condition."""

    late: str = "TRUE"
    earlier: str = "FALSE"
    first_at: datetime | None = None
    one_in: int = 1
    """Of so many customers one is read, with all of their tickets."""

    @classmethod
    def of(cls, scope: Scope, **which: Any) -> Self:
        return cls(**{each.name: getattr(scope, each.name) for each in fields(Scope)}, **which)

    @property
    def where(self) -> str:
        judged = super(Periods, self).where
        # An unsigned literal: with a bound number DuckDB takes the remainder in 128 bits, ten times as slow.
        below = f"CAST({2**64 // self.one_in - 1} AS UBIGINT)"
        read = "" if self.one_in == 1 else f"hash(customer_id) <= {below} AND "
        return f"{read}(({judged}\n        AND arm = $control) OR ({self.earlier}))"

    @property
    def params(self) -> dict[str, Any]:
        return {
            **super(Periods, self).params,
            "first_at": self.first_at,
            "baseline": BASELINE,
            "first_step": self.steps[0] if self.steps else None,
        }


def erosion_of(
    source: Source, scope: Scope, wanted: Sequence[Wanted], wage: float | None, keys: Sequence[str] = ()
) -> Erosion:
    """Every metric's control tickets against those from before, or why there is nothing to hold them against.

    Args:
        source: who answers SQL over the facts.
        scope: of the gate.
        wanted: metrics that compare the arms.
        wage: USD per hour of a person.
        keys: attributes the plan admits tickets by, beside the category.

    """
    begun = Query(_BEGUN, {**scope.params, "baseline": BASELINE}).one(source)
    first_at = aware_utc(begun["first_at"])
    if first_at is None or not wanted:
        return Erosion(missing="the human arm has not been compared with anything yet")
    if begun["before"] >= BURN_IN:
        since, late, size = "before the rollout", "opened_at >= $first_at", begun["before"]
        earlier = f"""tenant = $tenant AND workflow = $workflow AND opened_at < $first_at
            AND opened_at >= $first_at - $baseline AND {_PEOPLE}"""
    elif len(scope.steps) > 1:
        since, late = f"in the first step, {scope.steps[0]}", f"{STEP} <> $first_step"
        earlier, size = "FALSE", _in_first_step(source, scope)
    else:
        return Erosion(
            missing=f"only {begun['before']:,} tickets of humans are known from before the rollout, and no "
            "later step to hold against the first one"
        )
    one_in = 1 << max(int(size / ENOUGH).bit_length() - 1, 0)
    periods = Periods.of(scope, late=late, earlier=earlier, first_at=first_at, one_in=one_in)
    query = erosion_query(periods, wanted, wage, keys)
    row = query.one(source)
    found = evidence_of(row, with_response(wanted), [])
    sums = {want.metric: found[want.metric].difference for want in wanted}
    return Erosion(since, {name: each for name, each in sums.items() if each is not None}, sql=query.sql)


def _in_first_step(source: Source, scope: Scope) -> int:
    where = f"{scope.where}\n    AND excluded IS NULL AND arm = $control AND {STEP} = $first_step"
    query = Query(
        f"SELECT count(*) AS n FROM facts WHERE {where}", {**scope.params, "first_step": scope.steps[0]}
    )
    return int(query.one(source)["n"])


def erosion_query(
    periods: Periods, wanted: Sequence[Wanted], wage: float | None, keys: Sequence[str]
) -> Query:
    """The gate's query with other marks: late or earlier instead of arms, comparable instead of days."""
    unknown = set(keys) - set(Eligibility.model_fields)
    if unknown:
        raise ValueError(f"tickets are not admitted by {', '.join(sorted(unknown))}")
    columns = ", ".join(["isodow(opened_at)", *dict.fromkeys(["category", *keys])])
    marks = f"CAST({periods.late} AS DOUBLE) AS a, hash({columns}) AS h"
    return gate_query(periods, wanted, wage, marks)
