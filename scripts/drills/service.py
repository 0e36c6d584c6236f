"""A whole server under traffic while its plans are spoilt and what it depends on dies."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
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
_PLANS: Final = 4
"""That are spoilt at once."""
_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 30.0
"""For an alarm, and for the good plan to be in force again."""


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

    def file(self, place: int) -> Path:
        return self.plans / f"plan-{place}.yaml"

    def alarmed(self, so_far: set[int]) -> set[int]:
        """``so_far``, with the plans of which it says now that it does not follow them."""
        words = str(self.ready()["checks"]["plans"])
        so_far.update(place for place in range(_PLANS) if f"{self.file(place).name} is refused" in words)
        return so_far

    def follows_all(self) -> bool:
        return bool(self.ready()["checks"]["plans"] == "in force")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        process = self.supervisor.child(name).process
        assert process is not None
        os.kill(process.pid, number)
        return process.pid


@contextmanager
def serving(base: Path, count: int = 1, poll: float = 0.25) -> Iterator[Service]:
    """A ready server over so many workflows, each with the shipped plan under names of its own.

    Args:
        base: an empty folder.
        count: how many plans there are in its folder of plans.
        poll: seconds between two looks of its at journal and plans.

    """
    with serving_plans(base, {f"plan-{number}": plan_of(number) for number in range(count)}, poll) as service:
        yield service


@contextmanager
def serving_plans(base: Path, files: Mapping[str, bytes], poll: float = 0.25) -> Iterator[Service]:
    """A ready server over plans by the names of their files, beside the shipped agents and conduct.

    ``files`` named ``agents/NAME`` are manifests.
    """
    plans = base / "plans"
    plans.mkdir()
    shutil.copytree(ROOT / "policies" / "agents", plans / "agents")
    shutil.copytree(ROOT / "policies" / "conduct", plans / "conduct")
    for name, raw in files.items():
        (plans / f"{name}.yaml").write_bytes(raw)
    count = sum("/" not in name for name in files)
    settings = {"poll_seconds": poll}
    with server.running(base / "data", plans=plans, port=0, settings=settings) as (supervisor, url):
        server.wait_until_ready(supervisor, url)
        service = Service(supervisor, url, plans)
        with service.http:
            if not service.until(lambda: len(service.http.get("/v1/workflows").json()["workflows"]) == count):
                raise RuntimeError("the plans were not started")
            yield service


def workflow(number: int) -> str:
    """The name of the workflow of a plan."""
    return f"tier1-support-{number}"


def plan_of(number: int) -> bytes:
    """The shipped plan for another workflow, with a salt of its own."""
    raw = PLAYBOOK.read_bytes()
    return raw.replace(b"workflow: tier1-support", f"workflow: {workflow(number)}".encode(), 1).replace(
        b"salt: ", f"salt: {number}-".encode(), 1
    )


class Traffic:
    """Tickets without a pause from a thread, and everything that was answered."""

    def __init__(self, url: str, workflows: int = 1, gap: float = 0.005) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.splits: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
        self._url = url
        self._workflows = workflows
        self._gap = gap
        self._done = threading.Event()

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as http:
            number = 0
            while not self._done.wait(self._gap):
                number += 1
                where = workflow(number % self._workflows)
                try:
                    answer = http.post("/v1/route", json=ticket(f"{id(self)}-{number}", workflow=where))
                except httpx.HTTPError as error:
                    self.statuses[type(error).__name__] += 1
                    continue
                self.statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    told = answer.json()
                    split = (told["step"], told["position"], told["weight"], told["plan_digest"])
                    self.splits[where].add(split)

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
        """No decision failed, and all of a workflow were made under one split."""
        for status, count in self.statuses.items():
            for _ in range(count):
                seen.check(status == 200, f"a decision was answered with {status}")
        for where, splits in self.splits.items():
            seen.check(len(splits) == 1, f"{where} was decided under {len(splits)} splits: {splits}")


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
    """Spoil so many plans, several at once, in every way that files change; then put the good ones back."""
    seen, alarms = Findings(), []
    with TemporaryDirectory() as base, serving(Path(base), _PLANS, _LOOK_SECONDS) as service:
        traffic = Traffic(service.url, _PLANS, gap=0.02)
        with traffic.flowing():
            for first in range(0, rounds, _PLANS):
                number_of = dict(enumerate(range(first, min(first + _PLANS, rounds))))
                raw = {place: _really_spoilt(service, place, number) for place, number in number_of.items()}
                began = time.monotonic()
                for place, number in number_of.items():
                    _put(service.file(place), raw[place], _WAYS[number % len(_WAYS)])
                told: set[int] = set()
                service.until(
                    lambda told=told, of=number_of: service.alarmed(told) >= of.keys(), _PATIENCE_SECONDS
                )
                alarms.append(time.monotonic() - began)
                for place, number in number_of.items():
                    seen.check(place in told, f"spoilt plan {number}: no alarm")
                    _put(service.file(place), plan_of(place), _WAYS[number // len(_WAYS) % len(_WAYS)])
                back = service.until(service.follows_all, _PATIENCE_SECONDS)
                seen.check(back, f"the good plans were not picked up after {list(number_of.values())}")
                say(f"{first + len(number_of)} of {rounds} spoilt plans, {seen.broken} violations")
        traffic.held(seen)
    figures = {"decisions": sum(traffic.statuses.values()), "slowest_alarm_seconds": round(max(alarms), 2)}
    words = "A bad plan is never applied, an alarm says so, and the next good one is picked up"
    fault = "spoilt plans written, renamed, linked, deleted and restored under traffic"
    return seen.result("configurations", words, fault, rounds, **figures)


def _really_spoilt(service: Service, place: int, number: int) -> bytes:
    """A spoilt plan; another one where what was changed happened to be sound."""
    raw = spoilt(plan_of(place), number)
    probe = service.plans.with_name("probe.yaml")
    probe.write_bytes(raw)
    sound = not check_files([probe], service.plans / "agents", [Feasibility()])[0].problems
    return b"workflow: [\n" if sound else raw


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
                answer = service.http.post("/v1/tickets", json=_asked(number))
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


def _asked(number: int) -> dict[str, Any]:
    return ticket(f"human-{number}", text="Where is it?", workflow=workflow(0))


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


_SAYS_NOTHING: Final = """
import rollout.plan_keeper as keeper
state = keeper.PlanKeeper._state
def quiet(self, checked, digest):
    told = state(self, checked, digest)
    return told if not checked.problems else keeper.FileState(keeper.IN_FORCE, told.tenant, "", digest)
