"""The description of the doors, complete: what each takes, answers and refuses.

The hot paths are plain routes without a framework's parsing around them, so they are described by
typed signatures that are never called. A test holds the description to the routes there are.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, FastAPI, Query
from fastapi.openapi.utils import get_openapi

from rollout.access.roles import Open, rule_of
from rollout.api import page_reads, reads, report_read, usage
from rollout.api.decisions import Decisions, Tickets
from rollout.api.described import described
from rollout.api.described_approvals import approval_doors
from rollout.api.described_conversations import conversations
from rollout.api.described_desk import desk_doors
from rollout.api.described_flags import flags
from rollout.api.described_queue import queue_doors
from rollout.api.inputs import ActionRequest, KeyChange, KeyRequest, Outcome, Outcomes, RouteRequest
from rollout.api.once import LONGEST_KEY
from rollout.api.rows import Decision, Key, Keys, Me, Moved, NewKey, Page, Problem, Ready, Receipts

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS: Final = {
    400: "The body is not JSON",
    401: "Nobody knows who you are: no key or token, or one that opens nothing",
    403: "Your roles do not allow it, or it belongs to another tenant",
    404: "No such workflow, action or key",
    409: "Already recorded with other content, or not allowed by the ladder",
    413: "The body is too large",
    415: "Not sent as application/json",
    421: "A foreign host name",
    422: "A parameter or field is not as described",
    429: "More than you may ask; `Retry-After` says when to try again",
    503: "Cannot be done right now; `Retry-After` says when to try again",
}


def _problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    return {code: {"description": _WORDS[code], "content": _PROBLEM} for code in (*codes, 421)}


_written = APIRouter()
_POST: Final = (400, 409, 413, 415, 422, 503)


@_written.post(
    "/v1/route", tags=["tickets"], response_model=Decision | Decisions, responses=_problems(*_POST)
)
def route(ticket: Annotated[RouteRequest | Tickets, Body()]) -> None:
    """Decide who serves a ticket and record it; one, or a list of up to 500, all or none.

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


@_written.get("/v1/me", tags=["access"], response_model=Me)
def me() -> None:
    """Who you are to this server, and what you may do."""


@_written.get("/v1/keys", tags=["access"], response_model=Keys)
def list_keys() -> None:
    """The access keys of your tenant, without their secrets.

    Those of the whole installation see all keys, or with `tenant` those of one.
    """


@_written.post(
    "/v1/keys",
    tags=["access"],
    response_model=NewKey,
    status_code=201,
    responses=_problems(*_POST),
)
def create_key(key: KeyRequest) -> None:
    """Make an access key.

    Its `key` is shown in this answer and never again: only a digest of it is kept.
    """


@_written.post(
    "/v1/keys/{key_id}/rotate", tags=["access"], response_model=NewKey, responses=_problems(404, *_POST)
)
def rotate_key(key_id: str, change: KeyChange) -> None:
    """Give a key a new secret; the old one opens for a while longer."""


@_written.post(
    "/v1/keys/{key_id}/revoke", tags=["access"], response_model=Key, responses=_problems(404, *_POST)
)
def revoke_key(key_id: str, change: KeyChange) -> None:
    """Close a key at once and for good."""


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


_BEARER: Final = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access key (`ridealong keys create`) or a token of your sign-in. A server without "
    "either is for one person and listens on its own machine only.",
}
_TENANT_PARAMETER: Final = {
    "name": "tenant",
    "in": "query",
    "required": False,
    "schema": {"type": "string"},
    "description": "Whose data; only those who belong to no tenant have to say it.",
}


_ONCE_PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "Yours, one per request: the same request under it gets the first answer again for a "
    "day, another request is refused.",
}


def _say_who_may(schema: dict[str, Any]) -> None:
    """Add to every operation what its rule asks for, and the refusals that follow from it."""
    schema["components"]["securitySchemes"] = {"bearer": _BEARER}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            rule = rule_of(method.upper(), path)
            if rule is not None and isinstance(rule.needs, Open):
                operation["security"] = []
                continue
            needs = "the permission of its action" if rule is None else f"`{rule.needs.value}`"
            operation["description"] = f"{operation['description']}\n\nNeeds {needs}."
            operation["security"] = [{"bearer": []}]
            operation.setdefault("parameters", []).append(_TENANT_PARAMETER)
            if method == "post":
                operation["parameters"].append(_ONCE_PARAMETER)
            refusals = {str(code): said for code, said in _problems(401, 403, 422, 429).items()}
            told = operation["responses"].items()
            operation["responses"] = refusals | {code: said for code, said in told if not _frameworks(said)}


def _frameworks(said: dict[str, Any]) -> bool:
    """Whether it is the framework's own word for a parameter that does not hold: here none is refused so."""
    return "HTTPValidationError" in str(said.get("content"))


def describe(app: FastAPI) -> None:
    """Give ``app`` the description of all public doors at ``/openapi.json``."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version="1",
                summary="Decides which tickets an AI agent may take, and on what evidence.",
                routes=[
                    route
                    for part in (
                        _written,
                        described,
                        conversations,
                        queue_doors,
                        approval_doors,
                        flags,
                        desk_doors,
                        reads.public,
                        usage.public,
                        page_reads.public,
                        report_read.public,
                    )
                    for route in part.routes
                ],
            )
            schema["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
            _say_who_may(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]
