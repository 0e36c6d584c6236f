"""The hot loop behind HTTP: decide, record, wait until it is durable, answer."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from agents.contract import Ticket
from rollout.api.gathering import Gathering
from rollout.decided import prepared_of
from rollout.errors import ConflictingEvent
from rollout.record.journal import Journal, Receipt
from rollout.record.line import Prepared, prepare
from rollout.records import Assigned, Event
from rollout.router import Arrival, Router, assigned_from, events_of

_SLICE: Final = 20
"""Tickets of a list that are decided before others have their turn: about a millisecond."""


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
            await self._gathering.record([prepared_of(routed, content)])
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
        try:
            return await self._recorded(tickets)
        except ConflictingEvent:  # some were routed before: those keep what was decided then
            known = await asyncio.to_thread(self._known_of, tickets)
        new = [ticket for ticket in tickets if ticket.ticket_id not in known]
        try:
            decided = await self._recorded(new)
        except ConflictingEvent:  # somebody routed one of them at this moment
            decided = [await self.route(ticket) for ticket in new]
        known |= {assigned.ticket_id: assigned for assigned in decided}
        return [known[ticket.ticket_id] for ticket in tickets]

    async def _recorded(self, tickets: Sequence[Ticket]) -> list[Assigned]:
        """Decide tickets and record that with one write, all or none.

        A slice at a time, so that nobody who asks for one ticket waits for a whole list; in the loop's own
        thread, because another would only fight it for the interpreter.
        """
        contents: Sequence[Mapping[str, str]] = [{}] * len(tickets)
        if any(ticket.subject or ticket.text for ticket in tickets):
            contents = await asyncio.to_thread(self._router.keep_all, tickets)
        decided: list[Assigned] = []
        events: list[Prepared] = []
        for number, (ticket, content) in enumerate(zip(tickets, contents, strict=True), 1):
            routed = self._router.decide(Arrival(ticket))
            events.append(prepared_of(routed, content))
            decided.append(routed.assigned)
            if number % _SLICE == 0:
                await asyncio.sleep(0)
        await self._gathering.record(events)
        return decided

    def _known_of(self, tickets: Sequence[Ticket]) -> dict[str, Assigned]:
        """What was decided for those of a tenant's tickets that were routed before."""
        there = self._journal.known([_event_id(ticket) for ticket in tickets], tickets[0].tenant)
        return {ticket.ticket_id: self._known(ticket) for ticket in tickets if _event_id(ticket) in there}

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
            return self._completed(ticket)
        assigned = assigned_from(known.payload)
        if assigned.unit != ticket.customer_id or known.workflow != ticket.workflow:
            raise ConflictingEvent(
                f"ticket {ticket.ticket_id!r} was routed before for another customer or workflow "
                f"(record {known.seq}); give the new ticket an id of its own"
            )
        return assigned

    def _completed(self, ticket: Ticket) -> Assigned:
        """A decision on a ticket that is on record without one: earlier versions could be cut short there."""
        routed = self._router.decide(Arrival(ticket))
        try:
            self._journal.append(events_of(routed, self._router.keep(ticket)))
        except ConflictingEvent as conflict:
            raise ConflictingEvent(
                f"ticket {ticket.ticket_id!r} is recorded from another source and was never routed; "
                "give the new ticket an id of its own"
            ) from conflict
        return routed.assigned
