"""Every route x every role x two tenants: who may, may; nobody sees or touches what is another's.

The cells come from the routes there are, so a route that nobody made a rule or an example for fails.
"""

import asyncio
import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tool_calls import Waiting

from policies.digest import plan_digest
from policies.load import plan_to_json
from policies.plan import Plan
from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
from rollout.access.limits import FairShare, Rates
from rollout.access.notes import Author
from rollout.access.principal import INSTALLATION
from rollout.access.roles import GRANTS, RULES, Open, Permission, Role, rule_of
from rollout.api import reads
from rollout.api.desk import Desk
from rollout.api.door import _ROUTES, Door, create_app
from rollout.api.forward import Analyst
from rollout.api.standings import Standings
from rollout.clock import SimulatedClock
from rollout.errors import TransitionRefused
from rollout.incidents.incident import Severity
from rollout.ladder import actions
from rollout.ladder.transition import Order
from rollout.record.folder import DataFolder
from rollout.records import Compared, Escalated, Event, Kind, PlanPinned, TicketOpened
from rollout.router import Router
from rollout.ticketing import TicketDesk

ROOTED = Author("os:root", "os", (), "root")
TENANTS = ("acme", "globex")
_CALLS = itertools.count()


def actions_of(path: str) -> tuple[str, ...]:
    """What may stand for ``{action}`` in a route."""
    if "{action}" not in path:
        return ("",)
    return (
        ("acknowledge", "grade", "close") if "incident" in path else ("promote", "pause", "resume", "abort")
    )


def begun(plan: Plan, at: Any) -> list[Event]:
    digest = plan_digest(plan)
    change = actions.start(plan, digest, None, Order("root", "begin", at))
    common = {"occurred_at": at, "tenant": plan.tenant, "workflow": plan.workflow, "actor": "root"}
    return [
        Event(
            f"plan:{plan.workflow}:{digest}",
            Kind.CONFIG,
            payload=PlanPinned(digest, plan_to_json(plan), "test"),
            **common,
        ),
        Event(f"transition:{plan.workflow}:0", Kind.TRANSITION, payload=change.record(), **common),
    ]


@dataclass
class House:
    """A door with keys, an analyst behind it, and two tenants inside."""

    door: Door
    folder: DataFolder
    http: httpx.Client
    app: Any
    keys: dict[tuple[str | None, Role], str]
    workflow: str

    def ask(self, method: str, path: str, key: str | None, body: Any = None, **query: str) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        content = {"json": body} if method == "POST" else {}
        return self.http.request(method, path, headers=headers, params=query, **content)

    def records(self, tenant: str, after: int = 0) -> list[Any]:
        self.folder.journal.append([])
        return [record for record in self.folder.journal.read(after) if record.tenant == tenant]

    def notes(self, tenant: str) -> list[Any]:
        return [record.payload for record in self.records(tenant) if record.kind == Kind.ACCESS]


ASKED_BY_NAME = ("/v1/metrics/overview", "/v1/knowledge", "/v1/quality", "/v1/report")
"""Reads whose workflow is a parameter."""


