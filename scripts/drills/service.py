"""A whole server under traffic while its plans are spoilt and what it depends on dies."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from drills.crash import in_children
from drills.house import PLAYBOOK, ROOT, ticket
from drills.result import Fault, Findings, Result, Say, silent
from policies.files import check_files
from rollout.planning.feasibility import Feasibility
from rollout.serve import server
from rollout.serve.supervisor import Supervisor

_WAIT: Final = 90.0


class Service:
    """A running server over a folder of plans of its own."""

    def __init__(self, supervisor: Supervisor, url: str, plans: Path) -> None:
        self.supervisor, self.url, self.plans = supervisor, url, plans
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def until(self, true: Callable[[], Any], seconds: float = _WAIT) -> bool:
        """Whether it came true in time; what died meanwhile is started again, as ``serve`` does it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.supervisor.check()
            try:
                if true():
                    return True
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        return False

    def ready(self) -> dict[str, Any]:
        return dict(self.http.get("/readyz").json())

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        process = self.supervisor.child(name).process
        assert process is not None
        os.kill(process.pid, number)
        return process.pid


@contextmanager
def serving(base: Path, change: Callable[[Path], None] = lambda _: None) -> Iterator[Service]:
    """A ready server; ``change`` may alter its folder of plans before it starts."""
    plans = base / "plans"
    plans.mkdir()
    shutil.copytree(ROOT / "policies" / "agents", plans / "agents")
    shutil.copytree(ROOT / "policies" / "conduct", plans / "conduct")
    shutil.copy(PLAYBOOK, plans / "plan.yaml")
    change(plans)
    with server.running(base / "data", plans=plans, port=0) as (supervisor, url):
        server.wait_until_ready(supervisor, url)
        service = Service(supervisor, url, plans)
        with service.http:
            if not service.until(lambda: service.http.get("/v1/workflows").json()["workflows"]):
                raise RuntimeError("the plan was not started")
            yield service


class Traffic:
    """Tickets without a pause from a thread, and everything that was answered."""

    def __init__(self, url: str) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.splits: set[tuple[Any, ...]] = set()
        self._url = url
        self._done = threading.Event()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as http:
            number = 0
            while not self._done.is_set():
                number += 1
                try:
                    answer = http.post("/v1/route", json=ticket(f"{id(self)}-{number}"))
                except httpx.HTTPError as error:
                    self.statuses[type(error).__name__] += 1
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    told = answer.json()
                    self.splits.add((told["step"], told["position"], told["weight"], told["plan_digest"]))
                time.sleep(0.005)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def held(self, seen: Findings) -> None:
        """No decision failed, and all were made under one split."""
        for status, count in self.statuses.items():
            for _ in range(count):
                seen.check(status == 200, f"a decision was answered with {status}")
        seen.check(len(self.splits) == 1, f"decided under {len(self.splits)} splits: {self.splits}")


def spoilt(good: bytes, number: int) -> bytes:
    """A plan that is none: cut, doubled, mistyped, misspelt, or not even text."""
    draw = random.Random(number)  # noqa: S311 - a seed, so that a file can be made again
    lines = good.splitlines(keepends=True)
    keys = [place for place, line in enumerate(lines) if b":" in line and not line.lstrip().startswith(b"#")]
    where = draw.choice(keys)
    name, _, rest = lines[where].partition(b":")
    kinds: list[Callable[[], bytes]] = [
        lambda: good[: draw.randrange(40, len(good) - 200)] + b"\n  - {",
        lambda: good + b"\nworkflow: again\n",
        lambda: b"".join([*lines[:where], name + b"x:" + rest, *lines[where + 1 :]]),
        lambda: b"".join([*lines[:where], name + b": .nan\n", *lines[where + 1 :]]),
        lambda: good.replace(b"unit: customer", b"unit: yes"),
        lambda: good + b"\nholdout: -5\n",
        lambda: draw.randbytes(300),
        lambda: b"\xff\xfe" + good,
        lambda: b"a: &a [" + b"*a," * 50 + b"]\n" + good,
        lambda: good.replace(b"set_weight: ", b"set_weight: 1"),
        lambda: b"",
        lambda: b"x" * 3_000_000,
    ]
    return kinds[number % len(kinds)]()


_WAYS: Final = ("write", "rename", "link", "restore")


