"""The description of the doors, complete: what each takes, answers and refuses.

The hot paths are plain routes without a framework's parsing around them, so they are described by
typed signatures that are never called. A test holds the description to the routes there are.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, FastAPI, Query
from fastapi.openapi.utils import get_openapi

from rollout.api import reads
from rollout.api.inputs import ActionRequest, Outcome, Outcomes, RouteRequest
from rollout.api.rows import Decision, Moved, Page, Problem, Ready, Receipts

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS: Final = {
    400: "The body is not JSON",
    404: "No such workflow or action",
    409: "Already recorded with other content, or not allowed by the ladder",
    413: "The body is too large",
    415: "Not sent as application/json",
    421: "A foreign host name",
    422: "A parameter or field is not as described",
    503: "Cannot be done right now; `Retry-After` says when to try again",
}


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"description": _WORDS[code], "content": _PROBLEM} for code in (*codes, 421)}


_written = APIRouter()
_POST: Final = (400, 409, 413, 415, 422, 503)


@_written.post("/v1/route", tags=["tickets"], response_model=Decision, responses=_problems(*_POST))
def route(ticket: RouteRequest) -> None:
    """Decide who serves a ticket and record it.

    Answered when the decision is durable. The same ticket again gets the same answer, whatever the
    split is by then.
    """


@_written.post("/v1/outcomes", tags=["tickets"], response_model=Receipts, responses=_problems(*_POST))
def outcomes(outcome: Annotated[Outcome | Outcomes, Body()]) -> None:
    """Report what became of tickets: one outcome or a list of up to 1,000, all or none.

    Idempotent by ``event_id``. Order and lateness do not matter.
    """


@_written.post(
    "/v1/workflows/{workflow}/{action}",
    tags=["workflows"],
    response_model=Moved,
    responses=_problems(404, *_POST),
)
def act(workflow: str, action: str, order: ActionRequest) -> None:
    """Move a rollout: ``promote``, ``pause``, ``resume`` or ``abort``, with a reason.

    In force for new tickets when it is answered. An abort needs nothing but the router.
    """


@_written.get("/v1/export", tags=["record"], response_model=Page, responses=_problems(422))
def export(after: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=5000)] = 100) -> None:
    """Page through the journal, oldest first."""


@_written.get("/", tags=["operations"])
def index() -> dict[str, Any]:
    """Where the doors are."""
    return {}


@_written.get("/healthz", tags=["operations"])
def alive() -> dict[str, str]:
    """Whether the process runs."""
    return {}


@_written.get("/readyz", tags=["operations"], response_model=Ready, responses=_problems(503))
def ready() -> None:
    """Whether tickets are decided; ``degraded`` while the analyst is away."""


@_written.get("/metrics", tags=["operations"], response_class=reads.Text)
def metrics() -> None:
    """Prometheus text: decisions by arm, journal position, lag of the view."""


def describe(app: FastAPI) -> None:
    """Give ``app`` the description of all public doors at ``/openapi.json``."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version="1",
                summary="Decides which tickets an AI agent may take, and on what evidence.",
                routes=[*_written.routes, *reads.public.routes],
            )
            schema["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]
