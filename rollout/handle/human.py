"""The human desk: where hand-offs wait for a person."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from agents.checks import routing
from agents.contract import Packet, Ticket, Triage
from policies.vocabulary import Urgency

PRIORITY: Final = "human-queue-priority"
STANDARD: Final = "human-queue-standard"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One hand-off in a queue."""

    ticket: Ticket
    packet: Packet | None
    """``None`` where the agent failed before it could write one, or a human was meant to answer anyway."""
    reasons: tuple[str, ...]
    queue: str
    since: datetime
    hops: int = 0
    """How often it has been moved between queues; bouncing shows here."""


class HumanDesk(Protocol):
    """Whoever takes over. Enqueueing a ticket that waits already changes nothing and names its queue."""

    async def enqueue(
        self,
        ticket: Ticket,
        triage: Triage,
        *,
        packet: Packet | None,
        reasons: Sequence[str],
        at: datetime,
    ) -> str: ...


def queue_of(ticket: Ticket, triage: Triage, reasons: Sequence[str]) -> str:
    """The queue of a hand-off, by the route table in force.

    A tier never shares a queue with another, so that one tier's password resets cannot make
    another tier wait.
    """
    return routing.queue(
        tier=ticket.tier,
        reasons=reasons,
        urgency=triage.urgency,
        complexity=triage.complexity,
        category=triage.category,
    )


def queue_name(tier: str | None, urgency: Urgency | None, reasons: Sequence[str]) -> str:
    """As ``queue_of``, from what is on record of a ticket."""
    return routing.queue(tier=tier, reasons=reasons, urgency=urgency)


class InMemoryDesk:
    """A desk in one process: for tests, demonstrations and small installations."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Waiting]] = {}
        self._where: dict[tuple[str, str], str] = {}

    async def enqueue(
        self,
        ticket: Ticket,
        triage: Triage,
        *,
        packet: Packet | None,
        reasons: Sequence[str],
        at: datetime,
    ) -> str:
        key = (ticket.tenant, ticket.ticket_id)
        if key not in self._where:
            queue = queue_of(ticket, triage, reasons)
            self._queues.setdefault(queue, deque()).append(Waiting(ticket, packet, tuple(reasons), queue, at))
            self._where[key] = queue
        return self._where[key]

    def lengths(self) -> Mapping[str, int]:
        return {queue: len(waiting) for queue, waiting in self._queues.items() if waiting}

    def take(self, queue: str) -> Waiting | None:
        """The longest waiting hand-off of a queue, now in somebody's hands; ``None`` if there is none."""
        waiting = self._queues.get(queue)
        if not waiting:
            return None
        taken = waiting.popleft()
        del self._where[taken.ticket.tenant, taken.ticket.ticket_id]
        return taken

    def move(self, tenant: str, ticket_id: str, queue: str) -> Waiting:
        """Put a waiting hand-off at the end of another queue.

        Raises:
            KeyError: it is not waiting anywhere.

        """
        here = self._where[tenant, ticket_id]
        found = next(
            one
            for one in self._queues[here]
            if (one.ticket.tenant, one.ticket.ticket_id) == (tenant, ticket_id)
        )
        self._queues[here].remove(found)
        moved = Waiting(found.ticket, found.packet, found.reasons, queue, found.since, found.hops + 1)
        self._queues.setdefault(queue, deque()).append(moved)
        self._where[tenant, ticket_id] = queue
        return moved
