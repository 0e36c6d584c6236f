"""Re-contact before everybody's window has closed: Kaplan-Meier, as rows the gate already understands.

Counting a ticket with an open window as "no re-contact" makes every rollout look good at first;
counting those that already came back as mature makes it look terrible. Both are refused here: a
ticket is at risk until it comes back or until we stop watching, whichever is first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.rows import Floats, comparison_from_rows
from experiments.samples import Comparison


@dataclass(frozen=True, slots=True)
class LifeTable:
    """Discrete times 1..horizon (hours, say) of one arm in one stratum; arrays of shape (horizon,)."""

    at_risk: Floats
    """Tickets still watched and not yet back just before each time."""
    events: Floats
    """Tickets that came back at each time."""
    n: int

    @property
    def identified(self) -> bool:
        """Whether somebody was watched to the horizon; if not, nothing is known about it."""
        return self.n > 0 and bool(self.at_risk[-1] > 0)


@dataclass(frozen=True, slots=True)
class Risk:
    """Probability of the event by the horizon, with Greenwood's standard error."""

    value: float
    se: float


def life_table(duration: ArrayLike, event: ArrayLike, horizon: int) -> LifeTable:
    """Count risk sets and events.

    Args:
        duration: whole time units until the event, or until watching ended, >= 0, shape (tickets,).
            Watching ended *at* a time means the ticket was still watched at it.
        event: whether the ticket came back at ``duration``.
        horizon: the window, in the same units.

    Raises:
        ValueError: the horizon is not positive, or a duration is negative.

    """
    times, came_back = _clipped(duration, event, horizon)
    watched = np.bincount(times, minlength=horizon + 2)[1 : horizon + 2].astype(np.float64)
    at_risk = watched[::-1].cumsum()[::-1][:horizon]
    events = np.bincount(times[came_back], minlength=horizon + 2)[1 : horizon + 1].astype(np.float64)
    return LifeTable(at_risk, events, len(times))


def kaplan_meier(table: LifeTable) -> Risk:
    """1 − ∏(1 − d/Y) with Greenwood's variance S²·Σ d/(Y(Y−d)); NaN where not identified."""
    if not table.identified:
        return Risk(float("nan"), float("nan"))
    hazard = table.events / table.at_risk
    surviving = float(np.prod(1 - hazard))
    left = table.at_risk - table.events
    terms = np.divide(table.events, table.at_risk * left, out=np.zeros_like(left), where=left > 0)
    return Risk(1 - surviving, surviving * float(np.sqrt(terms.sum())))


def pseudo_values(duration: ArrayLike, event: ArrayLike, horizon: int) -> Floats:
    """One value per ticket whose mean is the Kaplan-Meier risk and whose spread is its influence.

    F + n·S·[1{back at u}/(Y_u(1−h_u)) − Σ_{v≤u} h_v/(Y_v(1−h_v))] (Andersen, Klein & Rosthøj 2003, in
    its infinitesimal form). Without censoring it is exactly 1 for tickets that came back and 0 for
    the others. NaN where the horizon is not identified.
    """
    times, came_back = _clipped(duration, event, horizon)
    watched, back = values_by_time(life_table(duration, event, horizon))
    return np.where(came_back, back[times], watched[times])


def values_by_time(table: LifeTable) -> tuple[Floats, Floats]:
    """The pseudo-values there are: a ticket's depends on its time and on whether it came back alone.

    Returns:
        Two arrays of shape (horizon + 2,), by whole time units 0 to horizon + 1: of a ticket that was
        watched so long without a return, and of one that came back then. NaN where not identified.

    """
    horizon = len(table.at_risk)
    risk = kaplan_meier(table).value
    if not table.identified or risk >= 1:
        constant = np.full(horizon + 2, risk if table.identified else np.nan)
        return constant, constant
    hazard = table.events / table.at_risk
    weight = 1 / (table.at_risk * (1 - hazard))
    times = np.arange(horizon + 2)
    hurdle = np.concatenate([[0.0], np.cumsum(hazard * weight)])[np.minimum(times, horizon)]
    own = weight[np.clip(times, 1, horizon) - 1]
    size = table.n * (1 - risk)
    return risk - size * hurdle, risk + size * (own - hurdle)


def comparison_of_risks(
    stratum: ArrayLike,
    cluster: ArrayLike,
    treated: ArrayLike,
    duration: ArrayLike,
    event: ArrayLike,
    *,
    horizon: int,
) -> Comparison:
    """Kaplan-Meier risks compared within strata, clustered by customer.

    Strata are steps, not days: inside a day nobody is watched longer than anybody else. A stratum
    counts once both arms were watched to the horizon there.
    """
    strata, arms = np.asarray(stratum), np.asarray(treated, dtype=bool)
    times, events = np.asarray(duration), np.asarray(event, dtype=bool)
    values = np.full(len(times), np.nan)
    for label in np.unique(strata):
        for arm in (False, True):
            cell = (strata == label) & (arms == arm)
            if cell.any():
                values[cell] = pseudo_values(times[cell], events[cell], horizon)
    known = ~np.isnan(values)
    for label in np.unique(strata):
        here = strata == label
        if not known[here].all():
            known[here] = False
    return comparison_from_rows(strata, cluster, arms, np.where(known, values, 0.0), known.astype(np.float64))


def _clipped(
    duration: ArrayLike, event: ArrayLike, horizon: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Times beyond the horizon are all the same to us, and events there are none."""
    if horizon < 1:
        raise ValueError(f"horizon == {horizon}, must be at least one time unit")
    times = np.asarray(duration, dtype=np.intp)
    if times.size and times.min() < 0:
        raise ValueError("a duration is negative: an event cannot precede its start")
    came_back = np.asarray(event, dtype=bool) & (times <= horizon)
    # Back within the first unit still counts as one unit watched.
    times = np.where(came_back, np.maximum(times, 1), times)
    return np.minimum(times, horizon + 1), came_back
