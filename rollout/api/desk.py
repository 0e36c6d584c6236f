"""The hot loop behind HTTP: decide, record, wait until it is durable, answer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from agents.contract import Ticket
from rollout.api.gathering import Gathering
from rollout.decided import prepared_of
from rollout.errors import ConflictingEvent
from rollout.record.journal import Journal, Receipt
from rollout.record.line import prepare
from rollout.records import Assigned, Event
from rollout.router import Arrival, Router, assigned_from


def _event_id(ticket: Ticket) -> str:
    return f"ticket:{ticket.ticket_id}"


class Desk:
    """Routes tickets and takes in outcomes; everything it acknowledges is on disk."""

    def __init__(self, router: Router, journal: Journal) -> None:
        self._router = router
        self._journal = journal
        self._gathering = Gathering(journal)
        self.recorded: Callable[[list[Event]], None] = lambda _: None
        """Told of what ``record`` has recorded for the first time; not of decisions."""

    async def route(self, ticket: Ticket) -> Assigned:
        """Where the ticket goes; the same answer whenever it is asked again.

        Raises:
            ConflictingEvent: the ticket id belongs to another customer or workflow.
            QueueFull: more is offered than can be made durable.
            RecordError: nothing can be recorded.

        """
        routed = self._router.decide(Arrival(ticket))
        content = await self._kept(ticket) if ticket.subject or ticket.text else {}
        try:
            await self._gathering.record(prepared_of(routed, content))
        except ConflictingEvent:
            return await asyncio.to_thread(self._known, ticket)
        return routed.assigned

    def ask(self, ticket: Ticket) -> Assigned:
        """Where the ticket would go under the split in force; nothing is recorded."""
        return self._router.decide(Arrival(ticket)).assigned

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool:
        """Whether the agent may go on with a conversation it was given."""
        return self._router.may_serve(tenant, workflow, assigned)

    async def route_many(self, tickets: Sequence[Ticket]) -> list[Assigned]:
        """Where each ticket of a tenant goes, with one write for all that are new; all or none.

        Raises:
            ConflictingEvent: an id belongs to another customer or workflow.
            QueueFull, RecordError: as ``route``.

        """
        return await asyncio.to_thread(self._route_many, tickets)

    def _route_many(self, tickets: Sequence[Ticket]) -> list[Assigned]:
        try:
            return self._recorded(tickets)
        except ConflictingEvent:  # some were routed before: those keep what was decided then
            there = self._journal.known([_event_id(ticket) for ticket in tickets], tickets[0].tenant)
        known = {ticket.ticket_id: self._known(ticket) for ticket in tickets if _event_id(ticket) in there}
        new = [ticket for ticket in tickets if ticket.ticket_id not in known]
        try:
            decided = self._recorded(new)
        except ConflictingEvent:  # somebody routed one of them at this moment
            decided = [self._recorded_or_known(ticket) for ticket in new]
        known |= {assigned.ticket_id: assigned for assigned in decided}
        return [known[ticket.ticket_id] for ticket in tickets]

    def _recorded(self, tickets: Sequence[Ticket]) -> list[Assigned]:
        """Decide tickets and record that with one write, all or none."""
        decided = [self._router.decide(Arrival(ticket)) for ticket in tickets]
        kept = self._router.keep_all(tickets)
        events = [each for pair in zip(decided, kept, strict=True) for each in prepared_of(*pair)]
        self._journal.submit_prepared(events).result()
        return [routed.assigned for routed in decided]

    def _recorded_or_known(self, ticket: Ticket) -> Assigned:
        try:
            return self._recorded([ticket])[0]
        except ConflictingEvent:
            return self._known(ticket)

    async def record(self, events: list[Event]) -> list[Receipt]:
        """Record events, all or none, durable on return."""
        receipts = await self._gathering.record([prepare(event) for event in events])
        self.recorded(
            [event for event, receipt in zip(events, receipts, strict=True) if not receipt.duplicate]
        )
        return receipts

    def workflows_of(self, tickets: Iterable[str], tenant: str) -> dict[str, str]:
        """The workflow of each ticket that was ever opened here."""
        found = {ticket: self._journal.find(f"ticket:{ticket}", tenant) for ticket in tickets}
        return {
            ticket: record.workflow
            for ticket, record in found.items()
            if record is not None and record.workflow is not None
        }

    async def _kept(self, ticket: Ticket) -> Mapping[str, str]:
        """References of the ticket's texts; storing them waits for the disk, in a thread."""
        return await asyncio.to_thread(self._router.keep, ticket)

    def _known(self, ticket: Ticket) -> Assigned:
        """What was decided for this ticket before."""
        known = self._journal.find(f"assignment:{ticket.ticket_id}", ticket.tenant)
        if known is None:
            raise ConflictingEvent(
                f"ticket {ticket.ticket_id!r} is recorded from another source and was never routed; "
                "give the new ticket an id of its own"
            )
        assigned = assigned_from(known.payload)
        if assigned.unit != ticket.customer_id or known.workflow != ticket.workflow:
            raise ConflictingEvent(
                f"ticket {ticket.ticket_id!r} was routed before for another customer or workflow "
                f"(record {known.seq}); give the new ticket an id of its own"
            )
        return assigned
