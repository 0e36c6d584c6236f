"""The server's processes and files die under traffic: no decision fails, and the last good split holds."""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from rollout.serve import server

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "policies" / "rollouts" / "playbook-ladder.yaml"
WAIT = 90.0


class Traffic:
    """Tickets without a pause, from a thread; what was answered, by ticket."""

    def __init__(self, url: str) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self._url = url
        self._done = threading.Event()

    def run(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=20.0) as http:
            while not self._done.is_set():
                number = len(self.answers)
                ticket = {
                    "ticket_id": f"{id(self)}-{number}",
                    "customer_id": f"c-{number % 50}",
                    "opened_at": "2026-09-01T00:00:00Z",
                    "workflow": "tier1-support",
                    "complexity": "simple",
                }
                try:
                    self.answers.append(http.post("/v1/route", json=ticket))
                except httpx.HTTPError as error:
                    self.answers.append(error)
                sleep(0.005)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def splits(self) -> set[tuple[Any, ...]]:
        """Every split that a decision was made under; every decision must be one."""
        failed = [each for each in self.answers if isinstance(each, Exception) or each.status_code != 200]
        assert not failed, failed[:3]
        told = [each.json() for each in self.answers if not isinstance(each, Exception)]
        return {(each["step"], each["position"], each["weight"], each["plan_digest"]) for each in told}


class House:
    """A running server over a folder of plans."""

    def __init__(self, supervisor: Any, url: str, data: Path, plans: Path) -> None:
        self.supervisor, self.url, self.data, self.plans = supervisor, url, data, plans
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20.0)

    def until(self, true: Callable[[], Any], what: str) -> None:
        deadline = monotonic() + WAIT
        while monotonic() < deadline:
            self.supervisor.check()
            try:
                if true():
                    return
            except httpx.HTTPError:
                pass
            sleep(0.05)
        pytest.fail(f"waited {WAIT:g} s for: {what}")

    def kill(self, name: str) -> None:
        os.kill(self.supervisor.child(name).process.pid, signal.SIGKILL)

    def status(self) -> str:
        return str(self.http.get("/readyz").json()["status"])

    def plans_check(self) -> str:
        return str(self.http.get("/readyz").json()["checks"]["plans"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    base = tmp_path_factory.mktemp("static")
    plans = base / "plans"
    plans.mkdir()
    (plans / "agents").symlink_to(ROOT / "policies" / "agents")
    shutil.copy(PLAN, plans / "plan.yaml")
    with ExitStack() as stack:
        supervisor, url = stack.enter_context(server.running(base / "data", plans=plans, port=0))
        server.wait_until_ready(supervisor, url)
        made = House(supervisor, url, base / "data", plans)
        stack.enter_context(made.http)
        made.until(lambda: made.http.get("/v1/workflows").json()["workflows"], "the plan to start")
        made.until(lambda: made.status() == "ready", "everything to be ready")
        yield made


@pytest.mark.slow
def test_bad_plans_under_traffic_change_nothing_and_raise_the_alarm(house: House) -> None:
    traffic = Traffic(house.url)
    with traffic.flowing():
        for raw in (b"workflow: [", PLAN.read_bytes().replace(b"unit: customer", b"unit: ticket"), b"\xff"):
            (house.plans / "plan.yaml").write_bytes(raw)
            house.until(lambda: "1 refused" in house.plans_check(), "the alarm")
            assert house.status() == "degraded"
            assert "ridealong_plans_refused 1" in house.http.get("/metrics").text
            shutil.copy(PLAN, house.plans / ".new")
            (house.plans / ".new").replace(house.plans / "plan.yaml")
            house.until(lambda: house.plans_check() == "in force", "the good one to be picked up")
    assert len(traffic.splits()) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no policy for this")
def test_who_only_watches_has_what_nobody_else_wants_of_the_processor(house: House) -> None:
    names = ("router", "agents", "shadows", "analyst")
    pids = {name: house.supervisor.child(name).process.pid for name in names}
    policies = {name: os.sched_getscheduler(pid) for name, pid in pids.items()}
    assert policies == dict.fromkeys(names, os.SCHED_OTHER) | {"shadows": os.SCHED_IDLE}
    nice = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in pids.items()}
    groups = {name: Path(f"/proc/{pid}/autogroup") for name, pid in pids.items()}
    if all(group.exists() for group in groups.values()):  # the kernel shares among sessions first
        assert {name: int(group.read_text().split()[-1]) for name, group in groups.items()} == nice
    assert nice["shadows"] > nice["analyst"] > nice["router"] == nice["agents"], "who decides goes before"


@pytest.mark.slow
def test_a_folder_of_plans_that_is_removed_leaves_the_last_good_split(house: House) -> None:
    traffic = Traffic(house.url)
    away = house.plans.with_name("away")
    with traffic.flowing():
        house.plans.rename(away)
        house.until(lambda: "not there" in house.plans_check() or "refused" in house.plans_check(), "alarm")
        away.rename(house.plans)
        house.until(lambda: house.plans_check() == "in force", "the folder to be back")
    assert len(traffic.splits()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["analyst", "agents"])
def test_a_killed_process_costs_no_decision(house: House, name: str) -> None:
    traffic = Traffic(house.url)
    with traffic.flowing():
        killed = house.supervisor.child(name).process.pid
        house.kill(name)
        house.until(lambda: house.supervisor.child(name).process.pid != killed, "a new one")
        house.until(lambda: house.status() == "ready", "everything to be back")
    assert len(traffic.splits()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["deleted", "corrupted"])
def test_a_view_that_is_harmed_costs_no_decision(house: House, harm: str) -> None:
    traffic = Traffic(house.url)
    with traffic.flowing():
        view = house.data / "view.duckdb"
        if harm == "deleted":
            view.unlink()
        else:
            with view.open("r+b") as file:
                file.write(os.urandom(65536))
        house.kill("analyst")
        house.until(lambda: house.status() != "ready", "the loss to be noticed")
        sleep(1)
    assert len(traffic.splits()) == 1
    if harm == "deleted":
        house.until(lambda: house.status() == "ready", "the view to be rebuilt")


@pytest.mark.slow
def test_a_ticket_is_answered_by_a_human_when_the_agents_are_away(house: House) -> None:
    ticket = {
        "ticket_id": "t-live",
        "customer_id": "c-1",
        "opened_at": "2026-09-01T00:00:00Z",
        "workflow": "tier1-support",
        "complexity": "simple",
    }
    answer = house.http.post("/v1/tickets", json=ticket)
    assert (answer.status_code, answer.json()["handler"], answer.json()["reply"]) == (200, "human", None)
