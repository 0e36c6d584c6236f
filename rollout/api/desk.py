"""The hot loop behind HTTP: decide, record, wait until it is durable, answer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from agents.contract import Ticket
from rollout.errors import ConflictingEvent
from rollout.record.journal import Journal, Receipt
from rollout.records import Assigned, Event
from rollout.router import Arrival, Router, assigned_from, events_of


def _event_id(ticket: Ticket) -> str:
    return f"ticket:{ticket.ticket_id}"


class Desk:
    """Routes tickets and takes in outcomes; everything it acknowledges is on disk."""

    def __init__(self, router: Router, journal: Journal) -> None:
        self._router = router
        self._journal = journal
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
        events = events_of(routed, content)
        try:
            await asyncio.wrap_future(self._journal.submit(events))
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
        there = self._journal.known([_event_id(ticket) for ticket in tickets], tickets[0].tenant)
        new = [ticket for ticket in tickets if _event_id(ticket) not in there]
        known = {ticket.ticket_id: self._known(ticket) for ticket in tickets if _event_id(ticket) in there}
        if new:
            for routed in self._router.record([self._router.decide(Arrival(ticket)) for ticket in new]):
                ticket, assigned = routed.arrival.ticket, routed.assigned
                same = assigned.unit == ticket.customer_id
                # Somebody routed it at the same moment: what was recorded counts.
                known[ticket.ticket_id] = assigned if same else self._known(ticket)
        return [known[ticket.ticket_id] for ticket in tickets]

    async def record(self, events: list[Event]) -> list[Receipt]:
        """Record events, all or none, durable on return."""
        receipts = await asyncio.wrap_future(self._journal.submit(events))
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
