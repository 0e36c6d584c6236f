"""How many events per second the journal takes: an import in large calls, and one call per ticket.

    python benchmarks/ingest.py [--events 1000000]

Prints the figures as JSON. Wall clock and processor time are both there: on a shared machine only
the second says what an event costs.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rollout.record.audit import verify
from rollout.record.journal import Journal
from rollout.records import Event, Kind

T = datetime(2026, 3, 1, tzinfo=UTC)
CALL = 5_000
SINGLE = 500


def event(number: int) -> Event:
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


def measure(folder: Path, total: int) -> dict[str, float]:
    figures: dict[str, float] = {"events": total}
    with Journal(folder / "journal") as journal:
        wall = cpu = 0.0
        for start in range(0, total, CALL):
            events = [event(i) for i in range(start, min(total, start + CALL))]
            began = time.perf_counter(), time.process_time()
            journal.append(events)
            wall += time.perf_counter() - began[0]
            cpu += time.process_time() - began[1]
        figures["events_per_second"] = round(total / wall)
        figures["events_per_cpu_second"] = round(total / cpu)

        took = []
        for i in range(SINGLE):
            began_at = time.perf_counter()
            journal.append([event(total + i)])
            took.append(time.perf_counter() - began_at)
        took.sort()
        figures["single_ms_p50"] = round(took[SINGLE // 2] * 1000, 3)
        figures["single_ms_p99"] = round(took[SINGLE * 99 // 100] * 1000, 3)

        began_at = time.perf_counter()
        repeated = journal.append([event(i) for i in range(0, total, max(1, total // CALL))])
        assert all(receipt.duplicate for receipt in repeated)
        figures["duplicates_per_second"] = round(len(repeated) / (time.perf_counter() - began_at))
    began_at = time.perf_counter()
    with Journal(folder / "journal") as journal:
        figures["open_seconds"] = round(time.perf_counter() - began_at, 3)
        began_at = time.perf_counter()
        count = sum(1 for _ in journal.read())
        figures["read_per_second"] = round(count / (time.perf_counter() - began_at))
    began_at = time.perf_counter()
    assert verify(folder).sound
    figures["verify_per_second"] = round(count / (time.perf_counter() - began_at))
    figures["bytes_per_event"] = round(
        sum(path.stat().st_size for path in (folder / "journal").glob("*.jsonl")) / count
    )
    figures["index_bytes_per_event"] = round((folder / "journal" / "index.sqlite").stat().st_size / count)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), options.events)
    print(json.dumps({**figures, "python": platform.python_version(), "processors": os.cpu_count()}))


if __name__ == "__main__":
    main()
