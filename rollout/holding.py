"""What keeps a rollout from climbing whatever its gates say: a severe incident, a clock nobody can trust."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rollout.clock import ClockWatch
from rollout.incidents.blocking import Source, open_incidents, refuse_while_severe
from rollout.incidents.incident import Incident, sentence_of
from rollout.ladder.state import LadderState
from rollout.ladder.steps import INCIDENT
from rollout.ladder.transition import Decision, Ruling

CLOCK_JUMPED: Final = "CLOCK_JUMPED"


class Holds:
    """Asked before anything gives an agent traffic. A roll-back is never held."""

    def __init__(self, view: Source, watch: ClockWatch | None = None) -> None:
        self._view = view
        self._watch = watch

    def refuse_while_severe(self, action: str, tenant: str, workflow: str) -> None:
        """Refuse an action while a severe incident is open.

        Raises:
            TransitionRefused: one is; names it and what ends it.

        """
        refuse_while_severe(action, self._open(tenant, workflow))

    def held(self, state: LadderState, ruling: Ruling) -> Ruling:
        """The ruling, held where a severe incident is open or the clock was set.

        A gate sees incidents as of its moment; a clock that went back must not hide one here.
        """
        if ruling.decision is Decision.ROLL_BACK or ruling.reason == INCIDENT:
            return ruling
        blocking = [incident for incident in self._open(state.tenant, state.workflow) if incident.blocks]
        if blocking:
            return _held(ruling, INCIDENT, sentence_of(blocking))
        off = self._watch.jump() if self._watch is not None else None
        if off is None:
            return ruling
        hours = off.total_seconds() / 3600
        told = f"the clock was set by {hours:+.1f} hours while the server ran; put it right, or restart the "
        return _held(ruling, CLOCK_JUMPED, f"{told}server once it is right")

    def _open(self, tenant: str, workflow: str) -> Sequence[Incident]:
        return open_incidents(self._view, tenant, workflow)


def _held(ruling: Ruling, reason: str, sentence: str) -> Ruling:
    """Held, and with no planned look used up: it would have been one at the wrong time."""
    return replace(ruling, decision=Decision.HOLD, reason=reason, sentence=sentence, looks={})
