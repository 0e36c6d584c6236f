"""The router is killed while an agent thinks: the turn is there, and its retry is answered once."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from talking import only

from policies.plan import Plan
from rollout.record.folder import DataFolder
from rollout.serve import server

WAIT = 60.0
AGENT = "demo@1.0.0"
"""Takes three seconds for a reply."""


def until(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    pytest.fail(f"waited {WAIT:g} s for: {what}")


def alive(http: httpx.Client) -> bool:
    """Ask shortly: the supervisor keeps the listening socket, so who asks a dead router waits in line."""
    return http.get("/healthz", timeout=1.0).is_success


@pytest.mark.slow
def test_a_turn_survives_the_kill_of_the_router_and_has_one_answer(
    tmp_path: Path, plan: Plan, started: Any
) -> None:
    data = tmp_path / "data"
    with DataFolder.open(data) as folder:
        folder.record(started(only(plan, "live").model_copy(update={"agent": AGENT})))
    turn = {"turn_id": "u-1", "author": "customer", "text": "And the receipt?"}
    with (
        server.running(data, port=0) as (supervisor, url),
        httpx.Client(base_url=url, trust_env=False, timeout=30.0) as http,
    ):
        server.wait_until_ready(supervisor, url)
        ticket = {
            "ticket_id": "t-1",
            "customer_id": "c-1",
            "opened_at": "2026-09-01T00:00:00Z",
            "workflow": plan.workflow,
            "text": "Where is my invoice?",
        } | {"category": "billing", "urgency": "normal", "complexity": "simple"}
        opened = http.post("/v1/tickets", json=ticket).json()
        assert opened["handler"] == "agent", opened

        def said() -> bool:
            told = http.get("/v1/conversations/t-1").json()
            return any(each["turn_id"] == "u-1" for each in told["turns"])

        with ThreadPoolExecutor(6) as pool:
            lost = pool.submit(http.post, "/v1/conversations/t-1/turns", json=turn)
            until(said, "the turn to be durable, the agent still thinking")
            assert not lost.done()
            os.kill(supervisor.child("router").process.pid, signal.SIGKILL)
            assert isinstance(lost.exception(), httpx.HTTPError), "nobody was answered"
            until(lambda: supervisor.check() or alive(http), "the router to be back")
            whole = http.get("/v1/conversations/t-1").json()
            assert (whole["state"], whole["owner"]) == ("waiting", "agent"), "one owner, and it is known who"
            ask = lambda _: http.post("/v1/conversations/t-1/turns", json=turn)  # noqa: E731
            answers = [answer.json() for answer in pool.map(ask, range(5))]
        assert answers[0]["handler"] == "agent", answers[0]
        assert all(answer == answers[0] for answer in answers)
        whole = http.get("/v1/conversations/t-1").json()
        assert [each["author"] for each in whole["turns"]] == ["customer", "agent", "customer", "agent"]
        assert (whole["state"], len(whole["decisions"])) == ("answered", 2)
        assert http.post("/v1/tickets", json=ticket).json() == opened
