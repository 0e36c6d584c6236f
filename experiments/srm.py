"""Sample-ratio mismatch that may be checked after every ticket.

Counted over *new* units only, in the step where each was first seen, against the share in force at
that moment: a unit that stays in its arm is no second coin toss.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.sequential import best_rho

TUNED_AT = 2500.0
"""Variance Σn·p(1−p) near which the check is sharpest: 10,000 units at one half."""
BURN_IN = 10.0
"""Variance below which a lopsided coin is still too skewed for the normal mixture."""


@dataclass(frozen=True, slots=True)
class SplitCount:
    """New units of one step (or of one step and version)."""

    n_treated: int
    n: int
    share: float
    """Probability of the treated arm that was in force, among the arms counted."""


@dataclass(frozen=True, slots=True)
class RatioCheck:
    log_evidence: float
    """Logarithm of the e-value against the planned split."""
    p_value: float
    """min(1, 1/E): valid at every look together."""
    alarm: bool
    expected: float
    observed: int
    n: int


def check_ratio(
    counts: Sequence[SplitCount], *, alpha: float = 0.01, tuned_at: float = TUNED_AT
) -> RatioCheck:
    """Do the arms hold the planned shares of new units?

    E = √(ρ/(V + ρ))·exp(S²/(2(V + ρ))) with S = Σ(n₁ − p·n) and V = Σn·p(1−p): the two-sided normal
    mixture (Robbins 1970). No units means no alarm and no reassurance: p is 1.

    Raises:
        ValueError: a share is outside (0, 1) or counts contradict themselves.

    """
    for count in counts:
        if not 0 < count.share < 1:
            raise ValueError(
                f"share == {count.share}, must lie between 0 and 1: leave out steps with one arm"
            )
        if not 0 <= count.n_treated <= count.n:
            raise ValueError(f"{count.n_treated} treated of {count.n} units cannot be")
    expected = sum(count.n * count.share for count in counts)
    observed = sum(count.n_treated for count in counts)
    variance = sum(count.n * count.share * (1 - count.share) for count in counts)
    rho = best_rho(tuned_at, alpha=alpha)
    log_e = 0.0
    if variance >= BURN_IN:
        excess = (observed - expected) ** 2
        log_e = 0.5 * math.log(rho / (variance + rho)) + excess / (2 * (variance + rho))
    return RatioCheck(
        log_evidence=log_e,
        p_value=min(1.0, math.exp(-log_e)) if log_e > 0 else 1.0,
        alarm=log_e >= math.log(1 / alpha),
        expected=expected,
        observed=observed,
        n=sum(count.n for count in counts),
    )
