"""The doors of the desk: what waits for people, and what people do about it."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.conversations import Talks, Words, book_of
from rollout.api.inputs import Identifier, Input, Label, Seconds, Workflow
from rollout.conversations.book import Book
from rollout.queue.register import MOST_LISTED
from rollout.queue.waiting import Waiting
from rollout.queue.work import PeopleAtWork, Verdict

Note = Annotated[str, Field(max_length=2000)]
_USUAL: Final = 50


class Listing(Input):
    """Which of those that wait."""

    kind: Literal["hand_off", "draft"] | None = None
    queue: Label | None = None
    workflow: Workflow | None = None
    state: Literal["open", "claimed", "done"] = "open"
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED, strict=False)] = _USUAL
    after: Annotated[str, Field(pattern=r"^[0-9]{1,6}:[0-9]{1,18}$")] = ""
    tenant: Identifier | None = None


class ClaimRequest(Input):
    """A ticket to be looked after."""

    actor: Identifier | None = None
    """Who you are, on a server without access keys."""


class ReleaseRequest(ClaimRequest):
    """A ticket to be given back."""

    force: bool = False
    """Give back what somebody else has."""


class AnswerRequest(ClaimRequest):
    """A person's answer to the customer."""

    text: Words
    handle_seconds: Seconds | None = None
    """Time you spent on it; since you claimed it where left out."""


class DraftRequest(ClaimRequest):
    """What becomes of the agent's draft."""

    verdict: Literal["approve", "edit", "reject"]
    """``approve`` sends it as it is, which a draft that breaks a rule does not allow; ``edit`` and
    ``reject`` send ``text``. Rejected without a text, the ticket waits on for an answer."""
    text: Annotated[str, Field(max_length=100_000)] = ""
    note: Note = ""
    """For colleagues: what was wrong with it."""
    handle_seconds: Seconds | None = None


class CorrectionRequest(ClaimRequest):
    """The machine's assessment of the ticket was wrong."""

    label: Literal[
        "should-have-escalated",
        "should-not-have-escalated",
        "wrong-category",
        "wrong-urgency",
        "wrong-policy",
        "wrong-information",
        "other",
    ]
    note: Note = ""


class Item(BaseModel):
    """A ticket that waits, or waited, for a person."""

    ticket_id: str
    workflow: str | None
    kind: str
    """``hand_off`` or ``draft``."""
    queue: str
    state: str
    """``open``, ``claimed`` or ``done``."""
    severity: int
    """0: a hard trigger or critical; 1: another grave reason; 2: the rest."""
    urgency: str | None
    tier: str | None
    category: str | None
    version: str | None
    message: int
    """The customer's message that waits for an answer; the opening is 1."""
    reasons: list[str]
    violations: list[str]
    """Rules that the draft breaks: it may be edited or rejected, not approved."""
    since: datetime
    claimed_by: str | None
    claimed_at: datetime | None
    done_at: datetime | None


class ListedItem(Item):
    """As an item, with what the person needs."""

    packet: str | None
    draft: str | None


class Queue(BaseModel):
    """A page of those that wait, the most urgent first."""

    items: list[ListedItem]
    next_after: str | None
    """``after`` of the next page; null at the end."""


class Corrected(BaseModel):
    """A correction on record."""

    ticket_id: str
    label: str
    event_id: str


_ANSWER: Final[TypeAdapter[AnswerRequest]] = TypeAdapter(AnswerRequest)
_CLAIM: Final[TypeAdapter[ClaimRequest]] = TypeAdapter(ClaimRequest)
_CORRECTION: Final[TypeAdapter[CorrectionRequest]] = TypeAdapter(CorrectionRequest)
_DRAFT: Final[TypeAdapter[DraftRequest]] = TypeAdapter(DraftRequest)
_LISTING: Final[TypeAdapter[Listing]] = TypeAdapter(Listing)
_RELEASE: Final[TypeAdapter[ReleaseRequest]] = TypeAdapter(ReleaseRequest)


async def list_queue(door: Talks, request: Request, caller: Caller) -> Response:
    """What waits for people."""
    asked = _LISTING.validate_python(dict(request.query_params))
    rank, _, seq = asked.after.partition(":")
    found = await door.queue.ask(
        lambda: door.queue.listed(
            caller.tenant,
            state=asked.state,
            kind=asked.kind,
            queue=asked.queue,
            workflow=asked.workflow,
            after=(int(rank), int(seq)) if asked.after else (-1, -1),
            limit=asked.limit,
        )
    )
    book = book_of(door)
    items = await asyncio.gather(*(_with_texts(book, item) for item in found))
    more = found[-1].cursor if len(found) == asked.limit else None
    return as_json({"items": items, "next_after": more})


async def claim(door: Talks, request: Request, caller: Caller) -> Response:
    """Take a ticket."""
    asked = _CLAIM.validate_json(await request.body() or b"{}")
    return await _item(_work(door).claim(caller.tenant, _ticket(request), caller.actor(asked.actor)))


async def release(door: Talks, request: Request, caller: Caller) -> Response:
    """Give a ticket back."""
    asked = _RELEASE.validate_json(await request.body() or b"{}")
    who = caller.actor(asked.actor)
    return await _item(_work(door).release(caller.tenant, _ticket(request), who, force=asked.force))


async def answer(door: Talks, request: Request, caller: Caller) -> Response:
    """Answer the customer of a ticket."""
    asked = _ANSWER.validate_json(await request.body())
    who = caller.actor(asked.actor)
    doing = _work(door).answer(caller.tenant, _ticket(request), who, asked.text, asked.handle_seconds)
    return await _item(doing)


async def decide(door: Talks, request: Request, caller: Caller) -> Response:
    """Decide on a draft."""
    asked = _DRAFT.validate_json(await request.body())
    verdict = Verdict(asked.verdict, asked.text, asked.note, asked.handle_seconds)
    who = caller.actor(asked.actor)
    return await _item(_work(door).decide(caller.tenant, _ticket(request), who, verdict))


async def correct(door: Talks, request: Request, caller: Caller) -> Response:
    """Say that the assessment of a ticket was wrong."""
    asked = _CORRECTION.validate_json(await request.body())
    who, ticket_id = caller.actor(asked.actor), _ticket(request)
    event_id = await _work(door).correct(caller.tenant, ticket_id, who, asked.label, asked.note)
    return as_json({"ticket_id": ticket_id, "label": asked.label, "event_id": event_id})


def _work(door: Talks) -> PeopleAtWork:
    return PeopleAtWork(door.desk, door.queue, book_of(door), door.clock)


def _ticket(request: Request) -> str:
    return str(request.path_params["ticket_id"])


async def _item(doing: Awaitable[Waiting]) -> Response:
    """The item after what was done; no texts, so that an answer can be kept under its key."""
    return as_json(_told(await doing))


def _told(item: Waiting) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Item.model_fields}


async def _with_texts(book: Book, item: Waiting) -> dict[str, Any]:
    packet, draft = await asyncio.gather(book.text(item.packet), book.text(item.draft))
    return _told(item) | {"packet": packet, "draft": draft}
