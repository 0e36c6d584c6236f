"""A conversation as the journal holds it: the ticket, then one record per place.

Place n is the record ``turn:{ticket}:{n}``. The journal takes an id once, so of two who want to say
something in the same place one is refused, looks at what was said, and decides anew. That is the whole
fence: it needs no lock, and it holds over restarts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from policies.vocabulary import Arm, Mode
from rollout.records import Assigned, Record
from rollout.router import assigned_from

OPENING: Final = 1
"""The ticket is the customer's first message."""
MOST_PLACES: Final = 500
"""Messages that a conversation may have after its opening."""
_BY_AGENT: Final = frozenset({Arm.AGENT.value, Arm.CANARY.value})


class Found(Protocol):
    """What reading needs of a journal."""

    def find(self, event_id: str, tenant: str = "default") -> Record | None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One message after the opening."""

    place: int
    author: str
    message: int
    """Of a customer: the how-manieth of theirs. Of anybody else: the newest of theirs that it answers."""
    turn_id: str | None
    ref: str | None
    """Where its text is."""
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Thread:
    """What is on record of a conversation; nothing in it changes, it only grows."""

    opened: Record
    assigned: Assigned | None
    triage: Mapping[str, Any]
    entries: tuple[Entry, ...]
    handled: Mapping[int, Record]
    """The agent's work, by the customer's message that it was about."""
    drafts: Mapping[int, Record]
    """The agent's drafts, likewise."""
    escalated: Mapping[int, Record]
    """The hand-offs, likewise."""

    @property
    def ticket_id(self) -> str:
        return str(self.opened.payload["ticket_id"])

    @property
    def customer_id(self) -> str:
        return str(self.opened.payload["customer_id"])

    @property
    def messages(self) -> int:
        """How many the customer has sent, the opening included."""
        return max((entry.message for entry in self.entries if entry.author == "customer"), default=OPENING)

    @property
    def mode(self) -> str | None:
        """How the agent takes part: ``live``, ``assist``, or None where it does not."""
        one = self.assigned
        if one is None or one.arm not in _BY_AGENT or one.version is None:
            return None
        return Mode.ASSIST.value if one.mode == Mode.ASSIST else Mode.LIVE.value

    @property
    def human_spoke(self) -> bool:
        return any(entry.author == "human" for entry in self.entries)

    @property
    def handed_off(self) -> bool:
        """Whether the agent gave it up, or had to."""
        return any(record.payload["outcome"] != "replied" for record in self.handled.values())

    @property
    def with_people(self) -> bool:
        """Whether the agent has no say in it any more, or never had."""
        return self.mode is None or self.handed_off or (self.mode == Mode.LIVE and self.human_spoke)

    @property
    def replies(self) -> int:
        """How often the agent has answered."""
        return sum(record.payload["outcome"] == "replied" for record in self.handled.values())

    def said_as(self, turn_id: str) -> Entry | None:
        """The message that was reported under an id."""
        return next((entry for entry in self.entries if entry.turn_id == turn_id), None)

    def until(self, message: int) -> list[Entry]:
        """What was said when the customer's ``message`` was to be answered, that message last.

        What the agent answered to earlier ones belongs before it, also where it came to be written later.
        """
        place = next((one.place for one in self.entries if _is_customers(one, message)), 0)
        before = [one for one in self.entries if one.place < place or _answers_earlier(one, message)]
        return before + [one for one in self.entries if _is_customers(one, message)]


def read(journal: Found, tenant: str, ticket_id: str) -> Thread | None:
    """Read a conversation; None where there is no such ticket."""
    opened = journal.find(f"ticket:{ticket_id}", tenant)
    if opened is None:
        return None
    assigned = journal.find(f"assignment:{ticket_id}", tenant)
    triage = journal.find(f"triage:{ticket_id}", tenant)
    entries: list[Entry] = []
    while (found := journal.find(place_id(ticket_id, len(entries) + 1), tenant)) is not None:
        entries.append(_entry(found))
    numbers = range(OPENING, sum(entry.author == "customer" for entry in entries) + 2)
    return Thread(
        opened=opened,
        assigned=None if assigned is None else assigned_from(assigned.payload),
        triage={} if triage is None else triage.payload,
        entries=tuple(entries),
        handled=_each(journal, tenant, {n: f"handling:{ticket_id}:agent:{n}" for n in numbers}),
        drafts=_each(journal, tenant, {n: draft_id(ticket_id, n) for n in numbers}),
        escalated=_each(journal, tenant, {n: f"escalation:{ticket_id}:{n}" for n in numbers}),
    )


def place_id(ticket_id: str, place: int) -> str:
    """The id of the record of what is said in a place."""
    return f"turn:{ticket_id}:{place}"


def draft_id(ticket_id: str, message: int) -> str:
    """The id of the draft of an answer to the customer's ``message``."""
    # The number stands before the ticket's id, so that none of theirs can look like another's.
    return f"draft:{ticket_id}" if message == OPENING else f"draft-{message}:{ticket_id}"


def _each(journal: Found, tenant: str, ids: Mapping[int, str]) -> dict[int, Record]:
    found = {number: journal.find(event_id, tenant) for number, event_id in ids.items()}
    return {number: record for number, record in found.items() if record is not None}


def _entry(record: Record) -> Entry:
    said = record.payload
    return Entry(
        place=said["place"],
        author=said["author"],
        message=said["message"],
        turn_id=said["turn_id"],
        ref=said["content"].get("text"),
        at=record.occurred_at,
        actor=record.actor,
    )


def _is_customers(entry: Entry, message: int) -> bool:
    return entry.author == "customer" and entry.message == message


def _answers_earlier(entry: Entry, message: int) -> bool:
    return entry.author == "agent" and entry.message < message
