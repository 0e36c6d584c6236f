"""A tool call as the journal holds it. What is on record decides how it stands; nothing else does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from rollout.records import Event, Kind, Record, ToolCalled

MOST_NUMBERS: Final = 200
"""Calls that there may be for one ticket, refused ones included."""
REFUSED: Final = "refused"
READ: Final = "read"
ASKED: Final = "asked"
BEGUN: Final = "begun"
PENDING: Final = "pending"
DENIED: Final = "denied"
EXPIRED: Final = "expired"
DONE: Final = "done"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
COUNTED: Final = frozenset({PENDING, BEGUN, DONE, UNKNOWN})
"""States that use up limits: what happened, may have happened, or may still."""


class Found(Protocol):
    """What reading needs of a journal."""

    def find(self, event_id: str, tenant: str = "default") -> Record | None: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's word on a call."""

    verdict: str
    """``approve`` or ``deny``."""
    actor: str
    at: datetime
    begins: bool
    note: str | None
    """Reference of why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call and what became of it."""

    tenant: str
    workflow: str | None
    region: str | None
    at: datetime
    ticket_id: str
    customer_id: str
    number: int
    tool: str
    version: str
    what: str
    message: int
    mode: str
    reason: str
    detail: str
    amount: Decimal | None
    arguments: str | None
    """Reference of what it is called with."""
    approval_id: str | None
    expires_at: datetime | None
    approvers: int
    decisions: tuple[Decision, ...] = ()
    outcome: str | None = None
    result: str | None = None
    """Reference of what it answered."""
    error: str | None = None
    returned_at: datetime | None = None

    @property
    def key(self) -> str:
        """What tells a tool that a call is the same one: its ticket and number."""
        return f"{self.tenant}:{self.ticket_id}:{self.number}"

    def state(self, now: datetime) -> str:
        """How it stands: one of the words at the top of this file."""
        if self.outcome is not None:
            return self.outcome
        if self.what != ASKED:
            return BEGUN if self.what == READ else self.what
        if any(decision.verdict == "deny" for decision in self.decisions):
            return DENIED
        if any(decision.begins for decision in self.decisions):
            return BEGUN
        return EXPIRED if self.expires_at is None or now >= self.expires_at else PENDING


def call_id(ticket_id: str, number: int) -> str:
    return f"tool:{ticket_id}:{number}"


def result_id(ticket_id: str, number: int) -> str:
    return f"tool-result:{ticket_id}:{number}"


def decision_id(ticket_id: str, number: int, which: int) -> str:
    """Of a call's first, second, … decision; of two people who decide at once one is refused."""
    return f"tool-decision:{ticket_id}:{number}:{which}"


def of_ticket(journal: Found, tenant: str, ticket_id: str) -> list[Call]:
    """All calls for a ticket, in order."""
    calls: list[Call] = []
    for number in range(1, MOST_NUMBERS + 1):
        opened = journal.find(call_id(ticket_id, number), tenant)
        if opened is None:
            break
        call = opening(opened)
        for event_id in _further(call):
            found = journal.find(event_id, tenant)
            call = call if found is None else taken(call, found)
        calls.append(call)
    return calls


def _further(call: Call) -> Iterator[str]:
    """The ids of records that may follow a call's first."""
    if call.what == ASKED:
        yield from (decision_id(call.ticket_id, call.number, which) for which in range(1, call.approvers + 1))
    if call.what != REFUSED:
        yield result_id(call.ticket_id, call.number)


def opening(record: Record) -> Call:
    """The call of its first record."""
    told = record.payload
    return _of(record, {**told, "expires_at": _moment(told["expires_at"])})


def begun(event: Event) -> Call:
    """The call of an event that was just recorded."""
    told: ToolCalled = event.payload
    return _of(event, {name: getattr(told, name) for name in ToolCalled.__slots__})


def _of(envelope: Record | Event, told: Mapping[str, Any]) -> Call:
    same = ("ticket_id", "customer_id", "number", "tool", "version", "what", "message", "mode")
    further = ("reason", "detail", "approval_id", "expires_at", "approvers")
    return Call(
        tenant=envelope.tenant,
        workflow=envelope.workflow,
        region=envelope.region,
        at=envelope.occurred_at,
        **{name: told[name] for name in (*same, *further)},
        amount=None if told["amount_usd"] is None else Decimal(told["amount_usd"]),
        arguments=told["content"].get("arguments"),
    )


def taken(call: Call, record: Record) -> Call:
    """The call after a further record of it."""
    told = record.payload
    if record.kind == Kind.APPROVAL:
        note = told["content"].get("note")
        decision = Decision(told["verdict"], record.actor, record.occurred_at, told["begins"], note)
        return replace(call, decisions=(*call.decisions, decision))
    return replace(
        call,
        outcome=told["outcome"],
        result=told["content"].get("result"),
        error=told["error"],
        returned_at=record.occurred_at,
    )


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
