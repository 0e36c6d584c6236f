"""Kill the router in the middle of its work, again and again, and hold the record against every answer.

Several clients have tickets decided and report outcomes, singly and in lists, as fast as they are answered.
At a random moment the process is killed with SIGKILL. Then:

- everything that was answered is in the record, once, with the content that was answered;
- numbers have no gaps, every digest and link verifies;
- asked again after the restart, the same ticket gets the same answer, and the same idempotency key the same
  to the letter.
"""

import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from drills.house import NOW, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from rollout.errors import JournalCorrupt
from rollout.record.audit import verify
from rollout.record.folder import DataFolder
from rollout.serve.settings import RunSettings
from rollout.serve.sockets import listen
from rollout.serve.supervisor import Child, module

CLIENTS: Final = 6
_FLOOD: Final = 40
_START_SECONDS: Final = 60.0
_KEPT: Final = ("arm", "mode", "version", "step", "bucket", "reason", "position")


class Ledger:
    """What clients were told. Thread-safe."""

    def __init__(self) -> None:
        self.decisions: dict[str, dict[str, Any]] = {}
        self.outcomes: dict[str, int] = {}
        self.keyed: dict[str, bytes] = {}
        """Answers by idempotency key, which is also the name of the outcome."""
        self.statuses: Counter[int] = Counter()
        self.without_retry: int = 0
        self._lock = threading.Lock()

    @property
    def answers(self) -> int:
        """How many there were, refusals among them."""
        return self.statuses.total()

    def told(self, answer: httpx.Response) -> None:
        with self._lock:
            self.statuses[answer.status_code] += 1
            if answer.status_code in (429, 503):
                self.without_retry += "retry-after" not in answer.headers
            if answer.status_code != 200:
                return
            body = answer.json()
            for decision in body.get("decisions", [body] if "arm" in body else []):
                self.decisions[decision["ticket_id"]] = decision
            for receipt in body.get("receipts", []):
                self.outcomes[receipt["event_id"]] = receipt["seq"]


def _client(url: str) -> httpx.Client:
    """A client without certificates: to load them takes longer than a router lives here."""
    return httpx.Client(base_url=url, timeout=30, trust_env=False, verify=False)  # noqa: S501 - loopback, no TLS


@contextmanager
def router(data: Path) -> Iterator[tuple[Child, str]]:
    """The router's process alone, on a free port; killed at the end if it still lives."""
    door = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    settings = RunSettings(str(data), None, url, "/nowhere", secrets.token_urlsafe(), door.fileno())
    child = Child("router", module("rollout.serve.router_process"), settings.environment(), (door.fileno(),))
    child.start()
    try:
        _until_up(child, url)
        yield child, url
    finally:
        assert child.process is not None
        child.process.kill()
        child.end(by=0)
        door.close()


def _until_up(child: Child, url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    with _client(url) as http:
        while time.monotonic() < until:
            if not child.running:
                raise RuntimeError("the router did not start; its message is above")
            try:
                if http.get("/healthz", timeout=1).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.02)
    raise RuntimeError("the router did not answer")


def _outcome(name: str, score: float = 4.0) -> dict[str, Any]:
    return {
        "event_id": f"csat-{name}",
        "ticket_id": f"t-{name}",
        "workflow": "tier1-support",
        "type": "csat",
        "occurred_at": NOW.isoformat(),
        "score": score,
    }


def _report(http: httpx.Client, name: str) -> httpx.Response:
    """Report an outcome under an idempotency key."""
    return http.post("/v1/outcomes", json=_outcome(name), headers={"idempotency-key": name})