class Echo:
    """An analyst that answers at once, with nothing but whose data it was asked for."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        self.position = 0

    def workflows(self, tenant: str) -> list[dict[str, Any]]:
        return [self.workflow(tenant, name) for owner, name in self._standings.workflows() if owner == tenant]

    def workflow(self, tenant: str, name: str) -> dict[str, Any]:
        self._standings.standing(tenant, name)
        return {"tenant": tenant, "workflow": name}

    def gate(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def overview(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def knowledge(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def quality(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def report(self, tenant: str, asked: Any) -> dict[str, Any]:
        return self.workflow(tenant, asked.workflow)

    def trail(self, tenant: str, *_: Any) -> dict[str, Any]:
        return {"tenant": tenant}

    def path(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def what_if(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def backtest(self, tenant: str, name: str, *_: Any) -> dict[str, Any]:
        return self.workflow(tenant, name)

    def story(self, tenant: str, ticket_id: str) -> dict[str, Any]:
        return self.workflow(tenant, ticket_id)

    def plans(self, _: str) -> dict[str, Any]:
        return {"refused": 0, "waiting": 0, "files": {}}

    def usage(self, tenant: str | None, *_: Any) -> dict[str, Any]:
        return {"tenant": tenant}

    def figures(self) -> dict[str, Any]:
        counts = {"refused": 0, "waiting": 0}
        return {"position": self.position, "plans": counts, "figures": {"looks": [], "shadow": []}}

    def promote(self, name: str, asked: Any) -> dict[str, Any]:
        self._standings.standing(asked.tenant, name)
        raise TransitionRefused(f"{name} of {asked.tenant} may not be left yet")


def waiting(ticket_id: str, tenant: str, workflow: str, at: Any) -> list[Event]:
    """A ticket that waits for a person."""
    common = {"occurred_at": at, "tenant": tenant, "workflow": workflow}
    opened = TicketOpened(ticket_id, f"{ticket_id}-customer", at)
    handed = Escalated(ticket_id, "asked-for-human", ("asked-for-human",), queue="human-queue-priority")
    return [
        Event(f"ticket:{ticket_id}", Kind.TICKET, payload=opened, **common),
        Event(f"escalation:{ticket_id}:1", Kind.ESCALATION, payload=handed, **common),
    ]


def no_agent(version: str) -> Any:
    raise AssertionError(f"{version} is in a shadow step that nobody watches")


def build(path: Path, plan: Plan, stage: Any, stack: ExitStack, now: Any, **limits: Any) -> House:
    clock = SimulatedClock(now)
    folder = stack.enter_context(DataFolder.open(path / "data", clock=clock))
    router = Router(folder.journal, folder.content, clock=clock)
    standings = Standings(folder.journal, router)
    for tenant in TENANTS:
        mine = plan.model_copy(update={"tenant": tenant, "salt": f"{tenant}-salt"})
        standings.record(begun(mine, now))
        standings.record(begun(mine.model_copy(update={"workflow": f"{tenant}-only"}), now))
        seen = Compared("t-watched", "a@1.0.0", "heuristic", agreement=1.0)
        watched = Event("comparison:a@1.0.0:t-watched", Kind.COMPARISON, now, seen, tenant, plan.workflow)
        folder.journal.append([watched, *waiting(plan.workflow, tenant, plan.workflow, now)])
        folder.journal.append(waiting(f"{tenant}-only", tenant, f"{tenant}-only", now))
    reader = Echo(standings)
    analyst = Analyst("unused.sock")
    transport = httpx.ASGITransport(app=reads.create_app(reader))
    analyst._http = httpx.AsyncClient(transport=transport, base_url="http://analyst")
    desk = KeyDesk(path / "data", folder.journal.append, clock=clock)
    keys = {
        (tenant, role): desk.create(
            ROOTED, "test", role, tenant, name=f"{role.value} of {tenant}", rate=1e6
        ).clear
        for tenant, role in itertools.product((*TENANTS, None), Role)
    }
    door = Door(
        journal=folder.journal,
        desk=Desk(router, folder.journal),
        standings=standings,
        analyst=analyst,
        token="run",
        access=Admission(desk, **limits),
        clock=clock,
        content=folder.content,
        tickets=TicketDesk(Desk(router, folder.journal), folder.journal, folder.content, no_agent, clock),
    )
    app = create_app(door)
    stage.apps[str(path).encode()] = app
    client = httpx.Client(base_url=stage.url, trust_env=False, timeout=20.0, headers={"x-world": str(path)})
    return House(door, folder, stack.enter_context(client), app, keys, plan.workflow)


@pytest.fixture(scope="module")
def house(tmp_path_factory: Any, plan: Plan, stage: Any) -> Iterator[House]:
    from datetime import UTC, datetime

    with ExitStack() as stack:
        path = tmp_path_factory.mktemp("house")
        yield build(path, plan, stage, stack, datetime(2026, 9, 1, 12, tzinfo=UTC))


def ticket(house: House, number: Any, workflow: str | None = None) -> dict[str, Any]:
    return {
        "ticket_id": f"t-{number}",
        "customer_id": f"c-{number}",
        "opened_at": "2026-09-01T11:00:00Z",
        "workflow": workflow or house.workflow,
        "complexity": "simple",
    }


_numbers = itertools.count(1)


def body(house: House, path: str) -> Any:
    number = next(_numbers)
    order = {"reason": "we looked at it", "override": False}
    return {
        "/v1/route": ticket(house, number),
        "/v1/outcomes": {
            "type": "csat",
            "event_id": f"e-{number}",
            "ticket_id": "t-0",
            "occurred_at": "2026-09-01T11:30:00Z",
            "score": 4.0,
            "workflow": house.workflow,
        },
        "/v1/tickets": ticket(house, number),
        "/v1/plans/what-if": {"workflow": house.workflow},
        "/v1/plans/backtest": {"workflow": house.workflow},
        "/v1/conversations/{ticket_id}/turns": {
            "turn_id": f"u-{number}",
            "author": "customer",
            "text": "Is anybody there?",
        },
        "/v1/queue/{ticket_id}/claim": {},
        "/v1/queue/{ticket_id}/release": {"force": True},
        "/v1/queue/{ticket_id}/answer": {"text": "Here I am."},
        "/v1/queue/{ticket_id}/draft": {"verdict": "approve"},
        "/v1/queue/{ticket_id}/correction": {"label": "other"},
        "/v1/approvals/{approval_id}/approve": {"arguments_digest": "0" * 64},
        "/v1/approvals/{approval_id}/deny": {"reason": "we looked at it"},
        "/v1/reviews": {"ticket_id": "t-watched", "version": "a@1.0.0", "agreement": 1},
        "/ofrep/v1/evaluate/flags": {"context": {"targetingKey": "c-1"}},
        "/ofrep/v1/evaluate/flags/{key}": {"context": {"targetingKey": "c-1"}},
        "/v1/keys": {"role": "viewer"},
        "/v1/incidents": {"workflow": house.workflow, "severity": 4, "title": "a near miss"},
        "/v1/incidents/{incident_id}/{action}": {"reason": "we looked at it", "severity": 3},
        "/v1/keys/{key_id}/revoke": {},
        "/v1/keys/{key_id}/rotate": {},
    }.get(path, order)


def concrete(
    path: str,
    workflow: str,
    action: str = "",
    key_id: str = "nobody",
    incident: str = "nobody",
    approval: str = "nobody",
) -> str:
    path = path.replace("{approval_id}", approval)
    path = path.replace("{incident_id}", incident).replace("{key}", workflow)
    path = path.replace("{ticket_id}", workflow)
    return path.replace("{workflow}", workflow).replace("{action}", action).replace("{key_id}", key_id)


def cells() -> list[tuple[str, str, str]]:
    """Method, path and action of every route that asks for a role."""
    found = []
    for path, method, _ in _ROUTES:
        for action in actions_of(path):
            rule = rule_of(method, path.replace("{action}", action))
            if rule is None or not isinstance(rule.needs, Open):
                found.append((method, path, action))
    return found


def test_every_route_has_a_rule_and_every_rule_a_route(house: House) -> None:
    there = {
        (method, route.path.replace("{action}", action))
        for route in house.app.routes
        for method in route.methods - {"HEAD"}
        for action in actions_of(route.path)
    }
    assert {route for route in there if rule_of(*route) is None} == set()
    assert set(RULES) - there == set()


def test_every_permission_is_held_by_the_admin_and_by_somebody_else() -> None:
    for permission in Permission:
        holders = {role for role in Role if permission in GRANTS[role].permissions}
        assert Role.ADMIN in holders
        assert permission is Permission.KEYS or len(holders) > 1
    assert all(grant.why for grant in GRANTS.values())


def test_an_agent_can_neither_grade_nor_promote_itself() -> None:
    assert GRANTS[Role.AGENT].permissions == {Permission.ROUTE, Permission.EVALUATE, Permission.IDENTITY}


@pytest.mark.parametrize(("method", "path", "action"), cells())
def test_a_route_lets_in_exactly_the_roles_of_its_rule_and_only_to_their_own_tenant(
    house: House, method: str, path: str, action: str
) -> None:
    needs = rule_of(method, path.replace("{action}", action)).needs  # type: ignore[union-attr]
    for role, (mine, other) in itertools.product(Role, (TENANTS, TENANTS[::-1])):
        key, allowed = house.keys[mine, role], needs in GRANTS[role].permissions
        victim, incident, waits = (
            _key_of(house, other, path),
            _incident_of(house, other, path),
            _approval_of(house, other, path),
        )
        before = house.folder.journal.head().seq
        own = house.ask(method, concrete(path, house.workflow, action), key, body(house, path))
        assert (own.status_code != 403) == allowed, (role, own.text)
        assert own.status_code not in (401, 500, 503), (role, own.text)
        named = house.ask(
            method, concrete(path, house.workflow, action), key, body(house, path), tenant=other
        )
        assert named.status_code == 403, (role, named.text)
        theirs = house.ask(
            method,
            concrete(path, f"{other}-only", action, victim, incident, waits),
            key,
            body(house, path),
            **({"workflow": f"{other}-only"} if path in ASKED_BY_NAME else {}),
        )
        if "{" in path or path in ASKED_BY_NAME:
            assert theirs.status_code == (404 if allowed else 403), (role, theirs.text)
        for answer in (own, named, theirs):
            told = re.sub(rf"{other}-only['\"]", "", answer.text)  # the name it asked for itself
            assert other not in told.replace(f"'{other}'", ""), (role, told)
        assert house.records(other, before) == [], (role, "the other tenant's record was touched")


def _key_of(house: House, tenant: str, path: str) -> str:
    """The id of a key of a tenant that nothing else depends on, for the routes that are about one."""
    if "key_id" not in path:
        return "nobody"
    return house.door.access.keys.create(ROOTED, "test", Role.VIEWER, tenant).key.id


def _approval_of(house: House, tenant: str, path: str) -> str:
    """The id of a tool call of a tenant that waits for a person, for the routes that are about one."""
    if "approval" not in path:
        return "nobody"
    return Waiting(house.door).ask(f"t-{next(_CALLS)}", tenant)


def _incident_of(house: House, tenant: str, path: str) -> str:
    """The id of an open incident of a tenant, for the routes that are about one."""
    if "incident" not in path:
        return "nobody"
    now = house.door.clock.now()
    noted = house.door.incidents.open(
        tenant, f"{tenant}-only", Severity.SEV4, "a near miss", version=None, actor="root", at=now
    )
    return noted.incident_id


@pytest.mark.parametrize(("method", "path", "action"), cells())
@pytest.mark.parametrize("key", [None, "rk_x_y", "Bearer", "nonsense", "rk_" + "a" * 300])
def test_without_a_key_that_opens_every_route_is_closed(
    house: House, method: str, path: str, action: str, key: str | None
) -> None:
    answer = house.ask(method, concrete(path, house.workflow, action), key, body(house, path))
    assert answer.status_code in (401, 429), answer.text
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"] == "unauthenticated"


@pytest.mark.parametrize(("method", "path", "action"), cells())
def test_somebody_of_no_tenant_names_one_and_gets_that_one(
    house: House, method: str, path: str, action: str
) -> None:
    key = house.keys[None, Role.ADMIN]
    rule = rule_of(method, path.replace("{action}", action))
    assert rule is not None
    theirs = (
        _key_of(house, "acme", path),
        _incident_of(house, "acme", path),
        _approval_of(house, "acme", path),
    )
    asked = concrete(path, "acme-only", action, *theirs)
    query = {"workflow": "acme-only"} if path in ASKED_BY_NAME else {}
    if rule.of_tenant:
        assert house.ask(method, asked, key, body(house, path), **query).status_code == 422
    named = house.ask(method, asked, key, body(house, path), **query, tenant="acme")
    assert named.status_code in (200, 201, 409), named.text
    for odd in ("", "../globex", "a b", "_other", "x" * 65):
        assert rule.of_tenant is False or (
            house.ask(method, asked, key, body(house, path), **query, tenant=odd).status_code == 422
        )


def test_a_refusal_is_on_record_for_the_one_who_was_refused(house: House) -> None:
    key = house.keys["acme", Role.VIEWER]
    house.ask("POST", f"/v1/workflows/{house.workflow}/abort", key, {"reason": "because"})
    refused = [note for note in house.notes("acme") if note["action"] == "refused"]
    assert any(
        note["route"] == "POST /v1/workflows/{workflow}/{action}" and note["roles"] == ["viewer"]
        for note in refused
    )
    assert any(note["principal"] == "anonymous" for note in house.notes(INSTALLATION))


def test_no_secret_is_in_the_record_the_export_the_logs_or_the_files(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    admin = house.keys["acme", Role.ADMIN]
    made = house.ask("POST", "/v1/keys", admin, {"role": "viewer"})
    assert made.headers["cache-control"] == "no-store"
    clear = made.json()["key"]
    house.ask("GET", "/v1/workflows", clear)
    house.ask("POST", "/v1/route", clear, ticket(house, "leak"))
    export = house.ask("GET", "/v1/export", admin, limit="5000").text
    secrets = [text.split("_", 2)[2] for text in (clear, *house.keys.values())]
    kept = b"".join(path.read_bytes() for path in house.folder.path.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret not in export
        assert secret not in caplog.text
        assert secret.encode() not in kept
    assert "key_created" in export


@pytest.fixture
def fresh(tmp_path: Path, plan: Plan, stage: Any, now: Any) -> Iterator[House]:
    """A house of its own, for tests that move a rollout or use somebody's rate up."""
    with ExitStack() as stack:
        yield build(tmp_path, plan, stage, stack, now)


