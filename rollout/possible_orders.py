"""What a person could order now: each order tried on paper, with what it would move or why it is refused.

The ladder's own actions answer, so what is shown as forbidden is what the order would be refused for.
Whether *this* person may give it is the door's to say.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from policies.plan import Plan
from policies.vocabulary import Mode
from rollout.controller import Standing
from rollout.errors import TransitionRefused
from rollout.ladder import actions
from rollout.ladder.state import LadderState, TrackName, steps_of
from rollout.ladder.transition import NOT_JUDGED, Order, Ruling, Rulings, Transition
from rollout.measure.query import Query, Source

_PER_DAY: Final = """
WITH newest AS (
    SELECT max(opened_at) AS at FROM facts
    WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of
)
SELECT count(*) / 7.0 AS per_day FROM facts, newest
WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= newest.at
    AND opened_at > newest.at - to_days(7) AND eligible AND excluded IS NULL"""


def possible_orders(source: Source, standing: Standing, rulings: Rulings, now: datetime) -> dict[str, Any]:
    """Track to action to what it would do; ``eligible_per_day`` beside them.

    Per action: ``allowed``; ``why`` not, in the ladder's words; ``needs_override`` where only a recorded
    override would do; ``takes_two`` where the step asks for a second person; and the shares before (``from``)
    and after (``to``).
    """
    state, plan = standing.state, standing.plan
    params = {"tenant": state.tenant, "workflow": state.workflow, "as_of": now}
    per_day = float(Query(_PER_DAY, params).one(source)["per_day"] or 0.0)
    tracks = [name for name in TrackName if state.track(name) is not None]
    return {
        "eligible_per_day": per_day,
        "tracks": {
            name.value: _Desk(plan, state, name, per_day).tried(rulings.get(name, NOT_JUDGED), now)
            for name in tracks
        },
    }


@dataclass(frozen=True, slots=True)
class _Desk:
    """One track of a rollout, and the eligible tickets that arrive a day."""

    plan: Plan
    state: LadderState
    name: TrackName
    per_day: float

    def tried(self, ruling: Ruling, now: datetime) -> dict[str, Any]:
        plan, state, name = self.plan, self.state, self.name
        order = Order("somebody", "tried on paper", now)
        override = replace(order, override=True)
        promotion = self._try(lambda: actions.promote(plan, state, name, ruling, order))
        promotion["needs_override"] = False
        if not promotion["allowed"]:
            forced = self._try(lambda: actions.promote(plan, state, name, ruling, override))
            if forced["allowed"]:
                promotion = forced | {"why": promotion["why"], "needs_override": True}
        track = state.track(name)
        assert track is not None
        promotion["takes_two"] = track.climbing and steps_of(plan, name)[track.index].approval
        return {
            "promote": promotion,
            "pause": self._try(lambda: actions.pause(plan, state, name, order)),
            "resume": self._try(lambda: actions.resume(plan, state, name, order)),
            "abort": self._try(lambda: actions.abort(plan, state, name, order)),
        }

    def _try(self, action: Callable[[], Transition]) -> dict[str, Any]:
        before = self._shares(self.state)
        try:
            change = action()
        except TransitionRefused as refusal:
            return {"allowed": False, "why": str(refusal), "from": before, "to": before}
        return {"allowed": True, "why": None, "from": before, "to": self._shares(change.state)}

    def _shares(self, state: LadderState) -> dict[str, Any]:
        """Percent of eligible customers with the agent, ``canary_weight`` of those; and tickets a day."""
        shares = state.shares
        live = 0.0 if shares.mode is Mode.SHADOW else float(shares.weight)
        agent = self.per_day * live / 100
        return {
            "mode": shares.mode.value,
            "weight": live,
            "canary_weight": float(shares.canary_weight),
            "agent_per_day": agent * (1 - float(shares.canary_weight) / 100),
            "canary_per_day": agent * float(shares.canary_weight) / 100,
        }
