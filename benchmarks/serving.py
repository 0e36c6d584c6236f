"""What routing suffers while somebody reads: a server takes a thousand tickets a second.

    python benchmarks/serving.py --out docs

A new `ridealong serve` over a desk's past (imported first) is sent tickets on a schedule that does not wait
for answers: a hundred single ones a second, and the rest in lists of a hundred. Latency is counted from the
scheduled moment of the single ones. Windows take turns, there and back: ``idle`` nobody reads, ``again`` the
same once more (how far two windows of one thing differ), ``reads`` a reader asks for the gate and the
headlines without pause. The controller's own looks go on in all three. Every ticket is counted at the end:
answered ones are in the journal, or the run fails. The lag of the view is read from /metrics all the time.
"""

import argparse
import asyncio
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from http_door import PLAN, free_port  # noqa: E402 - the path above comes first

RIDEALONG = Path(sys.executable).with_name("ridealong")
SINGLES, LIST = 100, 100
"""Single tickets per second, and tickets in one list."""
CONNECTIONS = 16
ARMS = ("idle", "again", "reads")
BAR = 1.5


def history(path: Path, rows: int) -> None:
    """A desk's past of ``rows`` tickets, half a year of it, in columns that `import` knows."""
    chance, end = random.Random(7), datetime(2026, 8, 31, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as out:
        columns = (
            "ticket_id customer_id opened_at resolved_at category channel language csat escalated cost_usd"
        )
        writer = csv.DictWriter(out, columns.split())
        writer.writeheader()
        for number in range(rows):
            opened = end - timedelta(seconds=(rows - number) * 180 * 86400 / rows)
            writer.writerow(
                {
                    "ticket_id": f"past-{number}",
                    "customer_id": f"c{chance.randrange(rows // 3)}",
                    "opened_at": opened.isoformat(),
                    "resolved_at": (opened + timedelta(hours=chance.expovariate(1 / 6))).isoformat(),
                    "category": chance.choice(["billing", "shipping", "returns", "account"]),
                    "channel": "email",
                    "language": "en",
                    "csat": chance.choice([1, 3, 4, 5, 5]) if chance.random() < 0.12 else "",
                    "escalated": chance.random() < 0.2,
                    "cost_usd": round(chance.uniform(3, 9), 2),
                }
            )


@contextmanager
def serving(folder: Path, rows: int) -> Iterator[tuple[str, int]]:
    """A server over an imported past; its host and port."""
    plans = folder / "rollouts"
    plans.mkdir()
    (plans / "tier1.yaml").write_text(PLAN, encoding="utf-8")
    for part in ("agents", "conduct"):
        shutil.copytree(ROOT / "policies" / part, folder / part)
    history(folder / "past.csv", rows)
    data = str(folder / "data")
    command = [str(RIDEALONG), "import", str(folder / "past.csv"), "--workflow", "tier1", "--data", data]
    subprocess.run(command, check=True, capture_output=True)
    port = free_port()
    serve = [str(RIDEALONG), "serve", "--data", data, "--plans", str(plans), "--port", str(port)]
    process = subprocess.Popen(serve, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with suppress(OSError):
                answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2)
                if json.loads(answer.read())["status"] == "ready":
                    break
            time.sleep(0.1)
        yield "127.0.0.1", port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


class Sender:
    """Sends on a schedule over connections that stay open."""

    def __init__(self, host: str, port: int, rate: int) -> None:
        self._where, self._rate = (host, port), rate
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._number = 0
        self.answered = self.failed = 0

    async def connect(self) -> None:
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncio.open_connection(*self._where))

    def _ticket(self) -> dict[str, str]:
        self._number += 1
        return {
            "ticket_id": f"live-{self._number}",
            "customer_id": f"c{self._number % 20_000}",
            "opened_at": "2026-09-01T12:00:00Z",
            "workflow": "tier1",
            "category": "billing",
            "urgency": "normal",
            "complexity": "simple",
        }

    async def window(self, seconds: float) -> list[float]:
        """Milliseconds of the single tickets."""
        begun, latencies = time.perf_counter(), []
        pending = []
        lists = max((self._rate - SINGLES) // LIST, 0)
        schedule = [(i / SINGLES, 1) for i in range(int(seconds * SINGLES))]
        schedule += [(i / lists, LIST) for i in range(int(seconds * lists))]
        for due, size in sorted(schedule):
            await asyncio.sleep(max(begun + due - time.perf_counter(), 0))
            body: Any = self._ticket() if size == 1 else [self._ticket() for _ in range(size)]
            pending.append(asyncio.create_task(self._post(json.dumps(body).encode(), size, begun + due)))
        for size, latency in await asyncio.gather(*pending):
            latencies += [latency] if size == 1 else []
        return latencies

    async def _post(self, body: bytes, size: int, due: float) -> tuple[int, float]:
        reader, writer = await self._free.get()
        head = f"POST /v1/route HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(x[15:]) for x in answer.lower().split(b"\r\n") if x.startswith(b"content-length:"))
        await reader.readexactly(length)
        self._free.put_nowait((reader, writer))
        if answer.startswith(b"HTTP/1.1 200"):
            self.answered += size
        else:
            self.failed += size
        return size, 1000 * (time.perf_counter() - due)


class Reader:
    """Asks in threads of its own: what a person looks at, and how far the view is behind."""

    def __init__(self, host: str, port: int) -> None:
        self._url = f"http://{host}:{port}"
        self.asking = self.ended = False
        self.looks = 0
        self.lags: list[float] = []

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self._url + path, timeout=60) as answer:  # noqa: S310 - our own server
            return bytes(answer.read())

    def look(self) -> None:
        while not self.ended:
            if not self.asking:
                time.sleep(0.02)
                continue
            for path in ("/v1/workflows/tier1/gate", "/v1/metrics/overview?workflow=tier1&period=all"):
                self.get(path)
                self.looks += 1

    def watch(self) -> None:
        while not self.ended:
            lines = self.get("/metrics").decode().splitlines()
            self.lags += [
                float(line.split()[-1]) for line in lines if line.startswith("ridealong_view_lag_sec")
            ]
            time.sleep(0.25)


