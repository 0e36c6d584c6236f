"""What counting, logging and tracing cost a decision: processor time per request, arms taken in turns.

    .venv/bin/python benchmarks/observing.py [--rounds 15] [--requests 400]

Each arm is the whole door over a journal on disk, asked in memory, so that nothing but the door is counted.
The first two arms are the same: their ratio is the noise.
"""

import argparse
import asyncio
import io
import logging
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import httpx
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from rollout.access.admission import Admission
from rollout.access.key_desk import KeyDesk
from rollout.api import door as doors
from rollout.api.desk import Desk
from rollout.api.door import Door
from rollout.api.forward import Analyst
from rollout.api.standings import Standings
from rollout.observe import logs, tracing
from rollout.observe.access_log import access_log
from rollout.observe.logs import Json, LogSettings, Rated
from rollout.observe.traced import TracedDesk
from rollout.record.folder import DataFolder
from rollout.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

BODY: dict[str, Any] = {
    "customer_id": "c",
    "opened_at": "2026-09-01T00:00:00Z",
    "workflow": "w",
    "complexity": "simple",
}


class Nowhere(SpanExporter):
    """Takes spans and sends them nowhere: what a collector costs is not the router's."""

    def export(self, _: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def build(stack: ExitStack, *, seen: bool = True, log: bool = False, traced: bool = False) -> Any:
    """A door; without ``seen`` its outermost layer is left out."""
    folder = stack.enter_context(
        DataFolder.open(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "d", parts=("journal",))
    )
    router = Router(folder.journal, folder.content)
    made = tracing.set_up("router", Nowhere()) if traced else None
    desk = Desk(router, folder.journal) if made is None else TracedDesk(router, folder.journal, made)
    door = Door(
        journal=folder.journal,
        desk=desk,
        standings=Standings(folder.journal, router),
        analyst=Analyst("nobody.sock"),
        token="none",  # noqa: S106 - of no run
        access=Admission(KeyDesk(folder.journal.folder.parent, folder.journal.append)),
        access_log=access_log(LogSettings(access="all")) if log else None,
        tracing=made,
    )
    if made is not None:
        stack.callback(made.close)
    if seen:
        return doors.create_app(door)
    kept, doors.Observed = doors.Observed, lambda app, **_: app  # type: ignore[misc, assignment]
    try:
        return doors.create_app(door)
    finally:
        doors.Observed = kept  # type: ignore[misc]


async def ask(http: httpx.AsyncClient, count: int, name: str) -> float:
    """Processor seconds of ``count`` decisions."""
    began = process_time()
    for number in range(count):
        answer = await http.post("/v1/route", json={"ticket_id": f"{name}-{number}", **BODY})
        assert answer.status_code == 200, answer.text
    return process_time() - began


async def measure(apps: dict[str, Any], rounds: int, requests: int) -> dict[str, list[float]]:
    lines = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
        for name, app in apps.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in apps}
    for turn in range(rounds + 1):
        order = list(lines) if turn % 2 else list(reversed(lines))
        for name in order:
            seconds = await ask(lines[name], requests, f"{turn}")
            if turn:  # the first round warms up
                taken[name].append(seconds)
    return taken


def quiet() -> None:
    """Lines are formatted and written as in a run, to memory."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(Json("router"))
    handler.addFilter(Rated(50))
    logging.getLogger().handlers = [handler]
    logging.getLogger(logs.ACCESS_LOGGER).setLevel(logging.INFO)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=400)
    asked = parser.parse_args()
    quiet()
    makers: dict[str, Callable[[ExitStack], Any]] = {
        "not watched": lambda stack: build(stack, seen=False),
        "not watched, again": lambda stack: build(stack, seen=False),
        "counted": build,
        "counted, every request logged": lambda stack: build(stack, log=True),
        "counted and traced": lambda stack: build(stack, traced=True),
    }
    with ExitStack() as stack:
        apps = {name: make(stack) for name, make in makers.items()}
        taken = asyncio.run(measure(apps, asked.rounds, asked.requests))
    base = taken["not watched"]
    for name, seconds in taken.items():
        ratio = statistics.median(ours / theirs for ours, theirs in zip(seconds, base, strict=True))
        each = statistics.median(seconds) / asked.requests * 1e6
        print(f"{name:32s} {each:8.0f} µs of processor time per decision   x {ratio:.3f}")


if __name__ == "__main__":
    main()
