"""Is the experiment what it claims to be? A finding makes the verdicts it is about invalid.

Here is what went wrong between the arms; ``control`` asks what became of the control arm itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.rates import rate_lower
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
    metric: str | None = None
    """The only metric it is about; None where it is about every comparison of the arms."""
    flatters: bool = False
    """Whether it can only make the treated arm look better: a proven harm then stands all the same."""


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


def _expected(check: RatioCheck) -> str:
    return f"{check.expected:,.0f}"
