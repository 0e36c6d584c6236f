"""Hosted models, agents behind a URL and their tools, from the door to the last socket and back."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from full_desk import AGENT_SECRET, KEY, TOOLS_SECRET, House, opened
from model_server import GOOD, MODEL, Wants, results

from rollout.tooling.helpdesk import Helpdesk, Order


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("hosted")) as made:
        made.wait("hosted-desk")
        yield made


@pytest.mark.slow
def test_a_good_provider_answers_with_sources_and_cost_on_record(house: House) -> None:
    house.provider.reset()
    house.provider.said = {**GOOD, "reply": "Choose Forgot password. We will write to ⟦email-1⟧."}
    answer = house.post(1)
    assert (answer["handler"], answer["reply"]) == (
        "agent",
        "Choose Forgot password. We will write to ada@example.org.",
    )
    assert "ada@example.org" not in str(house.provider.asked), "the provider never saw the address"
    handled = house.handled(1)
    assert handled["sources"] == ["reset-password"]
    assert handled["cost_usd"] == pytest.approx((100 * 2 + 40 * 10) / 1e6)
    assert (handled["model"], handled["version"]) == (MODEL, "hosted@1.0.0")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "mode", "reason"),
    [
        (11, "trickled body", "model-deadline"),
        (12, "500", "model-unavailable"),
        (13, "NaN confidence", "unusable-model-output"),
    ],
)
def test_a_bad_provider_leaves_the_ticket_with_a_human(
    house: House, number: int, mode: str, reason: str
) -> None:
    house.provider.reset()
    house.provider.mode = mode
    answer = house.post(number)
    assert (answer["handler"], answer["reply"]) == ("human", None)
    assert answer["reasons"] == [reason]
    assert answer["queue"]
    assert "password" in answer["packet"]
    assert house.post(number) == answer, "asked again it is the same, and nobody is asked"
    assert house.handled(number)["outcome"] == "handed_off"


@pytest.mark.slow
def test_the_key_is_with_those_who_call_and_nowhere_else(house: House) -> None:
    assert any(KEY in head for head in house.provider.keys) or house.post(21)
    for name in ("router", "analyst"):
        pid = house.supervisor.child(name).process.pid
        assert KEY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    written = [path for path in house.data.rglob("*") if path.is_file()]
    assert not [path for path in written if KEY.encode() in path.read_bytes()]


ORDER = ("get_order_status", {"order_id": "ORD-1001"})
WHERE = "Where is my order ORD-1001? What is its status?"


def owned(house: House, workflow: str) -> Order:
    """The order everybody asks about belongs to the workflow's customer."""
    order = house.desk.orders["ORD-1001"] = Order(house.customers[workflow], "in transit", Decimal("59.90"))
    return order


def looking(house: House, *calls: Any, told: str) -> None:
    """The model makes these calls at once, then says this."""
    house.provider.reset()
    said = {**GOOD, "reply": told, "sources": ["tool-1"]}
    house.provider.said = lambda body: said if results(body) else Wants(list(calls))


@pytest.fixture(scope="module")
def tools(house: House) -> House:
    """The same, once the workflows with tools answer."""
    house.provider.reset()
    house.wait("looking-desk")
    house.wait("their-desk", text="How do I choose a new password?")
    return house


@pytest.mark.slow
def test_a_pipeline_looks_an_order_up_and_tells_what_it_found(tools: House) -> None:
    owned(tools, "looking-desk")
    looking(tools, ORDER, told="Your order is in transit, it came to 59.90 USD.")
    answer = tools.post(41, "looking-desk", text=WHERE)
    assert (answer["handler"], answer["reply"]) == (
        "agent",
        "Your order is in transit, it came to 59.90 USD.",
    )
    first, second = tools.provider.asked
    names = [tool["function"]["name"] for tool in first["tools"]]
    assert names == ["get_order_status", "refund"], "what the version grants and the step allows"
    assert "customer_id" not in str(first["tools"])
    assert results(second)[0]["result"]["status"] == "in transit"
    assert [call.get("what") or call.get("outcome") for call in tools.calls(41)] == ["read", "done"]
    assert tools.handled(41)["tokens"] == 280


@pytest.mark.slow
def test_what_another_customer_ordered_is_not_found(tools: House) -> None:
    tools.desk.orders["ORD-1001"] = Order("somebody-else", "lost", Decimal(1))
    looking(tools, ORDER, told="Your order is lost, it came to 1 USD.")
    answer = tools.post(42, "looking-desk", text=WHERE)
    assert (answer["handler"], answer["reasons"]) == ("human", ["invented-source"])
    assert [call.get("what") or call.get("outcome") for call in tools.calls(42)] == ["read", "failed"]


