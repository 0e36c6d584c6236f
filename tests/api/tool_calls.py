"""A gate with one tool, for doors to stand before."""

import asyncio
from collections.abc import Mapping
from typing import Any

from agents.contract import Ticket
from agents.tools.refusals import ApprovalNeeded
from policies.manifest import ToolGrant
from policies.tools import ToolCatalogue
from policies.vocabulary import Mode
from rollout.approvals.case import Case
from rollout.approvals.gate import Gate
from rollout.approvals.people import Approvals

CATALOGUE = ToolCatalogue.model_validate(
    {
        "tools": [
            {
                "name": "refund",
                "kind": "python",
                "authority": "write",
                "description": "Money back.",
                "scope": {"customer_id": "customer"},
                "amount": "amount_usd",
                "arguments": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["customer_id", "amount_usd"],
                    "properties": {
                        "customer_id": {"type": "string"},
                        "amount_usd": {"type": "number", "exclusiveMinimum": 0},
                    },
                },
                "python": {"function": "nowhere:nothing"},
            }
        ]
    }
)
GRANTS = {"refund": ToolGrant.model_validate({"name": "refund", "authority": "write", "limits": {}})}


class Waiting:
    """The tool behind a door; every refund waits for a person."""

    def __init__(self, door: Any) -> None:
        self.clock = door.clock
        self.done: list[Mapping[str, Any]] = []

        async def runs(_: str, arguments: Mapping[str, Any], __: str) -> Mapping[str, Any]:
            self.done.append(arguments)
            return {"refund": "R-1"}

        self.gate = Gate(door.journal, door.content, door.clock, CATALOGUE, runs)
        door.approvals = Approvals(self.gate)

    def ask(self, ticket: str = "t-1", tenant: str = "default", amount: float = 40) -> str:
        """Have a refund asked for; its approval's id."""
        about = Ticket(ticket, "c-1", self.clock.now(), "tier1-support", tenant=tenant)
        case = Case(about, "resolution@1.2.0", "ten", Mode.LIVE, 1, GRANTS, step_writes=True)
        try:
            asyncio.run(self.gate.live(case).call("refund", {"amount_usd": amount}))
        except ApprovalNeeded as needed:
            return needed.approval_id
        raise AssertionError("it did not wait for anybody")
