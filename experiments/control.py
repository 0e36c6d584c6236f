"""What became of the control arm itself: two checks that no comparison of arms can make.

*Drift.* Both arms share ordinary drift, and strata absorb it. But "no worse than the humans" means
less once the humans themselves have become worse: non-inferiority against an eroding control. So the
control of a comparison is held against the same people before the rollout.

*Contamination.* What the agent escalates lands in the queue the control arm waits in. The more of it,
the longer the control waits, and the better the agent looks beside it.

Both flatter the treated arm and neither can make it look worse, so a proven harm stands beside them.
Both bounds hold at every look together (``sequential.lower_bound``).
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from experiments.estimate import (
    Estimate,
    control_level,
    estimate_above,
    estimate_above_relative,
    estimate_difference,
    is_constant,
)
from experiments.integrity import ALPHA, Finding
from experiments.judge import CLUSTERS
from experiments.power import BURN_IN
from experiments.samples import Comparison
from experiments.sentences import amount
from experiments.sequential import WIDE, lower_bound
from experiments.verdict import Question, Reason

DRIFT_TOLERATED: Final = 3.0
"""Margins by which the human arm may have become worse than before the rollout.

Passing says "at most a margin below the control". One margin of erosion is what a new season or a
release does to any desk, and to demand less would hold rollouts for the weather; with three, an agent
that passes may be four margins below the desk people knew when they chose the margin."""
SLOWDOWN_TOLERATED: Final = 0.10
"""How much longer the human arm may wait after many escalations before the comparison is called
contaminated: in the order of what a margin on a time or a rate allows."""
SLOWDOWN_EXPECTED: Final = 0.35
"""What the test is tuned to find beyond that; it finds any size, this one soonest."""
FLOOR_SECONDS: Final = 60.0
"""Waits count as ln(60 s + wait): a queue multiplies waits, and seconds are no wait at all."""
DAYS: Final = 10.0
"""Effective days a contamination check needs: within one, the waits of all tickets hang together."""


class Standing(StrEnum):
    """What a check says. One that could not be made never says PASS."""

    PASS = "PASS"  # noqa: S105 - a standing, not a password
    INVALID = "INVALID"
    NOT_CHECKED = "NOT_CHECKED"


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """One check of the control arm; numbers in the metric's own unit."""

    standing: Standing
    sentence: str
    worsening: float | None = None
    """How much worse, like with like; negative is better."""
    lower: float | None = None
    """At least so much, at every look together."""
    tolerated: float | None = None
    before: float | None = None
    """The level it is held against: before the rollout, or while few escalations came."""
    after: float | None = None
    n_before: int = 0
    n_after: int = 0
    finding: Finding | None = None


def check_drift(
    periods: Comparison,
    question: Question,
    *,
    alpha: float = ALPHA,
    since: str = "before the rollout",
) -> ControlCheck:
    """Whether the human arm has become worse than it was, by more than ``DRIFT_TOLERATED`` margins.

    The question is about the days that were, not about days like them: what a verdict rests on is the
    desk as it was in those days, and chance enters through the customers who came. Clusters are
    therefore customers, as in the gate.

    Args:
        periods: control tickets only; "treated" are those a verdict rests on, "control" those from
            before. Strata are what makes tickets comparable (weekday, category).
        question: the metric and the plan's own margin; ``scale`` is not read.
        alpha: chance of a false alarm, over all looks.
        since: what the earlier period was, in words.

    """
    title = question.title
    missing = _unusable(periods, CLUSTERS, "comparable observations")
    if missing is not None:
        return _not_checked(f"{title}: {missing}", periods)
    measured = _erosion(periods, question)
    if measured is None:
        return _not_checked(f"{title}: three margins allow everything, so nothing can exceed them", periods)
    excess, unit_margin, tolerated = measured
    bound = lower_bound(excess.effect, excess.information, alpha=alpha, margin=unit_margin, ratio=WIDE)
    worsening = -estimate_difference(periods, better=question.better).effect
    words = (
        f"{title} in the human arm is {amount(worsening, question.unit)} "
        f"{'worse' if worsening > 0 else 'better'} than {since}, compared like with like "
        f"({amount(tolerated, question.unit)} worse is tolerated)"
    )
    check = _measured(words, periods, worsening, tolerated + bound, tolerated)
    if bound <= 0:
        return check
    causes = (
        "the agent's escalations load the people who serve the human arm",
        "experienced people were moved elsewhere when the agent took over tickets",
        "a season, a release or an outage made the work harder",
    )
    return _invalid(check, Finding(Reason.CONTROL_DRIFT, words, causes, question.metric, flatters=True))


