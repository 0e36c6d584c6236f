"""OpenFeature's remote evaluation protocol: any of its SDKs can ask which arm a customer is in.

The decision is the router's own, taken as for a ticket with these attributes, and nothing is recorded:
an evaluation is no exposure. Evidence begins when a ticket is routed.
"""

import asyncio
from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from agents.contract import Ticket
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.flags import Evaluated, answer, find, flags_of, released
from rollout.api.inputs import RouteRequest
from rollout.api.problems import Refused
from rollout.api.soundness import require_sound
from rollout.router import assigned_from

if TYPE_CHECKING:
    from rollout.api.door import Door

ATTRIBUTES: Final = ("category", "urgency", "complexity", "tier", "channel", "language", "region")
"""The keys of a context that are read besides ``targetingKey`` and ``ticket_id``."""
_FIELDS: Final = {"customer_id": "targetingKey"}
_NEVER_ROUTED: Final = "-"


class NotEvaluated(Exception):
    """A request that gets one of the protocol's errors."""

    def __init__(self, code: str, details: str, status: int = 400) -> None:
        super().__init__(details)
        self.code, self.details, self.status = code, details, status

    def answer(self, key: str | None = None) -> Response:
        named = {} if key is None else {"key": key}
        return as_json({**named, "errorCode": self.code, "errorDetails": self.details}, self.status)


async def evaluate(door: "Door", request: Request, caller: Caller) -> Response:
    """One flag."""
    key = request.path_params["key"]
    workflows = _workflows(door, caller.tenant)
    flag = find(key, workflows)
    if flag is None:
        known = ", ".join(sorted(workflows)) or "none"
        return NotEvaluated("FLAG_NOT_FOUND", f"there is no flag {key!r}; workflows: {known}", 404).answer(
            key
        )
    try:
        context = context_of(await request.body())
        evaluated = await _evaluated(door, context, caller.tenant, [flag.workflow])
    except NotEvaluated as error:
        return error.answer(key)
    return as_json(answer(flag, evaluated[flag.workflow]))


async def evaluate_all(door: "Door", request: Request, caller: Caller) -> Response:
    """Every flag of the tenant, with an entity tag; 304 where the asker has the answer already."""
    workflows = _workflows(door, caller.tenant)
    try:
        context = context_of(await request.body())
        evaluated = await _evaluated(door, context, caller.tenant, workflows)
    except NotEvaluated as error:
        return error.answer()
    flags = [
        answer(flag, evaluated[workflow])
        for workflow in sorted(workflows)
        for flag in flags_of(workflow, workflows)
    ]
    body = orjson.dumps({"flags": flags})
    tag = entity_tag(caller, context, body)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def context_of(body: bytes) -> dict[str, Any]:
    """The context of a request, with a targeting key in it.

    Raises:
        NotEvaluated: it cannot be read, or does not say about whom.

    """
    try:
        require_sound(body)
        sent = orjson.loads(body)
    except (Refused, orjson.JSONDecodeError) as error:
        raise NotEvaluated("PARSE_ERROR", f"the body cannot be read as JSON: {error}") from None
    if not isinstance(sent, dict):
        raise NotEvaluated("PARSE_ERROR", 'the body is no object; send {"context": {"targetingKey": …}}')
    context = sent.get("context")
    if context is None:
        context = {}
    if not isinstance(context, dict):
        raise NotEvaluated("INVALID_CONTEXT", "context: send an object")
    if context.get("targetingKey") in (None, ""):
        raise NotEvaluated("TARGETING_KEY_MISSING", "context.targetingKey: give the customer's id")
    return context


def ticket_of(context: Mapping[str, Any], workflow: str, tenant: str, opened_at: Any) -> Ticket:
    """The ticket that the context describes, held to what a ticket to be routed is held to.

    Raises:
        NotEvaluated: an attribute has another type, or a value outside its vocabulary.

    """
    read = {key: context[key] for key in ATTRIBUTES if context.get(key) is not None}
    ticket_id = context.get("ticket_id")
    try:
        return RouteRequest(
            ticket_id=_NEVER_ROUTED if ticket_id is None else ticket_id,
            customer_id=context["targetingKey"],
            opened_at=opened_at,
            workflow=workflow,
            **read,
        ).ticket(tenant)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0])
        raise NotEvaluated("INVALID_CONTEXT", f"context.{_FIELDS.get(name, name)}: {first['msg']}") from None


def entity_tag(caller: Caller, context: Mapping[str, Any], body: bytes) -> str:
    """Equal only for the same tenant, roles, context and answer; the answer names each position."""
    principal = caller.known
    scope = [caller.tenant, sorted(principal.roles), principal.method]
    digest = sha256(orjson.dumps([scope, context], option=orjson.OPT_SORT_KEYS))
    digest.update(sha256(body).digest())
    return f'"{digest.hexdigest()}"'


def _tags(header: str) -> list[str]:
    """The tags of If-None-Match. ``*`` is none of them: nobody holds an answer without its tag."""
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _workflows(door: "Door", tenant: str) -> frozenset[str]:
    return frozenset(name for owner, name in door.standings.workflows() if owner == tenant)


async def _evaluated(
    door: "Door", context: Mapping[str, Any], tenant: str, workflows: Collection[str]
) -> dict[str, Evaluated]:
    """The evaluation of each workflow: what is on record of the context's ticket, or a decision."""
    now = door.clock.now()
    tickets = [ticket_of(context, workflow, tenant, now) for workflow in workflows]
    found = {ticket.workflow: Evaluated(door.desk.ask(ticket), recorded=False) for ticket in tickets}
    if tickets and context.get("ticket_id") is not None:
        workflow, evaluated = await asyncio.to_thread(_on_record, door, tickets[0])
        if evaluated is not None and workflow in found:
            found[workflow] = evaluated
    return found


def _on_record(door: "Door", ticket: Ticket) -> tuple[str | None, Evaluated | None]:
    """The workflow that the ticket was routed in and what was decided then, if it ever was.

    Raises:
        NotEvaluated: it was routed for another customer.

    """
    known = door.journal.find(f"assignment:{ticket.ticket_id}", ticket.tenant)
    if known is None or known.workflow is None:
        return None, None
    assigned = assigned_from(known.payload)
    if assigned.unit != ticket.customer_id:
        raise NotEvaluated("INVALID_CONTEXT", "context.ticket_id: it was routed for another customer")
    if assigned.version is not None and not door.desk.may_serve(ticket.tenant, known.workflow, assigned):
        assigned = released(assigned)
    return known.workflow, Evaluated(assigned, recorded=True)
