"""What the server says of itself and of its caller."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from rollout.access.roles import Permission
from rollout.api.admit import Caller
from rollout.api.answers import as_json

if TYPE_CHECKING:
    from rollout.api.door import Door


async def alive(_: "Door", __: Request, ___: Caller) -> Response:
    """Whether the process runs."""
    return as_json({"status": "alive"})


async def index(_: "Door", __: Request, ___: Caller) -> Response:
    """Where the doors are."""
    doors = {"description": "/openapi.json", "workflows": "/v1/workflows", "ready": "/readyz"}
    return as_json({"service": "ridealong", "doors": doors})


async def me(door: "Door", _: Request, caller: Caller) -> Response:
    """Who the caller is."""
    known = caller.known
    told = {
        "id": known.id,
        "name": known.name,
        "actor": known.actor,
        "method": known.method.value,
        "tenant": known.tenant,
        "roles": sorted(role.value for role in known.roles),
        "permissions": sorted(permission.value for permission in known.permissions),
        "one_person": door.access.one_person,
    }
    return as_json(told)


async def ready(door: "Door", _: Request, caller: Caller) -> Response:
    """Whether tickets are decided; the checks only for those who may read rollouts."""
    position = await door.analyst.position()
    failure = door.journal.failure
    plans = None if position is None else await door.analyst.plans(caller.tenant)
    refused = plans is not None and plans["refused"] > 0
    beginning = plans is not None and not plans.get("looked", True)
    status = "failed" if failure else "degraded" if position is None or refused or beginning else "ready"
    answer: dict[str, Any] = {"status": status}
    if caller.may(Permission.READ):
        own = sum(tenant == caller.tenant for tenant, _ in door.standings.workflows())
        answer["checks"] = {
            "journal": str(failure or "takes events"),
            "split": f"{own} workflows in force",
            "analyst": "does not answer; the last split stays in force" if position is None else "answers",
            "plans": _plans(plans),
        }
    return as_json(answer, 503 if failure else 200)


def _plans(plans: dict[str, Any] | None) -> str:
    """The alarm in words: which files are not followed, and why."""
    if plans is not None and not plans.get("looked", True):
        return "not looked at yet; rollouts of new ones have not begun"
    if plans is None:
        return "nobody looks at them; the last good ones stay in force"
    if not plans["refused"] and not plans["waiting"]:
        return "in force"
    told = [
        f"{name} is {each['state']}: {each['detail']}"
        for name, each in sorted(plans["files"].items())
        if each["state"] in ("refused", "waiting")
    ]
    counted = f"{plans['refused']} refused, {plans['waiting']} waiting for a person"
    return "; ".join([f"{counted}; the last good ones stay in force", *told])
