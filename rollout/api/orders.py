"""A person's order as a change of the ladder. Needs no evidence, so it works while nobody measures."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from policies.plan import Plan
from rollout.api.inputs import ActionRequest
from rollout.incidents.blocking import refuse_while_severe
from rollout.incidents.incident import Incident
from rollout.ladder import actions
from rollout.ladder.state import LadderState, TrackName
from rollout.ladder.transition import Order, Transition

_ACTIONS: Final[dict[str, Callable[[Plan, LadderState, TrackName, Order], Transition]]] = {
    "pause": actions.pause,
    "resume": actions.resume,
    "abort": actions.abort,
}


def order(action: str, asked: ActionRequest, given: Order) -> Callable[[Plan, LadderState], Transition]:
    """What ``pause``, ``resume`` or ``abort`` makes of a standing."""

    def change(plan: Plan, state: LadderState) -> Transition:
        return _ACTIONS[action](plan, state, TrackName(asked.track), given)

    return change


def unless_severe(
    change: Callable[[Plan, LadderState], Transition], incidents: Callable[[], Iterable[Incident]]
) -> Callable[[Plan, LadderState], Transition]:
    """``change``, refused while a severe incident is open at the moment it is made."""

    def guarded(plan: Plan, state: LadderState) -> Transition:
        refuse_while_severe("resume", incidents())
        return change(plan, state)

    return guarded


def moved(transition: Transition) -> dict[str, Any]:
    """A transition as the doors answer it."""
    return {
        "workflow": transition.state.workflow,
        "action": transition.action,
        "track": transition.track.value,
        "from_step": transition.from_step,
        "to_step": transition.to_step,
        "reason": transition.reason,
        "sentence": transition.sentence,
        "actor": transition.actor,
        "at": transition.at.isoformat(),
        "weights": {
            "mode": transition.state.shares.mode.value,
            "weight": float(transition.state.shares.weight),
            "canary_weight": float(transition.state.shares.canary_weight),
            "holdout": float(transition.state.shares.holdout),
        },
    }
