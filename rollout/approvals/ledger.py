"""What limits and people need to know of all tickets: kept by following the journal, and by nothing else."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any, Final

from agents.contract import Ticket
from agents.tools.permissions import Tally
from rollout.approvals.calls import ASKED, BEGUN, COUNTED, READ, REFUSED, Call, opening, taken
from rollout.record.journal import Journal
from rollout.record.segments import decoded, lines
from rollout.records import Kind, Record

_KINDS: Final = (Kind.TOOL.value, Kind.APPROVAL.value)
_MARKS: Final = tuple(f'"kind":"{kind}"'.encode() for kind in _KINDS)
KEPT: Final = timedelta(days=30)
"""How long what a person decided stays in the list; the journal has it for ever."""
_COUNTED_FOR: Final = timedelta(days=2)

Key = tuple[str, str, int]


class Ledger:
    """Calls that may change something. Thread-safe; of the process that owns the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = Lock()
        self._position = 0
        self._calls: dict[Key, Call] = {}
        self._pruned = ""

    def tally(self, ticket: Ticket, tool: str, of_ticket: Sequence[Call], now: datetime) -> Tally:
        """What calls of a tool have come to by now; ``of_ticket`` are all earlier ones for the ticket."""
        mine = [call for call in of_ticket if call.tool == tool and call.state(now) in COUNTED]
        today = [
            call
            for call in self._now(now)
            if (call.tenant, call.tool, _day(call.at)) == (ticket.tenant, tool, _day(now))
            and call.state(now) in COUNTED
        ]
        customer = [call for call in today if call.customer_id == ticket.customer_id]
        return Tally(len(mine), len(customer), len(today), _sum(mine), _sum(customer), _sum(today))

    def approvals(self, tenant: str, now: datetime) -> list[Call]:
        """Calls that wait for a person, or did in the last 30 days, oldest first."""
        return [call for call in self._now(now) if call.tenant == tenant and call.what == ASKED]

    def approval(self, tenant: str, approval_id: str, now: datetime) -> Call | None:
        """One of them."""
        found = (call for call in self.approvals(tenant, now) if call.approval_id == approval_id)
        return next(found, None)

    def begun(self, now: datetime) -> list[Call]:
        """Calls of all tenants that were begun and of which nothing came yet."""
        return [call for call in self._now(now) if call.state(now) == BEGUN]

    def _now(self, now: datetime) -> list[Call]:
        with self._lock:
            for record in self._news():
                self._take(record)
            self._prune(now)
            return list(self._calls.values())

    def _news(self) -> Iterator[Record]:
        head = self._journal.head().seq
        for line in lines(self._journal.folder, self._position, head):
            if any(mark in line.raw for mark in _MARKS):
                yield from decoded(line)
        self._position = head

    def _take(self, record: Record) -> None:
        told = record.payload
        if not _is_of_a_call(record, told):
            return
        key = (record.tenant, told["ticket_id"], told["number"])
        if "tool" in told:
            if told["what"] not in {REFUSED, READ}:
                self._calls[key] = opening(record)
        elif key in self._calls:
            self._calls[key] = taken(self._calls[key], record)

    def _prune(self, now: datetime) -> None:
        """Let go of what is over and counts for nothing any more, once a day."""
        if self._pruned == _day(now):
            return
        self._pruned = _day(now)
        for key, call in list(self._calls.items()):
            kept = KEPT if call.what == ASKED else _COUNTED_FOR
            if call.state(now) != BEGUN and call.at < now - kept:
                del self._calls[key]


def _is_of_a_call(record: Record, told: Any) -> bool:
    return not record.erased and "number" in told and (record.kind == Kind.TOOL or told.get("what") == "tool")


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def _sum(calls: Sequence[Call]) -> Decimal:
    return sum((call.amount for call in calls if call.amount is not None), Decimal(0))