def _put(file: Path, raw: bytes, way: str) -> None:
    """Change a file as editors, deployments and people do."""
    fresh = file.with_name(".fresh")
    if way == "restore":
        file.unlink(missing_ok=True)
        time.sleep(0.02)
    if way in ("write", "restore"):
        if file.is_symlink():
            file.unlink()
        file.write_bytes(raw)
        return
    fresh.unlink(missing_ok=True)
    if way == "rename":
        fresh.write_bytes(raw)
    else:
        target = file.with_name(f".target-{time.monotonic_ns()}")
        target.write_bytes(raw)
        fresh.symlink_to(target.name)
    fresh.replace(file)


def configurations(rounds: int = 200, say: Say = silent) -> Result:
    """Spoil the plan so many times, in every way that files change; then put the good one back."""
    seen, alarms = Findings(), []
    good = PLAYBOOK.read_bytes()
    with TemporaryDirectory() as base, serving(Path(base)) as service:
        traffic = Traffic(service.url)
        file = service.plans / "plan.yaml"
        with traffic.flowing():
            for number in range(rounds):
                raw = spoilt(good, number)
                probe = Path(base) / "probe.yaml"
                probe.write_bytes(raw)
                if not check_files([probe], service.plans / "agents", [Feasibility()])[0].problems:
                    raw = b"workflow: [\n"  # what was changed happened to be sound
                began = time.monotonic()
                _put(file, raw, _WAYS[number % len(_WAYS)])
                told = service.until(lambda: "refused" in str(service.ready()["checks"]["plans"]), 20)
                alarms.append(time.monotonic() - began)
                seen.check(told, f"spoilt plan {number}: no alarm")
                _put(file, good, _WAYS[number // len(_WAYS) % len(_WAYS)])
                back = service.until(lambda: service.ready()["checks"]["plans"] == "in force", 20)
                seen.check(back, f"the good plan was not picked up after {number}")
                if number % 10 == 9 or number == rounds - 1:
                    say(f"{number + 1} of {rounds} spoilt plans, {seen.broken} violations")
        traffic.held(seen)
    figures = {"decisions": sum(traffic.statuses.values()), "slowest_alarm_seconds": round(max(alarms), 2)}
    words = "A bad plan is never applied, an alarm says so, and the next good one is picked up"
    fault = "spoilt plans written, renamed, linked, deleted and restored under traffic"
    return seen.result("configurations", words, fault, rounds, **figures)


def dependencies(rounds: int = 5, say: Say = silent) -> Result:
    """Kill, stop and take away what decisions do not need, one after the other, under traffic."""
    seen = Findings()
    with TemporaryDirectory() as base, serving(Path(base)) as service:
        for number in range(rounds):
            traffic = Traffic(service.url)
            with traffic.flowing():
                for name in ("analyst", "agents", "shadows"):
                    pid = service.kill(name)
                    back = service.until(lambda name=name, pid=pid: _pid(service, name) not in (None, pid))
                    seen.check(back, f"{name} was not started again")
                _stopped(service, seen)
                away = service.plans.with_name("away")
                service.plans.rename(away)
                answer = service.http.post("/v1/tickets", json=ticket(f"human-{number}", text="Where is it?"))
                told = answer.json()
                human = answer.status_code == 200 and told["handler"] == "human"
                seen.check(human, f"a ticket without agents: {answer.status_code} {told}")
                away.rename(service.plans)
                seen.check(service.until(lambda: service.ready()["status"] == "ready"), "not ready again")
            traffic.held(seen)
            say(f"{number + 1} of {rounds} rounds, {seen.broken} violations")
    words = "What dies takes no decision with it; a ticket that nobody can answer is a human's"
    fault = "analyst, agents and shadows killed, the analyst stopped, the folder of plans and agents gone"
    return seen.result("dependencies", words, fault, rounds)


def _pid(service: Service, name: str) -> int | None:
    process = service.supervisor.child(name).process
    return process.pid if process is not None and process.poll() is None else None


def _stopped(service: Service, seen: Findings) -> None:
    """The analyst stands still without ending: reads fail, decisions go on."""
    service.until(lambda: service.ready()["status"] == "ready")
    service.kill("analyst", signal.SIGSTOP)
    told = service.until(lambda: service.ready()["status"] == "degraded", 30)
    service.kill("analyst", signal.SIGCONT)
    seen.check(told, "an analyst that stands still is not noticed")


_APPLIES_ANYTHING: Final = """
import rollout.plan_keeper as keeper
state = keeper.FileState(keeper.IN_FORCE, "default")
keeper.PlanKeeper._state = lambda self, checked, digest: state
"""
FAULTS: Final[dict[str, Fault]] = {
    "a keeper of plans that says in force to everything": lambda: in_children(_APPLIES_ANYTHING),
}
