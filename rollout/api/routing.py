"""``POST /v1/route``: where a ticket goes, or each of a list, durable before it is answered."""

from typing import Final, NamedTuple, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.decisions import decision, parse_tickets
from rollout.api.desk import Desk
from rollout.api.inputs import ROUTE, RouteRequest
from rollout.api.metrics import Metrics

PATH = "/v1/route"
_ONE: Final = ROUTE.validator.validate_json  # without the detour over what an adapter may be told besides


class Routes(Protocol):
    """What this route needs of a door."""

    desk: Desk
    metrics: Metrics


class Asked(NamedTuple):
    """The tickets of a body, and whether it was a list."""

    tickets: list[RouteRequest]
    many: bool


def parse(body: bytes) -> Asked:
    """What a body asks.

    Raises:
        pydantic.ValidationError: the body does not hold to the contract.
        Refused: a ticket is in it twice.

    """
    if body.lstrip()[:1] == b"[":
        return Asked(parse_tickets(body), many=True)
    return Asked([_ONE(body)], many=False)


async def decide(door: Routes, tenant: str, asked: Asked) -> bytes:
    """The answer, when all of it is durable.

    Raises:
        ConflictingEvent: a ticket id belongs to another customer or workflow.
        QueueFull, RecordError: it cannot be recorded.

    """
    desk, note = door.desk, door.metrics.decided
    if not asked.many:
        ticket = asked.tickets[0]
        assigned = await desk.route(ticket.ticket(tenant))
        note(tenant, ticket.workflow, assigned)
        return orjson.dumps(decision(ticket.workflow, assigned))
    decided = await desk.route_many([ticket.ticket(tenant) for ticket in asked.tickets])
    answers = []
    for ticket, assigned in zip(asked.tickets, decided, strict=True):
        note(tenant, ticket.workflow, assigned)
        answers.append(decision(ticket.workflow, assigned))
    return orjson.dumps({"decisions": answers})


async def route(door: Routes, request: Request, caller: Caller) -> Response:
    """Decide, record, answer."""
    answer = await decide(door, caller.tenant, parse(await request.body()))
    return Response(answer, media_type="application/json")
