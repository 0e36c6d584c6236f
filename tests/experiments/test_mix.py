"""Drift of mix is told apart from drift of quality, and neither cries wolf."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.mix import Cell, decompose, stability

COUNTS = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 400), min_size=2)


def cell(values: list[float]) -> Cell:
    return Cell(len(values), sum(values), sum(value**2 for value in values))


def test_equal_shares_have_no_divergence() -> None:
    found = stability({"a": 100, "b": 300}, {"a": 100, "b": 300})
    assert found is not None
    assert found.psi == 0.0
    assert not found.drifted


def test_the_index_is_the_textbooks() -> None:
    found = stability({"a": 499_999, "b": 499_999}, {"a": 699_999, "b": 299_999})
    assert found is not None
    expected = 0.2 * math.log(0.7 / 0.5) - 0.2 * math.log(0.3 / 0.5)
    assert found.psi == pytest.approx(expected, abs=1e-5)
    assert found.drifted


@settings(max_examples=50)
@given(COUNTS, COUNTS)
def test_the_index_is_symmetric_and_never_negative(then: dict[str, int], now: dict[str, int]) -> None:
    one, other = stability(then, now), stability(now, then)
    if one is None or other is None:
        assert not sum(then.values()) or not sum(now.values())
        return
    assert one.psi >= 0
    assert one.psi == pytest.approx(other.psi)


def test_without_drift_one_look_in_twenty_is_beyond_chance() -> None:
    draw = np.random.default_rng(7)
    shares = [0.5, 0.3, 0.15, 0.05]
    beyond = 0
    for _ in range(1000):
        then, now = (
            dict(zip("abcd", map(int, draw.multinomial(n, shares)), strict=True)) for n in (600, 400)
        )
        found = stability(then, now)
        assert found is not None
        beyond += found.drifted
    assert 25 <= beyond <= 75


def test_an_empty_period_has_nothing_to_compare() -> None:
    assert stability({}, {"a": 3}) is None
    assert decompose({"a": cell([1.0])}, {"b": cell([1.0])}) is None


def test_harder_tickets_alone_are_mix_and_no_quality() -> None:
    easy, hard = cell([0.0, 0.0, 0.0, 1.0]), cell([1.0, 1.0, 1.0, 0.0])
    then = {"easy": Cell(40, 10, 10), "hard": Cell(10, 7.5, 7.5)}
    now = {"easy": Cell(10, 2.5, 2.5), "hard": Cell(40, 30, 30)}
    assert easy.mean == then["easy"].mean
    assert hard.mean == now["hard"].mean
    found = decompose(then, now)
    assert found is not None
    assert found.quality == pytest.approx(0.0)
    assert found.mix == pytest.approx(0.3)
    assert found.lower < 0 < found.upper


CELLS = st.dictionaries(
    st.sampled_from("abc"),
    st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=30).map(cell),
    min_size=1,
)


@settings(max_examples=60)
@given(CELLS, CELLS)
def test_the_parts_add_up_to_the_whole(then: dict[str, Cell], now: dict[str, Cell]) -> None:
    found = decompose(then, now)
    if found is None:
        assert not then.keys() & now.keys()
        return
    assert found.now - found.then == pytest.approx(found.mix + found.quality)
    assert found.lower <= found.quality <= found.upper
    assert 0 < found.covered <= 1


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(3)
    covered = 0
    for _ in range(400):
        then = {
            name: cell(list(draw.binomial(1, p, 150).astype(float))) for name, p in (("a", 0.2), ("b", 0.5))
        }
        now = {
            name: cell(list(draw.binomial(1, p, 150).astype(float))) for name, p in (("a", 0.25), ("b", 0.55))
        }
        found = decompose(then, now)
        assert found is not None
        covered += found.lower <= 0.05 <= found.upper
    assert 364 <= covered <= 394
