"""The doors of approvals: what waits, who may decide, and that it is done once."""

from typing import Any

import pytest
from tool_calls import Waiting as Tool


class Waiting(Tool):
    """As seen over HTTP."""

    def __init__(self, world: Any) -> None:
        super().__init__(world.door)
        self.world = world

    def wait(self) -> Any:
        approval_id = self.ask()
        return next(item for item in self.listed() if item["approval_id"] == approval_id)

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
    item = waiting.wait()
    assert item["arguments"] == {"customer_id": "c-1", "amount_usd": 40}
    assert (item["tool"], item["version"], item["state"]) == ("refund", "resolution@1.2.0", "pending")
    assert (item["amount_usd"], item["approvers"], item["decisions"]) == ("40", 1, [])


def test_an_approval_has_it_made_and_tells_what_came_of_it(waiting: Waiting) -> None:
    item = waiting.wait()
    answer = waiting.decide(item)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["result"], told["error"]) == ("done", {"refund": "R-1"}, None)
    assert [one["actor"] for one in told["decisions"]] == ["ada"]
    assert waiting.done == [{"customer_id": "c-1", "amount_usd": 40}]
    assert (waiting.listed(), len(waiting.listed(state="done"))) == ([], 1)


def test_an_approval_sent_again_does_nothing_again(waiting: Waiting) -> None:
    item = waiting.wait()
    assert [waiting.decide(item).status_code for _ in range(3)] == [200, 409, 409]
    assert len(waiting.done) == 1


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_without_the_digest_of_what_was_seen_nothing_is_done(waiting: Waiting, digest: str) -> None:
    answer = waiting.decide(waiting.wait(), arguments_digest=digest)
    assert answer.status_code == (409 if digest else 422)
    assert waiting.done == []


def test_a_denial_needs_a_reason_and_is_final(waiting: Waiting) -> None:
    item = waiting.wait()
    assert waiting.decide(item, "deny", reason="").status_code == 422
    assert waiting.decide(item, "deny").json()["state"] == "denied"
    assert waiting.decide(item).status_code == 409
    assert waiting.done == []


def test_what_is_not_there_is_not_found(waiting: Waiting) -> None:
    item = {"approval_id": "apr-0", "arguments_digest": "0" * 64}
    assert waiting.decide(item).status_code == 404
    assert waiting.decide(waiting.wait(), "repeat").status_code == 404


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
    item = waiting.wait()
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
