"""The door for people's judgements of shadow replies: the only labels that may carry a gate.

Who judged is the caller and nothing that was typed, and when is the server's clock: nobody can vote
twice on one reply or date a vote back. What is judged has to be there: a comparison that was recorded.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol, Self

from pydantic import Field, TypeAdapter, model_validator
from starlette.requests import Request
from starlette.responses import Response

from rollout.access.principal import Method
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.desk import Desk
from rollout.api.inputs import Identifier, Input, Label
from rollout.api.problems import Refused
from rollout.clock import Clock
from rollout.record.journal import Journal
from rollout.records import Compared, Event, Kind, Record

MOST_REVIEWS: Final = 200
BY_PERSON: Final = "human:"
Mark = Annotated[int, Field(ge=0, le=1)]
Version = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._-]+@[A-Za-z0-9._+-]+$")]
_JUDGEMENTS: Final = ("accuracy", "tone", "policy", "agreement")


class ReviewRequest(Input):
    """What one person says of one shadow reply: 1 good, 0 bad, left out where they cannot tell."""

    ticket_id: Identifier
    version: Version
    """The agent version whose reply it is, NAME@VERSION."""
    accuracy: Mark | None = None
    """Right in substance."""
    tone: Mark | None = None
    policy: Mark | None = None
    """Keeps to the rules."""
    agreement: Mark | None = None
    """Would have done for the customer what the human did."""
    human_escalated: bool | None = None
    """Whether the people at the desk passed the ticket on; the comparison's own where left out."""
    violations: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    sampling_probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Chance with which this reply was drawn for review among those compared; 1 where all are read."""
    actor: Identifier | None = None
    """Who you are, on a server without access keys."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, name) is None for name in _JUDGEMENTS) and self.human_escalated is None:
            raise ValueError(f"judge at least one of {', '.join(_JUDGEMENTS)} and human_escalated")
        return self


_ONE: Final[TypeAdapter[ReviewRequest]] = TypeAdapter(ReviewRequest)
Reviews = Annotated[list[ReviewRequest], Field(min_length=1, max_length=MOST_REVIEWS)]
_MANY: Final[TypeAdapter[list[ReviewRequest]]] = TypeAdapter(Reviews)


class Files(Protocol):
    """What this route needs of a door."""

    journal: Journal
    desk: Desk
    clock: Clock


async def review(door: Files, request: Request, caller: Caller) -> Response:
    """Record one review or a list of them, all or none."""
    body = await request.body()
    asked = _MANY.validate_json(body) if body.lstrip()[:1] == b"[" else [_ONE.validate_json(body)]
    compared = await asyncio.to_thread(_compared, door.journal, asked, caller.tenant)
    now = door.clock.now()
    events = []
    for one, record in zip(asked, compared, strict=True):
        person = one.actor if caller.known.method is Method.LOCAL else caller.known.name or caller.known.id
        payload = _payload(one, record.payload, BY_PERSON + (person or caller.actor(one.actor)))
        events.append(
            Event(
                event_id=_event_id(payload),
                kind=Kind.COMPARISON,
                occurred_at=now,
                payload=payload,
                tenant=caller.tenant,
                workflow=record.workflow,
                region=record.region,
                actor=caller.actor(one.actor),
            )
        )
    receipts = await door.desk.record(events)
    return as_json({"receipts": [receipt._asdict() for receipt in receipts]})


def _compared(journal: Journal, asked: Sequence[ReviewRequest], tenant: str) -> list[Record]:
    """The comparison that each review is of.

    Raises:
        Refused: there is none, or there was nothing to compare.

    """
    found = []
    for number, one in enumerate(asked):
        record = journal.find(f"comparison:{one.version}:{one.ticket_id}", tenant)
        at = f"#/{number}" if len(asked) > 1 else "#"
        if record is None or record.erased:
            raise Refused(
                "not-found", f"{at}: no reply of {one.version} to ticket {one.ticket_id!r} was compared"
            )
        if record.payload.get("dropped") is not None:
            raise Refused(
                "invalid",
                f"{at}: {one.version} gave no reply to ticket {one.ticket_id!r} "
                f"({record.payload['dropped']}), so there is nothing to judge",
            )
        found.append(record)
    return found


def _payload(asked: ReviewRequest, compared: Any, rater: str) -> Compared:
    """The person's word on the reply; what the agent did is the comparison's and cannot be restated."""
    escalated = compared.get("human_escalated") if asked.human_escalated is None else asked.human_escalated
    return Compared(
        ticket_id=asked.ticket_id,
        version=asked.version,
        rater=rater,
        accuracy=_share(asked.accuracy),
        tone=_share(asked.tone),
        policy=_share(asked.policy),
        agreement=_share(asked.agreement),
        agent_escalated=compared.get("agent_escalated"),
        human_escalated=escalated,
        confidence=compared.get("confidence"),
        abstained=bool(compared.get("abstained")),
        violations=asked.violations,
        # Chance that a person saw it: drawn for the shadow, then drawn for review.
        sampling_probability=compared.get("sampling_probability", 1.0) * asked.sampling_probability,
    )


def _share(mark: int | None) -> float | None:
    return None if mark is None else float(mark)


def _event_id(payload: Compared) -> str:
    """One id per rater and reply. A digest stands last, so that no ticket id can pose as another's."""
    rater = hashlib.sha256(payload.rater.encode()).hexdigest()[:16]
    return f"review:{payload.version}:{payload.ticket_id}:{rater}"
