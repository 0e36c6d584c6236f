"""A judge over many pairs: a few at a time, some of them twice."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.judging.judge import Judge, Verdict
from agents.models.failure import ModelFailure
from rollout.judging.calibration import Judged
from rollout.judging.labels import Labelled

AT_ONCE = 8


@dataclass(slots=True)
class Judgements:
    """What came of it; ``failed`` counts pairs without a verdict by reason, and they count for nothing."""

    verdicts: dict[int, Verdict] = field(default_factory=dict)
    """By place of the pair."""
    again: dict[int, Verdict] = field(default_factory=dict)
    """Second judgements of the same pairs."""
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def cost_usd(self) -> float | None:
        costs = [one.cost_usd for one in (*self.verdicts.values(), *self.again.values())]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if len(known) == len(costs) else None


async def ask(
    judge: Judge,
    pairs: Sequence[Labelled],
    *,
    repeats: int = 0,
    told: Callable[[int], None] = lambda _: None,
) -> Judgements:
    """Have a judge compare pairs; the first ``repeats`` of them a second time, after all others."""
    found, places, done = Judgements(), asyncio.Semaphore(AT_ONCE), 0

    async def one(number: int, into: dict[int, Verdict]) -> None:
        nonlocal done
        async with places:
            try:
                into[number] = await judge.compare(pairs[number].pair)
            except ModelFailure as failure:
                found.failed[failure.code] += 1
        done += 1
        told(done)

    await asyncio.gather(*(one(number, found.verdicts) for number in range(len(pairs))))
    second = [number for number in range(min(repeats, len(pairs))) if number in found.verdicts]
    await asyncio.gather(*(one(number, found.again) for number in second))
    return found


def judged(pairs: Sequence[Labelled], found: Judgements) -> list[Judged]:
    """Both sides' words on the pairs that have a verdict."""
    rows = []
    for number, verdict in sorted(found.verdicts.items()):
        second = found.again.get(number)
        rows.append(
            Judged(
                customer_id=pairs[number].customer_id,
                people=pairs[number].people,
                judge={"good": good(verdict.agent), "as_good": as_good(verdict)},
                consistent=verdict.consistent,
                again=None if second is None else second.preferred == verdict.preferred,
            )
        )
    return rows


def good(marks: Mapping[str, float | None]) -> float | None:
    """Right, in tone and within policy: one 0 is enough for 0, an open mark otherwise leaves it open."""
    values = [marks[name] for name in ("accuracy", "tone", "policy")]
    if 0.0 in values:
        return 0.0
    return None if None in values else 1.0


def as_good(verdict: Verdict) -> float | None:
    """Whether the agent's reply is at least as good as the person's; open where the orders contradict."""
    return None if not verdict.consistent else float(verdict.preferred != "human")
