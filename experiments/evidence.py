"""What a comparison shows about a question: estimate, margin and bounds, one orientation."""

import math
from dataclasses import dataclass

from experiments.alternatives import fixed_bound, group_sequential_bound, look_due, looks_spent
from experiments.estimate import (
    Estimate,
    control_level,
    estimate_above,
    estimate_above_relative,
    estimate_difference,
)
from experiments.power import needed_information
from experiments.samples import Comparison
from experiments.sequential import lower_bound, upper_bound
from experiments.verdict import Method, Question, Rules

NO_MARGIN = 1e-100
"""A relative margin below this comes from a control mean of zero."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Oriented so that larger is better for the treated arm; unknown parts are NaN or infinite."""

    comparison: Comparison
    plain: Estimate
    """Treated minus control."""
    above: Estimate
    """The difference plus the tested margin, its variance taken as if it were zero; of a relative margin
    with that margin's uncertainty."""
    margin: float
    """The plan's margin in the metric's unit; NaN where a relative one has no control level."""
    tested: float
    """The margin of this step: scale·margin."""
    lower: float
    upper: float
    needed: float
    """Information at which a pass is expected."""
    due: bool = True
    """Whether this is a look: at any time for the sequential test, at the planned ones for the others."""
    spent: bool = False
    """Whether the planned looks are used up."""
    remembered: bool = False
    """Whether a planned look has passed before."""

    @property
    def smaller_arm(self) -> float:
        return min(self.comparison.n_treated, self.comparison.n_control)

    @property
    def largest_pull(self) -> float:
        """The weightiest customer's share of the contrast; 0 where it was not counted."""
        return self.comparison.largest_b / self.comparison.sum_b if self.comparison.sum_b > 0 else 0.0

    @property
    def defined(self) -> bool:
        """Whether there is an effect and a margin to hold it against."""
        return math.isfinite(self.plain.effect) and self.margin > NO_MARGIN


def weigh(comparison: Comparison, question: Question, rules: Rules) -> Evidence:
    """Estimate, margin and bounds for ``question``.

    Raises:
        ValueError: the margin is relative and the comparison lacks ``treated_part``.

    """
    plain = estimate_difference(comparison, better=question.better)
    margin = question.margin
    if question.relative:
        above = estimate_above_relative(comparison, better=question.better, share=margin * question.scale)
        # The harm test needs no exactness here: it tests a difference of zero.
        margin *= control_level(comparison)
    else:
        above = estimate_above(comparison, better=question.better, margin=margin * question.scale)
    tested = margin * question.scale
    if not (math.isfinite(plain.effect) and margin > NO_MARGIN):
        return Evidence(comparison, plain, above, margin, tested, -math.inf, math.inf, math.inf)
    needed = needed_information(tested, rules)
    lower = _lower(above, tested, needed, rules) - tested
    upper = upper_bound(plain.effect, plain.information, alpha=rules.harm_share, margin=margin)
    looks, information = rules.looks, above.information
    return Evidence(
        comparison,
        plain,
        above,
        margin,
        tested,
        lower,
        upper,
        needed,
        due=look_due(rules.method, information, horizon=needed, looks=looks),
        spent=looks_spent(horizon=needed, looks=looks),
        remembered=looks is not None and looks.passed,
    )


def _lower(above: Estimate, tested: float, needed: float, rules: Rules) -> float:
    # After the last planned look there is nothing to decide with; people still want to see an interval.
    over = rules.looks is not None and bool(rules.looks.at) and rules.looks.at[-1] >= needed
    if rules.method is Method.FIXED_HORIZON or (rules.method is Method.GROUP_SEQUENTIAL and over):
        return fixed_bound(above.effect, above.information, alpha=rules.alpha)
    if rules.method is Method.GROUP_SEQUENTIAL:
        return group_sequential_bound(
            above.effect,
            above.information,
            alpha=rules.alpha,
            horizon=needed,
            looks=rules.looks.at if rules.looks is not None else None,
        )
    return lower_bound(above.effect, above.information, alpha=rules.pass_alpha, margin=tested)
