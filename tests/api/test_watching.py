"""Whoever only watches waits until who answers customers has time; in a flood nothing is watched."""

import asyncio
import time
from collections import Counter
from contextvars import ContextVar
from typing import Any

import pytest

from agents.scripted import Line, ScriptedAgent
from rollout.conversations import watching
from rollout.handle.shadow import ShadowLimits
from rollout.records import Kind

VERSION = "resolution@1.2.0"


class Weather:
    """A loop that is calm when the test says so."""

    def __init__(self, talk: Any) -> None:
        self.calm = False
        self.to_look = 0
        self.looked_enough = asyncio.Event()
        self.asked: list[str] = []
        self.talk = talk
        self.watching = talk.made._watching
        self.watching._limits = lambda *_: ShadowLimits(30.0, 1e6, concurrency=1000)
        self.watching.agent_of = lambda _: ScriptedAgent(VERSION, self._answered)
        self.watching.is_calm = self._is_calm

    async def _is_calm(self) -> bool:
        self.to_look -= 1
        if self.to_look <= 0:
            self.looked_enough.set()
        await asyncio.sleep(0.001)
        return self.calm

    def _answered(self, ticket: Any, _: Any = None) -> Line:
        self.asked.append(ticket.ticket_id)
        return Line("It is on its way.")

    async def handle(self, *numbers: int) -> None:
        """Answer tickets, as the door does, while nothing is calm."""
        for number in numbers:
            await self.talk.open(number)

    async def looked(self, times: int = 20) -> None:
        """Wait until the loop was looked at so many times more."""
        self.to_look = times
        self.looked_enough.clear()
        await self.looked_enough.wait()

    def compared(self) -> Counter[tuple[str, str | None]]:
        return Counter(
            (record.payload["ticket_id"], record.payload["dropped"])
            for record in self.talk.records(Kind.COMPARISON)
        )


@pytest.fixture
def weather(talks: Any, monkeypatch: pytest.MonkeyPatch) -> Weather:
    monkeypatch.setattr(watching, "LINE", 3)
    return Weather(talks("human"))


def test_while_the_loop_is_late_no_run_begins_and_what_is_in_line_is_watched_afterwards(
    weather: Weather,
) -> None:
    async def go() -> None:
        await weather.handle(1, 2, 3, 4, 5)
        await weather.looked()
        assert weather.asked == []
        assert weather.compared() == {}
        weather.calm = True
        await weather.watching.drain()

    asyncio.run(go())
    assert weather.asked == ["t-1", "t-2", "t-3"]
    answered = {(f"t-{number}", None): 1 for number in (1, 2, 3)}
    assert weather.compared() == answered | {(f"t-{number}", "capacity"): 1 for number in (4, 5)}


def test_a_run_that_waited_belongs_to_the_trace_of_its_own_ticket(weather: Weather) -> None:
    trace: ContextVar[str] = ContextVar("trace", default="none")
    seen: dict[str, str] = {}
    answered = weather._answered

    def noted(ticket: Any, _: Any = None) -> Line:
        seen[ticket.ticket_id] = trace.get()
        return answered(ticket)

    weather.watching.agent_of = lambda _: ScriptedAgent(VERSION, noted)

    async def ticket(number: int) -> None:
        trace.set(f"of t-{number}")
        await weather.handle(number)

    async def go() -> None:
        for number in (1, 2, 3):
            await asyncio.create_task(ticket(number))
        weather.calm = True
        await weather.watching.drain()

    asyncio.run(go())
    assert seen == {f"t-{number}": f"of t-{number}" for number in (1, 2, 3)}


def test_of_a_flood_that_does_not_end_it_is_told_what_was_not_watched(
    weather: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_UNTOLD", 2)

    async def go() -> None:
        await weather.handle(1, 2, 3, 4)
        await weather.looked()
        assert weather.compared() == {}
        await weather.handle(5)
        await weather.looked()
        weather.watching._line.clear()
        weather.watching.is_calm = watching.Calm().look

    asyncio.run(go())
    assert weather.asked == []
    assert weather.compared() == {("t-4", "capacity"): 1, ("t-5", "capacity"): 1}


def test_a_ticket_that_is_asked_about_again_in_a_flood_is_told_of_once_and_what_was_said_stays(
    weather: Weather,
) -> None:
    async def go() -> None:
        weather.calm = True
        await weather.handle(1)
        await weather.watching.drain()
        weather.calm = False
        await weather.handle(2, 3, 4, 1, 5, 5)
        weather.calm = True
        await weather.watching.drain()

    asyncio.run(go())
    answered = {(f"t-{number}", None): 1 for number in (1, 2, 3, 4)}
    assert weather.compared() == answered | {("t-5", "capacity"): 1}


def test_a_loop_that_was_kept_from_its_work_is_not_calm() -> None:
    async def go() -> tuple[bool, bool]:
        calm = watching.Calm(lambda: 0.0)
        looking = asyncio.ensure_future(calm.look())
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - this is what keeps it
        late = await looking
        for _ in range(1000):
            if await calm.look():
                return late, True
        return late, False

    assert asyncio.run(go()) == (False, True)


@pytest.mark.parametrize(("share", "calm"), [(0.3, True), (0.7, False)])
def test_a_process_that_takes_more_than_half_a_processor_is_not_calm(
    monkeypatch: pytest.MonkeyPatch, share: float, calm: bool
) -> None:
    monkeypatch.setattr(watching, "_LATE", 60.0)
    began = time.monotonic()

    async def go() -> bool:
        looks = watching.Calm(lambda: share * (time.monotonic() - began))
        while time.monotonic() < began + 3 * watching._WINDOW:
            found = await looks.look()
        return found

    assert asyncio.run(go()) is calm