def test_the_actor_of_an_order_is_the_key_and_nothing_that_was_typed(fresh: House) -> None:
    key = fresh.keys["acme", Role.RELEASE_MANAGER]
    order = {"reason": "look first", "actor": "the queen"}
    answer = fresh.ask("POST", "/v1/workflows/acme-only/pause", key, order)
    told = f"release_manager of acme (key:{key.split('_')[1]})"
    assert (answer.status_code, answer.json()["actor"]) == (200, told)
    newest = [record for record in fresh.records("acme") if record.kind == Kind.TRANSITION][-1]
    ordered = [record for record in fresh.records("acme") if record.kind == Kind.ACCESS][-1]
    assert newest.actor == ordered.actor == told
    assert ordered.payload["action"] == "ordered"
    assert ordered.seq < newest.seq, "what was ordered is on record before it is done"


def test_outcomes_are_recorded_under_the_key_that_reported_them(house: House) -> None:
    key = house.keys["globex", Role.OPERATOR]
    sent = body(house, "/v1/outcomes")
    assert house.ask("POST", "/v1/outcomes", key, sent).status_code == 200
    newest = [record for record in house.records("globex") if record.kind == Kind.CSAT][-1]
    assert newest.actor == f"operator of globex (key:{key.split('_')[1]})"


