"""How many events a second are taken in, for how long, and in how much memory.

    python benchmarks/ingest.py [--events 1000000] [--out docs]     about three minutes

Three ways in, each in a process of its own, so that its memory is its own:

journal   an import: calls of 5,000 events, each durable on return
door      POST /v1/outcomes with lists of 1,000 from four clients at a real router, which is killed at the
          end (SIGKILL): every acknowledged id has to be in the journal, once
view      the analytical view following the journal that the import wrote

Sustained is the slowest tenth of a run, not its mean. Bounded is the most memory at the end beside the
most after the first tenth. Processor time is told beside the wall clock: on a shared machine only that says
what an event costs.
"""

import argparse
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rollout.record.audit import verify  # noqa: E402
from rollout.record.folder import DataFolder  # noqa: E402
from rollout.record.journal import Journal  # noqa: E402
from rollout.record.reader import JournalReader  # noqa: E402
from rollout.records import Event, Kind  # noqa: E402
from rollout.serve.settings import RunSettings  # noqa: E402
from rollout.serve.sockets import listen  # noqa: E402
from rollout.serve.supervisor import Child, module  # noqa: E402

T: Final = datetime(2026, 3, 1, tzinfo=UTC)
CALL: Final = 5_000
LIST: Final = 1_000
CLIENTS: Final = 4
TENTHS: Final = 10
BAR: Final = 10_000
GROWS: Final = 1.5
"""Times the memory of the first tenth: beyond it, it would not be called bounded."""
SPARE_MB: Final = 64
"""What any allocator keeps for itself."""


def event(number: int) -> Event:
    """A ticket of a desk's past, as ``import`` records it."""
    at = T + timedelta(seconds=number)
    row = {
        "ticket_id": str(number),
        "customer_id": f"c{number % 50_000}",
        "opened_at": at,
        "resolved_at": at + timedelta(hours=5),
        "category": "billing",
        "channel": "email",
        "language": "en",
        "arm": "agent",
        "csat": 4.0,
        "escalated": False,
        "cost_usd": 1.25,
    }
    return Event(f"history:support:{number}", Kind.HISTORY, at, row, workflow="support")


def outcome(number: int) -> dict[str, Any]:
    return {
        "event_id": f"csat-{number}",
        "ticket_id": f"t-{number}",
        "workflow": "support",
        "type": "csat",
        "occurred_at": T.isoformat(),
        "score": 4.0,
    }


def most_mb(pid: int | str = "self") -> float:
    """The most memory that a process has had so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


class Tenths:
    """Counts what is done, and notes speed and memory at each tenth of it."""

    def __init__(self, total: int, pid: int | str = "self") -> None:
        self._total, self._pid = total, pid
        self._done, self._from, self._since = 0, 0, time.perf_counter()
        self.began = self._since
        self.speeds: list[float] = []
        self.memory: list[float] = []

    def add(self, count: int) -> None:
        self._done += count
        if self._done * TENTHS >= self._total * (len(self.speeds) + 1):
            now = time.perf_counter()
            self.speeds.append((self._done - self._from) / (now - self._since))
            self.memory.append(most_mb(self._pid))
            self._from, self._since = self._done, now

    def told(self, cpu: float) -> dict[str, Any]:
        return {
            "events": self._done,
            "events_per_second": round(self._done / (time.perf_counter() - self.began)),
            "slowest_tenth": round(min(self.speeds)),
            "events_per_cpu_second": round(self._done / cpu),
            "mb_after_a_tenth": round(self.memory[0]),
            "mb_at_the_end": round(self.memory[-1]),
        }


def journal_arm(data: Path, total: int) -> dict[str, Any]:
    with DataFolder.open(data, parts=("journal",)) as folder:
        journal, cpu = folder.journal, 0.0
        tenths = Tenths(total)
        for start in range(0, total, CALL):
            events = [event(number) for number in range(start, min(total, start + CALL))]
            began = time.process_time()
            journal.append(events)
            cpu += time.process_time() - began
            tenths.add(len(events))
        return tenths.told(cpu) | _reopened(data, journal, total)


def _reopened(data: Path, journal: Journal, total: int) -> dict[str, Any]:
    """Single calls, repetitions, and what an event takes on the disk."""
    took = []
    for number in range(500):
        began = time.perf_counter()
        journal.append([event(total + number)])
        took.append(time.perf_counter() - began)
    took.sort()
    began = time.perf_counter()
    repeated = journal.append([event(number) for number in range(0, total, max(1, total // CALL))])
    if not all(receipt.duplicate for receipt in repeated):
        raise RuntimeError("an event was taken twice")
    size = sum(path.stat().st_size for path in (data / "journal").glob("*.jsonl"))
    return {
        "single_ms_p50": round(took[250] * 1000, 3),
        "single_ms_p99": round(took[495] * 1000, 3),
        "duplicates_per_second": round(len(repeated) / (time.perf_counter() - began)),
        "bytes_per_event": round(size / (total + 500)),
    }


def view_arm(data: Path, _: int) -> dict[str, Any]:
    with DataFolder.open(data, parts=("view",)) as folder:
        total = folder.head().seq
        began, cpu = time.perf_counter(), time.process_time()
        before, tenths = 0, Tenths(total)

        def moved(position: int) -> None:
            nonlocal before
            tenths.add(position - before)
            before = position

        folder.catch_up(moved)
        spent = time.process_time() - cpu
        told = tenths.told(spent)
        whole = round(total / (time.perf_counter() - began))
        return told | {
            "events_per_second": whole,
            "facts": folder.view.query("SELECT count(*) AS n FROM facts")[0]["n"],
        }


@contextmanager
def router(data: Path) -> Iterator[tuple[int, str]]:
    """The router's process alone on a free port; yields its id and address, and kills it."""
    door = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    settings = RunSettings(str(data), None, url, "/nowhere", secrets.token_urlsafe(), door.fileno())
    child = Child("router", module("rollout.serve.router_process"), settings.environment(), (door.fileno(),))
    child.start()
    assert child.process is not None
    try:
        with httpx.Client(base_url=url, trust_env=False) as http:
            for _ in range(600):
                try:
                    if http.get("/healthz", timeout=1).is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.05)
        yield child.process.pid, url
    finally:
        child.process.kill()
        child.end(by=0)
        door.close()


