"""Decisions as the doors answer them, and lists of tickets as they take them."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, TypeAdapter

from rollout.api.inputs import RouteRequest
from rollout.api.problems import Refused
from rollout.api.rows import Decision
from rollout.records import Assigned

MOST_TICKETS: Final = 500
Tickets = Annotated[list[RouteRequest], Field(min_length=1, max_length=MOST_TICKETS)]
_MANY: Final[TypeAdapter[list[RouteRequest]]] = TypeAdapter(Tickets)


class Decisions(BaseModel):
    """One decision per ticket, in the order they were sent."""

    decisions: list[Decision]


def parse_tickets(body: bytes) -> list[RouteRequest]:
    """A list of tickets, each with an id of its own.

    Raises:
        pydantic.ValidationError: the body does not hold to the contract.
        Refused: a ticket is in it twice.

    """
    tickets = _MANY.validate_json(body)
    seen: set[str] = set()
    for number, ticket in enumerate(tickets):
        if ticket.ticket_id in seen:
            raise Refused("invalid", f"#/{number}/ticket_id: {ticket.ticket_id!r} is in this list twice")
        seen.add(ticket.ticket_id)
    return tickets


def decision(workflow: str, assigned: Assigned) -> dict[str, Any]:
    """An assignment as the doors answer it."""
    return {
        "ticket_id": assigned.ticket_id,
        "workflow": workflow,
        "arm": assigned.arm,
        "mode": assigned.mode,
        "version": assigned.version,
        "step": assigned.step,
        "bucket": str(assigned.bucket),
        "weight": assigned.weight,
        "canary_weight": assigned.canary_weight,
        "holdout": assigned.holdout,
        "eligible": assigned.eligible,
        "reason": assigned.reason,
        "detail": assigned.detail,
        "plan_digest": assigned.plan_digest,
        "position": assigned.position,
        "assigned_at": assigned.assigned_at,
    }
