"""Numbers about a desk, each with where it comes from, and the table used where nothing is known."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from policies.vocabulary import METRICS


class Origin(StrEnum):
    OBSERVED = "observed"
    """Counted in the data folder."""
    DECLARED = "declared"
    """Stated in the plan."""
    GIVEN = "given"
    """Stated on the command line."""
    ASSUMED = "assumed"
    """Of the table below: nobody has looked."""


@dataclass(frozen=True, slots=True)
class Figure:
    value: float
    origin: Origin
    note: str = ""


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What planning needs to know of one metric at one desk."""

    metric: str
    mean: Figure
    """In the metric's own unit, rates as shares. Of metrics against a limit: the agent's level."""
    sd: Figure
    """Of one observation, day-to-day movement taken out."""
    carried: Figure
    """Share of tickets that carry the metric, once mature."""
    design_effect: Figure
    """How much the variance grows because a customer's tickets resemble each other."""


@dataclass(frozen=True, slots=True)
class Assumption:
    mean: float
    sd: float | None = None
    """None for rates: it follows from the mean."""
    carried: float = 1.0


DESIGN_EFFECT: Final = 1.3
"""Assumed of every metric: some customers write often, and they are alike with themselves."""
RESPONSE: Final = 0.12
"""Assumed share of surveys that are answered."""

ASSUMED: Final[Mapping[str, Assumption]] = {
    "csat": Assumption(4.0, 1.1, RESPONSE),
    "recontact_7d": Assumption(0.15, carried=0.9),
    "recontact_2d": Assumption(0.08, carried=0.9),
    "escalation": Assumption(0.20),
    "cost": Assumption(6.0, 6.0),
    "handle_time": Assumption(900.0, 900.0),
    "first_response": Assumption(3600.0, 5400.0),
    "violations": Assumption(0.002),
    "errors": Assumption(0.005),
    "latency": Assumption(8.0, 12.0),
    "agreement": Assumption(0.90),
    "shadow_violations": Assumption(0.002),
    "missed_escalation": Assumption(0.005),
    "accepted_drafts": Assumption(0.80),
}
"""Where neither data nor plan say better. Only orders of magnitude: look at your own desk."""


def assumed(metric: str, limit: float | None = None) -> MetricFacts:
    """The table's line for a metric.

    Against a limit stricter than the table expects, the agent is assumed to be halfway inside it:
    whether an agent keeps to its limit is for the gate to find out.
    """
    line, known = ASSUMED[metric], METRICS[metric]
    mean = line.mean
    if limit is not None and known.better == "lower":
        mean = min(mean, limit / 2)
    elif limit is not None:
        mean = max(mean, (1 + limit) / 2)
    sd = line.sd if line.sd is not None else rate_sd(mean)
    return MetricFacts(
        metric,
        mean=Figure(mean, Origin.ASSUMED),
        sd=Figure(sd, Origin.ASSUMED),
        carried=Figure(line.carried, Origin.ASSUMED),
        design_effect=Figure(DESIGN_EFFECT, Origin.ASSUMED),
    )


def rate_sd(mean: float) -> float:
    return math.sqrt(max(mean * (1 - mean), 0.0))
