"""The split is what the plan says, or every number is suspect."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare

from experiments.integrity import (
    crossover_finding,
    double_assignment_finding,
    eligibility_finding,
    ratio_finding,
)
from experiments.srm import SplitCount, check_ratio
from experiments.verdict import Reason


def test_a_known_mismatch_is_seen() -> None:
    """821,588 against 815,482 at one half: p = 1.8e-6 at a single look.

    Source: Kohavi, Tang & Xu, Trustworthy Online Controlled Experiments, chapter 3.
    """
    assert chisquare([821_588, 815_482]).pvalue == pytest.approx(1.8e-6, rel=0.02)
    found = check_ratio([SplitCount(821_588, 821_588 + 815_482, 0.5)], tuned_at=400_000)
    assert found.alarm
    assert found.p_value > 1.8e-6, "looking at every ticket costs something"


def test_the_planned_split_raises_no_alarm() -> None:
    assert not check_ratio([SplitCount(98, 1000, 0.1), SplitCount(305, 1000, 0.3)]).alarm


def test_no_traffic_is_no_reassurance() -> None:
    nothing = check_ratio([])
    assert (nothing.alarm, nothing.p_value, nothing.n) == (False, 1.0, 0)


def test_steps_with_different_shares_are_added_on_their_own_scale() -> None:
    counts = [SplitCount(50, 1000, 0.05), SplitCount(600, 1000, 0.6)]
    assert not check_ratio(counts).alarm
    assert check_ratio([SplitCount(650, 2000, 0.05)]).alarm


@pytest.mark.parametrize("count", [SplitCount(5, 10, 0.0), SplitCount(5, 10, 1.0), SplitCount(11, 10, 0.5)])
def test_impossible_counts_are_refused(count: SplitCount) -> None:
    with pytest.raises(ValueError, match=r"share|cannot be"):
        check_ratio([count])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.1, 0.5, 0.95])
def test_false_alarms_stay_below_alpha_when_watched_all_the_time(share: float) -> None:
    rng = np.random.default_rng(8)
    runs, looks, batch, alpha = 4000, 150, 60, 0.05
    treated = rng.binomial(batch, share, (runs, looks)).cumsum(axis=1)
    n = batch * np.arange(1, looks + 1)
    variance = n * share * (1 - share)
    rho = 2500.0 / (2 * math.log(1 / alpha) + math.log(1 + 2 * math.log(1 / alpha)))
    logs = 0.5 * np.log(rho / (variance + rho)) + (treated - n * share) ** 2 / (2 * (variance + rho))
    alarms = ((logs >= math.log(1 / alpha)) & (variance >= 10)).any(axis=1)
    assert alarms.mean() <= alpha
    last = check_ratio([SplitCount(int(treated[0, -1]), int(n[-1]), share)], alpha=alpha)
    assert last.log_evidence == pytest.approx(logs[0, -1])


def test_each_check_names_its_reason_and_causes() -> None:
    findings = {
        Reason.SRM: ratio_finding([SplitCount(700, 1000, 0.5)]),
        Reason.CROSSOVER: crossover_finding(120, 2000),
        Reason.DOUBLE_ASSIGNMENT: double_assignment_finding(60, 2000),
        Reason.UNEQUAL_ELIGIBILITY: eligibility_finding([SplitCount(700, 1000, 0.5)]),
    }
    for reason, finding in findings.items():
        assert finding is not None, reason
        assert finding.reason is reason
        assert finding.causes
        assert finding.detail


def test_healthy_experiments_have_no_findings() -> None:
    assert ratio_finding([SplitCount(501, 1000, 0.5)]) is None
    assert crossover_finding(3, 2000) is None
    assert crossover_finding(0, 0) is None
    assert double_assignment_finding(1, 5000) is None
    assert eligibility_finding([]) is None
