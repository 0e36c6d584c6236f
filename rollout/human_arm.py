"""The checks of the human arm, measured and judged: is it still what the margins were set against?

Whoever looks again and again at a large desk counts their evidence once a day, at the day's first look.
Both checks are anytime-valid: they hold whenever one looks, so looking less often costs nothing but the
rest of the day. The gate says as of when they were counted.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from policies.plan import Plan
from rollout.evidence import Erosion, Queue
from rollout.ladder.control import NOT_LIVE, OTHER_TRACK, ControlChecks, check_control, unchecked
from rollout.ladder.judge import Task
from rollout.measure.baseline_query import erosion_of
from rollout.measure.gate_query import Wanted
from rollout.measure.query import Source, utc_day
from rollout.measure.queue_query import queue_of
from rollout.measure.scope import Scope

_Counted = tuple[datetime, Erosion, Queue]
_counted: WeakKeyDictionary[Any, dict[str, _Counted]] = WeakKeyDictionary()
_counting = threading.Lock()


def human_arm(
    source: Source,
    scope: Scope,
    plan: Plan,
    tasks: Sequence[Task],
    wanted: Sequence[Wanted],
    *,
    daily: bool = False,
) -> ControlChecks:
    """Whether the human arm has eroded or waits for the agent's escalations, over a gate's tickets.

    Args:
        source: who answers SQL over the facts.
        scope: of the gate.
        plan: whose margins and eligibility count.
        tasks: the metrics of the step.
        wanted: those of them to hold against earlier tickets.
        daily: whether what was counted earlier on the same day (UTC) is good enough.

    """
    if scope.track == "canary" or scope.mode != "live":
        return unchecked(OTHER_TRACK if scope.track == "canary" else NOT_LIVE)
    wage = plan.cost.human_usd_per_hour if plan.cost is not None else None
    admitted = [plan.eligible, *(step.eligible for step in plan.steps if step.eligible is not None)]
    keys = dict.fromkeys(key for each in admitted for key, values in each if values is not None)
    key = repr((scope.where, {**scope.params, "as_of": None}, tuple(wanted), wage, tuple(keys)))
    with _counting:
        kept = _counted.setdefault(source, {})
        found = kept.get(key)
    today = found is not None and found[0] <= scope.as_of and utc_day(found[0]) == utc_day(scope.as_of)
    if found is None or not (daily and today):
        found = scope.as_of, erosion_of(source, scope, wanted, wage, list(keys)), queue_of(source, scope)
        with _counting:
            kept[key] = found
    as_of, erosion, queue = found
    return replace(check_control(plan, tasks, erosion, queue), as_of=as_of)
