"""The door for tickets that are to be handled: decided, answered where the arm says so, recorded."""

from dataclasses import asdict
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.decisions import decision
from rollout.api.inputs import ROUTE
from rollout.api.metrics import Metrics
from rollout.api.problems import Refused
from rollout.api.rows import Decision
from rollout.ticketing import TicketDesk


class Handled(Decision):
    """Where a ticket goes, and what comes of it."""

    handler: str
    """``agent`` when its reply goes to the customer, else ``human``."""
    reply: str | None
    """For the customer; null where a human answers, or the text was erased."""
    message: str | None
    """For the customer until a human answers."""
    draft: str | None
    """For the person who answers, in an assist step."""
    violations: list[str]
    """Rules that the draft breaks: it may be edited, not sent as it is."""
    packet: str | None
    """For the person who takes over."""
    queue: str | None
    reasons: list[str]
    """Why it was handed off, most severe first."""


class Handles(Protocol):
    """What this route needs of a door."""

    tickets: TicketDesk | None
    metrics: Metrics


async def handle_ticket(door: Handles, request: Request, caller: Caller) -> Response:
    """Decide a ticket and have it answered."""
    if door.tickets is None:
        raise Refused("unavailable", "this server has no agents; ask POST /v1/route where a ticket goes")
    asked = ROUTE.validate_json(await request.body())
    answer = await door.tickets.handle(asked.ticket(caller.tenant))
    assigned = answer.assigned
    door.metrics.decided(caller.tenant, asked.workflow, assigned)
    told = asdict(answer)
    del told["assigned"]
    return as_json(decision(asked.workflow, assigned) | told)
