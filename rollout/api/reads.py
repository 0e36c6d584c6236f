"""The analyst's HTTP door: what the records say. Behind the router's, on a private socket."""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, FastAPI, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from rollout.api import problems
from rollout.api.forward import TENANT
from rollout.api.inputs import PROMOTION, Promotion
from rollout.api.problems import Refused

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

    def overview(self, tenant: str, name: str, period: Period) -> dict[str, Any]: ...

    def plans(self, tenant: str) -> dict[str, Any]: ...

    def figures(self) -> dict[str, Any]: ...

    def promote(self, name: str, asked: Promotion) -> dict[str, Any]: ...


public = APIRouter()
_REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"description": words, "content": {problems.MEDIA_TYPE: {}}}
    for code, words in ((404, "No such workflow"), (422, "Not as described"), (503, "The analyst is away"))
}


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


@public.get("/v1/metrics/overview", tags=["metrics"], responses=_REFUSALS)
def overview(request: Request, workflow: str, tenant: Tenant, period: Period = "28d") -> dict[str, Any]:
    """The four headlines with trend, interval, n, sentence and query."""
    return _answers(request).overview(tenant, workflow, period)


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
    from rollout.api.usage import public as used

    app.include_router(public)
    app.include_router(used)
    app.include_router(_private)
    problems.install(app)
    return app
