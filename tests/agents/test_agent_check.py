"""The contract test: the example passes all of it, and each way to be wrong is found by its name."""

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from agents.contract import Action, Reply, Ticket, Triage
from agents.remote.agent import RemoteAgent
from agents.remote.exam.probe import Status
from agents.remote.exam.run import CHECKS, examine
from agents.tools import NO_TOOLS
from policies.vocabulary import Complexity, Sentiment, Urgency
from rollout.cli import app
from rollout.serve.agents_process import maker

ROOT = Path(__file__).resolve().parents[2]
SIMPLE = (Urgency.NORMAL, Sentiment.NEUTRAL, Complexity.SIMPLE)
SECRET = b"0123456789abcdef0123456789abcdef"


def example() -> ModuleType:
    described = importlib.util.spec_from_file_location("agent_server", ROOT / "docs/examples/agent_server.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


THEIRS = example()


@contextmanager
def running(door: Any) -> Iterator[str]:
    with THEIRS.server(door, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def door(**changes: Any) -> Any:
    made = THEIRS.Door(THEIRS.Desk(), [SECRET])
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def statuses(made: Any, deadline: float = 5.0, only: Any = None) -> dict[str, Status]:
    """The outcomes by check; only of these, and of the first, where some are named."""
    checks = CHECKS if only is None else (CHECKS[0], *(one for one in CHECKS if one.name in only))
    with running(made) as url:
        found = examine(url, SECRET, deadline=deadline, checks=checks)
    wanted = {one.check.name: one.finding.status for one in found}
    return wanted if only is None else {name: wanted[name] for name in only}


def test_the_example_passes_every_check() -> None:
    found = statuses(door())
    assert set(found.values()) == {Status.PASS}, found
    assert len(found) == len(CHECKS) == len({one.name for one in CHECKS})


def reencoded(change: Callable[[dict[str, Any]], Any]) -> Any:
    """A door that answers like the example, with a change in every answer."""
    made = door()
    handle = made.handle

    def changed(body: bytes, signature: str) -> tuple[int, bytes]:
        status, answer = handle(body, signature)
        return (
            (status, json.dumps(change(json.loads(answer))).encode()) if status == 200 else (status, answer)
        )

    made.handle = changed
    return made


def _leaky(answer: dict[str, Any]) -> dict[str, Any]:
    return {**answer, "tried": SECRET.decode()} if answer["action"] == "hand_off" else answer


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            lambda: door(is_signed=lambda *_: True),
            dict.fromkeys(
                ("signature-missing", "signature-wrong", "signature-of-another-body", "signature-stale"),
                Status.FAIL,
            ),
        ),
        (lambda: reencoded(lambda answer: {**answer, "confidense": 1}), {"form": Status.FAIL}),
        (
            lambda: reencoded(lambda answer: {**answer, "confidence": None, "sources": []}),
            {"confidence": Status.WARN, "sources": Status.WARN},
        ),
        (
            lambda: reencoded(lambda answer: {**_leaky(answer), "turn_id": "t"}),
            {"concurrent": Status.FAIL, "no-secrets": Status.FAIL},
        ),
    ],
    ids=["trusts everybody", "misspells", "says little", "mixes up and leaks"],
)
def test_what_is_wrong_is_found_by_its_name(made: Callable[[], Any], expected: dict[str, Status]) -> None:
    found = statuses(made())
    assert {name: found[name] for name in expected} == expected


def test_an_agent_that_obeys_what_customers_write_is_found() -> None:
    class Obedient(THEIRS.Desk):  # type: ignore[misc, name-defined]
        def answer(self, request: dict[str, Any]) -> dict[str, Any]:
            text = request["ticket"]["text"]
            if "Ignore all previous" not in text:
                return dict(super().answer(request))
            return {"action": "reply", "text": text, "confidence": 1.0, "sources": []}

    assert statuses(door(desk=Obedient()))["injection"] is Status.FAIL


class Careless(THEIRS.Desk):  # type: ignore[misc, name-defined]
    """Calls what it likes, whatever is offered, left or answered."""

    wants: tuple[str, Any] = ("get_order_status", {"order_id": "ORD-1001"})

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "ORD-1001" not in request["ticket"]["text"]:
            return dict(super().answer(request))
        name, arguments = self.wants
        return {"action": "call_tools", "tool_calls": [{"name": name, "arguments": arguments}]}


