"""The doors of a conversation: what is said goes in, what is to be said comes out, and how it stands."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from policies.vocabulary import Mode
from rollout.access.principal import Method
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.desk import Desk
from rollout.api.inputs import Identifier, Input, Moment
from rollout.api.problems import Refused
from rollout.clock import Clock
from rollout.conversations.answering import Given
from rollout.conversations.book import Book, Word
from rollout.conversations.thread import OPENING, Thread
from rollout.queue.register import Register
from rollout.record.content import ContentStore
from rollout.record.journal import Journal
from rollout.ticketing import TicketDesk

_AGENT_WORK: Final = (
    *("version", "outcome", "confidence", "retrieval_confidence", "retrieval_age_days", "sources"),
    *("violations", "model", "cost_usd", "latency_seconds", "error"),
)


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("say something")
    return text


Words = Annotated[str, Field(max_length=100_000), AfterValidator(_says_something)]


class TurnRequest(Input):
    """One message of a conversation, after the opening, which is the ticket."""

    turn_id: Identifier
    """Yours, unique in the conversation: sending it again gets the same answer and changes nothing."""
    author: Literal["customer", "human"]
    """``human`` is a person of your desk, whose first word takes the ticket from the agent for good."""
    text: Words
    at: Moment | None = None
    """When it was said; now where left out."""
    actor: Identifier | None = None
    """Who of your desk, on a server without access keys."""


class TurnAnswer(BaseModel):
    """A message as it was recorded, and what it is answered with."""

    ticket_id: str
    turn_id: str
    place: int
    """In the conversation, from 1; the opening is 0."""
    author: str
    at: datetime
    handler: str
    """``agent`` when its reply goes to the customer, else ``human``."""
    reply: str | None
    """For the customer, from the agent; null where a human answers, or the text was erased."""
    message: str | None
    """For the customer until a human answers: once, with the hand-off."""
    draft: str | None
    """For the person who answers, in an assist step."""
    violations: list[str]
    packet: str | None
    """For the person who takes over."""
    queue: str | None
    reasons: list[str]


class TurnTold(BaseModel):
    """One message as it stands on record."""

    place: int
    author: str
    at: datetime
    turn_id: str | None
    message: int
    """Which of the customer's messages it is, or answers; the opening is 1."""
    text: str | None
    text_state: str
    """``present``, ``erased``, ``expired``, ``missing``, or ``none`` where nothing was kept."""


class AgentWork(BaseModel):
    """What the agent made of one of the customer's messages."""

    message: int
    at: datetime
    version: str | None
    outcome: str
    confidence: float | None
    retrieval_confidence: float | None
    retrieval_age_days: float | None
    sources: list[str]
    violations: list[str]
    model: str | None
    cost_usd: float | None
    latency_seconds: float | None
    error: str | None
    withheld: str | None
    """A reply that was never sent: a person was quicker, or something spoke against it."""


class Conversation(BaseModel):
    """A conversation, whole."""

    ticket_id: str
    workflow: str | None
    arm: str | None
    mode: str | None
    version: str | None
    owner: str
    """``agent``, ``human``, or ``nobody`` while it waits for a person."""
    claimed_by: str | None
    """Who of the desk looks after it, while it waits."""
    state: str
    """``answered``, or ``waiting`` while the customer's newest message has no answer."""
    handed_off: bool
    reasons: list[str]
    queue: str | None
    packet: str | None
    draft: str | None
    violations: list[str]
    turns: list[TurnTold]
    decisions: list[AgentWork]


_TURN: Final[TypeAdapter[TurnRequest]] = TypeAdapter(TurnRequest)


class Talks(Protocol):
    """What these routes need of a door."""

    journal: Journal
    desk: Desk
    clock: Clock
    tickets: TicketDesk | None
    content: ContentStore | None
    queue: Register


def book_of(door: Talks) -> Book:
    """The conversations of a door.

    Raises:
        Refused: it holds no texts.

    """
    if door.tickets is not None:
        return door.tickets.book
    if door.content is None:
        raise Refused("unavailable", "this server keeps no texts, so nobody can talk here")
    return Book(door.desk, door.journal, door.content, door.clock)