async def race(place: tuple[str, int], options: argparse.Namespace) -> dict[str, Any]:
    sender, reader = Sender(*place, options.rate), Reader(*place)
    await sender.connect()
    jobs = [threading.Thread(target=job) for job in (reader.look, reader.watch)]
    for job in jobs:
        job.start()
    await sender.window(2)
    reader.lags.clear()
    found: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    for number in range(options.rounds):
        for arm in [*ARMS, *reversed(ARMS)]:
            reader.asking = arm == "reads"
            found[arm].append(await sender.window(options.seconds))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    reader.ended = True
    for job in jobs:
        job.join()
    return {
        "arms": found,
        "lags": reader.lags,
        "looks": reader.looks,
        "answered": sender.answered,
        "failed": sender.failed,
    }


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def summary(run: dict[str, Any], kept: int) -> dict[str, Any]:
    arms = []
    for arm, windows in run["arms"].items():
        pairs = list(zip(windows, run["arms"]["idle"], strict=True))
        arms.append(
            {
                "arm": arm,
                "p50": median(median(window) for window in windows),
                "p99": median(p99(window) for window in windows),
                "x_p50": median(median(a) / median(b) for a, b in pairs),
                "x_p99": median(p99(a) / p99(b) for a, b in pairs),
            }
        )
    rest = {name: run[name] for name in ("looks", "answered", "failed")}
    lost = max(run["answered"] - kept, 0)
    lags = {"lag_p50": median(run["lags"]), "lag_p99": p99(run["lags"])}
    return {"arms": arms, **rest, "lost": lost, **lags}


def page(result: dict[str, Any], options: argparse.Namespace, load: str) -> str:
    by = {row["arm"]: row for row in result["arms"]}
    held = by["reads"]["x_p99"] <= max(BAR, by["again"]["x_p99"])
    lines = [
        "# Routing while somebody reads",
        "",
        "Made by `benchmarks/serving.py --out docs`, which says what the arms are; do not edit.",
        f"{options.rate:,} tickets a second over a past of {options.rows:,}, on {os.cpu_count()} shared",
        f"processors, where sender and reader work too, at a load of {load}. Medians of windows.",
        "",
        "| arm | p50 ms | × idle | p99 ms | × idle |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['arm']} | {row['p50']:.2f} | {row['x_p50']:.2f} | {row['p99']:.1f} | {row['x_p99']:.2f} |"
        for row in result["arms"]
    ]
    lines += [
        "",
        f"{result['answered']:,} tickets answered, {result['failed']:,} refused, {result['lost']} answered",
        f"ones missing in the journal; {result['looks']} looks of the reader. The view was",
        f"{result['lag_p50']:.1f} s behind in the median, {result['lag_p99']:.1f} s at the 99th percentile.",
        "",
        f"- p99 while somebody reads {by['reads']['x_p99']:.2f} times the idle one's, at most {BAR} or what",
        f"  two idle windows differ: {'kept' if held else 'MISSED'}",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=int, default=1000, help="tickets per second")
    parser.add_argument("--rows", type=int, default=200_000, help="tickets of the past")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0, help="per window")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, help="a folder to write serving-speed.md and .json to")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with serving(folder, options.rows) as place:
            run = asyncio.run(race(place, options))
        from rollout.record.reader import JournalReader

        kept = sum(
            record.kind == "assignment" for record in JournalReader(folder / "data" / "journal").read()
        )
    result = summary(run, kept)
    text = page(result, options, f"{before:.1f} to {os.getloadavg()[0]:.1f}")
    if options.out:
        (options.out / "serving-speed.md").write_text(text, encoding="utf-8")
        (options.out / "serving-speed.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result) if options.json else text)
    return 0 if not result["lost"] else 1


if __name__ == "__main__":
    sys.exit(main())
