"""Putting tool calls on record, and their texts where they can be erased."""

import json
from collections.abc import Mapping
from typing import Any, Final

from agents.contract import Ticket
from policies.canonical import canonical
from rollout.approvals.calls import Call, begun, call_id, decision_id, of_ticket, result_id
from rollout.clock import Clock
from rollout.errors import ConflictingEvent
from rollout.record.content import ContentStore, Text
from rollout.record.journal import Journal
from rollout.records import Escalated, Event, Kind, ToolCalled, ToolDecided, ToolReturned

_MOST_KEPT: Final = 16 * 1024
"""Characters of what a refused call wanted; a hostile one may be as long as it likes."""
REASON: Final = "tool-outcome-unknown"


class Book:
    """Writes what happens to calls; every method returns when it is durable."""

    def __init__(self, journal: Journal, content: ContentStore, clock: Clock) -> None:
        self.journal = journal
        self.clock = clock
        self._content = content

    def calls(self, tenant: str, ticket_id: str) -> list[Call]:
        """All calls for a ticket, in order."""
        return of_ticket(self.journal, tenant, ticket_id)

    def text(self, reference: str | None) -> str | None:
        """A text; None where there was none, or it was erased."""
        return None if reference is None else self._content.get(reference)

    def json(self, reference: str | None) -> Any:
        """As ``text``, parsed."""
        text = self.text(reference)
        return None if text is None else json.loads(text)

    def open(self, ticket: Ticket, told: ToolCalled, arguments: Mapping[str, Any] | object) -> Call:
        """Record a new call.

        Raises:
            ConflictingEvent: its number is taken.
            RecordError: nothing can be recorded.

        """
        about = (ticket.tenant, ticket.customer_id, ticket.ticket_id)
        reference = self._content.put([Text(*about, f"tool-{told.number}", _written(arguments))])[0]
        values = {name: getattr(told, name) for name in ToolCalled.__slots__}
        event = Event(
            call_id(ticket.ticket_id, told.number),
            Kind.TOOL,
            self.clock.now(),
            ToolCalled(**values | {"content": {"arguments": reference}}),
            tenant=ticket.tenant,
            workflow=ticket.workflow,
            region=ticket.region,
            actor=f"agent:{told.version}",
        )
        self._once(event)
        return begun(event)

    def decide(self, call: Call, told: ToolDecided, note: str, actor: str) -> None:
        """Record a person's word on a call.

        Raises:
            ConflictingEvent: somebody else was quicker.
            RecordError: nothing can be recorded.

        """
        which = len(call.decisions) + 1
        values = {name: getattr(told, name) for name in ToolDecided.__slots__}
        content = self._keep(call, f"tool-note-{call.number}-{which}", note, "note") if note else {}
        payload = ToolDecided(**values | {"content": content})
        self._once(
            self._event(call, decision_id(call.ticket_id, call.number, which), Kind.APPROVAL, payload, actor)
        )

    def close(
        self, call: Call, outcome: str, *, result: str = "", seconds: float | None = None, error: str = ""
    ) -> None:
        """Record what came of a call.

        Raises:
            RecordError: nothing can be recorded.

        """
        content = self._keep(call, f"tool-result-{call.number}", result, "result") if result else {}
        payload = ToolReturned(call.ticket_id, call.number, outcome, seconds, error or None, content)
        actor = f"agent:{call.version}"
        self._once(
            self._event(call, result_id(call.ticket_id, call.number), Kind.TOOL, payload, actor), again=True
        )

    def to_a_human(self, call: Call) -> None:
        """Have people look at a ticket of which nobody knows what was done.

        Raises:
            RecordError: nothing can be recorded.

        """
        event_id = f"escalation:{call.ticket_id}:tool:{call.number}"
        payload = Escalated(call.ticket_id, REASON, (REASON,))
        self._once(self._event(call, event_id, Kind.ESCALATION, payload, "system"), again=True)

    def _keep(self, call: Call, part: str, body: str, name: str) -> dict[str, str]:
        text = Text(call.tenant, call.customer_id, call.ticket_id, part, body)
        return {name: self._content.put([text])[0]}

    def _event(self, call: Call, event_id: str, kind: Kind, payload: Any, actor: str) -> Event:
        at = self.clock.now()
        return Event(event_id, kind, at, payload, call.tenant, call.workflow, call.region, actor)

    def _once(self, event: Event, *, again: bool = False) -> None:
        """Record an event that nobody recorded before; ``again`` lets the first one stand."""
        try:
            receipt = self.journal.append([event])[0]
        except ConflictingEvent:
            if again:
                return
            raise
        if receipt.duplicate and not again:
            raise ConflictingEvent(f"{event.event_id} is on record already")


def _written(arguments: object) -> str:
    """Arguments as they are compared; of those that are none as much as can be kept."""
    try:
        return canonical(arguments).decode()
    except (TypeError, ValueError, RecursionError):
        return ""


def described(arguments: object) -> str:
    """What a refused call wanted, for those who look into it; never more than a limit, and plain ASCII."""
    try:
        text = json.dumps(arguments, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = type(arguments).__name__
    return text[:_MOST_KEPT]
