"""When will it be decided, and can it be at all? Asked before a rollout starts and at every look."""

import math
from dataclasses import dataclass

from scipy.special import ndtri

from experiments.power import (
    BURN_IN,
    Wait,
    information_for_assurance,
    information_per_ticket,
    needed_information,
    wait_for,
)
from experiments.sequential import WIDE, scaled_boundary
from experiments.verdict import Method, Rules, Traffic


@dataclass(frozen=True, slots=True)
class Design:
    """One metric in one step, as it stands or as it is planned."""

    margin: float
    """The margin tested there (scale·margin), in the metric's unit."""
    plan_margin: float
    """The plan's own margin: the harm test is tuned to it."""
    per_observation: float
    """Variance of one observation times the design effect."""
    traffic: Traffic
    information: float = 0.0
    """What earlier steps already brought; their strata count."""
    smaller_arm: float = 0.0
    score: float = 0.0
    """(δ̂ + margin)·information so far, oriented; 0 at the start."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Days from now until a pass, were the true difference as assumed; infinite if never."""

    even: Wait
    """Decided by then with chance one half."""
    planned: Wait
    """With the planned power of the metric."""
    late: Wait
    """With chance 0.95."""


def schedule(design: Design, rules: Rules, *, effect: float = 0.0) -> Schedule:
    """Dates with their assurance, for one metric, looking once a day on the way.

    ``effect`` is the assumed true difference, larger is better. Methods with a horizon have one date.
    """
    daily = design.traffic.tickets_per_day * information_per_ticket(design.traffic, design.per_observation)

    def wait(assurance: float) -> Wait:
        needed = needed_information(design.margin, rules)
        if rules.method is Method.SEQUENTIAL:
            needed = information_for_assurance(
                assurance,
                margin=design.margin,
                alpha=rules.pass_alpha,
                effect=effect,
                score=design.score,
                information=design.information,
                between=daily,
            )
        return _wait(design, needed)

    return Schedule(wait(0.5), wait(rules.metric_power), wait(0.95))


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether a gate can be decided within its time, and which single change would make it so."""

    decidable: bool
    needed_days: float
    """Until the planned power is reached, maturity included."""
    reachable_margin: float
    """The smallest margin that could be decided in time; infinite while the burn-in is not met."""
    detectable_harm: float
    """The smallest true harm that would be seen in time with the planned power: the screen's mesh."""
    weight: float | None
    """The nearest weight that would do; None if none does."""
    days: float | None
    """The duration that would do; None if none does."""
    tickets_per_day: float | None
    """The volume that would do; None if none does."""


def feasibility(design: Design, rules: Rules, *, max_days: float) -> Feasibility:
    """Can this gate be decided within ``max_days``, if there is no difference?

    Raises:
        ValueError: margin or duration are not positive.

    """
    if not (design.margin > 0 and max_days > 0):
        raise ValueError(f"margin == {design.margin} and max_days == {max_days} must be > 0")
    needed = needed_information(design.margin, rules)
    wait = _wait(design, needed)
    observing = max(max_days - design.traffic.lag_days, 0.0)
    tickets = observing * design.traffic.tickets_per_day
    final = design.information + tickets * information_per_ticket(design.traffic, design.per_observation)
    smaller = design.smaller_arm + tickets * design.traffic.carried * min(
        design.traffic.weight, 1 - design.traffic.weight
    )
    reachable = design.margin * math.sqrt(needed / final) if final > 0 and smaller >= BURN_IN else math.inf
    volume = wait.tickets / observing if observing > 0 else math.inf
    return Feasibility(
        decidable=wait.days <= max_days,
        needed_days=wait.days,
        reachable_margin=reachable,
        detectable_harm=detectable_harm(final, design.plan_margin, rules),
        weight=_weight_that_does(design, needed, tickets),
        days=wait.days if math.isfinite(wait.days) else None,
        tickets_per_day=volume if math.isfinite(volume) else None,
    )


def detectable_harm(information: float, margin: float, rules: Rules) -> float:
    """The true worsening that the harm test would see with the planned power at this information.

    At least ``margin``: a smaller estimate never rolls back.
    """
    if information <= 0:
        return math.inf
    z = float(ndtri(rules.power))
    bound = scaled_boundary(information * margin**2, rules.harm_share, WIDE) / (margin * information)
    return max(bound, margin) + z / math.sqrt(information)


def _wait(design: Design, needed: float) -> Wait:
    return wait_for(
        needed,
        information=design.information,
        smaller_arm=design.smaller_arm,
        per_observation=design.per_observation,
        traffic=design.traffic,
    )


def _weight_that_does(design: Design, needed: float, tickets: float) -> float | None:
    """The weight nearest to the planned one at which ``tickets`` suffice; one half is the best there is."""
    seen, planned = tickets * design.traffic.carried, design.traffic.weight
    if seen <= 0:
        return None
    contrast = max(needed - design.information, 0.0) * design.per_observation / seen
    burn_in = max(BURN_IN - design.smaller_arm, 0.0) / seen
    if contrast > 0.25 or burn_in > 0.5:
        return None
    least = max((1 - math.sqrt(1 - 4 * contrast)) / 2, burn_in)
    return min(max(planned, least), 1 - least)
