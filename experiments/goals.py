"""Goal metrics: what the rollout is for. They are reported; guardrails gate."""

import math
from dataclasses import replace

from experiments import sentences
from experiments.evidence import weigh
from experiments.judge import judge_difference
from experiments.power import BURN_IN
from experiments.samples import Comparison
from experiments.sequential import lower_bound
from experiments.verdict import NOTHING_ELSE, Circumstances, Question, Reason, Rules, State, Verdict


def judge_goal(
    comparison: Comparison,
    question: Question,
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Has a goal metric improved by at least ``question.margin``, read as an improvement?

    Met: the improvement is beyond chance and the estimate reaches the goal. Missed: the upper bound
    lies below the goal. ``margin`` of the verdict is the improvement aimed at, ``lower`` and
    ``upper`` bound the difference as everywhere; ``mde`` and the needed numbers are left out.

    Raises:
        ValueError: as ``judge_difference``.

    """
    verdict = replace(
        judge_difference(comparison, question, rules, circumstances),
        mde=None,
        needed_information=None,
        needed_tickets=None,
        needed_days=None,
    )
    evidence = weigh(comparison, question, rules)
    silent = verdict.state is State.INVALID or verdict.estimate is None or not evidence.defined
    if not silent and verdict.reason not in {Reason.NO_VARIATION, Reason.FEW_CLUSTERS}:
        plain, goal = evidence.plain, evidence.margin
        low = lower_bound(plain.effect, plain.information, alpha=rules.alpha, margin=goal)
        high = -lower_bound(-plain.effect, plain.information, alpha=rules.alpha, margin=goal)
        state, reason = State.INCONCLUSIVE, Reason.UNDERPOWERED
        if evidence.smaller_arm >= BURN_IN and low > 0 and plain.effect >= goal:
            state, reason = State.PASS, Reason.GOAL_MET
        elif evidence.smaller_arm >= BURN_IN and high < goal:
            state, reason = State.FAIL, Reason.GOAL_MISSED
        ends = (low, high) if question.better == "higher" else (-high, -low)
        lower, upper = (end if math.isfinite(end) else None for end in ends)
        verdict = replace(verdict, state=state, reason=reason, margin=goal, lower=lower, upper=upper)
    return replace(verdict, sentence=sentences.of_goal(verdict, question, rules))
