"""The server as its processes: what dies, what goes on, what comes back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from rollout.cli import app
from rollout.errors import FolderInUse, UsageError
from rollout.record.folder import DataFolder
from rollout.serve import server
from rollout.serve.sockets import free_port, listen, require_free, require_loopback

ROOT = Path(__file__).resolve().parents[2]
PLANS = ROOT / "policies" / "rollouts"
WAIT = 60.0


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait for something to become true; never a measurement."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    pytest.fail(f"waited {WAIT:g} s for: {what}")


class Run:
    """A running server and its client; the supervisor is looked after in between."""

    def __init__(self, supervisor: Any, url: str) -> None:
        self.supervisor = supervisor
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=10.0)

    def ready(self) -> str:
        self.supervisor.check()
        try:
            return str(self.http.get("/readyz").json()["status"])
        except httpx.HTTPError:
            return "away"

    def route(self, number: int) -> Any:
        return self.http.post(
            "/v1/route",
            json={
                "ticket_id": f"t-{number}",
                "customer_id": f"c-{number}",
                "opened_at": "2026-09-01T00:00:00Z",
                "workflow": "tier1-support",
                "complexity": "simple",
            },
        )

    def pid(self, name: str) -> int:
        return int(self.supervisor.child(name).process.pid)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    data = tmp_path_factory.mktemp("serve") / "data"
    count = len(list(PLANS.glob("*.yaml")))
    with ExitStack() as stack:
        supervisor, url = stack.enter_context(server.running(data, plans=PLANS, port=0))
        server.wait_until_ready(supervisor, url)
        found = Run(supervisor, url)
        stack.enter_context(found.http)
        until(lambda: len(found.http.get("/v1/workflows").json()["workflows"]) == count, "the plans to start")
        yield found


@pytest.mark.slow
def test_a_killed_analyst_costs_no_decision_and_comes_back(run: Run) -> None:
    before = run.route(1).json()
    killed = run.pid("analyst")
    os.kill(killed, signal.SIGKILL)
    until(lambda: run.http.get("/readyz").json()["status"] == "degraded", "the loss to be noticed")
    during = run.route(2)
    read = run.http.get("/v1/workflows/tier1-support")
    assert during.status_code == 200
    assert (during.json()["step"], during.json()["position"]) == (before["step"], before["position"])
    assert (read.status_code, read.json()["code"]) == (503, "unavailable")
    until(lambda: run.ready() == "ready", "the analyst to be started again")
    assert run.pid("analyst") != killed
    assert run.http.get("/v1/workflows/tier1-support").json()["step"] == before["step"]


@pytest.mark.slow
def test_a_killed_router_keeps_its_address_and_what_it_acknowledged(run: Run) -> None:
    acknowledged = [run.route(number).json()["ticket_id"] for number in range(10, 30)]
    first = run.route(10).json()
    os.kill(run.pid("router"), signal.SIGKILL)
    until(lambda: run.ready() == "ready", "the router to be started again")
    page = run.http.get("/v1/export", params={"limit": 5000}).json()["events"]
    recorded = [event["payload"]["ticket_id"] for event in page if event["type"] == "assignment"]
    assert sorted(set(recorded)) == sorted(recorded), "nothing twice"
    assert set(acknowledged) <= set(recorded)
    assert run.route(10).json() == first


@pytest.mark.slow
def test_an_order_is_seen_by_the_very_next_read(run: Run) -> None:
    order = {"reason": "look first", "actor": "ada"}
    assert run.http.post("/v1/workflows/order-support/pause", json=order).status_code == 200
    row = run.http.get("/v1/workflows/order-support").json()
    assert (row["status"], row["transitions"][-1]["actor"]) == ("paused", "ada")
    refused = run.http.post("/v1/workflows/tier1-support/promote", json=order)
    assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    assert "NO_DATA" in refused.json()["detail"] or "NOT" in refused.json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(("told", "name"), [("%04", "'\\x04'"), ("a%3Fb%23c", "'a?b#c'"), ("%C3%A9", "'é'")])
def test_a_workflow_of_any_name_is_asked_for_as_it_was_told(run: Run, told: str, name: str) -> None:
    """Found by requests made from the description: a control character in a path was a 500."""
    answer = run.http.get(f"/v1/workflows/{told}")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-workflow")
    assert name in answer.json()["detail"]


@pytest.mark.slow
def test_commands_look_through_the_server_that_holds_the_folder(run: Run) -> None:
    settings = json.loads(run.supervisor.child("router").environment["RIDEALONG_RUN"])
    data = ["--data", settings["data"]]
    shown = CliRunner().invoke(app, ["status", *data, "--json"])
    rows = run.http.get("/v1/workflows").json()["workflows"]
    names = {row["workflow"] for row in rows if row["status"] != "not_started"}
    assert {row["workflow"] for row in json.loads(shown.stdout)} == names >= {"tier1-support"}
    told = CliRunner().invoke(app, ["status", "tier1-support", *data]).stdout
    assert "tier1-support: running at shadow" in told
    judged = CliRunner().invoke(app, ["gate", "tier1-support", *data, "--json"])
    assert (judged.exit_code, json.loads(judged.stdout)["decision"]) == (1, "HOLD"), "no data is no pass"


@pytest.mark.slow
def test_a_report_is_written_while_the_server_holds_the_folder(run: Run, tmp_path: Path) -> None:
    data = json.loads(run.supervisor.child("router").environment["RIDEALONG_RUN"])["data"]
    page, text = tmp_path / "week.html", tmp_path / "week.md"
    asked = ["report", "--data", data, "--workflow", "tier1-support", "--period", "all", "--json"]
    told = CliRunner().invoke(app, [*asked, "--html", str(page), "--markdown", str(text)])
    assert told.exit_code == 0, told.output
    rows = json.loads(told.stdout)["reports"]
    assert [row["workflow"] for row in rows] == ["tier1-support"]
    assert rows[0]["plan"]["source"].startswith("pinned ")
    assert "## The ladder" in text.read_text(encoding="utf-8")
    assert "tier1-support" in page.read_text(encoding="utf-8")
    refused = CliRunner().invoke(app, [*asked, "--where", "category=nothing at all"])
    assert refused.exit_code == 0, "a filter without tickets is a report about none"
    other = CliRunner().invoke(app, [*asked, "--plan", str(PLANS / "playbook-ladder.yaml")])
    assert isinstance(other.exception, UsageError)
    assert "judges by the plan in force" in str(other.exception)
    broken = run.http.get("/v1/report", params={"workflow": "tier1-support", "where": "tier"})
    assert (broken.status_code, broken.json()["code"]) == (422, "invalid")


@pytest.mark.slow
def test_the_folder_of_a_running_server_is_refused_with_its_address(run: Run) -> None:
    settings = json.loads(run.supervisor.child("router").environment["RIDEALONG_RUN"])
    with pytest.raises(FolderInUse, match=str(run.http.base_url).rstrip("/")):
        DataFolder.open(Path(settings["data"]))


@pytest.mark.slow
def test_the_children_of_a_killed_supervisor_stop_by_themselves(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom rollout.serve import server\n"
        "with server.running(Path(sys.argv[1]), port=0) as (supervisor, url):\n"
        "    server.wait_until_ready(supervisor, url)\n"
        "    print(*(supervisor.child(name).process.pid for name in ('router', 'analyst')), flush=True)\n"
        "    time.sleep(300)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "data")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()  # type: ignore[union-attr]
    until(lambda: not any(alive(pid) for pid in children), "the children to notice")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "example.com", ""])
def test_without_keys_only_this_machine_is_served(host: str) -> None:
    with pytest.raises(UsageError, match="this machine only"):
        require_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_is_served(host: str) -> None:
    require_loopback(host)


def test_a_port_in_use_names_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port + 1}"):
            listen("127.0.0.1", port)
        with pytest.raises(UsageError, match="in use"):
            require_free("127.0.0.1", port, "--port")
        assert free_port("127.0.0.1", port) != port


def test_a_bad_plan_is_refused_before_anything_starts(tmp_path: Path) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "bad.yaml").write_text("workflow: w\nsalt: [\n")
    with pytest.raises(Exception, match=r"bad\.yaml"), server.running(tmp_path / "data", plans=plans, port=0):
        pytest.fail("it started")
    assert not (tmp_path / "data").exists()


def test_the_router_imports_nothing_that_measures_or_generates() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import rollout.serve.router_process, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"duckdb", "polars", "pandas", "numpy", "scipy", "pyarrow", "statsmodels", "litellm", "streamlit"}
    assert not heavy & set(done.stdout.split())
