"""The door for pairs to compare: an agent's reply and a person's, side by side, not saying whose is whose."""

import asyncio
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.conversations import Talks, book_of
from rollout.api.inputs import Identifier, Input, Workflow
from rollout.api.reviews import rater_of, sides
from rollout.conversations.book import Book
from rollout.records import Record

_LOOKED_AT: Final = 200


class Wanted(Input):
    """For whom, and of which workflow."""

    workflow: Workflow | None = None
    actor: Identifier | None = None
    tenant: Identifier | None = None


class Pair(BaseModel):
    """What a customer wrote, and two replies to it."""

    ticket_id: str
    workflow: str | None
    version: str
    """The agent version that gave one of them."""
    subject: str | None
    text: str
    a: str
    b: str


class NextPair(BaseModel):
    """The next pair for a rater; null where nothing is left."""

    pair: Pair | None
    left: int
    """Pairs that they have not judged, this one included."""


_WANTED: Final[TypeAdapter[Wanted]] = TypeAdapter(Wanted)


async def next_pair(door: Talks, request: Request, caller: Caller) -> Response:
    """The next pair that the caller has not judged."""
    asked = _WANTED.validate_python(dict(request.query_params))
    rater = rater_of(caller, asked.actor)
    rows, left = await door.queue.ask(
        lambda: door.queue.pairs(caller.tenant, rater, asked.workflow, _LOOKED_AT)
    )
    book = book_of(door)
    for row in rows:
        pair = await _shown(door, book, row, rater)
        if pair is not None:
            return as_json({"pair": pair, "left": left})
    return as_json({"pair": None, "left": 0})


async def _shown(door: Talks, book: Book, row: Any, rater: str) -> dict[str, Any] | None:
    """A pair as its rater sees it; None where a text was erased."""
    tenant, ticket_id, version = row["tenant"], row["ticket_id"], row["version"]

    def records() -> tuple[Record | None, Record | None]:
        names = (f"ticket:{ticket_id}", f"comparison:{version}:{ticket_id}")
        opened, compared = (door.journal.find(name, tenant) for name in names)
        return opened, compared

    opened, compared = await asyncio.to_thread(records)
    if opened is None or compared is None:
        return None
    said = opened.payload.get("content", {})
    refs = (said.get("subject"), said.get("text"), row["ref"], row["human_ref"])
    subject, text, agent, human = await asyncio.gather(*map(book.text, refs))
    if not text or agent is None or human is None:
        return None
    replies = {"agent": agent, "human": human}
    a, b = sides(compared, rater)
    return {
        "ticket_id": ticket_id,
        "workflow": row["workflow"],
        "version": version,
        "subject": subject,
        "text": text,
        "a": replies[a],
        "b": replies[b],
    }
