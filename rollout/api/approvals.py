"""The doors of approvals: tool calls that wait for people, and what people decide of them."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol

from pydantic import BaseModel, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from rollout.access.principal import Method
from rollout.access.roles import Role
from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.inputs import Identifier, Input, Workflow
from rollout.api.problems import Refused
from rollout.approvals.calls import Call
from rollout.approvals.people import Approvals, Word
from rollout.clock import Clock
from rollout.errors import UnknownApproval

State = Literal["pending", "denied", "expired", "begun", "done", "failed", "unknown"]


class ApprovalListing(Input):
    """Which of those that wait, or waited in the last 30 days."""

    state: State | Literal["any"] = "pending"
    workflow: Workflow | None = None
    tenant: Identifier | None = None


class ApprovalRequest(Input):
    """A person's word on a tool call."""

    arguments_digest: Annotated[str, Field(max_length=100)] = ""
    """Of the arguments you saw; needed to approve. Others are refused."""
    reason: Annotated[str, Field(max_length=1000)] = ""
    """Why; needed to deny. Others will read it."""
    actor: Identifier | None = None
    """Who you are, on a server without access keys."""


class Decided(BaseModel):
    """One person's word."""

    actor: str
    verdict: str
    """``approve`` or ``deny``."""
    at: datetime


class Approval(BaseModel):
    """A tool call that waits, or waited, for a person."""

    approval_id: str
    state: str
    """``pending``, ``denied``, ``expired``, ``begun``, ``done``, ``failed`` (nothing has changed) or
    ``unknown`` (somebody has to look)."""
    ticket_id: str
    customer_id: str
    workflow: str | None
    tool: str
    version: str
    """The agent version that asks."""
    reason: str
    """``always`` or ``over-limit``."""
    detail: str
    amount_usd: str | None
    arguments: dict[str, Any] | None
    """What the tool is called with; null once they were erased."""
    arguments_digest: str | None
    requested_at: datetime
    expires_at: datetime | None
    approvers: int
    """People it takes."""
    decisions: list[Decided]
    result: dict[str, Any] | None
    """What the tool answered."""
    error: str | None


class ApprovalList(BaseModel):
    """Those that wait, oldest first."""

    approvals: list[Approval]


_LISTING: Final[TypeAdapter[ApprovalListing]] = TypeAdapter(ApprovalListing)
_WORD: Final[TypeAdapter[ApprovalRequest]] = TypeAdapter(ApprovalRequest)


class Approves(Protocol):
    """What these routes need of a door."""

    approvals: Approvals | None
    clock: Clock


async def list_approvals(door: Approves, request: Request, caller: Caller) -> Response:
    """Tool calls that wait for people."""
    asked = _LISTING.validate_python(dict(request.query_params))
    approvals = door.approvals
    if approvals is None:
        return as_json({"approvals": []})
    state = None if asked.state == "any" else asked.state
    found = await approvals.listed(caller.tenant, state=state, workflow=asked.workflow)
    told = await asyncio.gather(*(_told(approvals, call, door.clock.now()) for call in found))
    return as_json({"approvals": told})


async def approve_call(door: Approves, request: Request, caller: Caller) -> Response:
    """Agree to a tool call; with the last agreement it takes it is made, once."""
    asked = _WORD.validate_json(await request.body() or b"{}")
    if not asked.arguments_digest:
        raise Refused("invalid", "#/arguments_digest: say which arguments you saw; the list has their digest")
    return await _decided(door, request, caller, asked, "approve")


async def deny_call(door: Approves, request: Request, caller: Caller) -> Response:
    """Refuse a tool call."""
    asked = _WORD.validate_json(await request.body() or b"{}")
    if len(asked.reason) < 3:
        raise Refused("invalid", "#/reason: to deny a call say why; others will read it")
    return await _decided(door, request, caller, asked, "deny")


async def _decided(
    door: Approves, request: Request, caller: Caller, asked: ApprovalRequest, verdict: str
) -> Response:
    approval_id = request.path_params["approval_id"]
    if door.approvals is None:
        raise Refused("not-found", f"no tool call waits, or waited, as {approval_id!r}")
    word = Word(
        verdict=verdict,
        digest=asked.arguments_digest,
        actor=caller.actor(asked.actor),
        note=asked.reason,
        is_agent=caller.known.method is not Method.LOCAL and Role.AGENT in caller.known.roles,
    )
    try:
        # A caller that hangs up does not cut a call off that was approved.
        call = await asyncio.shield(door.approvals.decide(caller.tenant, approval_id, word))
    except UnknownApproval as error:
        raise Refused("not-found", str(error)) from None
    return as_json(await _told(door.approvals, call, door.clock.now()))


async def _told(approvals: Approvals, call: Call, now: datetime) -> dict[str, Any]:
    same = ("approval_id", "ticket_id", "customer_id", "workflow", "tool", "version", "reason", "detail")
    return {
        **{name: getattr(call, name) for name in same},
        **await approvals.texts(call),
        "state": call.state(now),
        "amount_usd": None if call.amount is None else str(call.amount),
        "arguments_digest": call.arguments,
        "requested_at": call.at,
        "expires_at": call.expires_at,
        "approvers": call.approvers,
        "decisions": [{"actor": one.actor, "verdict": one.verdict, "at": one.at} for one in call.decisions],
        "error": call.error,
    }
