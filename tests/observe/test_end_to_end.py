"""A real run: its traces arrive at a collector by OTLP, and nothing that it writes names a customer."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from rollout.observe.tracing import trace_id_of
from rollout.serve import server

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60.0
PLANTED = {
    "ticket_id": "PLANTED-ticket-{n}",
    "customer_id": "PLANTED-customer-{n}",
    "issue_key": "PLANTED-issue",
    "subject": "PLANTED-subject: how do I reset my password?",
    "text": "PLANTED-text: I forgot my password, reach me at planted@example.com or 4111 1111 1111 1111",
}
CALLERS = f"00-{'ab' * 16}-{'cd' * 8}-01"


@dataclass
class Collector:
    """Takes what OTLP/HTTP exporters send, and decodes it."""

    url: str = ""
    spans: list[tuple[str, Any]] = field(default_factory=list)
    """Of each span the service that made it."""
    raw: list[bytes] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        self.raw.append(body)
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            found = [span for scope in resource.scope_spans for span in scope.spans]
            self.spans += [(names["service.name"], span) for span in found]

    def of(self, trace: int) -> dict[str, Any]:
        wanted = trace.to_bytes(16, "big")
        return {span.name: (service, span) for service, span in list(self.spans) if span.trace_id == wanted}


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        collector.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            http.shutdown()
            thread.join()


@contextmanager
def standard_error(path: Path) -> Iterator[None]:
    """What this process and its children write there goes to a file."""
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for something to become true; never a measurement."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {WAIT:g} s for: {what}")


@dataclass
class Run:
    http: httpx.Client
    collector: Collector
    answers: list[dict[str, Any]]
    log: Path
    page: str = ""


def ticket(number: int) -> dict[str, Any]:
    told = {name: value.format(n=number) for name, value in PLANTED.items() if name != "issue_key"}
    known = {"complexity": "simple", "category": "account", "urgency": "normal"}
    return told | known | {"opened_at": "2026-09-01T00:00:00Z", "workflow": "account-support"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    path = tmp_path_factory.mktemp("run")
    plans = path / "rollouts"
    plans.mkdir()
    text = (ROOT / "policies/rollouts/assist-first.yaml").read_text()
    (plans / "plan.yaml").write_text(text)
    (path / "agents").symlink_to(ROOT / "policies/agents")
    shelf = path / "knowledge" / "helpdesk"
    shelf.mkdir(parents=True)
    (shelf / "password.md").write_text("# Reset your password\n\nTo reset your password, open Settings.\n")
    with ExitStack() as stack:
        collector = stack.enter_context(collecting())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "RIDEALONG_LOG_FORMAT": "json",
            "RIDEALONG_LOG_LEVEL": "info",
            "RIDEALONG_ACCESS_LOG": "all",
        }.items():
            patch.setenv(name, value)
        stack.enter_context(standard_error(path / "log"))
        supervisor, url = stack.enter_context(server.running(path / "data", plans=plans, port=0))
        server.wait_until_ready(supervisor, url)
        http = stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=30.0))
        until(lambda: http.get("/v1/workflows").json()["workflows"], "the plan to start")
        answers = []
        for number in range(4):
            headers = {"traceparent": CALLERS} if number == 3 else {}
            answer = http.post("/v1/tickets", json=ticket(number), headers=headers)
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
        http.post("/v1/route?customer=PLANTED-query", json=ticket(1) | {"customer_id": "PLANTED-other"})
        kind = {"content-type": "application/json"}
        http.post("/v1/tickets", content=b'{"text": "PLANTED-broken', headers=kind)
        http.get("/PLANTED-path?card=PLANTED-query", headers={"authorization": "Bearer rk_PLANTED_key"})
        found = Run(http, collector, answers, path / "log")
        until(lambda: "POST /answer" in {span.name for _, span in list(collector.spans)}, "an agent's spans")
        until(
            lambda: "invoke_workflow" in str([s.name for _, s in list(collector.spans)]), "the router's spans"
        )
        found.page = http.get("/metrics").text
        yield found


@pytest.mark.slow
def test_the_spans_of_a_ticket_arrive_from_both_processes_as_one_trace(run: Run) -> None:
    trace = trace_id_of("default", "PLANTED-ticket-0")
    wanted = {"invoke_workflow", "invoke_agent", "POST", "retrieval"}
    found = until(
        lambda: (
            (spans := run.collector.of(trace)) and wanted <= {name.split()[0] for name in spans} and spans
        ),
        "one trace of the ticket",
    )
    services = {name.split()[0]: service for name, (service, _) in found.items()}
    assert services["invoke_workflow"] == services["invoke_agent"] == "ridealong-router"
    assert services["POST"] == services["retrieval"] == "ridealong-agents"
    ids = {name.split()[0]: span.span_id for name, (_, span) in found.items()}
    parents = {name.split()[0]: span.parent_span_id for name, (_, span) in found.items()}
    assert parents["invoke_workflow"] == b""
    assert parents["invoke_agent"] == ids["invoke_workflow"]
    assert parents["POST"] == ids["invoke_agent"]
    assert parents["retrieval"] == ids["POST"]


@pytest.mark.slow
def test_the_trace_of_a_caller_is_taken_up(run: Run) -> None:
    found = until(lambda: run.collector.of(int("ab" * 16, 16)), "the caller's trace")
    (workflow,) = (span for name, (_, span) in found.items() if name.startswith("invoke_workflow"))
    assert workflow.parent_span_id.hex() == "cd" * 8


@pytest.mark.slow
def test_no_process_writes_and_no_span_carries_a_customers_words(run: Run) -> None:
    text = run.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["logger"] == "ridealong.access"]
    assert {line["process"] for line in lines} >= {"router"}
    assert {"POST /v1/tickets", "none"} <= {line["route"] for line in requests}
    assert any(line.get("trace_id") == "ab" * 16 for line in requests)
    assert "PLANTED" not in text
    assert "planted@example.com" not in text
    for raw in run.collector.raw:
        for secret in (b"customer-", b"-subject", b"-text", b"planted@", b"4111", b"PLANTED-query"):
            assert secret not in raw


@pytest.mark.slow
def test_the_page_for_scrapers_is_read_by_a_parser_and_names_no_customer(run: Run) -> None:
    families = {family.name: family for family in text_string_to_metric_families(run.page)}
    assert "PLANTED" not in run.page
    up = {name: families[name].samples[0].value for name in ("ridealong_analyst_up", "ridealong_agents_up")}
    assert up == {"ridealong_analyst_up": 1, "ridealong_agents_up": 1}
    calls = families["ridealong_agent_calls"].samples
    assert sum(sample.value for sample in calls if sample.labels["result"] == "answered") >= 1
    assert "ridealong_rollout_step" in families