@pytest.mark.parametrize("extra", ["tenant", "tenant_id", "role", "approved_by", "principal"])
def test_a_body_cannot_say_who_or_whose_it_is(house: House, extra: str) -> None:
    key = house.keys["acme", Role.ADMIN]
    for path in ("/v1/route", "/v1/outcomes", "/v1/workflows/acme-only/pause"):
        answer = house.ask("POST", path, key, body(house, path) | {extra: "globex"})
        assert answer.status_code == 422, path


def test_a_header_of_the_inside_is_worth_nothing_outside(house: House) -> None:
    headers = {
        "authorization": f"Bearer {house.keys['acme', Role.VIEWER]}",
        "x-ridealong-tenant": "globex",
    }
    rows = house.http.get("/v1/workflows", headers=headers).json()["workflows"]
    assert {row["tenant"] for row in rows} == {"acme"}


def test_the_analyst_answers_nothing_about_nobody(house: House) -> None:
    transport = house.door.analyst._http._transport

    async def ask() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://analyst") as http:
            return (await http.get("/v1/workflows")).status_code

    assert asyncio.run(ask()) == 422


def test_readiness_tells_the_unknown_yes_or_no_and_the_known_their_own(house: House) -> None:
    assert house.http.get("/readyz").json() == {"status": "ready"}
    agent = house.ask("GET", "/readyz", house.keys["acme", Role.AGENT]).json()
    assert set(agent) == {"status"}
    told = house.ask("GET", "/readyz", house.keys["acme", Role.VIEWER]).json()
    assert told["checks"]["split"] == "2 workflows in force"


