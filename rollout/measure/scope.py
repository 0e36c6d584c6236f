"""Which tickets a gate looks at: the randomised ones of one track, one mode, one version.

Evidence of all steps of the same mode and version counts, not only the current step's: the null
hypotheses of the steps are nested (margins only tighten), strata carry the step, so no comparison
is ever made across steps, and a customer who switched arms at a ramp is one cluster over all of
them. Tickets that were not randomised (not eligible, excluded) and arms of the other track are left
out; holdout units are human by the same hash and count as control.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from rollout.evidence import Regime
from rollout.measure.kept_days import DAYS, by_day
from rollout.measure.query import Query, Source, aware_utc

STEP: Final = (
    "coalesce(step, CASE WHEN weight IS NULL THEN 'unnamed' ELSE 'weight ' || CAST(weight AS VARCHAR) END)"
)
"""Imported history may name no steps; then its weights tell them apart."""
MODE: Final = """coalesce(mode, CASE
        WHEN arm <> 'human' OR weight IS NOT NULL OR assignment_reason IS NOT NULL THEN 'live'
        ELSE 'history' END)"""
"""What nobody assigned is history: people's tickets, and no control group of anything."""
RANDOMISED: Final = (
    "eligible IS NOT FALSE AND (assignment_reason IS NULL OR "
    "assignment_reason IN ('SPLIT', 'CANARY_SPLIT', 'HOLDOUT', 'SHADOW', 'HISTORY'))"
)
ARMS: Final = {"ladder": ("agent", "human"), "canary": ("canary", "agent")}
"""Track to (treated, control)."""

_REGIMES_BY_DAY: Final = f"""
SELECT "day", {STEP} AS step, {MODE} AS mode, weight, canary_weight, min(opened_at) AS first_at,
    max(opened_at) AS last_at, count(*) AS tickets, count(*) FILTER (arm = $treated) AS treated
FROM facts
WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of AND arm IS NOT NULL
    AND excluded IS NULL AND {RANDOMISED} AND {MODE} <> 'history' AND {DAYS}
GROUP BY ALL"""

_REGIMES: Final = f"""
WITH seen AS (
    SELECT step, {MODE} AS mode, weight, canary_weight, min(opened_at) AS first_at,
        max(opened_at) AS last_at, count(*) AS tickets, count(*) FILTER (arm = $treated) AS treated
    FROM facts
    WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of AND arm IS NOT NULL
        AND excluded IS NULL AND {RANDOMISED} AND {MODE} <> 'history'
    GROUP BY step, {MODE}, weight, canary_weight
)
SELECT {STEP} AS step, mode, weight, canary_weight,
    min(first_at) AS first_at, max(last_at) AS last_at, sum(tickets) AS tickets, sum(treated) AS treated
FROM seen GROUP BY ALL
ORDER BY last_at, first_at, step, weight, canary_weight"""

_VERSION: Final = f"""
SELECT version FROM facts
WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of AND arm = $treated
    AND excluded IS NULL AND {RANDOMISED} AND version IS NOT NULL
ORDER BY version IS NOT DISTINCT FROM $preferred DESC, opened_at DESC, ticket_id LIMIT 1"""

