"""From a comparison of arms to a verdict: pass, fail, inconclusive or invalid, and why.

Order matters: a broken experiment has no verdict, proven harm comes before everything else, and
nothing passes on missing evidence.
"""

import math
from dataclasses import replace

from experiments import sentences
from experiments.estimate import is_constant
from experiments.evidence import Evidence, weigh
from experiments.power import BURN_IN, HARM_BURN_IN, mde, wait_for
from experiments.samples import Comparison
from experiments.verdict import (
    NOTHING_ELSE,
    Circumstances,
    Looks,
    Method,
    Question,
    Reason,
    Rules,
    State,
    Verdict,
)

CLUSTERS = 30.0
"""Effective customers a pass needs: a sandwich variance from fewer is too small."""
PULL = 0.10
"""Largest share of the contrast that one customer may carry in a pass."""
HARM_CLUSTERS = 10.0
"""Effective customers a failure needs: a handful of customers is an incident, not a trend."""


def judge_difference(
    comparison: Comparison,
    question: Question,
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Is the treated arm non-inferior to the control arm, inferior, or is it too early to say?

    Non-inferior: the anytime-valid lower bound lies above −scale·margin and the estimate is not
    beyond the plan's own margin. Inferior: the upper bound lies below zero and the estimate beyond
    −margin, so that a worsening people agreed to tolerate never rolls back. The two exclude each
    other at every scale.

    Raises:
        ValueError: a margin is not positive, a scale below 1, or the margin is relative and the
            comparison lacks ``treated_part`` or scale·margin allows a metric to fall by 100 %.

    """
    _check(question)
    evidence = weigh(comparison, question, rules)
    state, reason = _decide(evidence, question, rules, circumstances)
    verdict = _verdict(evidence, question, rules, circumstances, state, reason)
    if state is not State.INVALID and evidence.defined and reason is not Reason.NO_VARIATION:
        verdict = replace(verdict, look=_look(evidence, rules))
    return replace(verdict, sentence=sentences.of_difference(verdict, question, rules))


def _decide(
    evidence: Evidence, question: Question, rules: Rules, circumstances: Circumstances
) -> tuple[State, Reason]:
    if circumstances.invalid:
        return State.INVALID, circumstances.invalid[0]
    silent = _no_evidence(evidence, circumstances)
    if silent is not None:
        return silent
    if _harmful(evidence):
        return State.FAIL, Reason.INFERIOR
    missing = _missing(evidence, question, rules, circumstances)
    return (State.PASS, Reason.NON_INFERIOR) if missing is None else (State.INCONCLUSIVE, missing)


def _beyond(evidence: Evidence) -> bool:
    return evidence.plain.effect < -evidence.margin


def _harmful(evidence: Evidence) -> bool:
    ready = evidence.smaller_arm >= HARM_BURN_IN and evidence.plain.effective_clusters >= HARM_CLUSTERS
    return ready and _beyond(evidence) and evidence.upper < 0


def _missing(
    evidence: Evidence, question: Question, rules: Rules, circumstances: Circumstances
) -> Reason | None:
    """What still stands between this evidence and a pass; None if nothing does."""
    looking = _looking(evidence, rules) or evidence.remembered
    cleared = (_clears(evidence) or evidence.remembered) and not _beyond(evidence)
    if not looking or not cleared or evidence.smaller_arm < BURN_IN:
        if evidence.spent or (looking and _last(evidence, rules)):
            return Reason.LOOKS_SPENT
        if _enough_is_coming(evidence, circumstances):
            return Reason.IMMATURE
        return Reason.UNDERPOWERED if looking else Reason.NOT_YET
    if evidence.plain.effective_clusters < CLUSTERS or evidence.largest_pull > PULL:
        return Reason.FEW_CLUSTERS
    return None if _identified(evidence, question, circumstances) else Reason.NOT_IDENTIFIED


def _looking(evidence: Evidence, rules: Rules) -> bool:
    """Whether a look is taken now; a planned one is not wasted before the normal approximation holds."""
    return evidence.due and (rules.looks is None or evidence.smaller_arm >= BURN_IN)


def _clears(evidence: Evidence) -> bool:
    return evidence.lower > -evidence.tested


def _last(evidence: Evidence, rules: Rules) -> bool:
    return (
        rules.looks is not None
        and rules.method is not Method.SEQUENTIAL
        and evidence.above.information >= evidence.needed
    )


def _look(evidence: Evidence, rules: Rules) -> Looks | None:
    """The looks taken once this one is counted; None where this was none of the planned."""
    if rules.looks is None or rules.method is Method.SEQUENTIAL or not _looking(evidence, rules):
        return None
    return rules.looks.taken(evidence.above.information, passed=_clears(evidence))


def _no_evidence(evidence: Evidence, circumstances: Circumstances) -> tuple[State, Reason] | None:
    """Inputs from which nothing can be concluded, whatever the sums look like."""
    sums = evidence.comparison
    parts = (sums.sum_a, sums.sum_b, sums.sum_aa, sums.sum_ab, sums.sum_bb, sums.within)
    counts = (sums.n, sums.n_treated, sums.n_control)
    if not all(map(math.isfinite, (*parts, *counts))):
        return State.INVALID, Reason.NOT_A_NUMBER
    if evidence.smaller_arm <= 0 or sums.sum_b <= 0:
        waiting = circumstances.immature > 0
        return State.INCONCLUSIVE, Reason.IMMATURE if waiting else Reason.NO_DATA
    if sums.clusters < 2:
        return State.INCONCLUSIVE, Reason.FEW_CLUSTERS
    if is_constant(sums, evidence.plain):
        return State.INCONCLUSIVE, Reason.NO_VARIATION
    if not evidence.defined:
        return State.INCONCLUSIVE, Reason.NO_BASELINE
    return None


def _identified(evidence: Evidence, question: Question, circumstances: Circumstances) -> bool:
    """Whether the margin holds even if those who did not answer differ as much as they can."""
    if circumstances.bounds is None:
        return True
    low, high = circumstances.bounds
    worst = low if question.better == "higher" else -high
    return worst > -evidence.tested


def _enough_is_coming(evidence: Evidence, circumstances: Circumstances) -> bool:
    """Whether outcomes already on their way would bring what is needed."""
    n, waiting = evidence.comparison.n, circumstances.immature
    grown = (n + waiting) / n
    informed = evidence.above.information * grown >= evidence.needed
    return waiting > 0 and informed and evidence.smaller_arm * grown >= BURN_IN


def _verdict(
    evidence: Evidence,
    question: Question,
    rules: Rules,
    circumstances: Circumstances,
    state: State,
    reason: Reason,
) -> Verdict:
    sums, plain, above = evidence.comparison, evidence.plain, evidence.above
    lower, upper, sign = evidence.lower, evidence.upper, 1.0
    if question.better == "lower":
        lower, upper, sign = -upper, -lower, -1.0
    wait = None
    if circumstances.traffic is not None and evidence.defined:
        wait = wait_for(
            evidence.needed,
            information=above.information,
            smaller_arm=evidence.smaller_arm,
            per_observation=above.per_observation,
            traffic=circumstances.traffic,
        )
    return Verdict(
        metric=question.metric,
        state=state,
        reason=reason,
        sentence="",
        estimate=_finite(sign * plain.effect),
        se=_finite(plain.se),
        lower=_finite(lower),
        upper=_finite(upper),
        margin=_finite(evidence.tested),
        mde=_finite(mde(above.information, evidence.tested, rules)) if evidence.defined else None,
        information=plain.information,
        needed_information=_finite(evidence.needed),
        needed_tickets=wait.tickets if wait else None,
        needed_days=wait.days if wait else None,
        n_treated=_count(sums.n_treated),
        n_control=_count(sums.n_control),
        clusters=sums.clusters,
        mean_treated=_finite(sums.mean_treated),
        mean_control=_finite(sums.mean_control),
        design_effect=_finite(plain.design_effect),
        effective_clusters=plain.effective_clusters,
        largest_pull=evidence.largest_pull if sums.largest_b > 0 else None,
        immature=circumstances.immature,
        mature_from=circumstances.mature_from,
        provisional_until=circumstances.mature_by,
        response_treated=circumstances.response_treated,
        response_control=circumstances.response_control,
        causes=circumstances.causes,
    )


def _check(question: Question) -> None:
    if not 0 < question.margin < math.inf:
        raise ValueError(f"{question.metric}: margin == {question.margin}, must be a number > 0")
    if not 1 <= question.scale < math.inf:
        raise ValueError(f"{question.metric}: scale == {question.scale}, must be >= 1")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _count(value: float) -> int:
    return round(value) if math.isfinite(value) else 0
