"""From sufficient statistics to a verdict: pass, fail, inconclusive or invalid, and why."""

from experiments.samples import Comparison, OneSample
from experiments.verdict import NOTHING_ELSE, Circumstances, Limit, Question, Rules, Verdict


def judge_difference(
    comparison: Comparison,
    question: Question,
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Is the treated arm non-inferior to the control arm, inferior, or is it too early to say?

    Raises:
        ValueError: a margin is not positive, a scale below 1, or the margin is relative and the
            comparison lacks ``treated_part``.

    """
    raise NotImplementedError


def judge_limit(
    sample: OneSample, limit: Limit, rules: Rules, circumstances: Circumstances = NOTHING_ELSE
) -> Verdict:
    """Does one arm keep to its floor or ceiling?"""
    raise NotImplementedError


def judge_band(
    sample: OneSample,
    limit: Limit,
    band: tuple[float, float],
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Does one arm's rate stay inside a band? Below it fails as well as above."""
    raise NotImplementedError


def judge_goal(
    comparison: Comparison,
    question: Question,
    rules: Rules,
    circumstances: Circumstances = NOTHING_ELSE,
) -> Verdict:
    """Has a goal metric improved by at least ``question.margin`` (read as an improvement)?"""
    raise NotImplementedError
