"""The router's HTTP door: decide, record, order, export; reads are handed on to the analyst."""

import asyncio
import gc
import hmac
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from rollout.access.admission import Admission
from rollout.access.notes import used
from rollout.access.principal import Method
from rollout.api import problems, routing
from rollout.api.accounts import keep_accounts, keep_last
from rollout.api.admit import Caller, Handler, guarded
from rollout.api.answers import as_json
from rollout.api.approvals import approve_call, deny_call, list_approvals
from rollout.api.conversations import conversation, say
from rollout.api.desk import Desk
from rollout.api.export import export
from rollout.api.express import Express
from rollout.api.forward import Analyst
from rollout.api.guards import BodyLimit, LocalOnly
from rollout.api.incidents import change_incident, list_incidents, open_incident
from rollout.api.inputs import ACTION, Promotion, parse_outcomes
from rollout.api.key_routes import create_key, list_keys, revoke_key, rotate_key
from rollout.api.metrics import Metrics
from rollout.api.ofrep import evaluate, evaluate_all
from rollout.api.once import Once
from rollout.api.openapi import describe
from rollout.api.operations import alive, index, me, ready
from rollout.api.orders import moved, order, unless_severe
from rollout.api.outcomes import event_of
from rollout.api.pairs import next_pair
from rollout.api.queue import answer, claim, correct, decide, list_queue, release
from rollout.api.remote import BEARER, TRANSITIONS, event_from
from rollout.api.reviews import review
from rollout.api.scrape import metrics
from rollout.api.shortcut import DoorApp
from rollout.api.standings import Standings
from rollout.api.tickets import handle_ticket
from rollout.api.usage import read_usage
from rollout.api.webhooks import Reception, from_anybody, from_intercom, from_zendesk
from rollout.approvals.people import Approvals
from rollout.approvals.toolsets import Toolsets as GatedToolsets
from rollout.clock import Clock, SystemClock
from rollout.incidents.register import Register
from rollout.ladder.transition import Order
from rollout.observe.arriving import Arriving
from rollout.observe.requests import Observed
from rollout.observe.requests import Request as Seen
from rollout.observe.tracing import Tracing
from rollout.queue.register import Register as Waiting
from rollout.record.content import ContentStore
from rollout.record.journal import Journal, Receipt
from rollout.records import Event
from rollout.ticketing import TicketDesk

PROXIES: Final = "FORWARDED_ALLOW_IPS"
"""Whose word about the caller's address counts, as the server's own setting has it."""
_COLLECTING: Final = (20_000, 20, 20)
"""Requests leave nothing behind in circles, so that looking for it every 700 objects finds nothing."""
_LAST_CALLS: Final = 3.0
"""Seconds that a stop waits for tool calls under way; what is left is handed to people at the next start."""
_log = logging.getLogger(__name__)


def _logged(done: Future[list[Receipt]]) -> None:
    if (error := done.exception()) is not None:
        _log.warning("a refusal could not be recorded: %s", error)


@dataclass(slots=True)
class Door:
    """Everything that the door's handlers reach."""

    journal: Journal
    desk: Desk
    standings: Standings
    analyst: Analyst
    token: str
    """Shared with this run's analyst and with nobody else."""
    access: Admission
    clock: Clock = field(default_factory=SystemClock)
    metrics: Metrics = field(default_factory=Metrics)
    reception: Reception | None = None
    """Takes what help desks report; without one nobody can."""
    tickets: TicketDesk | None = None
    """Has tickets answered; without one they can only be routed."""
    approvals: Approvals | None = None
    """Tool calls that wait for people; without tools there are none."""
    agents: Callable[[], Awaitable[Mapping[str, Any] | None]] | None = None
    """Asks the agents' process how it is doing."""
    content: ContentStore | None = None
    """The texts; without them nobody can talk here."""
    tracing: Tracing | None = None
    """Makes spans of what is done for a ticket, where the environment asks for them."""
    access_log: tuple[int, Callable[[Seen], None]] | None = None
    """The least status that gets a line in the log, and what writes it."""
    incidents: Register = field(init=False)
    queue: Waiting = field(init=False)
    once: Once = field(init=False)

    def __post_init__(self) -> None:
        self.incidents = Register(self.journal)
        self.queue = Waiting(self.journal)
        if self.tickets is not None:
            self.tickets.heed(self.queue)
            if isinstance(self.tickets.tools, GatedToolsets):
                self.approvals = Approvals(self.tickets.tools.gate)
        self.once = Once(self.journal.folder.parent / "idempotency.sqlite", self.clock)
        self.desk.recorded = self.metrics.recorded
        if self.tracing is not None and self.tickets is not None:
            from rollout.observe.traced import TracedTickets

            self.tickets = TracedTickets(self.tickets, self.tracing)  # type: ignore[assignment]  # stands in for it
        if self.reception is not None:
            self.metrics.webhooks = self.reception.counts

    def take_note(self, events: Sequence[Event]) -> None:
        """Have events recorded; whoever caused them does not wait for it."""
        self.journal.submit(events).add_done_callback(_logged)


