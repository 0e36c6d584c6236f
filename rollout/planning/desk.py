"""What is known of the desk: observed where there are data, else declared, else assumed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from policies.plan import Plan, Step
from rollout.ladder.judge import Task, tasks_of
from rollout.planning.figures import Figure, MetricFacts, Origin, assumed
from rollout.planning.observed import Observed


@dataclass(frozen=True, slots=True)
class Desk:
    volume: Mapping[str, Figure]
    """Eligible tickets a day, by step; empty where nobody knows."""
    metrics: Mapping[str, MetricFacts]
    notes: tuple[str, ...] = ()
    """What people should know about the figures."""
    eligible_share: Mapping[str, float] = field(default_factory=dict)
    """Of all tickets, by step, where it was observed."""


def desk_of(plan: Plan, *, volume: float | None = None, observed: Observed | None = None) -> Desk:
    """Everything planning takes as given.

    Args:
        plan: its ``volume`` counts where nothing was observed.
        volume: eligible tickets a day; counts before everything else.
        observed: what the data folder says.

    """
    tasks = {task.metric: task for step in all_steps(plan) for task in tasks_of(plan, step)}
    metrics = {metric: _facts(plan, task, observed) for metric, task in tasks.items()}
    steps = [step.name for step in plan.steps]
    if volume is not None:
        by_step = dict.fromkeys(steps, Figure(volume, Origin.GIVEN, "--volume"))
    elif observed is not None and observed.volume:
        by_step = {name: observed.volume[name] for name in steps}
    elif plan.volume is not None:
        by_step = dict.fromkeys(steps, Figure(plan.volume.tickets_per_day, Origin.DECLARED, "volume"))
    else:
        by_step = {}
    return Desk(
        by_step,
        metrics,
        observed.notes if observed is not None else (),
        observed.eligible_share if observed is not None else {},
    )


def all_steps(plan: Plan) -> Iterator[Step]:
    yield from plan.steps
    if plan.canary is not None:
        yield from plan.canary.steps


def _facts(plan: Plan, task: Task, observed: Observed | None) -> MetricFacts:
    seen = observed.metrics.get(task.metric) if observed is not None else None
    if seen is not None:
        return seen
    facts = assumed(task.metric, task.limit)
    if task.metric == "csat" and plan.volume is not None:
        response = Figure(float(plan.volume.csat_response) / 100, Origin.DECLARED, "volume.csat_response")
        facts = replace(facts, carried=response)
    return facts
