"""A judge passes on enough labels of both kinds, and on nothing else."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from rollout.judging.calibration import Bar, Judged, calibrate


def judged(
    n: int = 300,
    *,
    right: float = 0.95,
    good: float = 0.6,
    swaps: float = 0.0,
    noise: float = 0.0,
    seed: int = 1,
) -> list[Judged]:
    """Pairs by a judge that is right so often, contradicts itself and changes its mind so often."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(n):
        truth = float(rng.random() < good)
        said = truth if rng.random() < right else 1 - truth
        rows.append(
            Judged(
                f"c{number % (n // 2 + 1)}",
                {"good": truth, "as_good": truth},
                {"good": said, "as_good": said},
                consistent=bool(rng.random() >= swaps),
                again=bool(rng.random() >= noise) if number < 40 else None,
            )
        )
    return rows


def test_a_good_judge_passes() -> None:
    found = calibrate("judge:m", judged())
    assert found.passed, found.shortfalls


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"n": 60}, "60 labelled pairs"),
        ({"right": 0.5}, "κ"),
        ({"right": 0.75}, "bad replies found"),
        ({"good": 0.99}, "of the rarer label"),
        ({"swaps": 0.5}, "swapping sides"),
        ({"noise": 0.5}, "judged again"),
    ],
)
def test_each_way_to_fall_short_is_named(changes: dict[str, float], told: str) -> None:
    found = calibrate("judge:m", judged(**changes))  # type: ignore[arg-type]
    assert not found.passed
    assert any(told in shortfall for shortfall in found.shortfalls)


def test_nothing_is_not_a_pass() -> None:
    found = calibrate("judge:m", [])
    assert not found.passed
    assert math.isnan(found.questions[0].kappa.value)
    json.dumps(found.to_json(), allow_nan=False)


def test_without_second_judgements_its_noise_is_unknown_and_it_does_not_pass() -> None:
    rows = [Judged(one.customer_id, one.people, one.judge, one.consistent) for one in judged()]
    assert calibrate("judge:m", rows).shortfalls == ("0 pairs were judged again; 20 are needed",)


def test_a_judge_that_will_not_commit_itself_does_not_pass_on_the_rest() -> None:
    rows = [
        Judged(one.customer_id, one.people, dict.fromkeys(one.people), one.consistent, one.again)
        if number % 2
        else one
        for number, one in enumerate(judged(600))
    ]
    assert any("a mark for" in shortfall for shortfall in calibrate("judge:m", rows).shortfalls)


def test_a_judge_that_calls_everything_good_fails_however_rare_the_bad_ones() -> None:
    rows = [
        Judged(one.customer_id, one.people, {"good": 1.0, "as_good": 1.0}, one.consistent, one.again)
        for one in judged(1000, good=0.95)
    ]
    found = calibrate("judge:m", rows)
    assert found.questions[0].sensitivity.value == 1.0
    assert found.questions[0].specificity.value == 0.0
    assert not found.passed


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=30, max_size=80),
)
def test_the_figures_are_those_of_the_textbook(pairs: list[tuple[bool, bool]]) -> None:
    rows = [
        Judged(f"c{at}", {"good": float(p)}, {"good": float(j)}, consistent=True)
        for at, (p, j) in enumerate(pairs)
    ]
    question = calibrate("judge:m", rows).questions[0]
    table = np.zeros((2, 2))
    for person, machine in pairs:
        table[int(machine), int(person)] += 1
    if not math.isnan(question.kappa.value):
        with np.errstate(all="ignore"):
            assert question.kappa.value == pytest.approx(cohens_kappa(table).kappa)
    positives = sum(p for p, _ in pairs)
    if positives:
        low, high = proportion_confint(table[1, 1], positives, method="wilson")
        assert (question.sensitivity.lower, question.sensitivity.upper) == pytest.approx((low, high))


def test_a_lower_bar_lets_more_through() -> None:
    rows = judged(right=0.85)
    assert not calibrate("judge:m", rows, Bar(kappa=0.9)).passed
    assert calibrate("judge:m", rows, Bar(kappa=0.5)).passed