def create_app(door: Door) -> FastAPI:
    """The door as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # start-up objects are never walked again: full collections were the p99
        gc.set_threshold(*_COLLECTING)
        keeping = [asyncio.create_task(keep_accounts(door)), asyncio.create_task(door.queue.keep())]
        yield
        for each in keeping:
            each.cancel()
        if door.approvals is not None:
            await door.approvals.drain(_LAST_CALLS)
        await asyncio.to_thread(keep_last, door)
        door.once.close()
        await asyncio.to_thread(door.queue.close)
        await door.analyst.close()

    app = DoorApp(title="Ridealong", docs_url=None, redoc_url=None, lifespan=lifespan)
    for path, method, handler in _ROUTES:
        route = guarded(door, path, method, handler)
        app.router.routes.append(Route(path, route, methods=[method]))
        if handler in _PER_TICKET:
            app.answer_directly(method, path, route)
    problems.install(app)

    def guards(inside: ASGIApp) -> ASGIApp:
        limit = BodyLimit(inside)
        limited: ASGIApp = LocalOnly(limit, one_person=lambda: door.access.one_person)
        if door.tracing is not None:
            limited = Arriving(limited, tracing=door.tracing)
        told = {} if door.access_log is None else {"log": door.access_log}
        observed = Observed(limited, seen=door.metrics.seen, told=door.metrics.refused, **told)
        near = os.environ.get(PROXIES, "127.0.0.1")
        general: ASGIApp = ProxyHeadersMiddleware(observed, near)  # type: ignore[assignment,arg-type]  # stricter types
        every_one = door.tracing is not None or (door.access_log is not None and door.access_log[0] <= 200)
        return general if every_one else Express(general, door, limit)

    app.guard(guards)
    describe(app)
    return app


async def _outcomes(door: Door, request: Request, caller: Caller) -> Response:
    tenant = caller.tenant
    outcomes = parse_outcomes(await request.body())
    tickets = {outcome.ticket_id for outcome in outcomes if outcome.workflow is None}
    known = await asyncio.to_thread(door.desk.workflows_of, tickets, tenant) if tickets else {}
    author = "api" if caller.known.method is Method.LOCAL else caller.known.actor
    receipts = await door.desk.record(
        [event_of(outcome, known.get(outcome.ticket_id), tenant, author) for outcome in outcomes]
    )
    for outcome, receipt in zip(outcomes, receipts, strict=True):
        door.metrics.outcomes.add(tenant, outcome.type, by=not receipt.duplicate)
    return as_json({"receipts": [receipt._asdict() for receipt in receipts]})


async def _act(door: Door, request: Request, caller: Caller) -> Response:
    """Take a person's order. Only a promotion needs evidence, and so the analyst."""
    workflow, action = request.path_params["workflow"], request.path_params["action"]
    asked = ACTION.validate_json(await request.body())
    actor, tenant = caller.actor(asked.actor), caller.tenant
    door.standings.standing(tenant, workflow)
    told = {"action": action, "track": asked.track, "override": asked.override, "reason": asked.reason}
    now = door.clock.now()
    note = used("ordered", caller.author(actor), tenant, caller.route, now, told, workflow)
    await door.desk.record([note])
    two_person = caller.known.method is not Method.LOCAL
    if action == "promote":
        promotion = Promotion(
            tenant=tenant, actor=actor, two_person=two_person, **asked.model_dump(exclude={"actor"})
        )
        return as_json(await door.analyst.promote(workflow, promotion))
    change = order(action, asked, Order(actor, asked.reason, now, two_person=two_person))
    if action == "resume":
        change = unless_severe(change, lambda: door.incidents.of(tenant, workflow))
    return as_json(moved(await asyncio.to_thread(door.standings.change, tenant, workflow, change)))


