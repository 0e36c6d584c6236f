"""A door over a real journal, with keys of two tenants and of the whole installation."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from policies.digest import plan_digest
from policies.load import load_plan, plan_to_json
from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
from rollout.access.notes import Author
from rollout.access.principal import LOCAL
from rollout.access.roles import Role
from rollout.api.desk import Desk
from rollout.api.door import Door, create_app
from rollout.api.forward import Analyst
from rollout.api.standings import Standings
from rollout.clock import SimulatedClock
from rollout.ladder import actions
from rollout.ladder.transition import Order
from rollout.record.folder import DataFolder
from rollout.records import Event, Kind, PlanPinned
from rollout.router import Router

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
PLAN = load_plan(ROOT / "policies" / "rollouts" / "playbook-ladder.yaml")


def begun(tenant: str) -> list[Event]:
    """What is recorded when the shipped plan's rollout begins for a tenant."""
    plan = PLAN.model_copy(update={"tenant": tenant})
    digest = plan_digest(plan)
    transition = actions.start(plan, digest, None, Order("ada", "begin", NOW))
    common = {"occurred_at": NOW, "workflow": plan.workflow, "actor": "ada", "tenant": tenant}
    pinned = PlanPinned(digest, plan_to_json(plan), "test")
    return [
        Event(f"plan:{plan.workflow}:{digest}", Kind.CONFIG, payload=pinned, **common),
        Event(f"transition:{plan.workflow}:0", Kind.TRANSITION, payload=transition.record(), **common),
    ]


class Told(Analyst):
    """An analyst that says what a test wants said."""

    def __init__(self) -> None:
        super().__init__("nobody.sock")
        self.said: dict[str, Any] | None = None
        self.reads: list[tuple[str, str]] = []

    async def figures(self) -> dict[str, Any] | None:
        return self.said

    async def position(self) -> int | None:
        return None if self.said is None else int(self.said["position"])


class Client:
    """Asks an application in this thread, on one event loop."""

    def __init__(self, app: Any, runner: asyncio.Runner) -> None:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
        self._runner = runner

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._runner.run(self._http.request(method, path, **more))


@dataclass
class Place:
    """The door, what stands behind it, and who may come in."""

    folder: DataFolder
    door: Door
    analyst: Told
    http: Client
    keys: dict[str, str]

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.keys[who]}", **more.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **more)

    def ticket(self, ticket_id: str, **changes: Any) -> dict[str, Any]:
        return {
            "ticket_id": ticket_id,
            "customer_id": f"c-{ticket_id}",
            "opened_at": NOW.isoformat(),
            "workflow": PLAN.workflow,
            "complexity": "simple",
        } | changes

    def scraped(self, who: str, query: str = "") -> dict[str, Any]:
        answer = self.ask(who, "GET", f"/metrics{query}")
        assert answer.status_code == 200, answer.text
        return {family.name: family for family in text_string_to_metric_families(answer.text)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        clock = SimulatedClock(NOW)
        folder = stack.enter_context(DataFolder.open(tmp_path / "data", clock=clock, parts=("journal",)))
        router = Router(folder.journal, folder.content, clock=clock)
        standings = Standings(folder.journal, router)
        for tenant in ("acme", "globex"):
            standings.record(begun(tenant))
        keys = KeyDesk(tmp_path / "data", folder.journal.append, clock=clock)
        whose = {
            "acme": (Role.OPERATOR, "acme"),
            "globex": (Role.OPERATOR, "globex"),
            "house": (Role.ADMIN, None),
            "agent": (Role.AGENT, "acme"),
        }
        root = Author.of(LOCAL, "root")
        made = {name: keys.create(root, "test", *of).clear for name, of in whose.items()}
        analyst = Told()
        door = Door(
            journal=folder.journal,
            desk=Desk(router, folder.journal),
            standings=standings,
            analyst=analyst,
            token="token",
            access=Admission(keys),
            clock=clock,
        )
        runner = stack.enter_context(asyncio.Runner())
        yield Place(folder, door, analyst, Client(create_app(door), runner), made)
