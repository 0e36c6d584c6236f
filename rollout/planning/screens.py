"""What a step can still notice about metrics that do not gate it: large harm, and nothing else."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from experiments.power import HARM_BURN_IN
from policies.vocabulary import METRICS, Mode
from rollout.planning.climb import Stay
from rollout.planning.demands import Demand, Difference
from rollout.planning.words import SLOW, days, size

AS_THEY_COME = frozenset({"csat"})
"""Metrics whose observations count on arrival; their lag is only that of the last of them."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One watched metric over the length of a step."""

    metric: str
    observations: float
    """In the smaller arm by the end of the step, at best."""
    harm: float
    """The smallest worsening that would be seen by then with the planned power; infinite if none."""


def screens(stay: Stay) -> list[Screen]:
    """What the step's monitors and other guardrails would see by the end of its least duration."""
    return [_screen(stay, demand) for demand in stay.rung.watched if isinstance(demand, Difference)]


def explained(stay: Stay) -> str | None:
    """The sentence for a step that leaves slow metrics out of its gate; None for any other."""
    rung = stay.rung
    if rung.step.mode is not Mode.LIVE:
        return None
    fast = [demand.metric for demand in rung.gate if demand.metric not in SLOW]
    slow = [screen for screen in screens(stay) if screen.metric in SLOW]
    blind = [metric for metric in rung.unwatched if metric in SLOW]
    if not fast or not (slow or blind) or len(fast) < len(rung.gate):
        return None
    parts = [f"Fast metrics ({', '.join(fast)}) judge this step; slow ones only screen for large harm"]
    parts += (
        ["; ".join([" here, as monitors: " + "; ".join(_seen(stay, slow))])] if slow else [" as monitors"]
    )
    sentence = "".join(parts) + "."
    if blind:
        sentence += f" Nothing looks at {', '.join(blind)} here: put it under monitors."
    return sentence


def _seen(stay: Stay, slow: list[Screen]) -> Iterator[str]:
    length = days(stay.rung.min_days)
    for screen in slow:
        metric, n = screen.metric, screen.observations
        if math.isfinite(screen.harm):
            what = f"a worsening of {size(screen.harm, metric)} or more"
        elif n <= 0:
            what = f"nothing, its first outcomes are known after {days(METRICS[metric].lag_hours / 24)}"
        else:
            what = f"nothing, some {n:.0f} observations in the smaller arm are fewer than {HARM_BURN_IN}"
        yield f"within {length} {metric} shows {what}"


def _screen(stay: Stay, demand: Demand) -> Screen:
    lag = 0.0 if demand.metric in AS_THEY_COME else None
    seen = stay.seen(demand, stay.rung.min_days, lag_days=lag)
    return Screen(demand.metric, seen.smaller_arm, demand.harm(seen))
