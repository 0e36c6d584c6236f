"""A plan with other steps, margins or volume, on paper: how long would each gate take then?

Nothing is recorded and nobody is moved. The changed plan is held to every rule of a plan file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from policies import checks
from policies.plan import Plan, plan_from_json, plan_to_json
from rollout.errors import UsageError
from rollout.ladder.judge import tasks_of
from rollout.measure.query import Source
from rollout.planning.desk import Desk, all_steps, desk_of
from rollout.planning.forecast import forecast
from rollout.planning.observed import observe
from rollout.planning.public import to_json


@dataclass(frozen=True, slots=True)
class StepChange:
    """Another shape of one step; None keeps what the plan says."""

    weight: float | None = None
    """Percent of eligible units."""
    min_days: float | None = None
    margin_scale: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is asked about."""

    steps: Mapping[str, StepChange] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    """By metric, in its own unit; of a relative margin the share of the human arm's mean."""
    tickets_per_day: float | None = None
    """Eligible ones; what was observed or declared where None."""


def changed(plan: Plan, changes: Changes) -> Plan:
    """The plan with the changes in it.

    Raises:
        UsageError: it names a step or margin the plan does not have, or breaks a rule of plans.

    """
    draft = plan_to_json(plan)
    _change_steps(draft, changes.steps)
    for metric, margin in changes.margins.items():
        known = plan.margins().get(metric)
        if known is None:
            named = ", ".join(plan.margins()) or "none"
            raise UsageError(f"margins.{metric}: the plan has no margin of it; it has: {named}")
        draft["metrics"][metric]["margin"] = f"{margin * 100:g}%" if known.relative else margin
    if not changes.steps and not changes.margins:
        return plan
    made = plan_from_json(draft)
    broken = next(checks.check(checks.Draft.of(draft), None), None)
    if broken is not None:
        at = ".".join(str(part) for part in broken.at)
        raise UsageError(f"{at}: {broken.message}" + (f"; {broken.suggestion}" if broken.suggestion else ""))
    return made


def _change_steps(draft: dict[str, Any], steps: Mapping[str, StepChange]) -> None:
    rungs = {step["name"]: step for step in _rungs(draft)}
    for name, change in steps.items():
        if name not in rungs:
            raise UsageError(f"steps.{name}: the plan has no such step; it has: {', '.join(rungs)}")
        rung = rungs[name]
        if change.weight is not None:
            rung["set_weight"] = change.weight
        if change.min_days is not None:
            rung["min_duration"] = f"{round(change.min_days * 24)}h"
            rung.pop("max_duration", None)
        if change.margin_scale is not None:
            rung["margin_scale"] = change.margin_scale


def _rungs(draft: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from draft["steps"]
    yield from draft.get("canary", {}).get("steps", [])


def what_if(source: Source, plan: Plan, workflow: str, changes: Changes, now: datetime) -> dict[str, Any]:
    """The forecast as the plan stands (``now``) and with the changes (``then``), as ``plan --json`` tells.

    Raises:
        UsageError: see ``changed``; or nobody knows the volume.

    """
    metrics = list(dict.fromkeys(task.metric for step in all_steps(plan) for task in tasks_of(plan, step)))
    observed = observe(source, plan, metrics, workflow=workflow, as_of=now)
    then = changed(plan, changes)

    def told(asked: Plan, volume: float | None) -> dict[str, Any]:
        desk: Desk = desk_of(asked, volume=volume, observed=observed)
        return to_json(forecast(asked, desk, now), f"plan of {workflow}")

    margins = plan.margins()
    return {
        "workflow": workflow,
        "plan": {
            "steps": [
                {
                    "name": step.name,
                    "mode": step.mode.value,
                    "weight": float(step.weight),
                    "min_days": step.min_duration / timedelta(days=1),
                    "margin_scale": step.margin_scale,
                }
                for step in plan.steps
            ],
            "margins": {
                name: {"value": margin.value, "relative": margin.relative} for name, margin in margins.items()
            },
        },
        "now": told(plan, None if plan.volume or observed else changes.tickets_per_day),
        "then": told(then, changes.tickets_per_day),
    }
