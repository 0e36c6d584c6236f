"""The doors for incidents. They need nothing but the journal, so they work while nobody measures."""

import asyncio
from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from rollout.api.admit import Caller
from rollout.api.answers import as_json
from rollout.api.inputs import Identifier, Input, Label, Workflow
from rollout.api.problems import Refused
from rollout.clock import Clock
from rollout.incidents.incident import Incident, Severity, UnknownIncident, acknowledge, close, grade
from rollout.incidents.register import Register
from rollout.records import Event

Reason = Annotated[str, Field(min_length=3, max_length=1000)]


class IncidentRequest(Input):
    """What happened, how bad it is and to which version."""

    workflow: Workflow
    severity: Literal[1, 2, 3, 4]
    """1 is worst; while one of 1 or 2 is open nothing of the workflow is promoted."""
    title: Annotated[str, Field(min_length=3, max_length=300)]
    version: Label | None = None
    """The agent version, NAME@VERSION, where it is known."""
    actor: Identifier | None = None
    """Who reports it; only on a server without access keys."""


class IncidentChange(Input):
    """What becomes of it."""

    reason: Reason | None = None
    """Why; needed to close or to grade."""
    severity: Literal[1, 2, 3, 4] | None = None
    """The new one, to grade."""
    actor: Identifier | None = None


ACTIONS: Final = ("acknowledge", "grade", "close")
_NEW: Final[TypeAdapter[IncidentRequest]] = TypeAdapter(IncidentRequest)
_CHANGE: Final[TypeAdapter[IncidentChange]] = TypeAdapter(IncidentChange)


class Notes(Protocol):
    """What these routes need of a door."""

    incidents: Register
    clock: Clock


async def list_incidents(door: Notes, request: Request, caller: Caller) -> Response:
    """The tenant's incidents, open ones first; of one workflow where named."""
    workflow = request.query_params.get("workflow")
    found = await asyncio.to_thread(door.incidents.of, caller.tenant, workflow)
    return as_json({"incidents": [incident.to_json() for incident in found]})


async def open_incident(door: Notes, request: Request, caller: Caller) -> Response:
    """Note an incident; in force for gates when it is answered."""
    asked = _NEW.validate_json(await request.body())
    made = await asyncio.to_thread(
        door.incidents.open,
        caller.tenant,
        asked.workflow,
        Severity(asked.severity),
        asked.title,
        version=asked.version,
        actor=caller.actor(asked.actor),
        at=door.clock.now(),
    )
    return as_json(made.to_json())


async def change_incident(door: Notes, request: Request, caller: Caller) -> Response:
    """Acknowledge, grade or close an incident."""
    action, incident_id = request.path_params["action"], request.path_params["incident_id"]
    asked = _CHANGE.validate_json(await request.body() or b"{}")
    actor, now = caller.actor(asked.actor), door.clock.now()

    def make(incident: Incident) -> Event:
        return _made(action, incident, asked, actor, now)

    try:
        changed = await asyncio.to_thread(door.incidents.change, caller.tenant, incident_id, make)
    except UnknownIncident as error:
        raise Refused("not-found", str(error)) from None
    return as_json(changed.to_json())


def _made(action: str, incident: Incident, asked: IncidentChange, actor: str, now: datetime) -> Event:
    if action == "acknowledge":
        return acknowledge(incident, actor, now)
    if asked.reason is None:
        raise Refused("invalid", f"#/reason: to {action} an incident say why; others will read it")
    if action == "close":
        return close(incident, asked.reason, actor, now)
    if asked.severity is None:
        raise Refused("invalid", "#/severity: say how bad it is now, 1 (worst) to 4")
    return grade(incident, Severity(asked.severity), asked.reason, actor, now)