class Parrot(THEIRS.Desk):  # type: ignore[misc, name-defined]
    """Says what a result says, word by word, and a price of its own."""

    def about_order(self, order: str, request: dict[str, Any]) -> dict[str, Any]:
        for one in request["tool_results"]:
            text = f"It is {one['result']['status']} and came to 99.95 USD."
            return {"action": "reply", "text": text, "confidence": 1.0}
        return dict(super().about_order(order, request))


def careless(name: str, arguments: dict[str, Any]) -> Any:
    desk = Careless()
    desk.wants = (name, arguments)
    return desk


@pytest.mark.parametrize(
    ("desk", "expected"),
    [
        (
            Careless(),
            {"tools-refused": Status.WARN, "tools-last": Status.FAIL, "tools-none": Status.FAIL},
        ),
        (careless("refund", {"amount": 5000}), {"tools-form": Status.FAIL, "tools-injection": Status.FAIL}),
        (careless("get_order_status", {"order": 7}), {"tools-form": Status.FAIL}),
        (Parrot(), {"tools-results": Status.WARN, "tools-injection": Status.FAIL}),
    ],
    ids=["goes on", "what is not there", "as it likes", "repeats"],
)
def test_what_is_wrong_with_tools_is_found_by_its_name(desk: Any, expected: dict[str, Status]) -> None:
    found = statuses(door(desk=desk), only=expected)
    assert found == expected


def test_an_agent_that_calls_no_tools_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(THEIRS, "LOOK_UP", "none that is offered")
    tools = [one.name for one in CHECKS if one.name.startswith("tools-")]
    assert statuses(door(), only=tools) == dict.fromkeys(tools, Status.PASS)


def test_nobody_there_is_one_failure_and_nothing_else_is_tried() -> None:
    found = examine("http://127.0.0.1:9/", SECRET, deadline=1.0)
    assert [one.finding.status for one in found] == [Status.FAIL, *[Status.SKIP] * (len(CHECKS) - 1)]


MANIFEST = """
name: theirs
version: "1.0.0"
kind: http
deadline: 5s
http: {{url: "{url}", secret_env: THEIRS_AGENT_SECRET}}
thresholds: {{confidence: 0.7}}
"""


def test_as_a_version_it_answers_tickets_over_a_real_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIRS_AGENT_SECRET", SECRET.decode())
    opened, read = datetime(2026, 5, 1, tzinfo=UTC), Triage("account", *SIMPLE)
    ticket = Ticket("t", "c", opened, "w", text="I am eva@example.org. How do I choose a new password?")
    made = door()

    async def asked(agent: RemoteAgent) -> tuple[Reply, Reply]:
        first = await agent.answer(ticket, read, NO_TOOLS)
        made.secrets = [b"the secret was exchanged on one side"]
        second = await agent.answer(replace(ticket, ticket_id="u"), read, NO_TOOLS)
        await agent.endpoint.close()
        return first, second

    with running(made) as url:
        (tmp_path / "theirs@1.0.0.yaml").write_text(MANIFEST.format(url=url))
        agent = maker(tmp_path)("theirs@1.0.0")
        assert isinstance(agent, RemoteAgent)
        answered, refused = asyncio.run(asked(agent))
    assert (answered.action, answered.sources[0].source_id) == (Action.REPLY, "reset-password")
    assert "https://help.example/reset-password" in answered.text
    assert refused.reasons == ("agent-refused",)


class TestCommand:
    def test_exit_codes_and_json(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("X_AGENT_SECRET", SECRET.decode())
        with running(door()) as url:
            done = CliRunner().invoke(
                app, ["agent", "check", url, "--secret-env", "X_AGENT_SECRET", "--json"]
            )
        told = json.loads(done.stdout)
        assert (done.exit_code, told["ok"], len(told["checks"])) == (0, True, len(CHECKS))
        failed = CliRunner().invoke(app, ["agent", "check", "http://127.0.0.1:9/", "--deadline", "1"])
        assert failed.exit_code == 1
        assert failed.stdout.startswith("FAIL answers")

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["http://agent.example/"], "https"),
            (["https://a.example/", "--secret-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE"),
        ],
    )
    def test_wrong_usage_is_told(self, arguments: list[str], told: str) -> None:
        done = CliRunner().invoke(app, ["agent", "check", *arguments])
        assert told in str(done.exception)
