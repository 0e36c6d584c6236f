"""Confidence that means what it says: published examples, exact identities, honest unknowns."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.calibration import Reviewed, calibrate
from experiments.shares import share_of

NOBODY = math.nan


def answers(confidence: Any, good: Any, **columns: Any) -> Reviewed:
    return Reviewed.of(
        confidence=confidence, good=good, needs_human=np.full(len(confidence), NOBODY), **columns
    )


def drawn(n: int, seed: int, truth: Callable[[Any], Any]) -> Reviewed:
    rng = np.random.default_rng(seed)
    stated = rng.random(n)
    return answers(stated, rng.random(n) < truth(stated))


def test_the_example_of_scikit_learns_calibration_curve() -> None:
    """Source: scikit-learn, calibration_curve, example of the reference page; each value ten times here."""
    stated = [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0] * 10
    found = calibrate(answers(stated, [0, 0, 0, 0, 1, 1, 1, 1, 1] * 10), bins=3)
    assert [part.good.value for part in found.bins] == pytest.approx([0.0, 0.5, 1.0])
    assert [part.confidence for part in found.bins] == pytest.approx([0.2, 0.525, 0.85])
    assert [part.good.n for part in found.bins] == [30, 20, 40]


def test_the_example_of_scikit_learns_brier_score() -> None:
    """Source: scikit-learn, brier_score_loss, example of the reference page: 0.0375."""
    found = calibrate(answers([0.1, 0.9, 0.8, 0.3] * 5, [0, 1, 1, 0] * 5))
    assert found.brier.score == pytest.approx(0.0375)


def test_murphys_partition_is_exact_where_each_bin_holds_one_confidence() -> None:
    """Murphy (1973), A new vector partition of the probability score: nothing is left within bins."""
    rng = np.random.default_rng(3)
    stated = rng.integers(0, 10, 500) / 10 + 0.05
    parts = calibrate(answers(stated, rng.random(500) < stated**2, weight=rng.integers(1, 5, 500))).brier
    assert parts.within == pytest.approx(0.0, abs=1e-12)
    assert parts.score == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty)


def test_honest_confidence_is_told_from_boasting() -> None:
    honest, boastful = drawn(5000, 0, lambda c: c), drawn(5000, 0, lambda c: c**3)
    assert calibrate(honest).error < 0.03 < calibrate(boastful).error
    assert calibrate(honest).brier.reliability < calibrate(boastful).brier.reliability
    assert len(calibrate(honest).bins) == 10


def test_the_error_of_honest_confidence_is_what_chance_alone_brings() -> None:
    """The error is biased upwards; of calibrated agents it averages ``error_by_chance``."""
    looks = [calibrate(drawn(300, seed, lambda c: c)) for seed in range(80)]
    mean = np.mean([look.error for look in looks])
    assert mean > 0.03, "300 labels never show a calibrated agent as one"
    assert mean == pytest.approx(np.mean([look.error_by_chance for look in looks]), rel=0.1)


def test_customers_and_not_tickets_stand_behind_an_interval() -> None:
    rng = np.random.default_rng(5)
    mood = np.repeat(rng.random(40) < 0.5, 25).astype(float)
    alone = share_of(mood, np.ones(1000), np.arange(1000))
    together = share_of(mood, np.ones(1000), np.repeat(np.arange(40), 25))
    assert alone.value == together.value
    assert together.upper - together.lower > 4 * (alone.upper - alone.lower)


@pytest.mark.parametrize(
    "rows",
    [
        answers([], []),
        answers([0.5] * 50, [NOBODY] * 50),
        answers([NOBODY] * 50, [1.0] * 50),
        answers([0.5] * 50, [1.0] * 50, cluster=["one"] * 50),
        answers([0.5] * 9, [1.0] * 9),
        answers([0.5] * 60, [1.0] * 60, cluster=["loud"] * 50 + list("abcdefghij")),
    ],
    ids=["empty", "unlabelled", "unstated", "one customer", "nine customers", "one loud customer"],
)
def test_too_little_is_unknown_and_never_a_number(rows: Reviewed) -> None:
    found = calibrate(rows)
    assert math.isnan(found.error)
    assert math.isnan(found.error_by_chance)
    assert math.isnan(found.brier.score)
    assert found.bins == ()
    assert math.isnan(found.overall.value)


def test_a_bin_of_few_customers_is_shown_without_a_share() -> None:
    found = calibrate(answers([0.95] * 40 + [0.15] * 4, [1.0] * 44))
    low, high = found.bins
    assert not low.good.known
    assert low.good.n == 4
    assert (high.good.value, high.good.upper) == (1.0, 1.0)
    assert high.good.lower < 0.95, "forty right answers do not prove that all are"


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"confidence": [1.2]}, "confidence"),
        ({"good": [-0.1]}, "good"),
        ({"weight": [0.0]}, "weight"),
        ({"weight": [math.nan]}, "weight"),
        ({"weight": [math.inf]}, "weight"),
        ({"cluster": ["a", "b"]}, "cluster"),
        ({"needs_human": [2.0]}, "needs_human"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Reviewed.of(**({"confidence": [0.5], "good": [1.0], "needs_human": [0.0]} | wrong))


rows = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.05, 0.4, 0.62, 0.9, 1.0]),
        st.sampled_from([0.0, 1.0, 0.5]),
        st.integers(0, 30),
        st.sampled_from([1, 2, 4]),
    ),
    min_size=12,
    max_size=60,
)


@given(rows, st.randoms(use_true_random=False))
def test_order_and_scale_of_weights_do_not_matter_and_a_weight_is_a_number_of_copies(
    given_rows: list, random: Any
) -> None:
    def found(these: list, scale: float = 1.0) -> list[float]:
        stated, good, who, weight = (np.array(column) for column in zip(*these, strict=True))
        result = calibrate(answers(stated, good, weight=weight * scale, cluster=who))
        parts = result.brier
        shares = [part.good.value for part in result.bins]
        return [result.error, result.error_by_chance, parts.score, parts.resolution, parts.within, *shares]

    base = found(given_rows)
    copies = [(*row[:3], 1) for row in given_rows for _ in range(row[3])]
    for other in (found(random.sample(given_rows, len(given_rows))), found(given_rows, 3.7), found(copies)):
        assert other == pytest.approx(base, rel=1e-9, abs=1e-9, nan_ok=True)
