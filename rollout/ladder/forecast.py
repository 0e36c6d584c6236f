"""When will an open gate be decided: dates with their assurance, at the weight in force and at the next.

From where each metric's score stands now, were there no true difference. Pure; a gate is asked for it
where people look, not at every tick, because the dates take longer than the verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from experiments.evidence import weigh
from experiments.power import Wait
from experiments.samples import NO_COMPARISON
from experiments.schedule import Design, schedule
from experiments.verdict import Rules
from policies.plan import Plan, Step
from rollout.evidence import GateEvidence, MetricEvidence
from rollout.ladder.judge import Judgement, Task, question_of, rules_of, tasks_of, traffic_of

FARTHEST_DAYS: Final = 3650.0
"""Beyond ten years it is called never."""


@dataclass(frozen=True, slots=True)
class Dates:
    """At one weight; None where it never comes."""

    weight: float
    """Share assigned to the treated arm, 0 to 1, of those compared."""
    even: Wait | None
    """Decided by then with chance one half."""
    planned: Wait | None
    """With the planned power of the metric."""
    late: Wait | None
    """With chance 0.95."""

    def to_json(self, now: datetime) -> dict[str, Any]:
        return {
            "weight": self.weight,
            "even": _wait(self.even, now),
            "planned": _wait(self.planned, now),
            "late": _wait(self.late, now),
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one metric that is not decided yet."""

    here: Dates
    next: Dates | None
    """At the weight of the next step; None on the last one."""
    assurance: float
    """The chance that ``planned`` stands for."""

    def to_json(self, now: datetime) -> dict[str, Any]:
        return {
            "assumes": "no difference",
            "assurance": {"even": 0.5, "planned": self.assurance, "late": max(0.95, self.assurance)},
            "here": self.here.to_json(now),
            "next": None if self.next is None else self.next.to_json(now),
        }


def forecasts(
    plan: Plan, step: Step, evidence: GateEvidence, judgement: Judgement, next_share: float | None
) -> Mapping[str, Forecast]:
    """Dates of every comparison of the gate that is open and has something to go on.

    Args:
        plan: its error rates.
        step: the step judged.
        evidence: what it was judged on.
        judgement: what was said.
        next_share: share of the treated arm at the next step's weight, 0 to 1; None on the last step.

    """
    tasks = tasks_of(plan, step)
    rules = rules_of(plan, tasks)
    waiting = {
        row.metric for row in judgement.rows if row.category is None and row.verdict.state == "INCONCLUSIVE"
    }
    found = {}
    for task in tasks:
        if task.metric in waiting and task.limit is None and task.role != "goal":
            measured = evidence.metrics.get(task.metric)
            forecast = None if measured is None else _forecast(task, measured, evidence, rules, next_share)
            if forecast is not None:
                found[task.metric] = forecast
    return found


def _forecast(
    task: Task, measured: MetricEvidence, evidence: GateEvidence, rules: Rules, next_share: float | None
) -> Forecast | None:
    traffic = traffic_of(task, measured, evidence)
    seen = weigh(measured.difference or NO_COMPARISON, question_of(task, evidence), rules)
    if traffic is None or not seen.defined or not isfinite(seen.above.per_observation):
        return None
    design = Design(
        margin=seen.tested,
        plan_margin=seen.margin,
        per_observation=seen.above.per_observation,
        traffic=traffic,
        information=seen.above.information,
        smaller_arm=seen.smaller_arm,
        score=seen.above.effect * seen.above.information,
    )
    following = None
    if next_share is not None and 0 < next_share < 1:
        following = _dates(replace(design, traffic=replace(traffic, weight=next_share)), rules)
    return Forecast(_dates(design, rules), following, rules.metric_power)


def _dates(design: Design, rules: Rules) -> Dates:
    found = schedule(design, rules)
    ends = (_soon(each) for each in (found.even, found.planned, found.late))
    return Dates(design.traffic.weight, *ends)


def _soon(wait: Wait) -> Wait | None:
    return wait if wait.days <= FARTHEST_DAYS else None


def _wait(wait: Wait | None, now: datetime) -> dict[str, Any] | None:
    if wait is None:
        return None
    day = (now + timedelta(days=wait.days)).date().isoformat()
    return {"tickets": round(wait.tickets), "days": wait.days, "date": day}
