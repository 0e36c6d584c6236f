"""The product inside this process: the door, the analyst behind it and the folder they share.

What ``rollout.serve`` puts into processes of their own, wired as it wires it, without the sockets.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from fastapi import FastAPI

from agents.contract import Action, Reply, Usage
from policies.load import load_plan
from policies.plan import Plan
from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
from rollout.analyst import Analyst
from rollout.api import reads
from rollout.api.desk import Desk
from rollout.api.door import Door, create_app
from rollout.api.forward import Analyst as AnalystLine
from rollout.api.standings import Standings
from rollout.clock import Clock, SimulatedClock
from rollout.controller import Controller, Judge
from rollout.ladder.transition import Order
from rollout.record.folder import DataFolder
from rollout.router import Router
from rollout.ticketing import TicketDesk

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = ROOT / "policies" / "rollouts" / "playbook-ladder.yaml"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def playbook(**changes: Any) -> Plan:
    """The shipped ladder."""
    return load_plan(PLAYBOOK).model_copy(update=changes)


@dataclass
class House:
    """Everything that stands behind the door."""

    folder: DataFolder
    router: Router
    standings: Standings
    analyst: Analyst
    controller: Controller
    door: Door
    app: FastAPI
    clock: Clock

    def start(self, plan: Plan) -> None:
        """Begin the plan's rollout."""
        self.controller.start(plan, "drill", Order("ada", "begin", self.clock.now()))
        self.folder.catch_up()

    @asynccontextmanager
    async def http(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the door."""
        line = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=line, base_url="http://localhost", headers=headers) as http:
            yield http


def ticket(name: str, **changes: Any) -> dict[str, Any]:
    """The body of a request to decide."""
    return {
        "ticket_id": f"t-{name}",
        "customer_id": f"c-{name}",
        "opened_at": NOW.isoformat(),
        "workflow": "tier1-support",
        "category": "billing",
        "complexity": "simple",
    } | changes


class Plain:
    """An agent that always says the same."""

    def __init__(self, version: str) -> None:
        self.version = version

    async def answer(self, *_: object) -> Reply:
        return Reply(Action.REPLY, "Thank you, it is on its way.", usage=Usage(cost_usd=0.001))


@contextmanager
def opened(
    path: Path,
    *,
    clock: Clock | None = None,
    judge: Judge | None = None,
    admission: Mapping[str, Any] | None = None,
) -> Iterator[House]:
    """A house in a folder. ``judge`` takes the place of the gates; ``admission`` is passed to the door's."""
    clock = clock or SimulatedClock(NOW)
    with DataFolder.open(path / "data", clock=clock) as folder:
        router = Router(folder.journal, folder.content, clock=clock)
        standings = Standings(folder.journal, router)
        analyst = Analyst(folder, standings.record, clock=clock)
        if judge is not None:
            analyst._controller = Controller(folder.view, standings.record, judge, clock=clock)  # noqa: SLF001
        line = AnalystLine("/nowhere")
        line._http = httpx.AsyncClient(  # noqa: SLF001
            transport=httpx.ASGITransport(reads.create_app(analyst), raise_app_exceptions=False),
            base_url="http://analyst",
        )
        keys = KeyDesk(path / "data", folder.journal.append, clock=clock)
        desk = Desk(router, folder.journal)
        door = Door(
            journal=folder.journal,
            desk=desk,
            standings=standings,
            analyst=line,
            token="of-this-run",  # noqa: S106 - nobody else's
            access=Admission(keys, **(admission or {})),
            clock=clock,
            tickets=TicketDesk(desk, folder.journal, folder.content, Plain, clock),
            content=folder.content,
        )
        app = create_app(door)
        yield House(folder, router, standings, analyst, analyst._controller, door, app, clock)  # noqa: SLF001
        door.once.close()


@contextmanager
def patched(owner: Any, name: str, value: Any) -> Iterator[None]:
    """A planted fault: an attribute of the product is another while the block runs."""
    with mock.patch.object(owner, name, value):
        yield
