"""Is the experiment what it claims to be? A finding makes every verdict of the step invalid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.estimate import estimate_difference
from experiments.multiplicity import cochran_q
from experiments.rates import rate_lower
from experiments.samples import Comparison
from experiments.sequential import lower_bound
from experiments.srm import RatioCheck, SplitCount, check_ratio
from experiments.verdict import Reason

ALPHA = 0.01
"""Chance of any false alarm of one check, over all its looks."""
CROSSED = 0.01
"""Share of tickets served by the other arm that intention to treat still absorbs."""
DOUBLED = 0.001
"""Share of tickets assigned to two arms that can still be clerical."""


@dataclass(frozen=True, slots=True)
class Finding:
    reason: Reason
    detail: str
    causes: tuple[str, ...]


def ratio_finding(counts: Sequence[SplitCount], *, alpha: float = ALPHA) -> Finding | None:
    """Sample-ratio mismatch of new customers against the split in force when each was first seen."""
    check = check_ratio(counts, alpha=alpha)
    if not check.alarm:
        return None
    return Finding(
        Reason.SRM,
        f"{check.observed:,} of {check.n:,} new customers are in the agent's arm, {_expected(check)} were "
        f"expected (p = {check.p_value:.2g})",
        (
            "assignments of one arm are lost before they are recorded",
            "eligibility is decided after assignment",
            "customers are counted under another weight than was in force",
        ),
    )


def crossover_finding(
    crossed: int, n: int, *, tolerated: float = CROSSED, alpha: float = ALPHA
) -> Finding | None:
    """Tickets of the control arm that an agent answered, beyond ``tolerated``.

    An agent's escalation to a human is part of its treatment and no crossover.
    """
    if n <= 0 or rate_lower(crossed, n, alpha=alpha) <= tolerated:
        return None
    return Finding(
        Reason.CROSSOVER,
        f"{crossed:,} of {n:,} tickets in the human arm were answered by the agent ({crossed / n:.1%})",
        ("the router is bypassed", "an integration answers before the assignment is read"),
    )


def double_assignment_finding(
    doubled: int, n: int, *, tolerated: float = DOUBLED, alpha: float = ALPHA
) -> Finding | None:
    """Tickets assigned to more than one arm, beyond ``tolerated``."""
    if n <= 0 or rate_lower(doubled, n, alpha=alpha) <= tolerated:
        return None
    return Finding(
        Reason.DOUBLE_ASSIGNMENT,
        f"{doubled:,} of {n:,} tickets were assigned to more than one arm ({doubled / n:.1%})",
        ("two routers run on different salts", "a ticket id is used twice"),
    )


def eligibility_finding(counts: Sequence[SplitCount], *, alpha: float = ALPHA) -> Finding | None:
    """Whether tickets were let in at the same rate in both arms.

    Args:
        counts: per step, *units* let in for the first time: in the treated half, in all, and its share
            of all units by hash.
        alpha: chance of a false alarm.

    """
    check = check_ratio(counts, alpha=alpha)
    if not check.alarm:
        return None
    return Finding(
        Reason.UNEQUAL_ELIGIBILITY,
        f"{check.observed:,} of {check.n:,} customers let in belong to the agent's arm, {_expected(check)} "
        f"were expected (p = {check.p_value:.2g})",
        ("the candidate's own triage decides who is eligible", "the arms use different triage versions"),
    )


def drift_finding(levels: Sequence[float], ses: Sequence[float], *, tolerated: float) -> Finding | None:
    """Whether the control arm's own level moved between periods (steps, weeks).

    Drift as such is harmless, both arms share it; drift beyond ``tolerated`` (the margin, say) means
    that yesterday's control is no longer what the margin was set against. Cochran's Q above its
    mean by 4 standard deviations counts as beyond chance: this is an alarm, not a test.

    Args:
        levels: the control mean of each period.
        ses: their standard errors, > 0.
        tolerated: largest spread, in the metric's unit, that nobody minds.

    """
    if len(levels) < 2:
        return None
    weights = [se**-2 for se in ses]
    centre = sum(w * x for w, x in zip(weights, levels, strict=True)) / sum(weights)
    freedom = len(levels) - 1
    excess = (cochran_q(levels, ses, centre) - freedom) / math.sqrt(2 * freedom)
    spread = max(levels) - min(levels)
    if excess < 4 or spread <= tolerated:
        return None
    return Finding(
        Reason.CONTROL_DRIFT,
        f"the human arm's own level moved by {spread:.3g} between periods, more than {tolerated:.3g}",
        ("escalations load the human queue", "staffing, season or a release changed the desk"),
    )


def contamination_finding(
    before_after: Comparison, *, tolerated: float, alpha: float = ALPHA
) -> Finding | None:
    """Whether humans answer their own arm more slowly since the agent escalates into their queue.

    Args:
        before_after: control-arm tickets only, y the waiting time; "treated" are those that opened
            while agent escalations were waiting, strata are comparable hours.
        tolerated: largest slowdown, in the unit of y, that nobody minds.
        alpha: chance of a false alarm.

    """
    estimate = estimate_difference(before_after)
    if not (estimate.information > 0 and tolerated > 0):
        return None
    least = lower_bound(estimate.effect, estimate.information, alpha=alpha, margin=tolerated, ratio=1.0)
    if least <= tolerated:
        return None
    return Finding(
        Reason.CONTAMINATION,
        f"tickets of the human arm wait {estimate.effect:.3g} longer while agent escalations are queued",
        ("the agent's escalations and the human arm share one queue", "freed people were moved elsewhere"),
    )


def _expected(check: RatioCheck) -> str:
    return f"{check.expected:,.0f}"
