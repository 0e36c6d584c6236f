"""The door for people's judgements of shadow replies: the only labels that may carry a gate.

Who judged is the caller and nothing that was typed, and when is the server's clock: nobody can vote
twice on one reply or date a vote back. What is judged has to be there: a comparison that was recorded.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import BaseModel, Field, TypeAdapter, model_validator
from starlette.requests import Request
from starlette.responses import Response

from rollout.access.principal import Method
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.desk import Desk
from rollout.api.inputs import Identifier, Input, Label
from rollout.api.problems import Refused
from rollout.api.rows import Receipt
from rollout.clock import Clock
from rollout.queue.register import Register
from rollout.record.content import ContentStore, Text
from rollout.record.journal import Journal
from rollout.records import Compared, Event, Kind, Record, Reviewed

MOST_REVIEWS: Final = 200
BY_PERSON: Final = "human:"
Mark = Annotated[int, Field(ge=0, le=1)]
Version = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._-]+@[A-Za-z0-9._+-]+$")]
_JUDGEMENTS: Final = ("accuracy", "tone", "policy", "agreement")
_LABELS: Final = ("preference", "outcome")
Outcome = Literal[
    "sent-as-is",
    "lightly-edited",
    "rewritten",
    "correctly-escalated",
    "missed-escalation",
    "wrong-policy",
    "wrong-input",
]
"""What would have become of the agent's reply, had it been a draft."""


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
    preference: Literal["a", "b", "tie"] | None = None
    """Which of the pair is better, as ``GET /v1/reviews/next`` showed it to you."""
    outcome: Outcome | None = None
    """What would have become of the agent's reply."""
    note: Annotated[str, Field(max_length=2000)] = ""
    sampling_probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Chance with which this reply was drawn for review among those compared; 1 where all are read."""
    actor: Identifier | None = None
    """Who you are, on a server without access keys."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.judges or self.labels):
            known = ", ".join((*_JUDGEMENTS, *_LABELS))
            raise ValueError(f"judge at least one of {known} and human_escalated")
        if self.note and not self.labels:
            raise ValueError(f"a note goes with {' or '.join(_LABELS)}")
        return self

    @property
    def judges(self) -> bool:
        """Whether it holds what gates count."""
        return self.human_escalated is not None or any(
            getattr(self, name) is not None for name in _JUDGEMENTS
        )

    @property
    def labels(self) -> bool:
        """Whether it compares, or says what would have become of the reply."""
        return any(getattr(self, name) is not None for name in _LABELS)


_ONE: Final[TypeAdapter[ReviewRequest]] = TypeAdapter(ReviewRequest)
Reviews = Annotated[list[ReviewRequest], Field(min_length=1, max_length=MOST_REVIEWS)]
_MANY: Final[TypeAdapter[list[ReviewRequest]]] = TypeAdapter(Reviews)


class Revealed(BaseModel):
    """Whose the replies of a pair were, told once its label is on record."""

    ticket_id: str
    version: str
    a: str
    """``agent`` or ``human``."""
    b: str


class Recorded(BaseModel):
    """One receipt per review, in the order they were sent, and the pairs among them."""

    receipts: list[Receipt]
    revealed: list[Revealed]


class Files(Protocol):
    """What this route needs of a door."""

    journal: Journal
    desk: Desk
    clock: Clock
    content: ContentStore | None
    queue: Register


async def review(door: Files, request: Request, caller: Caller) -> Response:
    """Record one review or a list of them, all or none."""
    body = await request.body()
    asked = _MANY.validate_json(body) if body.lstrip()[:1] == b"[" else [_ONE.validate_json(body)]
    compared = await asyncio.to_thread(_compared, door.journal, asked, caller.tenant)
    events, firsts, revealed = list[Event](), list[int](), list[dict[str, str]]()
    for one, record in zip(asked, compared, strict=True):
        rater = rater_of(caller, one.actor)
        firsts.append(len(events))
        if one.judges:
            payload = _payload(one, record.payload, rater)
            events.append(_event(door, caller, record, _event_id("review", payload), payload))
        if one.labels:
            label = await asyncio.to_thread(_label, door, one, record, rater)
            events.append(_event(door, caller, record, _event_id("label", label), label))
        if one.preference is not None:
            await _refuse_alone(door, one, caller.tenant)
            a, b = sides(record, rater)
            revealed.append({"ticket_id": one.ticket_id, "version": one.version, "a": a, "b": b})
    receipts = await door.desk.record(events)
    told = [receipts[number]._asdict() for number in firsts]
    return as_json({"receipts": told, "revealed": revealed})


async def _refuse_alone(door: Files, one: ReviewRequest, tenant: str) -> None:
    if not await door.queue.ask(lambda: door.queue.paired(tenant, one.ticket_id, one.version)):
        raise Refused(
            "invalid",
            f"#/preference: ticket {one.ticket_id!r} has no person's reply beside that of {one.version}; "
            "take the pair from GET /v1/reviews/next",
        )


def rater_of(caller: Caller, typed: str | None) -> str:
    """Who judges: the name that the key or the sign-in has, or, for the one person, the one that is typed.

    Raises:
        Refused: nobody knows who it is.

    """
    person = typed if caller.known.method is Method.LOCAL else caller.known.name or caller.known.id
    return BY_PERSON + (person or caller.actor(typed))


def sides(compared: Record, rater: str) -> tuple[str, str]:
    """Whose reply a rater sees as A and whose as B.

    Drawn from the record's place in the chain, which is not shown to reviewers, and another for each: so
    nobody can work it out, no rater has one side more often than by chance, and it is the same tomorrow.
    """
    drawn = hashlib.sha256(f"pair:{compared.hash}:{rater}".encode()).digest()[0] % 2
    return ("agent", "human") if drawn else ("human", "agent")


def _event(door: Files, caller: Caller, record: Record, event_id: str, told: Compared | Reviewed) -> Event:
    return Event(
        event_id=event_id,
        kind=Kind.COMPARISON if isinstance(told, Compared) else Kind.REVIEW,
        occurred_at=door.clock.now(),
        payload=told,
        tenant=caller.tenant,
        workflow=record.workflow,
        region=record.region,
        actor=caller.actor(told.rater.removeprefix(BY_PERSON)),
    )


def _label(door: Files, one: ReviewRequest, record: Record, rater: str) -> Reviewed:
    """What a rater says of the pair, with the sides put back to whose they are; stores the note."""
    a, b = sides(record, rater)
    refs: dict[str, str] = {}
    opened = door.journal.find(f"ticket:{one.ticket_id}", record.tenant)
    if one.note and door.content is not None and opened is not None:
        text = Text(record.tenant, opened.payload["customer_id"], one.ticket_id, "note", one.note)
        refs["note"] = door.content.put([text])[0]
    preferred = {"a": a, "b": b, "tie": "tie"}.get(one.preference or "")
    return Reviewed(one.ticket_id, one.version, rater, preferred, one.outcome, a, refs)


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


def _event_id(what: str, payload: Compared | Reviewed) -> str:
    """One id per rater and reply. A digest stands last, so that no ticket id can pose as another's."""
    rater = hashlib.sha256(payload.rater.encode()).hexdigest()[:16]
    return f"{what}:{payload.version}:{payload.ticket_id}:{rater}"
