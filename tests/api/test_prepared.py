"""What takes long is counted behind whoever reads, and never twice at a time."""

import threading
from collections.abc import Callable, Iterator

import pytest

from rollout.errors import BeingCounted, UnknownWorkflow
from rollout.prepared import LEAST_SECONDS, LONGEST_SECONDS, MOVING_SECONDS, WORTH, Prepared


class Count:
    """An answer that takes as long as it is told, on a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = 1.0
        self.made = 0
        self.go = threading.Event()
        self.go.set()

    def __call__(self) -> int:
        assert self.go.wait(10)
        self.now += self.takes
        self.made += 1
        return self.made


@pytest.fixture
def count() -> Count:
    return Count()


@pytest.fixture
def prepared(count: Count) -> Iterator[Prepared]:
    kept = Prepared(patience=5.0, now=lambda: count.now)
    yield kept
    count.go.set()
    kept.close()


def settled(prepared: Prepared, wanted: Callable[[], bool]) -> None:
    for _ in range(500):
        if wanted():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came to that")


def test_an_answer_is_kept_for_as_long_as_its_making_was_worth(prepared: Prepared, count: Count) -> None:
    assert prepared.get("a", count) == 1
    count.now += WORTH * count.takes - 0.1
    assert prepared.get("a", count) == 1
    assert count.made == 1


def test_no_answer_is_kept_for_longer_than_whoever_asks_can_bear(prepared: Prepared, count: Count) -> None:
    count.takes = 1000.0
    prepared.get("a", count)
    count.now += MOVING_SECONDS + 1
    count.takes = 1.0
    assert prepared.get("a", count) == 1
    assert count.made == 1, "worth it for who reads headlines"
    settled(prepared, lambda: prepared.get("a", count, longest=MOVING_SECONDS) == 2)
    count.now += LONGEST_SECONDS + 1
    settled(prepared, lambda: prepared.get("a", count) == 3)


def test_an_old_answer_is_given_at_once_and_made_anew_behind_it(prepared: Prepared, count: Count) -> None:
    prepared.get("a", count)
    count.now += max(LEAST_SECONDS, WORTH * count.takes) + 0.1
    count.go.clear()
    assert [prepared.get("a", count) for _ in range(5)] == [1] * 5
    count.go.set()
    settled(prepared, lambda: prepared.get("a", count) == 2)
    assert count.made == 2, "five who looked set off one count"


def test_who_asks_first_waits_and_then_is_told_to_come_back(count: Count) -> None:
    prepared = Prepared(patience=0.05, now=lambda: count.now)
    count.go.clear()
    with pytest.raises(BeingCounted, match="ask again"):
        prepared.get("a", count)
    with pytest.raises(BeingCounted):
        prepared.get("a", count)
    count.now += 1000
    with pytest.raises(BeingCounted):
        prepared.get("a", count, patience=999.0)  # it was begun longer ago than that: nobody waits again
    count.go.set()
    settled(prepared, lambda: count.made == 1)
    assert prepared.get("a", count) == 1, "the count went on"
    prepared.close()


def test_what_is_wrong_is_said_to_who_asks_and_not_kept(prepared: Prepared, count: Count) -> None:
    def broken() -> int:
        raise UnknownWorkflow("no such thing")

    with pytest.raises(UnknownWorkflow, match="no such thing"):
        prepared.get("a", broken)
    assert prepared.get("a", count) == 1


def test_a_count_that_fails_leaves_the_answer_before(
    prepared: Prepared, count: Count, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> int:
        raise ArithmeticError("on the way")

    prepared.get("a", count)
    count.now += 1000
    assert prepared.get("a", broken) == 1
    settled(prepared, lambda: "on the way" in caplog.text)
    assert prepared.get("a", count) == 1


def test_nothing_is_begun_twice(prepared: Prepared, count: Count) -> None:
    count.go.clear()
    for _ in range(3):
        prepared.begin("a", count)
    count.go.set()
    assert prepared.get("a", count) == 1
    prepared.begin("a", count)
    assert count.made == 1