def _work(http: httpx.Client, ledger: Ledger, name: str, done: threading.Event, *, flood: bool) -> None:
    """One client, until the server is gone."""
    number = 0
    with http:
        while not done.is_set():
            one = f"{name}-{number}"
            number += 1
            try:
                if flood:
                    many = [_outcome(f"{one}-{place}") for place in range(1000)]
                    ledger.told(http.post("/v1/outcomes", json=many))
                elif number % 5 == 0:
                    ledger.told(
                        http.post("/v1/route", json=[ticket(f"{one}-{place}") for place in range(20)])
                    )
                else:
                    ledger.told(http.post("/v1/route", json=ticket(one, text="where is my order")))
                    keyed = _report(http, one)
                    ledger.told(keyed)
                    if keyed.status_code == 200:
                        ledger.keyed[one] = keyed.content
            except (httpx.HTTPError, ValueError):
                return  # killed in the middle: nothing was answered


def _asked_again(url: str, ledger: Ledger, draw: random.Random, seen: Findings) -> None:
    names = sorted(ledger.decisions)
    with _client(url) as http:
        for ticket_id in draw.sample(names, min(20, len(names))):
            before = ledger.decisions[ticket_id]
            body = ticket(ticket_id.removeprefix("t-"))
            now = http.post("/v1/route", json=body).json()
            same = {key: now.get(key) for key in _KEPT} == {key: before[key] for key in _KEPT}
            seen.check(same, f"{ticket_id}: {before} before, {now} after the restart")
        for name in draw.sample(sorted(ledger.keyed), min(10, len(ledger.keyed))):
            again = _report(http, name)
            same = again.content == ledger.keyed[name] and "idempotent-replayed" in again.headers
            seen.check(same, f"key {name}: {ledger.keyed[name]!r} before, {again.text} after the restart")


def _examined(data: Path, ledger: Ledger, seen: Findings) -> float:
    """Hold the record against the ledger; seconds that opening took."""
    began = time.monotonic()
    try:
        folder = DataFolder.open(data, parts=("journal",))
    except JournalCorrupt as error:
        seen.check(False, str(error))  # noqa: FBT003 - loud, but lost all the same
        return time.monotonic() - began
    with folder:
        ready = time.monotonic() - began
        arms: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        times: Counter[str] = Counter()
        for record in folder.read():
            times[record.event_id] += 1
            numbers[record.event_id] = record.seq
            if record.event_id.startswith("assignment:"):
                arms[record.payload["ticket_id"]] = record.payload["arm"]
    for ticket_id, decision in ledger.decisions.items():
        seen.check(
            arms.get(ticket_id) == decision["arm"], f"{ticket_id} was answered, recorded: {ticket_id in arms}"
        )
    for event_id, seq in ledger.outcomes.items():
        seen.check(numbers.get(event_id) == seq, f"{event_id} was answered as {seq}: {numbers.get(event_id)}")
    doubled = [event_id for event_id, count in times.items() if count > 1]
    seen.check(not doubled, f"recorded twice: {doubled[:3]}")
    faults = verify(data).faults
    seen.check(not faults, f"the chain does not verify: {faults[:3]}")
    return ready


def _killed_at_work(
    data: Path, ledger: Ledger, round_: tuple[int, random.Random], seen: Findings, *, flood: bool
) -> int:
    """Start the router, have it work, kill it; the most memory it has had, in kB.

    Raises:
        RuntimeError: it does not start.

    """
    number, draw = round_
    with in_children(_SLOW_DISK if flood else ""), router(data) as (child, url):
        assert child.process is not None
        _asked_again(url, ledger, draw, seen)
        done, answered = threading.Event(), ledger.answers
        threads = [
            threading.Thread(
                target=_work,
                args=(_client(url), ledger, f"{number}-{place}", done),
                kwargs={"flood": flood and place > 3},
            )
            for place in range(_FLOOD if flood else CLIENTS)
        ]
        for thread in threads:
            thread.start()
        while ledger.answers == answered and child.running:
            time.sleep(0.005)  # the moment is drawn from when it works, not from when it starts
        time.sleep(draw.uniform(10, 14) if flood else draw.uniform(0.0, 0.8))
        peak = _peak_kb(child.process.pid)
        child.process.kill()
        done.set()
        for thread in threads:
            thread.join()
    return peak


