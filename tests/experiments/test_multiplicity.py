"""Many categories: some will look bad by chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_for_tests import desk
from statsmodels.stats.meta_analysis import combine_effects

from experiments.multiplicity import between_variance, category_harm, e_bh, shrink

logs = st.lists(st.floats(-5, 30), min_size=1, max_size=20)


def test_e_bh_by_hand() -> None:
    """Of four at 10 %: 40/k must be reached by the k-th largest."""
    assert e_bh([math.log(x) for x in (50, 21, 12, 1)], level=0.1) == [True, True, False, False]
    assert e_bh([math.log(39)] * 1 + [0.0] * 3, level=0.1) == [False] * 4
    assert e_bh([math.log(10.01)] * 4, level=0.1) == [True] * 4
    assert e_bh([]) == []


@given(logs)
def test_more_evidence_never_loses_a_discovery(values: list[float]) -> None:
    before = e_bh(values)
    after = e_bh([value + 1 for value in values])
    assert all(late or not early for early, late in zip(before, after, strict=True))


@given(logs, st.randoms())
def test_order_does_not_matter(values: list[float], random: object) -> None:
    places = list(range(len(values)))
    random.shuffle(places)
    shuffled = e_bh([values[place] for place in places])
    assert shuffled == [e_bh(values)[place] for place in places]


def test_between_variance_equals_statsmodels() -> None:
    effects, ses = [0.1, -0.3, 0.25, 0.0, -0.6], [0.1, 0.12, 0.2, 0.08, 0.15]
    oracle = combine_effects(np.array(effects), np.array(ses) ** 2, method_re="dl")
    assert between_variance(effects, ses) == pytest.approx(oracle.tau2, rel=1e-9)


def test_shrinking_pulls_the_noisy_ones_most() -> None:
    effects, ses = [0.5, 0.5, -0.5, 0.0], [0.05, 0.5, 0.1, 0.1]
    shrunk = shrink(effects, ses)
    assert abs(shrunk[1] - effects[1]) > abs(shrunk[0] - effects[0])
    assert shrink([], []) == []
    assert shrink([0.2], [0.1]) == pytest.approx([0.2])


def test_a_harmed_category_falls_back_and_the_others_stay() -> None:
    categories = {f"c{index}": desk(index, n=2500).comparison() for index in range(8)}
    categories["billing"] = desk(50, n=2500, effect=-1.0).comparison()
    categories["rare"] = desk(51, n=60, effect=-2.0).comparison()
    found = category_harm(categories, better="higher", margin=0.15)
    assert [name for name, harm in found.items() if harm.fallback] == ["billing"]
    assert not found["rare"].enough
    assert math.isnan(found["rare"].shrunk)
    assert found["billing"].shrunk > found["billing"].effect, "display is pulled to the mean"


def test_a_margin_is_required() -> None:
    with pytest.raises(ValueError, match="margin"):
        category_harm({}, better="higher", margin=0.0)
