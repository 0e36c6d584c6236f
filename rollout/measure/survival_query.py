"""Re-contact by Kaplan-Meier, beside the matured-only rate that decides: one life table per step and arm."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from experiments.survival import LifeTable, Risk, kaplan_meier
from rollout.measure.query import Query, Source, day_if
from rollout.measure.recontact import CLAIMED
from rollout.measure.scope import STEP, Scope

DAYS: Final = {"recontact_7d": 7, "recontact_2d": 2}
"""Windows by metric."""
_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Survival:
    """Shares that come back within the window, averaged over steps; NaN where no step reaches it."""

    agent: float
    human: float
    se: float
    """Of the difference by Greenwood's formula: tickets count as independent."""

    @property
    def estimate(self) -> float:
        return self.agent - self.human


def survival_query(scope: Scope, metric: str, *, by_day: bool = False) -> Query:
    """Tickets by step, arm, whole hours watched (at most the window and one more), and whether back.

    A return within the hour that is still running is not counted yet: nobody else is at risk in it.
    """
    horizon = DAYS[metric] * 24
    sql = f"""
WITH watched AS (
    SELECT {day_if(by_day)}{STEP} AS step, arm = $treated AS treated,
        (epoch_us($as_of) - epoch_us(resolved_at)) // {_HOUR} AS watched,
        CASE WHEN recontact_at IS NOT NULL THEN
            greatest((epoch_us(recontact_at) - epoch_us(resolved_at) + {_HOUR - 1}) // {_HOUR}, 1) END AS back
    FROM facts
    WHERE {scope.where}
        AND excluded IS NULL AND {CLAIMED}
)
SELECT {day_if(by_day)}step, treated, coalesce(back <= watched AND back <= {horizon}, FALSE) AS event,
    least(CASE WHEN back <= watched THEN back ELSE watched END, {horizon + 1}) AS hour, count(*) AS n
FROM watched GROUP BY ALL ORDER BY ALL"""
    return Query(sql.strip(), scope.params)


def survival_of(source: Source, scope: Scope, metric: str) -> Survival:
    """The arms' risks over the steps in which both were watched to the end of the window."""
    return survival_from(survival_query(scope, metric).rows(source), metric)


def survival_from(found: list[dict[str, Any]], metric: str) -> Survival:
    """From the rows of ``survival_query``."""
    horizon = DAYS[metric] * 24
    cells: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for row in found:
        cells.setdefault((row["step"], row["treated"]), []).append(row)
    tables = {key: _table(rows, horizon) for key, rows in cells.items()}
    parts: list[tuple[float, Risk, Risk]] = []
    for step in {step for step, _ in tables}:
        one, other = tables.get((step, True)), tables.get((step, False))
        if one is not None and other is not None and one.identified and other.identified:
            weight = one.n * other.n / (one.n + other.n)
            parts.append((weight, kaplan_meier(one), kaplan_meier(other)))
    total = sum(weight for weight, _, _ in parts)
    if not total:
        return Survival(math.nan, math.nan, math.nan)
    return Survival(
        agent=sum(w * a.value for w, a, _ in parts) / total,
        human=sum(w * b.value for w, _, b in parts) / total,
        se=math.sqrt(sum(w * w * (a.se**2 + b.se**2) for w, a, b in parts)) / total,
    )


def _table(rows: list[dict[str, Any]], horizon: int) -> LifeTable:
    ended, back = np.zeros(horizon + 2), np.zeros(horizon + 2)
    for row in rows:
        ended[row["hour"]] += row["n"]
        back[row["hour"]] += row["n"] * row["event"]
    at_risk = ended[::-1].cumsum()[::-1][1 : horizon + 1]
    return LifeTable(at_risk, back[1 : horizon + 1], round(ended.sum()))
