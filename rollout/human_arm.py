"""The checks of the human arm, measured and judged: is it still what the margins were set against?"""

from collections.abc import Sequence

from policies.plan import Plan
from rollout.ladder.control import NOT_LIVE, OTHER_TRACK, ControlChecks, check_control, unchecked
from rollout.ladder.judge import Task
from rollout.measure.baseline_query import erosion_of
from rollout.measure.gate_query import Wanted
from rollout.measure.query import Source
from rollout.measure.queue_query import queue_of
from rollout.measure.scope import Scope


def human_arm(
    source: Source, scope: Scope, plan: Plan, tasks: Sequence[Task], wanted: Sequence[Wanted]
) -> ControlChecks:
    """Whether the human arm has eroded or waits for the agent's escalations, over a gate's tickets.

    Args:
        source: who answers SQL over the facts.
        scope: of the gate.
        plan: whose margins and eligibility count.
        tasks: the metrics of the step.
        wanted: those of them to hold against earlier tickets.

    """
    if scope.track == "canary" or scope.mode != "live":
        return unchecked(OTHER_TRACK if scope.track == "canary" else NOT_LIVE)
    wage = plan.cost.human_usd_per_hour if plan.cost is not None else None
    admitted = [plan.eligible, *(step.eligible for step in plan.steps if step.eligible is not None)]
    keys = dict.fromkeys(key for each in admitted for key, values in each if values is not None)
    return check_control(
        plan, tasks, erosion_of(source, scope, wanted, wage, list(keys)), queue_of(source, scope)
    )
