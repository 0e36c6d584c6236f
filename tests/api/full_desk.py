"""A whole server with everything its agents call on real sockets: a provider, an endpoint, a helpdesk."""

import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from rollout.serve import server
from rollout.tooling.helpdesk import Helpdesk, create_app

sys.path.insert(0, str(Path(__file__).parent.parent / "agents"))

import model_server
from model_server import MODEL, ModelServer

KEY = "sk-end-to-end-0123456789"
WAIT = 120.0
PLAN = """
workflow: {workflow}
owners: {{workflow: support, technical: engineering, escalation: leads}}
unit: customer
salt: {workflow}-1
holdout: 5
eligible: {{complexity: [simple, moderate], urgency: [low, normal]}}
agent: {agent}
steps:
  - {{name: live, set_weight: 95, min_duration: 14d, tools: write}}
metrics:
  csat: {{margin: 0.2}}
  recontact_7d: {{margin: 3pp}}
  escalation: {{margin: 5pp}}
on_fail: pause
inference: {{alpha: 0.05, power: 0.8}}
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
LOOKS = (
    MANIFEST.replace("name: hosted", "name: looks")
    + """
tools:
  - {name: get_order_status, authority: read}
  - {name: refund, authority: write, limits: {amount_usd: 20, per_ticket: 2}, approval: above_limit}
"""
)
THEIRS = """
name: theirs
version: "1.0.0"
kind: http
http: {{url: "{url}", secret_env: THEIRS_AGENT_SECRET}}
thresholds: {{confidence: 0.5}}
deadline: 3s
tools: [{{name: get_order_status, authority: read}}]
"""
ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "docs/examples/tools/helpdesk.yaml"
AGENT_SECRET = "0123456789abcdef0123456789abcdef"
TOOLS_SECRET = "a secret between tools and helpdesk"
TEXT = "I forgot my password, how do I choose a new one? Write to ada@example.org please."
ARTICLE = """---
id: reset-password
title: Reset your password
url: https://help.example/reset-password
---
Open the sign in page and choose Forgot password. Enter your e-mail address and press Send.
"""


class House:
    """A running server whose agents call a provider, an endpoint and a helpdesk of ours."""

    def __init__(self, supervisor: Any, url: str, data: Path, provider: ModelServer, desk: Helpdesk) -> None:
        self.supervisor, self.data, self.provider, self.desk = supervisor, data, provider, desk
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30.0)
        self.customers: dict[str, str] = {}
        """One of the agent's customers by workflow: five in a hundred are kept for people."""
        self._numbers = count(1000)

    def wait(self, workflow: str, text: str = TEXT) -> None:
        """Until its agent answers: the library loads, the plan starts, a customer is found."""
        ends = time.monotonic() + WAIT
        while True:
            number = next(self._numbers)
            self.customers.setdefault(workflow, f"c-{number}")
            answer = self.post(number, workflow=workflow, text=text)
            if answer["handler"] == "agent":
                return
            assert time.monotonic() < ends, f"no ticket was answered by the agent: {answer}"
            if answer["arm"] == "human":
                del self.customers[workflow]
            time.sleep(0.5)

    def post(self, number: int, workflow: str = "hosted-desk", **changes: Any) -> dict[str, Any]:
        self.supervisor.check()
        ticket = {
            "ticket_id": f"t-{number}",
            "customer_id": self.customers[workflow],
            "opened_at": "2026-09-01T00:00:00Z",
            "workflow": workflow,
            "text": TEXT,
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

    def calls(self, number: int) -> list[dict[str, Any]]:
        """What is on record of the tool calls for a ticket, in order."""
        events = self.http.get("/v1/export", params={"limit": 1000}).json()["events"]
        return [
            dict(event["payload"])
            for event in events
            if event["event_id"].startswith((f"tool:t-{number}:", f"tool-result:t-{number}:"))
        ]


@contextmanager
def desk_server(desk: Helpdesk) -> Iterator[str]:
    """The sample helpdesk on a real socket; its address."""
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(desk, TOOLS_SECRET), log_level="critical", lifespan="off")
    made = uvicorn.Server(config)
    thread = threading.Thread(target=made.run, kwargs={"sockets": [door]})
    thread.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    made.should_exit = True
    thread.join()
    door.close()


@contextmanager
def agent_server() -> Iterator[str]:
    """The example agent on a real socket; its address."""
    described = importlib.util.spec_from_file_location("agent_server", ROOT / "docs/examples/agent_server.py")
    assert described is not None
    assert described.loader is not None
    theirs = importlib.util.module_from_spec(described)
    described.loader.exec_module(theirs)
    with theirs.server(theirs.Door(theirs.Desk(), [AGENT_SECRET.encode()]), 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}/"
        finally:
            running.shutdown()
            thread.join()


@contextmanager
def opened(base: Path) -> Iterator[House]:
    """Three workflows behind one server: a hosted model, one with tools, and an agent behind a URL."""
    desk = Helpdesk()
    with ExitStack() as stack:
        provider = stack.enter_context(model_server.running())
        theirs, tools = stack.enter_context(agent_server()), stack.enter_context(desk_server(desk))
        for name, text in {
            "plans/plan.yaml": PLAN.format(workflow="hosted-desk", agent="hosted@1.0.0"),
            "plans/looks.yaml": PLAN.format(workflow="looking-desk", agent="looks@1.0.0"),
            "plans/theirs.yaml": PLAN.format(workflow="their-desk", agent="theirs@1.0.0"),
            "plans/agents/hosted@1.0.0.yaml": MANIFEST,
            "plans/agents/looks@1.0.0.yaml": LOOKS,
            "plans/agents/theirs@1.0.0.yaml": THEIRS.format(url=theirs),
            "plans/tools/helpdesk.yaml": TOOLS.read_text().replace("http://127.0.0.1:8790", tools),
            "plans/knowledge/helpdesk/reset.md": ARTICLE,
        }.items():
            (base / name).parent.mkdir(parents=True, exist_ok=True)
            (base / name).write_text(text)
        told = stack.enter_context(pytest.MonkeyPatch.context())
        told.setenv("RIDEALONG_MODEL_BASE_URL_OPENAI", provider.url)
        told.setenv("RIDEALONG_MODEL_API_KEY_OPENAI", KEY)
        told.setenv("THEIRS_AGENT_SECRET", AGENT_SECRET)
        told.setenv("HELPDESK_TOOLS_SECRET", TOOLS_SECRET)
        running = server.running(base / "data", plans=base / "plans", port=0)
        supervisor, url = stack.enter_context(running)
        server.wait_until_ready(supervisor, url)
        made = House(supervisor, url, base / "data", provider, desk)
        stack.enter_context(made.http)
        yield made
