"""Orders that cross: promote, pause, resume and abort at the same moment, with the controller in between.

What is held against the record:

- an abort is always answered with 200, whatever else is going on;
- of a decision that is asked for after the abort was answered, none is the version's;
- the version ends aborted and in quarantine;
- every order that was answered with 200 is in the record once, and nothing else of a person's is;
- an order that was answered before another was asked stands before it in the record;
- each transition follows the one before it and moves the ladder by one step at most.
"""

import asyncio
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

import httpx

from drills.house import House, opened, patched, playbook, ticket
from drills.result import Fault, Findings, Result, Say, silent
from policies.plan import Plan
from rollout.api import orders
from rollout.api.standings import Standings
from rollout.errors import RidealongError
from rollout.ladder import actions
from rollout.ladder.transition import Decision, Ruling
from rollout.records import Event, Kind, Record
from rollout.router import Router

PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed")
_ORDERS: Final = ("promote", "pause", "resume", "promote", "pause", "resume", "promote")
_TICKS: Final = 3
"""Of the controller in every other round; where it promotes all the time, people hardly ever come first."""
_SPREAD: Final = 0.5
"""Seconds within which all orders of a round are given."""
_ROUNDS_PER_HOUSE: Final = 10
"""A tick looks at every workflow there ever was."""


@dataclass(frozen=True)
class Answered:
    """One order that was given, and when."""

    action: str
    reason: str
    """Unique, so that it is found in the record."""
    asked: float
    told: float
    status: int


def ladder(number: int) -> Plan:
    """A live ladder of many short steps, so that there is always somewhere to climb."""
    steps = [{"name": f"at-{weight}", "set_weight": weight} for weight in range(10, 70, 5)]
    plain = {"steps": steps, "holdout": 5, "workflow": f"w-{number}", "eligible": {}, "canary": None}
    told = playbook().model_dump(mode="json", exclude_unset=True, by_alias=True) | plain
    return Plan.model_validate(told)


async def _ordering(http: httpx.AsyncClient, workflow: str, action: str, name: str, wait: float) -> Answered:
    await asyncio.sleep(wait)
    asked = monotonic()
    body = {"reason": name, "actor": "ada", "override": True}
    answer = await http.post(f"/v1/workflows/{workflow}/{action}", json=body)
    return Answered(action, name, asked, monotonic(), answer.status_code)


async def _ticking(house: House, draw: random.Random, ticks: int) -> None:
    for _ in range(ticks):
        await asyncio.sleep(draw.uniform(0, _SPREAD / 2))
        try:
            await asyncio.to_thread(house.analyst.tick)
        except RidealongError:  # it lost against an order, as it should
            continue


async def _deciding(http: httpx.AsyncClient, workflow: str, aborted: asyncio.Event, number: int) -> list[Any]:
    """Decisions without a pause until some have been asked for after the abort was answered."""
    after: list[Any] = []
    count = 0
    while len(after) < 10:
        late = aborted.is_set()
        told = await http.post("/v1/route", json=ticket(f"{number}-{count}", workflow=workflow))
        count += 1
        if late:
            after.append(told.json())
        await asyncio.sleep(0.01)
    return after


async def _round(
    house: House, http: httpx.AsyncClient, number: int, seen: Findings, told: Counter[str]
) -> None:
    draw = random.Random(number)  # noqa: S311 - a seed, so that a round can be repeated
    plan = ladder(number)
    house.start(plan)
    aborted = asyncio.Event()
    deciding = asyncio.create_task(_deciding(http, plan.workflow, aborted, number))
    ticking = asyncio.create_task(_ticking(house, draw, _TICKS * (number % 2)))
    given = [
        _ordering(http, plan.workflow, action, f"{action} {number}-{place}", draw.uniform(0, _SPREAD))
        for place, action in enumerate(_ORDERS)
    ]

    async def abort() -> Answered:
        told = await _ordering(
            http, plan.workflow, "abort", f"abort {number}", draw.uniform(_SPREAD / 4, 1.5 * _SPREAD)
        )
        aborted.set()
        return told

    answered = await asyncio.gather(*given, abort())
    after = await deciding
    await ticking
    told.update(f"{each.action} {each.status}" for each in answered)
    stop = answered[-1]
    seen.check(stop.status == 200, f"round {number}: abort was answered with {stop.status}")
    seen.check(
        all(each["arm"] == "human" for each in after), f"round {number}: a decision after the abort served it"
    )
    _, state, _ = house.standings.standing("default", plan.workflow)
    seen.check(state.ladder.status == "aborted", f"round {number}: ended {state.ladder.status}")
    seen.check(plan.agent in state.quarantined, f"round {number}: not in quarantine")
    _held_against_record(house, plan, answered, number, seen)


