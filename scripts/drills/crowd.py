"""More than one may ask: a flood against a slow disk, and a tenant that takes no heed of others."""

import asyncio
import statistics
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from drills.house import House, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from rollout.access import admission, limits
from rollout.access.limits import FairShare, Rates
from rollout.record import journal as journals
from rollout.record.appender import Appender

_QUEUE: Final = 300
_WAVE: Final = 30
_PATIENCE_SECONDS: Final = 20.0
_RATE: Final = 100.0
_FLOOD: Final = 10


async def _flooded(house: House, size: int, seen: Findings) -> Counter[int]:
    """Many at once while the disk stands still; then it moves again and everything refused is sent anew."""
    gate = threading.Event()
    write = Appender.write

    def stuck(self: Appender, data: bytes, first: int) -> None:
        gate.wait(30)
        write(self, data, first)

    answered: dict[str, Any] = {}
    statuses: Counter[int] = Counter()

    async def one(http: httpx.AsyncClient, name: str) -> None:
        answer = await http.post("/v1/route", json=ticket(name))
        statuses[answer.status_code] += 1
        if answer.status_code == 200:
            answered[name] = answer.json()["arm"]
            return
        seen.check(answer.status_code in (429, 503), f"{name}: {answer.status_code}")
        seen.check(int(answer.headers.get("retry-after", 0)) > 0, f"{name}: refused without Retry-After")

    async with house.http() as http:
        with patched(Appender, "write", stuck):
            asking = []
            for number in range(size):
                asking.append(asyncio.create_task(one(http, f"f-{number}")))
                if number % _WAVE == _WAVE - 1:  # what comes in one moment may be taken as one
                    await asyncio.sleep(0.02)
            done, _ = await asyncio.wait(
                asking, timeout=_PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if done:  # refused: nothing else can be answered now
                await asyncio.sleep(0.3)
            seen.check(not answered, f"{len(answered)} were answered before anything was written")
            gate.set()
            await asyncio.gather(*asking)
        seen.check(statuses[503] > 0, "nothing was refused: the queue has no end")
        for number in range(size):
            if f"f-{number}" not in answered:
                await one(http, f"f-{number}")
    seen.check(len(answered) == size, f"{size - len(answered)} were not taken when there was room again")
    for name, arm in answered.items():
        record = house.folder.journal.find(f"assignment:t-{name}")
        seen.check(record is not None and record.payload["arm"] == arm, f"{name} was answered, not recorded")
    return statuses


def full_queue(rounds: int = 20, say: Say = silent) -> Result:
    """Fill the queue of a journal whose disk stands still, so many times."""
    seen, statuses = Findings(), Counter[int]()
    for number in range(rounds):
        with TemporaryDirectory() as folder, opened(Path(folder)) as house:
            house.start(playbook())
            house.folder.journal._queue_events = _QUEUE  # noqa: SLF001 - as small as a drill needs it
            statuses += asyncio.run(_flooded(house, _QUEUE, seen))
        say(f"{number + 1} of {rounds} floods, {seen.broken} violations")
    figures = {"answers": {str(status): count for status, count in sorted(statuses.items())}}
    words = "A full queue refuses with Retry-After; what was acknowledged is recorded; it goes on by itself"
    return seen.result(
        "queue", words, "three times what the queue takes, while the disk stands still", rounds, **figures
    )


async def _pace(
    http: httpx.AsyncClient, name: str, count: int, gap: float
) -> tuple[Counter[int], list[float], int]:
    """Ask so often, so many seconds apart; statuses, seconds each took, refusals without Retry-After."""
    statuses: Counter[int] = Counter()
    took: list[float] = []
    unsaid = 0
    for number in range(count):
        began = time.monotonic()
        answer = await http.post("/v1/route", json=ticket(f"{name}-{number}"))
        took.append(time.monotonic() - began)
        statuses[answer.status_code] += 1
        unsaid += answer.status_code == 429 and "retry-after" not in answer.headers
        await asyncio.sleep(gap)
    return statuses, took, unsaid


async def _noisy(house: House, asked: int, seen: Findings) -> dict[str, Any]:
    keys = {}
    async with house.http() as local:
        body = {"role": "admin", "all_tenants": True, "name": "ada", "actor": "ada"}
        admin = (await local.post("/v1/keys", json=body)).json()["key"]
    async with house.http(authorization=f"Bearer {admin}") as http:
        for tenant in ("quiet", "noisy"):
            made = await http.post(f"/v1/keys?tenant={tenant}", json={"role": "operator", "rate": _RATE})
            keys[tenant] = made.json()["key"]
    async with (
        house.http(authorization=f"Bearer {keys['quiet']}") as quiet,
        house.http(authorization=f"Bearer {keys['noisy']}") as noisy,
    ):
        gap = 2 / _RATE
        _, alone, _ = await _pace(quiet, "alone", asked, gap)
        flood = [_pace(noisy, f"noise-{place}", asked, 0) for place in range(_FLOOD)]
        (mine, beside, _), *others = await asyncio.gather(_pace(quiet, "beside", asked, gap), *flood)
    seen.check(mine == {200: asked}, f"of the quiet tenant's {asked}: {dict(mine)}")
    theirs: Counter[int] = sum((each[0] for each in others), Counter())
    seen.check(set(theirs) <= {200, 429}, f"the noisy tenant's: {dict(theirs)}")
    seen.check(theirs[429] > 0, "the noisy tenant was never told to wait")
    seen.check(not sum(each[2] for each in others), "a 429 without Retry-After")
    return {
        "quiet": dict(mine),
        "noisy": dict(theirs),
        "latency_p50_ratio": round(statistics.median(beside) / statistics.median(alone), 2),
        "latency_p99_ratio": round(_p99(beside) / _p99(alone), 2),
    }


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


def noisy_tenant(asked: int = 300, say: Say = silent) -> Result:
    """One tenant floods with ten clients; another goes on at half its rate."""
    seen = Findings()
    rates = {"rates": Rates(_RATE), "room": FairShare()}
    with TemporaryDirectory() as folder, opened(Path(folder), admission=rates) as house:
        figures = asyncio.run(_noisy(house, asked, seen))
    say(f"{asked} requests of the quiet tenant, {seen.broken} violations: {figures}")
    words = "A noisy tenant gets 429 with Retry-After; every request of the other is served"
    return seen.result("noisy", words, "one tenant floods from ten clients without a pause", asked, **figures)


FAULTS: Final[dict[str, Fault]] = {
    "refusals that are errors of the server": lambda: patched(journals, "QueueFull", _Never),
}
NOISE_FAULTS: Final[dict[str, Fault]] = {
    "one bucket for everybody": lambda: patched(admission.Rates, "take", _one_bucket),
    "no rates": lambda: patched(limits.Rates, "take", lambda *_: 0.0),
}
_TAKE: Final = Rates.take


def _one_bucket(self: Rates, _: str, cost: float, now: float, rate: float | None = None) -> float:
    return _TAKE(self, "everybody", cost, now, rate)


class _Never(Exception):
    """Stands where the refusal stood; see ``FAULTS``."""
