"""Checks of the human arm itself: has it eroded, and does it wait for what the agent escalates?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from experiments.control import ControlCheck, Standing, check_contamination, check_drift
from experiments.integrity import Finding
from experiments.verdict import Question
from policies.plan import Plan
from policies.vocabulary import METRICS, Role
from rollout.evidence import Erosion, Queue
from rollout.ladder.findings import ALPHA
from rollout.ladder.judge import Task

OTHER_TRACK: Final = "two agent versions are compared, humans are not in it"
NOT_LIVE: Final = "this step compares nothing with the human arm"


@dataclass(frozen=True, slots=True)
class ControlChecks:
    """What was found about the human arm; a reason instead of a check where none could be made."""

    drift: dict[str, ControlCheck] = field(default_factory=dict)
    """By metric."""
    contamination: ControlCheck | None = None
    drift_missing: str | None = None
    contamination_missing: str | None = None
    escalations: int = 0
    queries: dict[str, str] = field(default_factory=dict)
    """The SQL behind it, by what it counted."""
    as_of: datetime | None = None
    """When it was counted: of a large desk once a day."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Contamination first: it is about every metric."""
        checks = [self.contamination, *self.drift.values()]
        return tuple(check.finding for check in checks if check is not None and check.finding is not None)


def guarded(plan: Plan, tasks: Sequence[Task]) -> list[Task]:
    """The tasks whose control is watched for erosion: guardrails with a margin of the plan's own."""
    rules = plan.metrics
    return [
        task
        for task in tasks
        if task.metric in rules
        and rules[task.metric].role is Role.GUARDRAIL
        and rules[task.metric].margin is not None
    ]


def unchecked(reason: str) -> ControlChecks:
    return ControlChecks(drift_missing=reason, contamination_missing=reason)


def check_control(plan: Plan, tasks: Sequence[Task], erosion: Erosion, queue: Queue) -> ControlChecks:
    """Both checks. The plan's guardrails share one alpha, whatever the step asks of them."""
    shared = ALPHA / max(sum(rule.role is Role.GUARDRAIL for rule in plan.metrics.values()), 1)
    drift = {
        task.metric: check_drift(
            erosion.periods[task.metric], _question(plan, task.metric), alpha=shared, since=erosion.since
        )
        for task in guarded(plan, tasks)
        if task.metric in erosion.periods
    }
    missing = erosion.missing
    if missing is None and not drift:
        missing = "no metric of this step has a margin against the human arm"
    return ControlChecks(
        drift,
        None if queue.hours is None else check_contamination(queue.hours, alpha=ALPHA),
        missing,
        queue.missing,
        queue.escalations,
        {name: sql for name, sql in (("erosion", erosion.sql), ("queue", queue.sql)) if sql},
    )


def standing_of(checks: Sequence[ControlCheck]) -> Standing:
    """Of several checks together: the worst; nothing checked is not checked."""
    standings = {check.standing for check in checks}
    for worst in (Standing.INVALID, Standing.NOT_CHECKED):
        if worst in standings:
            return worst
    return Standing.PASS if standings else Standing.NOT_CHECKED


def _question(plan: Plan, metric: str) -> Question:
    margin, known = plan.metrics[metric].margin, METRICS[metric]
    assert margin is not None
    return Question(metric, known.title, known.unit, known.better, margin.value, relative=margin.relative)
