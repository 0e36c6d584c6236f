"""The doors of approvals: what waits, who may decide, and that it is done once."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

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
    """A door behind which one refund waits."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.done: list[Mapping[str, Any]] = []

        async def runs(_: str, arguments: Mapping[str, Any], __: str) -> Mapping[str, Any]:
            self.done.append(arguments)
            return {"refund": "R-1"}

        folder = world.folder
        self.gate = Gate(folder.journal, folder.content, world.clock, CATALOGUE, runs)
        world.door.approvals = Approvals(self.gate)

    def ask(self, ticket: str = "t-1", amount: float = 40) -> Any:
        about = Ticket(ticket, "c-1", self.world.clock.now(), self.world.plan.workflow)
        case = Case(about, "resolution@1.2.0", "ten", Mode.LIVE, 1, GRANTS, step_writes=True)
        with pytest.raises(ApprovalNeeded):
            asyncio.run(self.gate.live(case).call("refund", {"amount_usd": amount}))
        return self.listed()[-1]

    def listed(self, **query: str) -> Any:
        answer = self.world.http.get("/v1/approvals", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["approvals"]

    def decide(self, item: Any, action: str = "approve", **changes: Any) -> Any:
        body = {"arguments_digest": item["arguments_digest"], "actor": "ada", "reason": "looked at it"}
        return self.world.http.post(f"/v1/approvals/{item['approval_id']}/{action}", json=body | changes)


@pytest.fixture
def waiting(world: Any) -> Waiting:
    return Waiting(world)


def test_a_call_that_waits_shows_who_wants_what_for_whom(waiting: Waiting) -> None:
    item = waiting.ask()
    assert item["arguments"] == {"customer_id": "c-1", "amount_usd": 40}
    assert (item["tool"], item["version"], item["state"]) == ("refund", "resolution@1.2.0", "pending")
    assert (item["amount_usd"], item["approvers"], item["decisions"]) == ("40", 1, [])


def test_an_approval_has_it_made_and_tells_what_came_of_it(waiting: Waiting) -> None:
    item = waiting.ask()
    answer = waiting.decide(item)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["result"], told["error"]) == ("done", {"refund": "R-1"}, None)
    assert [one["actor"] for one in told["decisions"]] == ["ada"]
    assert waiting.done == [{"customer_id": "c-1", "amount_usd": 40}]
    assert (waiting.listed(), len(waiting.listed(state="done"))) == ([], 1)


def test_an_approval_sent_again_does_nothing_again(waiting: Waiting) -> None:
    item = waiting.ask()
    assert [waiting.decide(item).status_code for _ in range(3)] == [200, 409, 409]
    assert len(waiting.done) == 1


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_without_the_digest_of_what_was_seen_nothing_is_done(waiting: Waiting, digest: str) -> None:
    answer = waiting.decide(waiting.ask(), arguments_digest=digest)
    assert answer.status_code == (409 if digest else 422)
    assert waiting.done == []


def test_a_denial_needs_a_reason_and_is_final(waiting: Waiting) -> None:
    item = waiting.ask()
    assert waiting.decide(item, "deny", reason="").status_code == 422
    assert waiting.decide(item, "deny").json()["state"] == "denied"
    assert waiting.decide(item).status_code == 409
    assert waiting.done == []


def test_what_is_not_there_is_not_found(waiting: Waiting) -> None:
    item = {"approval_id": "apr-0", "arguments_digest": "0" * 64}
    assert waiting.decide(item).status_code == 404
    assert waiting.decide(waiting.ask(), "repeat").status_code == 404


def test_a_server_without_tools_has_nothing_that_waits(world: Any) -> None:
    assert world.http.get("/v1/approvals").json() == {"approvals": []}
    body = {"arguments_digest": "0" * 64, "actor": "ada"}
    assert world.http.post("/v1/approvals/apr-0/approve", json=body).status_code == 404


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("operator", 200),
        ("release_manager", 200),
        ("viewer", 403),
        ("agent", 403),
    ],
    ids=str,
)
def test_who_may_approve_and_no_agent_ever(waiting: Waiting, role: str, status: int) -> None:
    item = waiting.ask()
    http = waiting.world.http
    first = http.post("/v1/keys", json={"name": "root", "role": "admin", "actor": "ada"})
    assert first.status_code == 201, first.text
    admin = {"Authorization": f"Bearer {first.json()['key']}"}
    made = http.post("/v1/keys", json={"name": "somebody", "role": role}, headers=admin)
    assert made.status_code == 201, made.text
    body = {"arguments_digest": item["arguments_digest"]}
    answer = http.post(
        f"/v1/approvals/{item['approval_id']}/approve",
        json=body,
        headers={"Authorization": f"Bearer {made.json()['key']}"},
    )
    assert answer.status_code == status, answer.text
    assert len(waiting.done) == (status == 200)
