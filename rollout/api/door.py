"""The router's HTTP door: decide, record, order, export; reads are handed on to the analyst."""

import asyncio
import gc
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollout.api import problems
from rollout.api.desk import Desk
from rollout.api.forward import Analyst
from rollout.api.guards import BodyLimit, LocalOnly
from rollout.api.inputs import ACTION, ACTIONS, ROUTE, parse_outcomes
from rollout.api.metrics import CONTENT_TYPE, Metrics
from rollout.api.openapi import describe
from rollout.api.orders import moved, order
from rollout.api.outcomes import event_of
from rollout.api.remote import BEARER, TRANSITIONS, event_from
from rollout.api.standings import Standings
from rollout.clock import Clock, SystemClock
from rollout.record.journal import Journal
from rollout.records import Assigned, Record

MOST_EXPORTED: Final = 5000
_TENANT: Final = "default"

Handler = Callable[["Door", Request], Awaitable[Response]]


@dataclass(slots=True)
class Door:
    """Everything that the door's handlers reach."""

    journal: Journal
    desk: Desk
    standings: Standings
    analyst: Analyst
    token: str
    """Shared with this run's analyst and with nobody else."""
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)


def create_app(door: Door) -> FastAPI:
    """The door as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # start-up objects are never walked again: full collections were the p99
        yield
        await door.analyst.close()

    app = FastAPI(title="Ridealong", docs_url=None, redoc_url=None, lifespan=lifespan)
    for path, method, handler in _ROUTES:
        app.router.routes.append(Route(path, _bound(door, handler), methods=[method]))
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(LocalOnly)
    describe(app)
    return app


def _bound(door: Door, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await handler(door, request)

    return handle


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _route(door: Door, request: Request) -> Response:
    asked = ROUTE.validate_json(await request.body())
    assigned = await door.desk.route(asked.ticket())
    door.metrics.decisions[asked.workflow, assigned.arm, assigned.reason] += 1
    return _json(_decision(asked.workflow, assigned))


def _decision(workflow: str, assigned: Assigned) -> dict[str, Any]:
    return {
        "ticket_id": assigned.ticket_id,
        "workflow": workflow,
        "arm": assigned.arm,
        "mode": assigned.mode,
        "version": assigned.version,
        "step": assigned.step,
        "bucket": str(assigned.bucket),
        "weight": assigned.weight,
        "canary_weight": assigned.canary_weight,
        "holdout": assigned.holdout,
        "eligible": assigned.eligible,
        "reason": assigned.reason,
        "detail": assigned.detail,
        "plan_digest": assigned.plan_digest,
        "position": assigned.position,
        "assigned_at": assigned.assigned_at,
    }


async def _outcomes(door: Door, request: Request) -> Response:
    outcomes = parse_outcomes(await request.body())
    tickets = {outcome.ticket_id for outcome in outcomes if outcome.workflow is None}
    known = await asyncio.to_thread(door.desk.workflows_of, tickets, _TENANT) if tickets else {}
    receipts = await door.desk.record(
        [event_of(outcome, known.get(outcome.ticket_id), _TENANT) for outcome in outcomes]
    )
    for outcome, receipt in zip(outcomes, receipts, strict=True):
        door.metrics.outcomes[outcome.type] += not receipt.duplicate
    return _json({"receipts": [receipt._asdict() for receipt in receipts]})


async def _act(door: Door, request: Request) -> Response:
    """Take a person's order. Only a promotion needs evidence, and so the analyst."""
    workflow, action = request.path_params["workflow"], request.path_params["action"]
    if action not in ACTIONS:
        raise problems.Refused("not-found", f"there is no action {action!r}; known: {', '.join(ACTIONS)}")
    asked = ACTION.validate_json(await request.body())
    if action == "promote":
        return _json(await door.analyst.promote(workflow, asked))
    change = order(action, asked, door.clock.now())
    return _json(moved(await asyncio.to_thread(door.standings.change, _TENANT, workflow, change)))


async def _transitions(door: Door, request: Request) -> Response:
    """The controller's decisions: only this run's analyst may make them."""
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), (BEARER + door.token).encode()):
        raise problems.Refused("forbidden", "only the analyst of this run records transitions")
    events = [event_from(sent) for sent in orjson.loads(await request.body())]
    receipts = await asyncio.to_thread(door.standings.record, events)
    return _json([receipt._asdict() for receipt in receipts])


async def _forward(door: Door, request: Request) -> Response:
    return await door.analyst.forward(request)


async def _export(door: Door, request: Request) -> Response:
    after = _whole(request, "after", 0, 0, 2**62)
    limit = _whole(request, "limit", 100, 1, MOST_EXPORTED)
    head = door.journal.head().seq
    records = await asyncio.to_thread(lambda: list(islice(door.journal.read(after, limit), limit)))
    last = records[-1].seq if records else after
    return _json({"events": [_exported(record) for record in records], "next_after": last, "head": head})


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise problems.Refused("invalid", f"{name}={text!r}: give a whole number from {least} to {most}")
    return int(text)


def _exported(record: Record) -> dict[str, Any]:
    return {
        "seq": record.seq,
        "event_id": record.event_id,
        "type": record.kind,
        "occurred_at": record.occurred_at,
        "recorded_at": record.recorded_at,
        "tenant": record.tenant,
        "workflow": record.workflow,
        "actor": record.actor,
        "erased": record.erased,
        "payload": record.payload,
    }


async def _alive(_: Door, __: Request) -> Response:
    return _json({"status": "alive"})


async def _index(_: Door, __: Request) -> Response:
    doors = {"description": "/openapi.json", "workflows": "/v1/workflows", "ready": "/readyz"}
    return _json({"service": "ridealong", "doors": doors})


async def _ready(door: Door, _: Request) -> Response:
    position = await door.analyst.position()
    failure = door.journal.failure
    status = "failed" if failure else "degraded" if position is None else "ready"
    checks = {
        "journal": str(failure or "takes events"),
        "split": f"{len(door.standings.workflows())} workflows in force",
        "analyst": "does not answer; the last split stays in force" if position is None else "answers",
    }
    return _json({"status": status, "checks": checks}, 503 if failure else 200)


async def _metrics(door: Door, _: Request) -> Response:
    head, position = door.journal.head().seq, await door.analyst.position()
    gauges: dict[str, float] = {"journal_seq": head, "analyst_up": position is not None}
    if position is not None:
        gauges |= {"view_position": position, "view_lag_records": max(head - position, 0)}
    return Response(door.metrics.text(gauges), media_type=CONTENT_TYPE)


_ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("/v1/route", "POST", _route),
    ("/v1/outcomes", "POST", _outcomes),
    ("/v1/workflows", "GET", _forward),
    ("/v1/workflows/{workflow}", "GET", _forward),
    ("/v1/workflows/{workflow}/gate", "GET", _forward),
    ("/v1/workflows/{workflow}/{action}", "POST", _act),
    ("/v1/metrics/overview", "GET", _forward),
    ("/v1/export", "GET", _export),
    (TRANSITIONS, "POST", _transitions),
    ("/", "GET", _index),
    ("/healthz", "GET", _alive),
    ("/readyz", "GET", _ready),
    ("/metrics", "GET", _metrics),
)