keeper.PlanKeeper._state = quiet
"""
_PAUSES: Final = """
import pathlib, rollout.plan_keeper as keeper
from rollout.errors import TransitionRefused
from rollout.ladder import actions
from rollout.ladder.state import TrackName
from rollout.ladder.transition import Order
state = keeper.PlanKeeper._state
def hasty(self, checked, digest):
    if checked.problems:
        number = pathlib.Path(checked.file).stem.rpartition("-")[2]
        order = Order(keeper.ACTOR, "its plan is spoilt", self._clock.now(), person=False)
        try:
            self._controller.order(
                f"tier1-support-{number}", lambda *of: actions.pause(*of, TrackName.LADDER, order)
            )
        except TransitionRefused:
            pass
    return state(self, checked, digest)
keeper.PlanKeeper._state = hasty
"""
_LOOKS_AWAY: Final = """
import rollout.plan_keeper as keeper
look = keeper.PlanKeeper.look
def sulks(self):
    return False if any(each.state == keeper.REFUSED for each in self.files.values()) else look(self)
keeper.PlanKeeper.look = sulks
"""
FAULTS: Final[dict[str, Fault]] = {
    "a spoilt plan of which nobody hears": lambda: in_children(_SAYS_NOTHING),
    "a spoilt plan that moves its rollout": lambda: in_children(_PAUSES),
    "a keeper that does not look again": lambda: in_children(_LOOKS_AWAY),
}
_ASKS_FIRST: Final = """
import json, os, socket
import rollout.router as routing
from rollout.errors import RecordError
analyst = json.loads(os.environ.get("RIDEALONG_RUN", "{}")).get("analyst_socket", "")
decide = routing.Router.decide
def asks(self, arrival):
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(analyst)
        except OSError:
            raise RecordError("nobody says where the ticket goes")
    return decide(self, arrival)
routing.Router.decide = asks
"""
DEPENDENCY_FAULTS: Final[dict[str, Fault]] = {
    "decisions that ask the analyst first": lambda: in_children(_ASKS_FIRST),
}