def test_metrics_count_the_callers_tenant_only(house: House) -> None:
    house.ask("POST", "/v1/route", house.keys["globex", Role.OPERATOR], ticket(house, "m", "globex-only"))
    mine = house.ask("GET", "/metrics", house.keys["acme", Role.VIEWER]).text
    theirs = house.ask("GET", "/metrics", house.keys["globex", Role.VIEWER]).text
    assert "globex-only" not in mine
    assert "globex-only" in theirs


def test_the_same_ticket_id_belongs_to_two_tenants_at_once(house: House) -> None:
    mine = house.ask("POST", "/v1/route", house.keys["acme", Role.OPERATOR], ticket(house, "same"))
    other = ticket(house, "same") | {"customer_id": "somebody else"}
    theirs = house.ask("POST", "/v1/route", house.keys["globex", Role.OPERATOR], other)
    assert (mine.status_code, theirs.status_code) == (200, 200)
    again = house.ask("POST", "/v1/route", house.keys["acme", Role.OPERATOR], ticket(house, "same"))
    assert again.json() == mine.json()


def test_the_export_pages_through_one_tenant_to_the_end(house: House) -> None:
    key, seen, after = house.keys["acme", Role.AUDITOR], [], 0
    while True:
        page = house.ask("GET", "/v1/export", key, after=str(after), limit="3").json()
        seen += page["events"]
        if page["next_after"] == page["head"] or not page["events"]:
            break
        after = page["next_after"]
    assert {event["tenant"] for event in seen} == {"acme"}
    upto = seen[-1]["seq"]
    assert len(seen) == sum(record.seq <= upto for record in house.records("acme"))


