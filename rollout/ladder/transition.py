"""What goes into a step of the ladder and what comes out: rulings, outlooks, transitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from experiments.verdict import Looks
from rollout.ladder.state import LadderState, TrackName
from rollout.records import TransitionMade

CONTROLLER: Final = "controller"
"""The actor of transitions that nobody ordered."""


class Decision(StrEnum):
    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    ROLL_BACK = "ROLL_BACK"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the gates and monitors say of one track; time and people have their say after them."""

    decision: Decision
    reason: str
    """Machine code, e.g. ``UNDERPOWERED`` or ``INFERIOR``."""
    sentence: str
    """The same for a person, without a full stop."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    """The verdicts, as the gate prints them."""
    looks: Mapping[str, Looks] = field(default_factory=dict)
    """Planned looks that were taken just now, by metric, those before them included."""


NOT_JUDGED: Final = Ruling(
    Decision.HOLD, "NOT_JUDGED", "nothing has judged this step yet; no evidence promotes nobody"
)
BEING_JUDGED: Final = Ruling(
    Decision.HOLD, "BEING_JUDGED", "the gate is being judged; look again in a few seconds"
)
"""For rows that do not wait for a look at a large desk; nothing is ever decided on it."""

Rulings = Mapping[TrackName, Ruling]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What happens next on a track, or why it is held and until when."""

    decision: Decision
    reason: str
    sentence: str
    until: datetime | None = None
    """When a hold ends by itself at the earliest; None where only evidence or a person ends it."""
    counts: bool = False
    """The gate has passed, but the step asks for more consecutive passes: count this one."""


@dataclass(frozen=True, slots=True)
class Order:
    """A person's instruction."""

    actor: str
    reason: str
    at: datetime
    override: bool = False
    two_person: bool = False
    """The actor is known, not typed: where a step asks for approval it takes a second one."""
    person: bool = True
    """False where a program gives it: then nobody has answered for it yet."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a workflow's position."""

    action: str
    track: TrackName
    from_step: str | None
    to_step: str | None
    reason: str
    sentence: str
    state: LadderState
    at: datetime
    actor: str = CONTROLLER
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> TransitionMade:
        """The payload that the journal keeps."""
        return TransitionMade(
            action=self.action,
            track=self.track.value,
            from_step=self.from_step,
            to_step=self.to_step,
            reason=self.reason,
            sentence=self.sentence,
            plan_digest=self.state.plan_digest,
            state=self.state.to_json(),
            evidence=self.evidence,
            made_at=self.at,
        )