@pytest.mark.slow
def test_a_refund_within_the_limit_is_made_once_and_one_beyond_it_waits_for_a_person(tools: House) -> None:
    order = owned(tools, "looking-desk")
    small = ("refund", {"order_id": "ORD-1001", "amount_usd": 5, "reason": "late"})
    looking(tools, small, small, told="We have refunded 5 USD for your order.")
    answer = tools.post(43, "looking-desk", text=f"{WHERE} It came late.")
    assert (answer["handler"], order.refunded_usd) == ("agent", 5)
    large = ("refund", {"order_id": "ORD-1001", "amount_usd": 25, "reason": "late"})
    looking(tools, large, told="We have refunded 25 USD for your order.")
    answer = tools.post(44, "looking-desk", text=f"{WHERE} It came late.")
    assert (answer["handler"], answer["reply"]) == ("human", None)
    assert answer["reasons"] == ["tool-approval-needed"]
    assert "refund (tool-approval-needed)" in answer["packet"]
    assert order.refunded_usd == 5, "nothing happens before somebody agrees"
    (waiting,) = tools.http.get("/v1/approvals", params={"state": "pending"}).json()["approvals"]
    assert (waiting["tool"], waiting["ticket_id"]) == ("refund", "t-44")
    said = {"arguments_digest": waiting["arguments_digest"], "actor": "ada"}
    done = tools.http.post(f"/v1/approvals/{waiting['approval_id']}/approve", json=said)
    assert done.status_code == 200, done.text
    assert order.refunded_usd == 30


@pytest.mark.slow
def test_a_tool_that_does_not_come_back_leaves_a_packet_in_time(tools: House) -> None:
    free = threading.Event()
    owned(tools, "looking-desk")
    looking(tools, ORDER, told="Your order is in transit.")
    tools.provider.then = "silence"  # should the call be given up a moment before the whole answer is
    with pytest.MonkeyPatch.context() as hanging:
        hanging.setattr(Helpdesk, "call", lambda *_: free.wait(20) and {})
        answer = tools.post(45, "looking-desk", text=WHERE)
        free.set()
    assert (answer["handler"], answer["reasons"]) == ("human", ["model-deadline"])
    assert "get_order_status (failed)" in answer["packet"]


@pytest.mark.slow
def test_an_agent_behind_a_url_answers_from_articles_and_from_the_desks_tools(tools: House) -> None:
    plain = tools.post(51, "their-desk", text="How do I choose a new password? I am ada@example.org.")
    assert plain["handler"] == "agent"
    assert "https://help.example/reset-password" in plain["reply"]
    owned(tools, "their-desk")
    looked = tools.post(52, "their-desk", text=WHERE)
    assert (looked["handler"], looked["reply"]) == (
        "agent",
        "Hello,\n\nThe status of your order ORD-1001 is: in transit.",
    )
    assert [call.get("what") or call.get("outcome") for call in tools.calls(52)] == ["read", "done"]
    assert tools.post(52, "their-desk", text=WHERE) == looked, "asked again it is the same"
    assert len(tools.calls(52)) == 2


@pytest.mark.slow
def test_an_agent_behind_a_url_hands_over_what_is_not_its_customers(tools: House) -> None:
    tools.desk.orders["ORD-1001"] = Order("somebody-else", "lost", Decimal(1))
    answer = tools.post(53, "their-desk", text=WHERE)
    assert (answer["handler"], answer["reasons"]) == ("human", ["no-such-order"])


@pytest.mark.slow
def test_secrets_of_tools_and_agents_are_where_they_are_needed_only(tools: House) -> None:
    environments = {
        child: Path(f"/proc/{tools.supervisor.child(child).process.pid}/environ").read_bytes()
        for child in ("router", "analyst", "agents", "tools")
    }
    assert {child for child, told in environments.items() if TOOLS_SECRET.encode() in told} == {"tools"}
    for secret in (AGENT_SECRET, KEY):
        assert {child for child, told in environments.items() if secret.encode() in told} == {"agents"}
    written = [path for path in tools.data.rglob("*") if path.is_file()]
    for secret in (TOOLS_SECRET, AGENT_SECRET):
        assert not [path for path in written if secret.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_provider_that_is_gone_leaves_every_ticket_with_a_human(house: House) -> None:
    house.provider.stop()
    answers = [house.post(number) for number in range(31, 34)]
    assert {answer["handler"] for answer in answers} == {"human"}
    assert {tuple(answer["reasons"]) for answer in answers} == {("model-unavailable",)}
    for number in range(31, 34):
        house.handled(number)
