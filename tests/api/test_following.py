"""Whoever follows the journal rests between rounds, so that who decides need not wait for the processor."""

import threading
from time import monotonic, sleep

from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import RecordError
from rollout.following import LONGEST, SHARE, following, rest

SECONDS = st.floats(0, 1000)


@given(SECONDS, SECONDS)
def test_a_rest_is_never_shorter_than_asked_nor_longer_than_the_longest(took: float, poll: float) -> None:
    assert poll <= rest(took, poll) <= max(poll, LONGEST)


@given(st.floats(0, LONGEST * SHARE))
def test_short_rounds_take_no_more_than_their_share_of_a_processor(took: float) -> None:
    assert took <= (took + rest(took, 0)) * SHARE + 1e-9


class Slow:
    """Takes its time, and notes when."""

    def __init__(self, seconds: float, fails: bool = False) -> None:
        self.seconds, self.fails = seconds, fails
        self.rounds: list[tuple[float, float]] = []
        self.ticks = 0
        self.enough = threading.Event()

    def keep_up(self) -> None:
        began = monotonic()
        sleep(self.seconds)
        self.rounds.append((began, monotonic()))
        if len(self.rounds) == 4:
            self.enough.set()
        if self.fails:
            raise RecordError("the router is away")

    def tick(self) -> None:
        self.ticks += 1


def test_there_is_a_rest_after_every_round_that_grows_with_it() -> None:
    slow = Slow(0.02)
    with following(slow, poll=0.001, tick=3600):
        assert slow.enough.wait(60)
    for (began, ended), (then, _) in zip(slow.rounds, slow.rounds[1:], strict=False):
        assert then - ended >= rest(ended - began, 0.001) * 0.99
    assert slow.ticks == 1


def test_a_round_that_fails_is_not_the_last() -> None:
    slow = Slow(0.0, fails=True)
    with following(slow, poll=0.001, tick=0.0):
        assert slow.enough.wait(60)
    assert slow.ticks == 0