async def _transitions(door: Door, request: Request, _: Caller) -> Response:
    """The controller's decisions: only this run's analyst may make them."""
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), (BEARER + door.token).encode()):
        raise problems.Refused("forbidden", "only the analyst of this run records transitions")
    events = [event_from(sent) for sent in orjson.loads(await request.body())]
    receipts = await asyncio.to_thread(door.standings.record, events)
    return as_json([receipt._asdict() for receipt in receipts])


async def _forward(door: Door, request: Request, caller: Caller) -> Response:
    return await door.analyst.forward(request, caller.tenant)


_PER_TICKET: Final = (routing.route, _outcomes)
_ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    (routing.PATH, "POST", routing.route),
    ("/v1/tickets", "POST", handle_ticket),
    ("/v1/outcomes", "POST", _outcomes),
    ("/v1/conversations/{ticket_id}/turns", "POST", say),
    ("/v1/conversations/{ticket_id}", "GET", conversation),
    ("/v1/queue", "GET", list_queue),
    ("/v1/queue/{ticket_id}/claim", "POST", claim),
    ("/v1/queue/{ticket_id}/release", "POST", release),
    ("/v1/queue/{ticket_id}/answer", "POST", answer),
    ("/v1/queue/{ticket_id}/draft", "POST", decide),
    ("/v1/queue/{ticket_id}/correction", "POST", correct),
    ("/v1/approvals", "GET", list_approvals),
    ("/v1/approvals/{approval_id}/approve", "POST", approve_call),
    ("/v1/approvals/{approval_id}/deny", "POST", deny_call),
    ("/v1/reviews", "POST", review),
    ("/v1/reviews/next", "GET", next_pair),
    ("/v1/workflows", "GET", _forward),
    ("/v1/workflows/{workflow}", "GET", _forward),
    ("/v1/workflows/{workflow}/gate", "GET", _forward),
    ("/v1/workflows/{workflow}/path", "GET", _forward),
    ("/v1/workflows/{workflow}/{action}", "POST", _act),
    ("/v1/plans/what-if", "POST", _forward),
    ("/v1/plans/backtest", "POST", _forward),
    ("/v1/tickets/{ticket_id}/story", "GET", _forward),
    ("/v1/metrics/overview", "GET", _forward),
    ("/v1/knowledge", "GET", _forward),
    ("/v1/quality", "GET", _forward),
    ("/v1/report", "GET", _forward),
    ("/v1/audit", "GET", _forward),
    ("/v1/usage", "GET", read_usage),
    ("/v1/export", "GET", export),
    ("/v1/me", "GET", me),
    ("/v1/keys", "GET", list_keys),
    ("/v1/keys", "POST", create_key),
    ("/v1/keys/{key_id}/revoke", "POST", revoke_key),
    ("/v1/keys/{key_id}/rotate", "POST", rotate_key),
    ("/v1/incidents", "GET", list_incidents),
    ("/v1/incidents", "POST", open_incident),
    ("/v1/incidents/{incident_id}/{action}", "POST", change_incident),
    ("/ofrep/v1/evaluate/flags/{key}", "POST", evaluate),
    ("/ofrep/v1/evaluate/flags", "POST", evaluate_all),
    ("/webhooks/zendesk", "POST", from_zendesk),
    ("/webhooks/intercom", "POST", from_intercom),
    ("/webhooks/generic/{name}", "POST", from_anybody),
    (TRANSITIONS, "POST", _transitions),
    ("/", "GET", index),
    ("/healthz", "GET", alive),
    ("/readyz", "GET", ready),
    ("/metrics", "GET", metrics),
)