_WATCHED: Final = """
SELECT version FROM comparisons
WHERE tenant = $tenant AND workflow = $workflow AND occurred_at <= $as_of AND version IS NOT NULL
ORDER BY version IS NOT DISTINCT FROM $preferred DESC, occurred_at DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Scope:
    """The tickets of one gate."""

    tenant: str
    workflow: str
    track: str
    as_of: datetime
    step: str | None
    mode: str
    version: str | None
    """The treated version; None where the data name none. Tickets of the treated arm without a
    version count with it: leaving them out would be a choice made after assignment."""
    steps: tuple[str, ...]
    """Steps whose tickets count."""
    every_step: bool
    """Whether that is all there are of this mode."""
    since: datetime | None = None
    """Nothing before counts: evidence began anew then."""
    regimes: tuple[Regime, ...] = ()
    """Those of the judged step, newest last."""
    exposed_at: datetime | None = None
    """When the first customer could meet the new arm; None unless customers were there before."""

    @property
    def params(self) -> dict[str, Any]:
        treated, control = ARMS[self.track]
        return {
            "tenant": self.tenant,
            "workflow": self.workflow,
            "as_of": self.as_of,
            "treated": treated,
            "control": control,
            "mode": self.mode,
            "version": self.version,
            "steps": list(self.steps),
            "since": self.since,
        }

    @property
    def where(self) -> str:
        """The rows of the comparison, excluded tickets among them."""
        parts = [
            "tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of",
            f"arm IN ($treated, $control) AND {MODE} = $mode",
            RANDOMISED,
        ]
        if not self.every_step:
            parts.append(f"list_contains(CAST($steps AS VARCHAR[]), {STEP})")
        if self.version is not None:
            parts.append("(arm = $control OR coalesce(version, $version) = $version)")
        if self.since is not None:
            parts.append("opened_at >= $since")
        return "\n        AND ".join(parts)

    @property
    def treated_share(self) -> float | None:
        """Chance of the treated arm among the compared at the weights in force, 0 to 1.

        As observed where no weight was recorded.
        """
        if not self.regimes:
            return None
        newest = self.regimes[-1]
        planned = expected_share(self.track, newest.weight, newest.canary_weight)
        return planned if planned is not None else newest.treated / newest.tickets

    @property
    def tickets_per_day(self) -> float | None:
        """Tickets of the judged step per day."""
        if not self.regimes:
            return None
        span = max(each.last_at for each in self.regimes) - min(each.first_at for each in self.regimes)
        return sum(each.tickets for each in self.regimes) / max(span / timedelta(days=1), 1.0)

    @classmethod
    def find(  # noqa: PLR0913 - each is a question the caller has answered or left open
        cls,
        source: Source,
        *,
        tenant: str,
        workflow: str,
        track: str,
        as_of: datetime,
        step: str | None = None,
        mode: str | None = None,
        version: str | None = None,
        strict: bool = False,
        since: datetime | None = None,
    ) -> Self:
        """The scope of a step, or of the newest step in the facts where none is named.

        Args:
            source: who answers SQL.
            tenant: whose workflow.
            workflow: which one.
            track: ``ladder`` or ``canary``.
            as_of: nothing later is looked at.
            step: the step to judge.
            mode: its mode, where the data have no ticket of the step yet.
            version: the treated version meant; the newest one where the data have none of it.
            strict: whether only that version counts, though no ticket has met it yet.
            since: nothing earlier counts.

        """
        base = {"tenant": tenant, "workflow": workflow, "as_of": as_of, "treated": ARMS[track][0]}
        regimes = _regimes(source, base)
        if track == "canary":
            regimes = [regime for regime in regimes if regime.canary_weight]
        here = [
            regime
            for regime in regimes
            if step == regime.step or (step is None and mode in (None, regime.mode))
        ]
        mode = here[-1].mode if here else mode or "live"
        name = here[-1].step if here else step
        if not strict:
            sql = _WATCHED if mode == "shadow" else _VERSION
            found = Query(sql, {**base, "preferred": version}).rows(source)
            version = found[0]["version"] if found else None
        steps = _steps_until(regimes, name, mode)
        return cls(
            tenant=tenant,
            workflow=workflow,
            track=track,
            as_of=as_of,
            step=name,
            mode=mode,
            version=version,
            steps=steps,
            every_step=set(steps) == {regime.step for regime in regimes if regime.mode == mode},
            since=since,
            regimes=tuple(regime for regime in here if regime.step == name),
        )


def expected_share(track: str, weight: float | None, canary_weight: float | None) -> float | None:
    """Chance of the treated arm among units of both arms, from the percentages in force."""
    if track == "canary":
        return None if canary_weight is None else canary_weight / 100
    if weight is None:
        return None
    agent, canary = weight / 100, (canary_weight or 0.0) / 100
    return agent * (1 - canary) / (1 - agent * canary)


def _steps_until(regimes: list[Regime], step: str | None, mode: str) -> tuple[str, ...]:
    """Steps of the mode, in order of appearance, up to the judged one: no look into its future.

    A step that has just been entered has no ticket yet, and everything before it is evidence.
    """
    appeared: dict[str, datetime] = {}
    for regime in regimes:
        if regime.mode == mode:
            appeared[regime.step] = min(regime.first_at, appeared.get(regime.step, regime.first_at))
    last = appeared.get(step) if step is not None else None
    return tuple(
        sorted(
            (name for name, at in appeared.items() if last is None or at <= last),
            key=lambda name: (appeared[name], name),
        )
    )


def _regimes(source: Source, params: dict[str, Any]) -> list[Regime]:
    """Every step and weights in force, the one with the newest ticket last."""
    days = by_day(source, _REGIMES_BY_DAY, params)
    if days is None:
        return [_regime(row) for row in Query(_REGIMES, params).rows(source)]
    found: dict[tuple[Any, ...], Regime] = {}
    for regime in map(_regime, days):
        key = (regime.step, regime.mode, regime.weight, regime.canary_weight)
        known = found.get(key)
        found[key] = regime if known is None else _joined(known, regime)
    return sorted(found.values(), key=_order)


def _joined(one: Regime, other: Regime) -> Regime:
    return replace(
        one,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        tickets=one.tickets + other.tickets,
        treated=one.treated + other.treated,
    )


def _order(regime: Regime) -> tuple[Any, ...]:
    weights = ((weight is None, weight or 0) for weight in (regime.weight, regime.canary_weight))
    return regime.last_at, regime.first_at, regime.step, *weights


def _regime(row: dict[str, Any]) -> Regime:
    first, last = aware_utc(row["first_at"]), aware_utc(row["last_at"])
    assert first is not None and last is not None  # noqa: PT018 - min and max of at least one row
    return Regime(
        step=row["step"],
        mode=row["mode"],
        weight=row["weight"],
        canary_weight=row["canary_weight"],
        first_at=first,
        last_at=last,
        tickets=int(row["tickets"]),
        treated=int(row["treated"]),
    )