def _held_against_record(
    house: House, plan: Plan, answered: list[Answered], number: int, seen: Findings
) -> None:
    made = [
        record
        for record in house.folder.read()
        if record.kind == Kind.TRANSITION and record.workflow == plan.workflow
    ]
    ordered = {str(record.payload["evidence"].get("ordered")): record for record in made}
    done = [each for each in answered if each.status == 200]
    by_people = [record for record in made if record.actor == "ada" and record.payload["action"] != "start"]
    seen.check(
        len(by_people) == len(done), f"round {number}: {len(done)} answered, {len(by_people)} recorded"
    )
    for each in done:
        seen.check(each.reason in ordered, f"round {number}: {each.reason!r} was answered and not recorded")
    for one in done:
        for other in done:
            if one.told < other.asked and {one.reason, other.reason} <= set(ordered):
                seen.check(
                    ordered[one.reason].seq < ordered[other.reason].seq,
                    f"round {number}: {one.reason!r} was answered before {other.reason!r} was asked",
                )
    _one_step_each(made, number, seen)


def _one_step_each(made: list[Record], number: int, seen: Findings) -> None:
    for before, record in pairwise(made):
        follows = record.event_id.endswith(f":{before.seq}")
        seen.check(follows, f"round {number}: {record.event_id} does not follow {before.seq}")
        climbed = record.payload["state"]["ladder"]["index"] - before.payload["state"]["ladder"]["index"]
        seen.check(climbed in (0, 1), f"round {number}: {climbed} steps in one decision")


async def _run(rounds: range, path: Path, seen: Findings, told: Counter[str]) -> None:
    with opened(path, judge=lambda *_: PASS) as house:
        async with house.http() as http:
            for number in rounds:
                await _round(house, http, number, seen, told)


def races(rounds: int = 200, say: Say = silent) -> Result:
    """Run the race so many times."""
    seen, told = Findings(), Counter[str]()
    for first in range(0, rounds, _ROUNDS_PER_HOUSE):
        last = min(first + _ROUNDS_PER_HOUSE, rounds)
        with TemporaryDirectory() as folder:
            asyncio.run(_run(range(first, last), Path(folder), seen, told))
        say(f"{last} of {rounds} rounds, {seen.broken} violations")
    return seen.result(
        "races",
        "Rolling back wins every race; one step per decision; the record's order is the answers' order",
        f"{len(_ORDERS)} orders, an abort, {_TICKS} controller ticks and decisions at the same moment",
        rounds,
        answers=dict(sorted(told.items())),
    )


def _forgetful(plan: Any, state: Any, name: Any, order: Any) -> Any:
    change = actions.abort(plan, state, name, order)
    return replace(change, state=replace(change.state, quarantined=()))


@contextmanager
def _deaf_router() -> Any:
    """The router does not hear of an abort."""
    follow = Router.follow

    def deaf(self: Router, records: Any) -> Any:
        return follow(self, [each for each in records if each.payload["action"] != "abort"])

    with patched(Router, "follow", deaf):
        yield


@contextmanager
def _rivals() -> Any:
    """Two may change one position: no lock, and no successor that only one of them can be."""
    numbers = count()

    def change(self: Standings, tenant: str, workflow: str, make: Any) -> Any:
        plan, state, _ = self.standing(tenant, workflow)
        made = make(plan, state)
        name = f"transition:{workflow}:rival-{next(numbers)}"
        self._record(
            [Event(name, Kind.TRANSITION, made.at, made.record(), tenant, workflow, actor=made.actor)]
        )
        return made

    with patched(Standings, "change", change):
        yield


FAULTS: dict[str, Fault] = {
    "an abort that leaves the version out of quarantine": lambda: _abort_is(_forgetful),
    "a router that does not hear of aborts": _deaf_router,
    "orders without a lock and without one successor per position": _rivals,
}


@contextmanager
def _abort_is(action: Any) -> Any:
    known = orders._ACTIONS  # noqa: SLF001
    with patched(orders, "_ACTIONS", {**known, "abort": action}):
        yield