def test_a_key_works_from_the_moment_it_is_made_until_the_moment_it_is_revoked(house: House) -> None:
    admin = house.keys["globex", Role.ADMIN]
    made = house.ask("POST", "/v1/keys", admin, {"role": "viewer", "name": "bo"}).json()
    assert (made["tenant"], made["role"], made["status"]) == ("globex", "viewer", "active")
    assert house.ask("GET", "/v1/me", made["key"]).json()["name"] == "bo"
    turned = house.ask("POST", f"/v1/keys/{made['id']}/rotate", admin, {"overlap_seconds": 0}).json()
    assert house.ask("GET", "/v1/me", made["key"]).status_code == 401
    assert house.ask("GET", "/v1/me", turned["key"]).status_code == 200
    assert house.ask("POST", f"/v1/keys/{made['id']}/revoke", admin, {}).json()["status"] == "revoked"
    assert house.ask("GET", "/v1/me", turned["key"]).status_code == 401
    assert house.ask("POST", f"/v1/keys/{made['id']}/rotate", admin, {}).status_code == 422
    listed = house.ask("GET", "/v1/keys", admin).json()["keys"]
    assert {row["tenant"] for row in listed} == {"globex"}
    assert not any("key" in row or "sha256" in row for row in listed)


def test_an_admin_of_one_tenant_makes_no_key_to_all_of_them(house: House) -> None:
    ask = {"role": "admin", "all_tenants": True}
    assert house.ask("POST", "/v1/keys", house.keys["acme", Role.ADMIN], ask).status_code == 403
    root = house.keys[None, Role.ADMIN]
    assert house.ask("POST", "/v1/keys", root, ask).json()["tenant"] is None
    assert house.ask("POST", "/v1/keys", root, {"role": "viewer"}).status_code == 422
    assert house.ask("POST", "/v1/keys", root, {"role": "viewer"}, tenant="acme").json()["tenant"] == "acme"


