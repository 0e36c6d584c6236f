"""Clocks that are set, time zones, seconds that few believe in.

The gate is a script that passes as soon as the clock says that a step has lasted long enough: the worst
there can be, so that nothing but the hold keeps a jump from promoting.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

from drills.house import NOW, House, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from policies.plan import Plan
from rollout import clock as clocks
from rollout.api import inputs
from rollout.clock import ClockWatch
from rollout.controller import Controller
from rollout.ladder.transition import Decision, Ruling
from rollout.record.folder import DataFolder

LASTS: Final = timedelta(days=7)
"""How long a step of the plan lasts at least."""
_PASS: Final = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed")
_TICK: Final = timedelta(seconds=5)


@dataclass
class Wall:
    """A wall clock that can be set, and the count of seconds that nobody can set."""

    at: datetime
    count: float = 0.0

    def now(self) -> datetime:
        return self.at

    def pass_(self, time: timedelta) -> None:
        self.at += time
        self.count += time.total_seconds()

    def jump(self, by: timedelta) -> None:
        self.at += by


def _plan() -> Plan:
    steps = [{"name": f"at-{weight}", "set_weight": weight, "min_duration": "7d"} for weight in (10, 30, 60)]
    plain = {"steps": steps, "eligible": {}, "canary": None}
    return Plan.model_validate(playbook().model_dump(mode="json", exclude_unset=True, by_alias=True) | plain)


class _Rollout:
    """A controller of its own under a clock that can be set."""

    def __init__(self, folder: DataFolder, wall: Wall) -> None:
        self.folder, self.wall = folder, wall
        watch = ClockWatch(wall, lambda: wall.count)
        self.controller = Controller(folder.view, folder.record, lambda *_: _PASS, clock=wall, watch=watch)

    def tick(self) -> list[Any]:
        self.folder.catch_up()
        made = self.controller.tick()
        self.folder.catch_up()
        return made


def _one_jump(folder: DataFolder, draw: random.Random, workflow: str, seen: Findings) -> None:
    """A jump somewhere in the first step, put right later: no step is taken early, twice or back."""
    from rollout.ladder.transition import Order

    wall = Wall(NOW + timedelta(seconds=draw.uniform(0, 86400)))
    rollout = _Rollout(folder, wall)
    plan = _plan().model_copy(update={"workflow": workflow})
    rollout.controller.start(plan, "drill", Order("ada", "begin", wall.now()))
    folder.catch_up()
    by = timedelta(
        seconds=draw.choice((3600, 3 * 3600, 86400, 8 * 86400, 366 * 86400)) * draw.choice((1, -1))
    )
    before = draw.uniform(0.1, 0.9) * LASTS
    passed = timedelta(0)

    def ticks(what: str, *, may_climb: bool) -> None:
        made = [change for change in rollout.tick() if change.state.workflow == workflow]
        climbed = [change for change in made if change.action == "promote"]
        seen.check(may_climb or not climbed, f"{workflow}: promoted {what}, the clock set by {by}")
        seen.check(len(climbed) <= 1, f"{workflow}: {len(climbed)} steps in one tick")

    for piece in range(3):
        wall.pass_(before / 3)
        passed += before / 3
        ticks(f"in piece {piece}", may_climb=False)
    wall.jump(by)
    for _ in range(3):
        wall.pass_(_TICK)
        passed += _TICK
        ticks("after the jump", may_climb=False)
    wall.jump(-by)
    wall.pass_(LASTS - passed - _TICK)
    ticks("a tick too early", may_climb=False)
    wall.pass_(2 * _TICK)
    ticks("in time", may_climb=True)
    rows = folder.view.transitions("default", workflow)
    steps = [row["to_step"] for row in rows if row["action"] in ("start", "promote")]
    seen.check(steps == ["at-10", "at-30"], f"{workflow}: climbed {steps} after the clock was put right")
    moments = [row["at"] for row in rows]
    seen.check(moments == sorted(moments), f"{workflow}: the record goes back in time: {moments}")


def clock_jumps(rounds: int = 200, say: Say = silent) -> Result:
    """Set the clock by an hour to a year, forwards and backwards, in the middle of a step."""
    seen = Findings()
    for first in range(0, rounds, 25):
        with TemporaryDirectory() as path, DataFolder.open(Path(path)) as folder:
            for number in range(first, min(first + 25, rounds)):
                draw = random.Random(number)  # noqa: S311 - a seed, so that a round can be repeated
                _one_jump(folder, draw, f"w-{number}", seen)
        say(f"{min(first + 25, rounds)} of {rounds} jumps, {seen.broken} violations")
    words = "A clock that is set promotes nobody; when it is right again, the step is taken once and in time"
    fault = "the wall clock set by 1 hour to 1 year, forwards or backwards, while a step runs"
    return seen.result("clock", words, fault, rounds)


ZONES: Final = ("America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
_DAYS: Final = (
    (2026, 3, 8),
    (2026, 11, 1),
    (2026, 3, 29),
    (2026, 10, 25),
    (2026, 4, 5),
    (2026, 10, 4),
    (2024, 2, 29),
)
_WRONG: Final = {
    "a leap second": "2016-12-31T23:59:60Z",
    "no offset": "2026-03-08T02:30:00",
    "an offset of a day and more": "2026-03-08T02:30:00+25:00",
    "29 February of a common year": "2026-02-29T00:00:00Z",
    "long ago": "0001-01-01T00:00:00+14:00",
    "at the end of time": "9999-12-31T23:59:59-14:00",
    "a number": 1772000000,
}


async def _zones(house: House, seen: Findings) -> int:
    asked = 0
    async with house.http() as http:
        for zone in ZONES:
            for day in _DAYS:
                for hour, fold in ((0, 0), (1, 0), (1, 1), (2, 0), (3, 0)):
                    local = datetime(*day, hour, 30, tzinfo=ZoneInfo(zone), fold=fold)
                    name = f"{zone}-{local:%Y%m%d%H}-{fold}".replace("/", "-")
                    body = ticket(name, opened_at=local.isoformat())
                    answer = await http.post("/v1/route", json=body)
                    asked += 1
                    seen.check(answer.status_code == 200, f"{name}: {answer.text[:100]}")
        for what, moment in _WRONG.items():
            answer = await http.post("/v1/route", json=ticket("wrong", opened_at=moment))
            asked += 1
            seen.check(answer.status_code == 422, f"{what}: {answer.status_code}")
    return asked


def time_zones(say: Say = silent) -> Result:
    """Tickets opened in the hours that daylight saving repeats or leaves out, and at times that are none."""
    seen = Findings()
    with TemporaryDirectory() as folder, opened(Path(folder)) as house:
        house.start(playbook())
        asked = asyncio.run(_zones(house, seen))
        house.folder.catch_up()
        rows = house.folder.view.query("SELECT ticket_id, opened_at, day FROM facts")
        for row in rows:
            if row["ticket_id"] == "t-wrong":
                seen.check(False, f"taken with a time that is none: {row['opened_at']}")  # noqa: FBT003
                continue
            zone, stamp, fold = row["ticket_id"].removeprefix("t-").rsplit("-", 2)
            name = next(each for each in ZONES if each.replace("/", "-") == zone)
            local = datetime.strptime(stamp, "%Y%m%d%H").replace(
                minute=30, tzinfo=ZoneInfo(name), fold=int(fold)
            )
            there = local.astimezone(UTC)
            seen.check(
                row["opened_at"].replace(tzinfo=UTC) == there,
                f"{row['ticket_id']}: {row['opened_at']} is not {there}",
            )
            seen.check(row["day"] == there.date(), f"{row['ticket_id']}: {row['day']}")
    say(f"{asked} tickets, {seen.broken} violations")
    words = "Times are in UTC whatever offset they were told in; a time that is none is refused"
    return seen.result(
        "zones", words, "hours that daylight saving repeats or skips, leap seconds, year 1", asked
    )


FAULTS: Final[dict[str, Fault]] = {
    "a clock that nobody watches": lambda: patched(clocks.ClockWatch, "jump", lambda _: None),
}


@contextmanager
def _wall_times() -> Iterator[None]:
    """The models hold the function itself, so that it is its code that is another for a while."""
    known = inputs._in_utc.__code__  # noqa: SLF001
    inputs._in_utc.__code__ = (lambda value: value.replace(tzinfo=UTC)).__code__  # noqa: SLF001
    try:
        yield
    finally:
        inputs._in_utc.__code__ = known  # noqa: SLF001


ZONE_FAULTS: Final[dict[str, Fault]] = {"times as the clock on the wall showed them": _wall_times}
