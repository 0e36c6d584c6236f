"""The analyst's HTTP door: what the records say. Behind the router's, on a private socket."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from fastapi import APIRouter, FastAPI, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from rollout.api import problems
from rollout.api.forward import TENANT
from rollout.api.inputs import PROMOTION, Promotion
from rollout.api.planning_inputs import WhatIfRequest
from rollout.api.problems import Refused

if TYPE_CHECKING:
    from rollout.what_if import Changes  # and with it the statistics, which the router never loads

Period = Literal["7d", "28d", "90d", "all"]


class Text(Response):
    media_type = "text/plain"


class Answers(Protocol):
    """What the reads are answered from."""

    @property
    def position(self) -> int: ...

    def workflows(self, tenant: str) -> list[dict[str, Any]]: ...

    def workflow(self, tenant: str, name: str) -> dict[str, Any]: ...

    def gate(self, tenant: str, name: str, track: str, as_of: datetime | None) -> dict[str, Any]: ...

    def overview(
        self, tenant: str, name: str, period: Period, filters: Mapping[str, str]
    ) -> dict[str, Any]: ...

    def path(self, tenant: str, name: str, track: str) -> dict[str, Any]: ...

    def what_if(self, tenant: str, name: str, changes: "Changes") -> dict[str, Any]: ...

    def plans(self, tenant: str) -> dict[str, Any]: ...

    def figures(self) -> dict[str, Any]: ...

    def promote(self, name: str, asked: Promotion) -> dict[str, Any]: ...


public = APIRouter()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in (
        (404, "No such workflow"),
        (409, "Nothing of the kind is under way, such as a canary"),
        (422, "Not as described"),
        (503, "The analyst is away"),
    )
}
ASKED_WITH_A_BODY: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in (
        (400, "The body is not JSON"),
        (409, "The idempotency key belongs to another request, or to one that is being answered"),
        (413, "The body is too large"),
        (415, "Not sent as application/json"),
    )
}
"""What the door answers before the analyst hears of it."""


def _answers(request: Request) -> Answers:
    answers: Answers = request.app.state.answers
    return answers


Tenant = Annotated[str, Header(alias=TENANT, include_in_schema=False)]
"""Set by the door; a read that comes without is refused and never answered about anybody."""


@public.get("/v1/workflows", tags=["workflows"], responses=_REFUSALS)
def workflows(request: Request, tenant: Tenant) -> dict[str, Any]:
    """Every workflow: its ladder, its position, the weights in force, the last verdict."""
    return {"workflows": _answers(request).workflows(tenant)}


@public.get("/v1/workflows/{workflow}", tags=["workflows"], responses=_REFUSALS)
def workflow(request: Request, workflow: str, tenant: Tenant) -> dict[str, Any]:
    """One workflow: step, weights in force, status, why it is held, its transitions."""
    return _answers(request).workflow(tenant, workflow)


@public.get("/v1/workflows/{workflow}/gate", tags=["workflows"], responses=_REFUSALS)
def gate(
    request: Request,
    workflow: str,
    tenant: Tenant,
    track: Literal["ladder", "canary"] = "ladder",
    as_of: Annotated[datetime | None, Query(description="With an offset; the present if left out")] = None,
) -> dict[str, Any]:
    """The gate of the step in force: each metric with estimate, interval, margin and sentence."""
    if as_of is not None and as_of.tzinfo is None:
        raise Refused("invalid", f"as_of={as_of.isoformat()}: give an offset, e.g. {as_of.isoformat()}Z")
    return _answers(request).gate(tenant, workflow, track, as_of)


@public.get("/v1/workflows/{workflow}/path", tags=["workflows"], responses=_REFUSALS)
def path(
    request: Request, workflow: str, tenant: Tenant, track: Literal["ladder", "canary"] = "ladder"
) -> dict[str, Any]:
    """The gate's comparisons over time: estimate and interval at up to 24 past midnights, oldest first.

    While ``pending`` is above 0 there is more to judge: ask again. Where the desk is too large to judge
    the past anew, the points are the looks that were recorded.
    """
    return _answers(request).path(tenant, workflow, track)


Value = Annotated[str | None, Query(min_length=1, max_length=200)]


@public.get("/v1/metrics/overview", tags=["metrics"], responses=_REFUSALS)
def overview(  # noqa: PLR0913 - one argument per query parameter
    request: Request,
    *,
    workflow: str,
    tenant: Tenant,
    period: Period = "28d",
    version: Value = None,
    category: Value = None,
    channel: Value = None,
    language: Value = None,
    region: Value = None,
    tier: Value = None,
) -> dict[str, Any]:
    """The four headlines with trend, interval, n, sentence and query.

    Each filter admits tickets with that one value; one that no ticket has is refused, and so is a
    parameter that is not listed. ``choices`` of the answer says what there is to filter by.
    """
    given = {
        "version": version,
        "category": category,
        "channel": channel,
        "language": language,
        "region": region,
        "tier": tier,
    }
    known = {"workflow", "period", *given}
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise Refused("invalid", f"?{unknown[0]}: no such parameter; there are {', '.join(sorted(known))}")
    filters = {name: value for name, value in given.items() if value is not None}
    return _answers(request).overview(tenant, workflow, period, filters)


@public.post("/v1/plans/what-if", tags=["workflows"], responses={**_REFUSALS, **ASKED_WITH_A_BODY})
def what_if(request: Request, tenant: Tenant, asked: WhatIfRequest) -> dict[str, Any]:
    """How long each step would take with other weights, margins or volume; nothing is recorded or moved.

    ``now`` and ``then`` have the form of `ridealong plan --json`.
    """
    return _answers(request).what_if(tenant, asked.workflow, asked.changes())


_private = APIRouter()


@_private.get("/internal/position")
def position(request: Request) -> dict[str, int]:
    return {"position": _answers(request).position}


@_private.get("/internal/figures")
def figures(request: Request) -> dict[str, Any]:
    return _answers(request).figures()


@_private.get("/internal/plans")
def plans(request: Request, tenant: Tenant) -> dict[str, Any]:
    return _answers(request).plans(tenant)


@_private.post("/internal/workflows/{workflow}/promote")
async def promote(request: Request, workflow: str) -> dict[str, Any]:
    asked = PROMOTION.validate_json(await request.body())
    return await run_in_threadpool(_answers(request).promote, workflow, asked)


def create_app(answers: Answers) -> FastAPI:
    """The analyst's door as an ASGI application."""
    app = FastAPI(title="Ridealong analyst", openapi_url=None)
    app.state.answers = answers
    from rollout.api.page_reads import public as paged
    from rollout.api.report_read import public as reported
    from rollout.api.usage import public as used

    app.include_router(public)
    app.include_router(used)
    app.include_router(paged)
    app.include_router(reported)
    app.include_router(_private)
    problems.install(app)
    return app