def test_any_host_name_will_do_where_a_key_is_needed(house: House) -> None:
    headers = {"host": "ridealong.example", "authorization": f"Bearer {house.keys['acme', Role.VIEWER]}"}
    assert house.http.get("/v1/workflows", headers=headers).status_code == 200


def test_a_flood_of_one_key_is_slowed_and_nobody_else(
    tmp_path: Path, plan: Plan, stage: Any, now: Any
) -> None:
    with ExitStack() as stack:
        house = build(tmp_path, plan, stage, stack, now)
        desk = house.door.access.keys
        flood = desk.create(ROOTED, "test", Role.OPERATOR, "acme", rate=5.0).clear
        answers = [house.ask("POST", "/v1/route", flood, ticket(house, f"f-{n}")) for n in range(60)]
        slowed = [answer for answer in answers if answer.status_code == 429]
        assert slowed
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in slowed)
        assert answers[0].status_code == 200
        other = house.ask("POST", "/v1/route", house.keys["acme", Role.OPERATOR], ticket(house, "calm"))
        assert other.status_code == 200
        notes = [note for note in house.notes("acme") if note["action"] == "refused"]
        assert len(notes) == 1, "sixty refusals, one record so far"
        house.door.clock.advance(timedelta(minutes=1))
        (rest,) = house.door.access.refusals.due(house.door.clock.now())
        assert rest.payload.count == len(slowed) - 1


def test_a_tenant_that_holds_its_share_waits_and_another_does_not(
    tmp_path: Path, plan: Plan, stage: Any, now: Any
) -> None:
    with ExitStack() as stack:
        room = FairShare(2)
        house = build(tmp_path, plan, stage, stack, now, room=room, rates=Rates(1e6))
        assert room.enter("acme")
        assert room.enter("acme")
        held = house.ask("GET", "/v1/me", house.keys["acme", Role.VIEWER])
        free = house.ask("GET", "/v1/me", house.keys["globex", Role.VIEWER])
        assert (held.status_code, free.status_code) == (429, 200)


def test_a_route_that_nobody_made_a_rule_for_lets_nobody_in(
    tmp_path: Path, plan: Plan, stage: Any, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = {route: rule for route, rule in RULES.items() if route != ("GET", "/v1/export")}
    monkeypatch.setattr("rollout.access.roles.RULES", rules)
    with ExitStack() as stack:
        house = build(tmp_path, plan, stage, stack, now)
        for role in Role:
            assert house.ask("GET", "/v1/export", house.keys["acme", role]).status_code == 403
    with ExitStack() as stack:
        local = build(tmp_path / "local", plan, stage, stack, now)
        local.door.access = Admission(KeyDesk(tmp_path / "nothing", list))
        assert local.door.access.one_person
        assert local.ask("GET", "/v1/export", None).status_code == 403


def test_a_wrong_key_is_told_the_same_whatever_is_wrong_with_it(house: House) -> None:
    desk = house.door.access.keys
    gone = desk.create(ROOTED, "test", Role.VIEWER, "acme")
    desk.revoke(ROOTED, "test", gone.key.id, None)
    old = desk.create(
        ROOTED, "test", Role.VIEWER, "acme", expires_at=house.door.clock.now() + timedelta(seconds=1)
    )
    house.door.clock.advance(timedelta(seconds=2))
    house.door.access._failures = Rates(1e6)
    told = {
        house.ask("GET", "/v1/me", text).text
        for text in (gone.clear, old.clear, "rk_0000000000000000_x", replace(gone.key).id)
    }
    assert len(told) == 1