async def say(door: Talks, request: Request, caller: Caller) -> Response:
    """Take a message in and answer it, where it is the agent's to answer."""
    asked = _TURN.validate_json(await request.body())
    word = Word(asked.turn_id, asked.author, asked.text, _speaker(caller, asked.actor), asked.at)
    ticket_id = request.path_params["ticket_id"]
    if door.tickets is None:
        _, said = await book_of(door).say(caller.tenant, ticket_id, word)
        given = Given("human")
    else:
        _, said, given = await door.tickets.turn(caller.tenant, ticket_id, word)
    told = {
        "ticket_id": ticket_id,
        "turn_id": said.turn_id,
        "place": said.place,
        "author": said.author,
        "at": said.at,
    }
    return as_json(told | asdict(given))


async def conversation(door: Talks, request: Request, caller: Caller) -> Response:
    """How a conversation stands, with everything that was said."""
    book = book_of(door)
    thread = await book.thread(caller.tenant, request.path_params["ticket_id"])
    return as_json(await _told(door, book, thread))


def _speaker(caller: Caller, typed: str | None) -> str:
    return typed or "api" if caller.known.method is Method.LOCAL else caller.known.actor


async def _told(door: Talks, book: Book, thread: Thread) -> dict[str, Any]:
    newest = max((*thread.handled, *thread.drafts, 0))
    given = Given("human")
    if door.tickets is not None and newest:
        given = await door.tickets.given(thread, newest)
    assigned = thread.assigned
    tenant, ticket_id = thread.opened.tenant, thread.ticket_id
    item = await door.queue.ask(lambda: door.queue.get(tenant, ticket_id))
    claimed_by = item.claimed_by if item is not None and item.state == "claimed" else None
    return {
        "ticket_id": thread.ticket_id,
        "workflow": thread.opened.workflow,
        "arm": None if assigned is None else assigned.arm,
        "mode": None if assigned is None else assigned.mode,
        "version": None if assigned is None else assigned.version,
        "owner": await _owner(door, thread, claimed_by),
        "claimed_by": claimed_by,
        "state": "answered" if _answered(thread) else "waiting",
        "handed_off": thread.handed_off,
        "reasons": given.reasons,
        "queue": given.queue,
        "packet": given.packet,
        "draft": given.draft,
        "violations": given.violations,
        "turns": await _turns(book, thread),
        "decisions": await _decisions(book, thread),
    }


async def _owner(door: Talks, thread: Thread, claimed_by: str | None) -> str:
    if thread.human_spoke or claimed_by is not None:
        return "human"
    if thread.with_people or thread.mode != Mode.LIVE:
        return "nobody"
    reported = await door.queue.have(thread.opened.tenant, thread.ticket_id)
    return "human" if reported else "agent"


def _answered(thread: Thread) -> bool:
    newest = thread.messages
    by_agent = thread.handled.get(newest)
    replied = by_agent is not None and by_agent.payload["outcome"] == "replied"
    return replied or any(entry.author == "human" and entry.message >= newest for entry in thread.entries)


async def _turns(book: Book, thread: Thread) -> list[dict[str, Any]]:
    opening = thread.opened.payload.get("content", {})
    refs = [opening.get("text"), *(entry.ref for entry in thread.entries)]
    states = await book.states([ref for ref in refs if ref])
    texts = await asyncio.gather(*map(book.text, refs))
    first = {
        "place": 0,
        "author": "customer",
        "at": thread.opened.payload["opened_at"],
        "turn_id": None,
        "message": OPENING,
    }
    rest = [
        {name: getattr(entry, name) for name in ("place", "author", "at", "turn_id", "message")}
        for entry in thread.entries
    ]
    kept = [(text, "none" if ref is None else states[ref]) for text, ref in zip(texts, refs, strict=True)]
    return [
        turn | {"text": text, "text_state": state}
        for turn, (text, state) in zip([first, *rest], kept, strict=True)
    ]


async def _decisions(book: Book, thread: Thread) -> Sequence[dict[str, Any]]:
    return [
        {
            "message": message,
            "at": record.occurred_at,
            **{name: record.payload.get(name) for name in _AGENT_WORK},
            "withheld": await book.text(record.payload.get("content", {}).get("withheld")),
        }
        for message, record in sorted(thread.handled.items())
    ]
