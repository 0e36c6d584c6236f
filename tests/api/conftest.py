"""A door over a real journal in a temporary folder; no analyst behind it unless a test brings one."""

import itertools
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from policies.digest import plan_digest
from policies.load import load_plan, plan_to_json
from policies.plan import Plan
from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
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

sys.path.insert(0, str(Path(__file__).parent))

from talking import Talk, only

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
TOKEN = "token-of-this-run"


@pytest.fixture(scope="session")
def plan() -> Plan:
    return load_plan(ROOT / "policies" / "rollouts" / "playbook-ladder.yaml")


def started(plan: Plan, at: datetime = NOW) -> list[Event]:
    """What is recorded when a plan's rollout begins."""
    digest = plan_digest(plan)
    transition = actions.start(plan, digest, None, Order("ada", "begin", at))
    common = {"occurred_at": at, "workflow": plan.workflow, "actor": "ada"}
    pinned = PlanPinned(digest, plan_to_json(plan), "test")
    return [
        Event(f"plan:{plan.workflow}:{digest}", Kind.CONFIG, payload=pinned, **common),
        Event(f"transition:{plan.workflow}:0", Kind.TRANSITION, payload=transition.record(), **common),
    ]


class Stage:
    """One server for all tests; a header says on whose application a request plays."""

    def __init__(self) -> None:
        self.apps: dict[bytes, FastAPI] = {}
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = self.apps[dict(scope["headers"])[b"x-world"]]
        await app(scope, receive, send)


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """A real uvicorn on a free loopback port."""
    stage = Stage()
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(stage, log_level="critical", lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    stage.url = f"http://127.0.0.1:{door.getsockname()[1]}"
    yield stage
    server.should_exit = True
    thread.join()
    door.close()


@dataclass
class World:
    """The door and what stands behind it."""

    folder: DataFolder
    router: Router
    standings: Standings
    clock: SimulatedClock
    door: Door
    app: FastAPI
    http: httpx.Client
    plan: Plan

    def ticket(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        return {
            "ticket_id": f"t-{number}",
            "customer_id": f"c-{number}",
            "opened_at": NOW.isoformat(),
            "workflow": self.plan.workflow,
            "category": "billing",
            "urgency": "normal",
            "complexity": "simple",
        } | changes

    def order(self, action: str, **changes: Any) -> Any:
        body = {"reason": "we looked at it", "actor": "ada"} | changes
        return self.http.post(f"/v1/workflows/{self.plan.workflow}/{action}", json=body)


def build(path: Path, plan: Plan, stage: Stage, stack: ExitStack, *, start: bool = True) -> World:
    """A world in a folder; ``start`` begins the plan's rollout in it."""
    clock = SimulatedClock(NOW)
    folder = stack.enter_context(DataFolder.open(path / "data", clock=clock, parts=("journal",)))
    router = Router(folder.journal, folder.content, clock=clock)
    standings = Standings(folder.journal, router)
    if start:
        standings.record(started(plan))
    door = Door(
        journal=folder.journal,
        desk=Desk(router, folder.journal),
        standings=standings,
        analyst=Analyst(str(path / "nobody.sock")),
        token=TOKEN,
        access=Admission(KeyDesk(path / "data", folder.journal.append, clock=clock)),
        content=folder.content,
        clock=clock,
    )
    app = create_app(door)
    stage.apps[str(path).encode()] = app
    client = httpx.Client(base_url=stage.url, trust_env=False, timeout=20.0, headers={"x-world": str(path)})
    return World(folder, router, standings, clock, door, app, stack.enter_context(client), plan)


@pytest.fixture(name="build")
def _build() -> Any:
    return build


@pytest.fixture
def world(tmp_path: Path, plan: Plan, stage: Stage) -> Iterator[World]:
    with ExitStack() as stack:
        yield build(tmp_path, plan, stage, stack)


@pytest.fixture
def empty_world(tmp_path: Path, plan: Plan, stage: Stage) -> Iterator[World]:
    """Nothing was ever started in it."""
    with ExitStack() as stack:
        yield build(tmp_path, plan, stage, stack, start=False)


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory, plan: Plan, stage: Stage) -> Iterator[World]:
    """A world for a whole file of requests that leave no trace in it."""
    with ExitStack() as stack:
        yield build(tmp_path_factory.mktemp("refusing"), plan, stage, stack)


@pytest.fixture
def talks(tmp_path: Path, plan: Plan, stage: Stage) -> Iterator[Callable[..., Talk]]:
    """Makes worlds of one step, ``live``, ``assist`` or ``human``, with a ticket to talk about."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(mode: str = "live", **options: Any) -> Talk:
            chosen = plan if mode == "human" else only(plan, mode)
            return Talk(build(tmp_path / str(next(numbers)), chosen, stage, stack), **options)

        yield make


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(name="started", scope="session")
def _started() -> Any:
    return started


@pytest.fixture
def begun(plan: Plan) -> list[Event]:
    return started(plan)
