"""One trace per ticket, told by the conventions' names, with nobody's words in it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agents.contract import Action, Reply, Source, Ticket, Triage, Usage
from agents.tools import Tools
from rollout.api import agent_host
from rollout.api.agent_host import RemoteAgent
from rollout.clock import SystemClock
from rollout.errors import UsageError
from rollout.observe import spans, tracing
from rollout.observe.agent_calls import TracedRoles, carrying
from rollout.observe.arriving import Arriving
from rollout.observe.traced import TracedDesk, TracedTickets
from rollout.observe.tracing import Tracing, trace_id_of, wanted
from rollout.record.folder import DataFolder
from rollout.records import Compared, Event, Kind
from rollout.router import Router
from rollout.ticketing import TicketDesk

WORDS = "Mrs Smith's card is 4111 1111 1111 1111"
TRACE = (
    {
        "step": "model",
        "role": "resolution",
        "asked": "openai/gpt-x",
        "answered": "gpt-x-1",
        "outcome": "ok",
        "attempts": 2,
        "seconds": 0.5,
        "input_tokens": 90,
        "output_tokens": 30,
        "cost_usd": 0.01,
        "prompt": WORDS,
    },
    {"step": "retrieval", "sources": ["kb-1"], "confidence": 0.8, "stale": [], "query": WORDS},
    {"step": "tool", "name": "find_order", "outcome": "denied", "arguments": {"text": WORDS}},
    {"step": "model", "role": "tone", "asked": "openai/gpt-x", "outcome": "late", "cost_usd": None},
    {"step": "something new", "text": WORDS},
)
REPLY = Reply(
    Action.REPLY,
    text=WORDS,
    sources=(Source("kb-1", WORDS, WORDS, 0.8),),
    usage=Usage(90, 30, None, 0.5, "gpt-x-1"),
    trace=TRACE,
)


class Bot:
    version = "bot@1"

    async def answer(self, ticket: Ticket, triage: Triage, tools: Any) -> Reply:
        if "fail" in ticket.ticket_id:
            raise ValueError(WORDS)
        return REPLY


class Line:
    """Router and agents' process with one exporter each, joined by HTTP in memory."""

    def __init__(self, path: Path, stack: ExitStack, begun: Any) -> None:
        self.router_spans, self.agent_spans = InMemorySpanExporter(), InMemorySpanExporter()
        agents = tracing.set_up("agents", self.agent_spans)
        assert agents is not None
        stack.callback(agents.close)
        app = agent_host.create_app(TracedRoles(lambda _: Bot(), agents))
        app.add_middleware(Arriving, tracing=agents)
        here = tracing.set_up("router", self.router_spans)
        assert here is not None
        stack.callback(here.close)
        self.tracing: Tracing = here
        http = carrying(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agents"))
        folder = stack.enter_context(DataFolder.open(path / "data", parts=("journal",)))
        router = Router(folder.journal, folder.content)
        self.desk = TracedDesk(router, folder.journal, here)
        if begun is not None:
            router.obey("acme", "w", begun, 1)
        desk = TicketDesk(
            self.desk,
            folder.journal,
            folder.content,
            lambda version: RemoteAgent(version, http),
            SystemClock(),
        )
        self.tickets = TracedTickets(desk, here)

    def spans(self) -> dict[str, Any]:
        return {
            span.name: span
            for span in (*self.router_spans.get_finished_spans(), *self.agent_spans.get_finished_spans())
        }

    def said(self) -> str:
        return " ".join(span.to_json() for span in self.spans().values())


LIVE = {
    "plan_digest": "d",
    "state": {
        "quarantined": [],
        "split": {
            "step": "all",
            "mode": "live",
            "weight": "100",
            "canary_weight": "0",
            "holdout": "0",
            "stable": "bot@1",
            "canary": None,
            "salt": "s",
            "eligibility": {},
            "open_conversations": "keep",
        },
    },
}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with ExitStack() as stack:
        yield Line(tmp_path, stack, LIVE)


def ticket(name: str = "t-1") -> Ticket:
    at = SystemClock().now()
    return Ticket(name, "customer-77", at, "w", subject=WORDS, text=WORDS, tenant="acme")


def test_a_ticket_is_one_trace_across_router_agents_and_roles(line: Line) -> None:
    answer = asyncio.run(line.tickets.handle(ticket()))
    assert answer.handler == "agent"
    found = line.spans()
    assert set(found) == {
        "invoke_workflow w",
        "decide w",
        "invoke_agent bot",
        "POST /answer",
        "chat openai/gpt-x",
        "retrieval",
        "execute_tool find_order",
    }
    assert {span.context.trace_id for span in found.values()} == {trace_id_of("acme", "t-1")}
    parents = {
        "decide w": "invoke_workflow w",
        "invoke_agent bot": "invoke_workflow w",
        "POST /answer": "invoke_agent bot",
        "retrieval": "POST /answer",
        "execute_tool find_order": "POST /answer",
    }
    for child, parent in parents.items():
        assert found[child].parent.span_id == found[parent].context.span_id, child
    assert found["invoke_workflow w"].parent is None


def test_spans_say_what_the_conventions_ask_and_ours_stand_apart(line: Line) -> None:
    asyncio.run(line.tickets.handle(ticket()))
    found = {name: dict(span.attributes) for name, span in line.spans().items()}
    workflow = found["invoke_workflow w"]
    assert workflow["gen_ai.operation.name"] == "invoke_workflow"
    assert workflow["gen_ai.workflow.name"] == "w"
    assert (workflow["ridealong.arm"], workflow["ridealong.mode"]) == ("agent", "live")
    assert (workflow["ridealong.step"], workflow["ridealong.handler"]) == ("all", "agent")
    agent = found["invoke_agent bot"]
    assert (agent["gen_ai.agent.name"], agent["gen_ai.agent.version"]) == ("bot", "1")
    assert (agent["gen_ai.usage.input_tokens"], agent["gen_ai.conversation.id"]) == (90, "t-1")
    assert "ridealong.cost_usd" not in agent, "what nobody knows is not 0"
    assert found["retrieval"]["gen_ai.retrieval.documents"] == '[{"id": "kb-1", "score": 0.8}]'
    assert found["execute_tool find_order"]["error.type"] == "denied"
    models = [span for span in line.agent_spans.get_finished_spans() if span.name.startswith("chat")]
    first, second = (dict(span.attributes) for span in models)
    assert (first["gen_ai.provider.name"], first["gen_ai.response.model"]) == ("openai", "gpt-x-1")
    assert (first["ridealong.cost_usd"], first["ridealong.model.attempts"]) == (0.01, 2)
    assert (second["error.type"], second["ridealong.role"]) == ("late", "tone")
    ours = {name for values in found.values() for name in values if not name.startswith("gen_ai.")}
    assert all(name.startswith(("ridealong.", "error.", "http.")) for name in ours)


def test_nobodys_words_and_no_customer_are_in_a_trace(line: Line) -> None:
    asyncio.run(line.tickets.handle(ticket()))
    asyncio.run(line.tickets.handle(ticket("t-fail")))
    for secret in ("Smith", "4111", "customer-77"):
        assert secret not in line.said()


def test_an_agent_that_fails_is_told_by_the_errors_type(line: Line) -> None:
    assert asyncio.run(line.tickets.handle(ticket("t-fail"))).handler == "human"
    found = line.spans()
    assert found["POST /answer"].attributes["error.type"] == "ValueError"
    assert found["invoke_agent bot"].attributes["error.type"] == "AgentFailed"
    assert found["invoke_workflow w"].attributes["ridealong.handoff.reasons"] == ("agent-failed", "error")


def test_the_trace_that_the_caller_brings_goes_on(line: Line) -> None:
    theirs = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}

    async def handled() -> None:
        with line.tracing.arriving(theirs):
            await line.tickets.handle(ticket())

    asyncio.run(handled())
    found = line.spans()
    assert {f"{span.context.trace_id:032x}" for span in found.values()} == {"ab" * 16}
    assert f"{found['invoke_workflow w'].parent.span_id:016x}" == "cd" * 8


