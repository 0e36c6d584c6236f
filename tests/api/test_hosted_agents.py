"""A version with a hosted model, from the HTTP door to a provider's socket, through all processes."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from rollout.serve import server

sys.path.insert(0, str(Path(__file__).parent.parent / "agents"))

import model_server
from model_server import GOOD, MODEL, ModelServer

KEY = "sk-end-to-end-0123456789"
WAIT = 120.0
PLAN = """
workflow: hosted-desk
owners: {workflow: support, technical: engineering, escalation: leads}
unit: customer
salt: hosted-desk-1
holdout: 5
eligible: {complexity: [simple, moderate], urgency: [low, normal]}
agent: hosted@1.0.0
steps:
  - {name: live, set_weight: 95, min_duration: 14d}
metrics:
  csat: {margin: 0.2}
  recontact_7d: {margin: 3pp}
  escalation: {margin: 5pp}
on_fail: pause
inference: {alpha: 0.05, power: 0.8}
"""
MANIFEST = f"""
name: hosted
version: "1.0.0"
kind: pipeline
models:
  resolution: {{name: openai/{MODEL}, max_tokens: 200}}
knowledge: {{path: ../knowledge/helpdesk}}
thresholds: {{confidence: 0.5}}
deadline: 3s
price: {{input_usd_per_million_tokens: 2, output_usd_per_million_tokens: 10}}
budget: {{usd_per_day: 5}}
"""
ARTICLE = """---
id: reset-password
title: Reset your password
url: https://help.example/reset-password
---
Open the sign in page and choose Forgot password. Enter your e-mail address and press Send.
"""


class House:
    """A running server whose agents call a provider of ours."""

    def __init__(self, supervisor: Any, url: str, data: Path, provider: ModelServer) -> None:
        self.supervisor, self.data, self.provider = supervisor, data, provider
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30.0)
        self.customer = "c-1"
        """One of the agent's customers: five in a hundred are kept for people."""

    def post(self, number: int, **changes: Any) -> dict[str, Any]:
        self.supervisor.check()
        ticket = {
            "ticket_id": f"t-{number}",
            "customer_id": self.customer,
            "opened_at": "2026-09-01T00:00:00Z",
            "workflow": "hosted-desk",
            "text": "I forgot my password, how do I choose a new one? Write to ada@example.org please.",
            "complexity": "simple",
            "urgency": "normal",
            **changes,
        }
        answer = self.http.post("/v1/tickets", json=ticket)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def handled(self, number: int) -> dict[str, Any]:
        """The agent's part as it is on record."""
        events = self.http.get("/v1/export", params={"limit": 1000}).json()["events"]
        wanted = f"handling:t-{number}:agent:1"
        found = [event["payload"] for event in events if event["event_id"] == wanted]
        assert len(found) == 1, "answered once"
        return dict(found[0])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    base = tmp_path_factory.mktemp("hosted")
    for name, text in {
        "plans/plan.yaml": PLAN,
        "plans/agents/hosted@1.0.0.yaml": MANIFEST,
        "plans/knowledge/helpdesk/reset.md": ARTICLE,
    }.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
    with ExitStack() as stack:
        provider = stack.enter_context(model_server.running())
        told = stack.enter_context(pytest.MonkeyPatch.context())
        told.setenv("RIDEALONG_MODEL_BASE_URL_OPENAI", provider.url)
        told.setenv("RIDEALONG_MODEL_API_KEY_OPENAI", KEY)
        running = server.running(base / "data", plans=base / "plans", port=0)
        supervisor, url = stack.enter_context(running)
        server.wait_until_ready(supervisor, url)
        made = House(supervisor, url, base / "data", provider)
        stack.enter_context(made.http)
        ends, number = time.monotonic() + WAIT, 1000
        while (answer := made.post(number))["handler"] != "agent":  # the library loads, the plan starts
            assert time.monotonic() < ends, f"no ticket was answered by the agent: {answer}"
            time.sleep(0.5)
            number += 1
            if answer["arm"] == "human":
                made.customer = f"c-{number}"
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


@pytest.mark.slow
def test_a_provider_that_is_gone_leaves_every_ticket_with_a_human(house: House) -> None:
    house.provider.stop()
    answers = [house.post(number) for number in range(31, 34)]
    assert {answer["handler"] for answer in answers} == {"human"}
    assert {tuple(answer["reasons"]) for answer in answers} == {("model-unavailable",)}
    for number in range(31, 34):
        house.handled(number)