def door_arm(data: Path, total: int) -> dict[str, Any]:
    bodies = iter(range(0, total, LIST))
    lock, acknowledged, busy = threading.Lock(), [0], [0]
    DataFolder.open(data, parts=("journal",)).close()
    with router(data) as (pid, url):
        tenths, cpu = Tenths(total, pid), cpu_seconds(pid)

        def sent(http: httpx.Client, body: str) -> int:
            while (answer := http.post("/v1/outcomes", content=body, headers=_JSON)).status_code == 503:
                busy[0] += 1
                time.sleep(float(answer.headers["retry-after"]))
            return len(answer.raise_for_status().json()["receipts"])

        def send() -> None:
            with httpx.Client(base_url=url, trust_env=False, timeout=60) as http:
                while True:
                    with lock:
                        start = next(bodies, None)
                    if start is None:
                        return
                    numbers = range(start, min(total, start + LIST))
                    count = sent(http, json.dumps([outcome(number) for number in numbers]))
                    with lock:
                        acknowledged[0] += count
                        tenths.add(count)

        clients = [threading.Thread(target=send) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        told = tenths.told(cpu_seconds(pid) - cpu)
    kept = {record.event_id for record in JournalReader(data / "journal").read()}
    lost = sum(f"csat-{number}" not in kept for number in range(acknowledged[0]))
    return told | {"acknowledged": acknowledged[0], "lost_after_a_kill": lost, "refused_for_a_while": busy[0]}


_JSON: Final = {"content-type": "application/json"}
ARMS: Final = {"journal": journal_arm, "view": view_arm, "door": door_arm}


def measured(arm: str, data: Path, total: int) -> dict[str, Any]:
    """One arm in a process of its own."""
    command = [sys.executable, __file__, "--arm", arm, "--data", str(data), "--events", str(total)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


_SHOWN: Final = (
    *("events_per_second", "slowest_tenth", "events_per_cpu_second"),
    *("mb_after_a_tenth", "mb_at_the_end"),
)


def page(told: dict[str, Any]) -> str:
    """The published page, from the figures alone."""
    arms = told["arms"]
    lines = [
        "# Taking in events",
        "",
        "Made by `benchmarks/ingest.py --out docs`, which says what the arms are; do not edit.",
        f"{arms['journal']['events']:,} events each, on {told['processors']} shared processors, where the",
        f"senders work too, at a load of {told['load_before']} to {told['load_after']};",
        f"Python {told['python']}.",
        "",
        "| way in | events/s | slowest tenth | events per CPU second | MB after a tenth | MB at the end |",
        "|---|---|---|---|---|---|",
    ]
    names = (
        "events_per_second",
        "slowest_tenth",
        "events_per_cpu_second",
        "mb_after_a_tenth",
        "mb_at_the_end",
    )
    lines += [f"| {arm} | {' | '.join(f'{row[name]:,}' for name in names)} |" for arm, row in arms.items()]
    journal, door = arms["journal"], arms["door"]
    lines += [
        "",
        f"An event takes {journal['bytes_per_event']} bytes in the journal. A call of one event is",
        f"durable after {journal['single_ms_p50']:.2f} ms (p99 {journal['single_ms_p99']:.1f} ms);",
        f"of known events {journal['duplicates_per_second']:,} a second are recognised. Of",
        f"{door['acknowledged']:,} that the door",
        f"acknowledged, {door['lost_after_a_kill']} were missing after SIGKILL.",
        "",
    ]
    for arm, row in arms.items():
        fast = row["slowest_tenth"] >= BAR
        lines.append(f"- {arm}: at least {BAR:,} events/s in every tenth: {'kept' if fast else 'MISSED'}")
        lines.append(f"- {arm}: memory bounded: {'kept' if bounded(row) else 'MISSED'}")
    return "\n".join(lines) + "\n"


def bounded(row: dict[str, Any]) -> bool:
    """Whether memory did not grow with what was taken in."""
    return bool(
        row["mb_at_the_end"] <= max(row["mb_after_a_tenth"] * GROWS, row["mb_after_a_tenth"] + SPARE_MB)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, help="a folder to write ingest-speed.md and .json to")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        print(json.dumps(ARMS[options.arm](options.data, options.events)))
        return 0
    before = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as scratch:
        past, live = Path(scratch) / "past", Path(scratch) / "live"
        arms = {arm: measured(arm, past if arm != "door" else live, options.events) for arm in ARMS}
        if not verify(past).sound:
            raise RuntimeError("the journal does not verify")
    told = {
        "arms": arms,
        "load_before": before,
        "load_after": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    if options.out:
        (options.out / "ingest-speed.json").write_text(json.dumps(told, indent=1) + "\n")
        (options.out / "ingest-speed.md").write_text(page(told))
    print(page(told))
    return 0 if not arms["door"]["lost_after_a_kill"] else 1


if __name__ == "__main__":
    sys.exit(main())