def test_a_shadows_judgements_are_evaluation_events(line: Line) -> None:
    seen = Compared("t-1", "bot@1", "human:eve", accuracy=1.0, tone=0.0, cost_usd=0.5)
    event = Event("comparison:1", Kind.COMPARISON, SystemClock().now(), seen, tenant="acme", workflow="w")
    asyncio.run(line.desk.record([event]))
    (span,) = line.router_spans.get_finished_spans()
    told = {
        e.attributes["gen_ai.evaluation.name"]: e.attributes["gen_ai.evaluation.score.value"]
        for e in span.events
    }
    assert {e.name for e in span.events} == {"gen_ai.evaluation.result"}
    assert told == {"accuracy": 1.0, "tone": 0.0}
    assert span.attributes["ridealong.rater"] == "human", "not who it was"


def test_a_trace_of_odd_shape_makes_no_span_that_cannot_be() -> None:
    odd = Reply(
        Action.HAND_OFF,
        reasons=("low-confidence",),
        trace=({}, {"step": "model", "seconds": -1}, {"step": "model", "seconds": "x"}, {"step": "tool"}),
    )
    assert [step.seconds for step in spans.steps(odd)] == [0.0, 0.0, 0.0]
    assert spans.reply_values(odd)["ridealong.handoff.reasons"] == ("low-confidence",)


def test_a_refused_tool_and_an_endpoint_that_failed_say_why() -> None:
    tool = {"step": "tool", "name": "refund", "outcome": "refused", "reason": "over-limit", "seconds": 0.1}
    asked = {"step": "http", "outcome": "agent-deadline", "attempts": 2, "rounds": 1, "seconds": 1.5}
    reply = Reply(Action.HAND_OFF, trace=(asked, tool, {**asked, "outcome": "ok"}))
    endpoint, refused, fine = spans.steps(reply)
    assert (endpoint.name, endpoint.seconds, endpoint.values["error.type"]) == (
        "ask the endpoint",
        1.5,
        "agent-deadline",
    )
    assert endpoint.values["ridealong.agent.rounds"] == 1
    assert refused.values["ridealong.tool.reason"] == "over-limit"
    assert fine.values["error.type"] is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_the_standard_variables_turn_it_on(environment: dict[str, str], expected: bool) -> None:
    assert wanted(environment) is expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_it_cannot_do_is_refused_and_not_left_out(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(reversed(wrong))):
        wanted(wrong)


def test_without_the_variables_nothing_of_it_is_loaded() -> None:
    parts = "rollout.serve.router_process, rollout.serve.agents_process"
    code = f"import {parts}, sys, json; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [
        name
        for name in json.loads(done.stdout)
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))
    ]


def test_an_agent_alone_is_asked_without_a_span() -> None:
    assert tracing.active() is None
    app = agent_host.create_app(lambda _: Bot())
    agent = RemoteAgent("bot@1", httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a"))
    triage = Triage("billing", "normal", "neutral", "simple")  # type: ignore[arg-type]  # as it comes over the wire
    assert asyncio.run(agent.answer(ticket(), triage, Tools())).text == WORDS
