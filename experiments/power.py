"""What the data can show, and when: detectable effects, needed information, tickets and days."""

import math
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import ndtr, ndtri

from experiments.sequential import NARROW, scaled_boundary
from experiments.verdict import Method, Rules, Traffic

BURN_IN = 100
"""Observations the smaller arm needs before a pass: the normal approximation is not to be trusted earlier."""
HARM_BURN_IN = 30
"""Observations the smaller arm needs before a failure."""
MISSED_PEAK = 0.583
"""−ζ(½)/√(2π): mean overshoot of a Gaussian walk, in steps' standard deviations."""
OBF_INFLATION = 1.03
"""Maximum information of O'Brien-Fleming spending, relative to one look, at 20 looks and more."""


def fixed_information(margin: float, *, alpha: float, power: float) -> float:
    """(z_{1−α} + z_{power})²/m²: what a single look would need."""
    return float(((ndtri(1 - alpha) + ndtri(power)) / margin) ** 2)


def needed_information(margin: float, rules: Rules) -> float:
    """I* at which a true difference of zero clears ``margin`` with the power of one metric.

    Sequential: m√I* − b_α(I*)/√I* = z. The power is that of the look at I* alone; looks before it
    only add to it.
    """
    if rules.method is Method.FIXED_HORIZON:
        return fixed_information(margin, alpha=rules.alpha, power=rules.metric_power)
    if rules.method is Method.GROUP_SEQUENTIAL:
        return OBF_INFLATION * fixed_information(margin, alpha=rules.alpha, power=rules.metric_power)
    return _needed_clock(rules.pass_alpha, rules.metric_power) / margin**2


def mde(information: float, margin: float, rules: Rules) -> float:
    """The distance from the margin that a look now would clear with the power of one metric.

    b_α(I; m)/I + z/√I for the test tuned to ``margin``; infinite without information. A gate can be
    expected to pass once it is at most the margin itself.
    """
    if information <= 0:
        return math.inf
    z = float(ndtri(rules.metric_power))
    if rules.method is not Method.SEQUENTIAL:
        return (float(ndtri(1 - rules.alpha)) + z) / math.sqrt(information)
    bound = scaled_boundary(information * margin**2, rules.pass_alpha, NARROW) / (margin * information)
    return bound + z / math.sqrt(information)


def crossing_probability(
    later: float,
    effect: float,
    *,
    margin: float,
    alpha: float,
    score: float = 0.0,
    information: float = 0.0,
    between: float = 0.0,
) -> float:
    """Chance that the lower bound has cleared −margin by information ``later``.

    From score S at I now, the remaining path is Brownian with drift effect + margin; the boundary is
    replaced by its tangent at ``later``, which lies above it, and the first passage over a straight
    line is inverse Gaussian (Siegmund 1985, ch. 3). Looks with a gap between them miss peaks, as if the
    boundary were 0.583·√gap higher (ch. 10).

    Args:
        later: information to come, in 1/unit².
        effect: assumed true difference, larger is better.
        margin: the margin tested.
        alpha: level of the test.
        score: (δ̂ + margin)·I so far.
        information: I so far.
        between: information gained from one look to the next; 0 looks all the time.

    """
    if later <= information:
        return 0.0
    clock, step = later * margin**2, 1e-4
    height = scaled_boundary(clock, alpha, NARROW)
    slope = (scaled_boundary(clock * (1 + step), alpha, NARROW) - height) / (clock * step)
    gap = height - slope * (clock - information * margin**2) - score * margin
    if gap <= 0:
        return 1.0
    gap += MISSED_PEAK * math.sqrt(between) * margin
    span = (later - information) * margin**2
    drift = (effect + margin) / margin - slope
    root = math.sqrt(span)
    log_reflected = 2 * gap * drift
    reflected = float(ndtr((-gap - drift * span) / root))
    direct = float(ndtr((drift * span - gap) / root))
    return min(1.0, direct + (math.exp(log_reflected) * reflected if reflected > 0 else 0.0))


def information_for_assurance(
    assurance: float,
    *,
    margin: float,
    alpha: float,
    effect: float = 0.0,
    score: float = 0.0,
    information: float = 0.0,
    between: float = 0.0,
) -> float:
    """Information by which a pass has come with chance ``assurance``; infinite if it never has."""

    def chance(later: float) -> float:
        return crossing_probability(
            later,
            effect,
            margin=margin,
            alpha=alpha,
            score=score,
            information=information,
            between=between,
        )

    unit = 1 / margin**2
    high = information + unit
    while chance(high) < assurance:
        high = information + 2 * (high - information)
        if high - information > 1e6 * unit:
            return math.inf
    low = information
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if chance(middle) >= assurance else (middle, high)
    return high


def information_per_ticket(traffic: Traffic, per_observation: float) -> float:
    """What one eligible ticket adds: q·p(1−p) over the variance of one unit of contrast."""
    if not 0 < per_observation < math.inf:
        return 0.0
    return traffic.carried * traffic.weight * (1 - traffic.weight) / per_observation


@dataclass(frozen=True, slots=True)
class Wait:
    """How much is still to come until a pass may be expected."""

    tickets: float
    days: float


def wait_for(
    needed: float, *, information: float, smaller_arm: float, per_observation: float, traffic: Traffic
) -> Wait:
    """Eligible tickets and days, maturity included, until ``needed`` information and the burn-in.

    Args:
        needed: information aimed at.
        information: what there is.
        smaller_arm: observations the smaller arm has.
        per_observation: variance of the effect times Σb, clustering included.
        traffic: what is expected to arrive.

    """
    gain = information_per_ticket(traffic, per_observation)
    missing = max(needed - information, 0.0)
    for_information = missing / gain if gain > 0 else (math.inf if missing > 0 else 0.0)
    pace = traffic.carried * min(traffic.weight, 1 - traffic.weight)
    short = max(BURN_IN - smaller_arm, 0.0)
    for_burn_in = short / pace if pace > 0 else (math.inf if short > 0 else 0.0)
    tickets = max(for_information, for_burn_in)
    if tickets <= 0:
        return Wait(0.0, 0.0)
    if traffic.tickets_per_day <= 0:
        return Wait(tickets, math.inf)
    return Wait(tickets, tickets / traffic.tickets_per_day + traffic.lag_days)


@lru_cache(maxsize=512)
def _needed_clock(alpha: float, power: float) -> float:
    """I*·m², a number of α and power alone."""
    z = float(ndtri(power))
    low, high = 0.0, 4 * (float(ndtri(1 - alpha)) + max(z, 0.0)) ** 2 + 4
    while math.sqrt(high) - scaled_boundary(high, alpha, NARROW) / math.sqrt(high) < z:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        enough = (
            middle > 0 and math.sqrt(middle) - scaled_boundary(middle, alpha, NARROW) / math.sqrt(middle) >= z
        )
        low, high = (low, middle) if enough else (middle, high)
    return high
