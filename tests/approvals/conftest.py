"""A gate over a real journal, with tools that note what they did."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.contract import Ticket
from policies.manifest import ToolGrant
from policies.tools import ToolCatalogue
from policies.vocabulary import Mode
from rollout.approvals.case import Case
from rollout.approvals.gate import Gate
from rollout.approvals.people import Approvals, Word
from rollout.clock import SimulatedClock
from rollout.record.folder import DataFolder
from rollout.records import Kind

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
VERSION = "resolution@1.2.0"


def declared(name: str, authority: str, properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A declaration whose arguments are all required, the customer among them."""
    told = {"customer_id": {"type": "string"}, **properties}
    return {
        "name": name,
        "kind": "python",
        "authority": authority,
        "description": f"The desk's {name}.",
        "arguments": {
            "type": "object",
            "additionalProperties": False,
            "required": list(told),
            "properties": told,
        },
        "scope": {"customer_id": "customer"},
        "python": {"function": "nowhere:nothing"},
    } | more


CATALOGUE = ToolCatalogue.model_validate(
    {
        "tools": [
            declared("get_order", "read", {"order_id": {"type": "string", "pattern": "^[A-Z0-9-]{1,32}$"}}),
            declared(
                "credit",
                "write",
                {"amount_usd": {"type": "number", "exclusiveMinimum": 0, "maximum": 10_000}},
                amount="amount_usd",
            ),
            declared("change_email", "write", {"email": {"type": "string", "maxLength": 254}}, approvers=2),
            declared("delete_account", "write", {}),
        ],
        "deny": ["delete_*"],
    }
)
GRANTS = {
    grant.name: grant
    for grant in (
        ToolGrant.model_validate(each)
        for each in (
            {"name": "get_order", "authority": "read"},
            {
                "name": "credit",
                "authority": "write",
                "approval": "above_limit",
                "limits": {
                    "amount_usd": 25,
                    "per_ticket": 3,
                    "usd_per_ticket": 60,
                    "usd_per_customer_day": 80,
                    "usd_per_day": 1000,
                },
            },
            {"name": "change_email", "authority": "write", "limits": {"per_ticket": 2}},
            {"name": "delete_account", "authority": "write", "limits": {}},
        )
    )
}


class Helpdesk:
    """The desk's systems: what was done there, and what they do next."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Mapping[str, Any], str]] = []
        self.behave: Callable[[str], Awaitable[Any]] | None = None

    async def __call__(self, tool: str, arguments: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        if self.behave is not None:
            said = await self.behave(tool)
            if said is not None:
                return said
        self.done.append((tool, dict(arguments), key))
        return {"ok": True, "number": len(self.done)}

    @property
    def writes(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(tool, arguments) for tool, arguments, _ in self.done if tool != "get_order"]


class Place:
    """A desk with a gate before its tools."""

    def __init__(self, folder: DataFolder, clock: SimulatedClock) -> None:
        self.folder = folder
        self.clock = clock
        self.helpdesk = Helpdesk()
        self.gate = self.restarted()

    def restarted(self) -> Gate:
        """The gate that a new process would make of the same journal."""
        one = self.folder
        self.gate = Gate(one.journal, one.content, self.clock, CATALOGUE, self.helpdesk)
        self.approvals = Approvals(self.gate)
        return self.gate

    def case(self, ticket: str = "t-1", customer: str = "c-1", message: int = 1, **changes: Any) -> Case:
        about = Ticket(ticket, customer, NOW, "tier1-support")
        told = {"version": VERSION, "step": "ten", "mode": Mode.LIVE, "grants": GRANTS, "step_writes": True}
        return Case(about, message=message, **(told | changes))

    async def call(self, tool: str, case: Case | None = None, **arguments: Any) -> Any:
        return await self.gate.live(case or self.case()).call(tool, arguments)

    async def waiting(self) -> Any:
        return await self.approvals.listed("default", state="pending")

    async def approve(self, call: Any, actor: str = "ada", **changes: Any) -> Any:
        word = {"verdict": "approve", "digest": call.arguments, "actor": actor} | changes
        return await self.approvals.decide("default", call.approval_id, Word(**word))

    def records(self, *kinds: Kind) -> list[Any]:
        wanted = kinds or (Kind.TOOL, Kind.APPROVAL)
        return [record for record in self.folder.journal.read() if record.kind in wanted]

    def refusals(self) -> list[str]:
        return [
            record.payload["reason"]
            for record in self.records(Kind.TOOL)
            if record.payload.get("what") == "refused"
        ]


@contextmanager
def opened(path: Path) -> Iterator[Place]:
    clock = SimulatedClock(NOW)
    with DataFolder.open(path, clock=clock, parts=("journal",)) as folder:
        yield Place(folder, clock)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with opened(tmp_path / "data") as place:
        yield place


@pytest.fixture(scope="session")
def new_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Opens one more, for tests that need many."""
    return lambda: opened(tmp_path_factory.mktemp("place") / "data")


@pytest.fixture
def run() -> Callable[[Any], Any]:
    return asyncio.run