def check_contamination(
    hours: Comparison, *, alpha: float = ALPHA, tolerated: float = SLOWDOWN_TOLERATED
) -> ControlCheck:
    """Whether the human arm waits longer after more escalations of the agent than usual.

    Args:
        hours: control tickets only, y = ln(``FLOOR_SECONDS`` + wait); "treated" are those opened after
            more escalations than is usual for their stratum (``cells.more_than_usual``), strata are
            comparable hours, clusters are days, because waits of one day hang together.
        alpha: chance of a false alarm, over all looks.
        tolerated: slowdown that nobody minds, as a share of the wait.

    """
    missing = _unusable(hours, DAYS, "answered tickets of comparable hours", "days")
    if missing is not None:
        return replace(_not_checked(f"The human arm's queue: {missing}", hours), before=None, after=None)
    allowed = math.log1p(tolerated)
    excess = estimate_above(hours, better="higher", margin=-allowed)
    size = math.log1p(SLOWDOWN_EXPECTED)
    bound = lower_bound(excess.effect, excess.information, alpha=alpha, margin=size, ratio=WIDE)
    slower = math.expm1(allowed + excess.effect)
    words = (
        f"tickets of the human arm waited {abs(slower):.0%} {'longer' if slower > 0 else 'shorter'} for an "
        "answer after the agent had escalated more of its tickets than usual, compared like with like; "
        f"{tolerated:.0%} longer is tolerated"
    )
    check = replace(
        _measured(words, hours, slower, math.expm1(allowed + bound), tolerated),
        before=_waited(hours.mean_control),
        after=_waited(hours.mean_treated),
    )
    if bound <= 0:
        return check
    causes = (
        "the agent's escalations and the human arm share one queue",
        "people are taken off the human arm to answer escalations",
        "something makes tickets of both arms harder at the same hours",
    )
    return _invalid(check, Finding(Reason.CONTAMINATION, words, causes, flatters=True))


def _erosion(periods: Comparison, question: Question) -> tuple[Estimate, float, float] | None:
    """By how much the worsening exceeds what is tolerated, the margin, and what is tolerated."""
    share = DRIFT_TOLERATED * question.margin
    if not question.relative:
        above = estimate_above(periods, better=question.better, margin=share)
        return replace(above, effect=-above.effect), question.margin, share
    base = control_level(periods)
    if not base > 0 or (question.better == "higher" and share >= 1):
        return None
    above = estimate_above_relative(periods, better=question.better, share=share)
    return replace(above, effect=-above.effect), question.margin * base, share * base


def _unusable(sums: Comparison, clusters: float, what: str, unit: str = "customers") -> str | None:
    """Why nothing can be concluded from these sums; None where something can."""
    estimate = estimate_difference(sums)
    smaller = min(sums.n_treated, sums.n_control)
    if not smaller >= BURN_IN:  # also where it is not a number
        known = f"{smaller:,.0f}" if math.isfinite(smaller) else "an unknown number of"
        return f"not checked, there are {known} {what} on one side and {BURN_IN} are needed"
    if not estimate.effective_clusters >= clusters:
        few = f"{estimate.effective_clusters:.0f}"
        return f"not checked, the comparison rests on {few} effective {unit} and {clusters:.0f} are needed"
    if not estimate.information > 0 or is_constant(sums, estimate):
        return "not checked, every observation is the same or unknown"
    return None


def _not_checked(sentence: str, sums: Comparison) -> ControlCheck:
    return ControlCheck(
        Standing.NOT_CHECKED,
        f"{sentence}.",
        before=_finite(sums.mean_control),
        after=_finite(sums.mean_treated),
        n_before=_count(sums.n_control),
        n_after=_count(sums.n_treated),
    )


def _measured(words: str, sums: Comparison, worsening: float, lower: float, tolerated: float) -> ControlCheck:
    return ControlCheck(
        Standing.PASS,
        f"{words[:1].upper()}{words[1:]}.",
        worsening=_finite(worsening),
        lower=_finite(lower),
        tolerated=_finite(tolerated),
        before=_finite(sums.mean_control),
        after=_finite(sums.mean_treated),
        n_before=_count(sums.n_control),
        n_after=_count(sums.n_treated),
    )


def _invalid(check: ControlCheck, finding: Finding) -> ControlCheck:
    sentence = f"{check.sentence} That is not chance. Likely: {'; '.join(finding.causes)}."
    return replace(check, standing=Standing.INVALID, sentence=sentence, finding=finding)


def _waited(mean: float) -> float | None:
    """The geometric mean wait in seconds."""
    return math.exp(mean) - FLOOR_SECONDS if math.isfinite(mean) else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _count(value: float) -> int:
    return round(value) if math.isfinite(value) else 0
