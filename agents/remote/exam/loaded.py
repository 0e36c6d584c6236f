"""Does it keep its promises when it is repeated, hurried or busy?"""

import asyncio
from typing import Final

from agents.remote.exam.probe import Check, Finding, Probe, Status, judged, passed, shown

_AT_ONCE: Final = 8
_SHORT: Final = 3.0
_GRACE: Final = 0.5
"""Seconds that the way there and back may take."""


async def repeated(probe: Probe) -> Finding:
    content = probe.request()
    one, two = await probe.send(content), await probe.send(content)
    fix = "answer a turn_id that you have answered before; the network may lose an answer, and we ask again"
    for seen in (one, two):
        answer, trouble = judged(seen, fix)
        if answer is None:
            return trouble
    if shown(one.body) == shown(two.body):
        return passed("the same turn got the same answer")
    why = "the same turn got two answers"
    return Finding(Status.WARN, why, "keep the answer of a turn_id for some minutes and give it again")


async def hurried(probe: Probe) -> Finding:
    content = {**probe.request(), "deadline_ms": int(_SHORT * 1000)}
    seen = await probe.send(content, patience=_SHORT + _GRACE)
    if seen.status == 0:
        fix = "read deadline_ms and hand off in time; what comes later is thrown away, and a person answers"
        return Finding(Status.FAIL, f"deadline {_SHORT:g} s: {seen.told()}", fix)
    answer, trouble = judged(seen, "hand off when there is no time for more")
    return trouble if answer is None else passed(f"{seen.seconds:.2f} s of {_SHORT:g} s")


async def at_once(probe: Probe) -> Finding:
    requests = [probe.request() for _ in range(_AT_ONCE)]
    seen = await asyncio.gather(*map(probe.send, requests))
    fix = f"serve at least {_AT_ONCE} requests at a time, each with its own turn_id and nothing shared"
    for one in seen:
        answer, trouble = judged(one, fix)
        if answer is None:
            return trouble._replace(why=f"{_AT_ONCE} at a time: {trouble.why}")
    return passed(f"{_AT_ONCE} at a time, the slowest after {max(one.seconds for one in seen):.2f} s")


CHECKS: Final = (
    Check("repeated-turn", "the same turn may be asked twice", repeated),
    Check("deadline", "the deadline is kept", hurried),
    Check("concurrent", "requests at the same time are kept apart", at_once),
)
