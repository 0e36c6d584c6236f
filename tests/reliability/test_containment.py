"""Agents that watch share nothing with those that answer, and neither may take the machine with it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from agents.contract import Action, Reply, Ticket, Triage, Usage
from rollout.api.agent_host import create_app
from rollout.conversations.purse import Purse
from rollout.errors import UsageError
from rollout.handle.shadow import BUDGET, Shadow, ShadowLimits
from rollout.record.journal import Journal
from rollout.records import Compared, Event, Kind
from rollout.serve import containment

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
TICKET = Ticket("t-1", "c-1", NOW, "w")
TRIAGE = Triage("billing", "normal", "neutral", "simple")
EATER = """
from rollout.serve.containment import limit_memory, leave_out_of_memory
limit_memory()
kept = []
try:
    while True:
        kept.append(bytearray(16 << 20))
except MemoryError:
    leave_out_of_memory()
"""
STUCK = """
import asyncio
from rollout.serve import containment
containment.STUCK_SECONDS = 0.3
async def main():
    async with containment.ends_when_stuck():
        await asyncio.sleep(0)
        {harm}
asyncio.run(main())
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_process_that_eats_memory_ends_at_its_limit() -> None:
    done = run(EATER, RIDEALONG_AGENTS_MEMORY="1GiB")
    assert done.returncode == containment.OUT_OF_MEMORY, done.stderr


@pytest.mark.parametrize(
    "harm", ["import time; time.sleep(30)", "import re; re.match('(a+)+$', 'a' * 60 + 'b')"]
)
def test_a_process_that_stands_still_ends_itself_even_without_the_interpreter_lock(harm: str) -> None:
    """The second never lets go of the lock: no thread of Python could notice."""
    done = run(STUCK.format(harm=harm))
    assert done.returncode == 1
    assert "Timeout" in done.stderr


@pytest.mark.parametrize("asked", ["", "3", "3GB", "-1GiB", "lots"])
def test_a_limit_that_is_none_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(containment.VARIABLE, asked)
    with pytest.raises(UsageError, match="whole number of MiB or GiB"):
        containment.agents_memory()


class Agent:
    version = "a@1.0.0"

    def __init__(self, harm: Callable[[], Any]) -> None:
        self._harm = harm

    async def answer(self, *_: Any) -> Reply:
        found = self._harm()
        return await found if asyncio.iscoroutine(found) else found


def hosted(harm: Callable[[], Any], **settings: Any) -> httpx.Response:
    app = create_app(lambda _: Agent(harm), **settings)
    body = orjson.dumps({"version": "a@1.0.0", "ticket": TICKET, "triage": TRIAGE})

    async def ask() -> httpx.Response:
        line = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=line, base_url="http://agents") as http:
            return await http.post("/answer", content=body)

    return asyncio.run(ask())


def out_of_memory() -> Reply:
    raise MemoryError


def test_running_out_of_memory_is_told_to_who_ends_the_process() -> None:
    told: list[str] = []
    answer = hosted(out_of_memory, out_of_memory=lambda: told.append("left"))
    assert (answer.status_code, told) == (500, ["left"])


def test_an_agent_that_hangs_is_given_up_in_its_own_process_too() -> None:
    """Whoever asked has gone by then; without an end there, every hung reply would stay in memory."""
    assert hosted(lambda: asyncio.sleep(3600), longest=0.01).json() == {"failed": "TimeoutError"}


def compared(number: int, at: datetime, **fields: Any) -> Event:
    told = Compared(f"t-{number}", "a@1.0.0", "heuristic", **fields)
    return Event(f"comparison:a@1.0.0:t-{number}", Kind.COMPARISON, at, told, workflow="w")


@pytest.fixture
def purse(tmp_path: Path) -> Purse:
    """Of a day with known, unknown and no costs, after a day that was dear; segments of a few records."""
    yesterday = NOW - timedelta(days=1)

    class Clock:
        at = yesterday

        def now(self) -> datetime:
            return self.at

    clock = Clock()
    with Journal(tmp_path, clock=clock, segment_bytes=2000) as journal:
        journal.append([compared(number, yesterday, cost_usd=9.0) for number in range(20)])
        journal.roll()
        clock.at = NOW
        for number, fields in enumerate(
            [
                {"cost_usd": 0.25},
                {"cost_usd": 0.5},
                {"cost_usd": None},
                {"dropped": "deadline"},
                {"dropped": "error"},
                {"dropped": BUDGET},
                {"dropped": "capacity"},
                {"dropped": "sampled_out"},
            ]
        ):
            journal.append([compared(100 + number, NOW, **fields)])
        return Purse.read(tmp_path, journal.head().seq, NOW)


def test_what_was_spent_today_is_read_from_the_record(purse: Purse) -> None:
    spent = purse.spent(("default", "w", "a@1.0.0"), unknown_cost_usd=0.05)
    assert spent == {NOW.date(): pytest.approx(0.25 + 0.5 + 3 * 0.05)}
    assert purse.spent(("default", "w", "a@2.0.0"), 0.05) == {}
    assert purse.spent(("acme", "w", "a@1.0.0"), 0.05) == {}


@pytest.mark.parametrize(("day", "dropped"), [(0, BUDGET), (1, None)])
def test_a_restart_gives_no_new_budget_and_the_next_day_does(
    purse: Purse, day: int, dropped: str | None
) -> None:
    spent = purse.spent(("default", "w", "a@1.0.0"), 0.05)
    limits = ShadowLimits(deadline=5, budget_usd_per_day=0.9, spent=spent)
    shadow = Shadow(Agent(lambda: Reply(Action.REPLY, "Hello.", usage=Usage(cost_usd=0.1))), limits)
    for number in range(2):
        one = Ticket(f"t-{number}", "c", NOW, "w")
        seen = asyncio.run(shadow.watch(one, TRIAGE, None, NOW + timedelta(days=day)))
    assert seen.compared.dropped == dropped