def _peak_kb(pid: int) -> int:
    """The most memory that a process has had, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def crash(rounds: int = 60, say: Say = silent, *, flood: bool = False, seed: int = 1) -> Result:
    """Kill and examine so many times. With ``flood`` more is offered than the queue takes."""
    seen, ledger, ready, peaks = Findings(), Ledger(), [], []
    with TemporaryDirectory() as folder:
        with opened(Path(folder)) as house:
            house.start(playbook())
        data = Path(folder) / "data"
        for number in range(rounds):
            draw = random.Random(f"{seed}-{number}")  # noqa: S311 - a seed, so that a round can be repeated
            try:
                peaks.append(_killed_at_work(data, ledger, (number, draw), seen, flood=flood))
            except RuntimeError as error:  # loud, but nobody is served any more
                seen.check(False, f"after kill {number}: {error}")  # noqa: FBT003
                break
            ready.append(_examined(data, ledger, seen))
            if (number + 1) % 5 == 0 or flood:
                say(
                    f"{number + 1} of {rounds} kills, {len(ledger.decisions)} decisions, {seen.broken} broken"
                )
    seen.check(ledger.without_retry == 0, f"{ledger.without_retry} refusals without Retry-After")
    if flood:
        seen.check(ledger.statuses[503] > 0, "nothing was refused: the queue was never full")
        seen.check(max(peaks, default=0) < 1 << 20, f"the router had {max(peaks, default=0) >> 10} MB")
    figures = {
        "decisions": len(ledger.decisions),
        "outcomes": len(ledger.outcomes),
        "answers": {str(status): count for status, count in sorted(ledger.statuses.items())},
        "slowest_open_seconds": round(max(ready, default=0), 2),
        "router_peak_mb": max(peaks, default=0) >> 10,
    }
    if flood:
        words = "Beyond the queue 503 with Retry-After, memory bounded; what was answered outlives a kill"
        return seen.result(
            "flood",
            words,
            f"{_FLOOD} clients, 1,000 outcomes a body, a disk that takes 4 s a write, then SIGKILL",
            rounds,
            **figures,
        )
    words = "What was acknowledged is never lost nor doubled, and asked again has the same answer"
    return seen.result("crash", words, "SIGKILL of the router under load", rounds, **figures)


_ON_THE_WAY: list[str] = []
"""What children run at their start, from the outermost block on: Python looks for one such file only."""


@contextmanager
def in_children(code: str) -> Iterator[None]:
    """Run code at the start of every Python that is started in the block, after that of blocks around it."""
    _ON_THE_WAY.append(code)
    try:
        with TemporaryDirectory() as folder:
            Path(folder, "sitecustomize.py").write_text("\n".join(_ON_THE_WAY))
            with patched(os, "environ", {**os.environ, "PYTHONPATH": folder}):
                yield
    finally:
        _ON_THE_WAY.pop()


_SLOW_DISK: Final = """
import time, rollout.record.appender as appender
write = appender.Appender.write
def slow(self, data, first):
    time.sleep(4)
    write(self, data, first)
appender.Appender.write = slow
"""
_UNWRITTEN: Final = """
import rollout.record.appender as appender
write = appender.Appender.write
appender.Appender.write = lambda self, data, first: write(self, b"", first)
"""
_FORGETFUL: Final = """
import rollout.api.kept_answers as kept
kept.KeptAnswers.keep = lambda self, tenant, key, told, now: None
"""
FAULTS: Final[dict[str, Fault]] = {
    "answers before anything is written": lambda: in_children(_UNWRITTEN),
    "idempotency keys that are not kept": lambda: in_children(_FORGETFUL),
}
_ENDLESS: Final = """
import rollout.record.journal as journal
start = journal.Journal.__init__
def endless(self, *args, **named):
    start(self, *args, **named | {"queue_events": 1 << 40})
journal.Journal.__init__ = endless
"""
FLOOD_FAULTS: Final[dict[str, Fault]] = {"a queue without an end": lambda: in_children(_ENDLESS)}
