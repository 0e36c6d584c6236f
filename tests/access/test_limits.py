"""One caller's flood costs the others nothing, and the books about it stay small."""

from hypothesis import given
from hypothesis import strategies as st

from rollout.access.limits import BURST_SECONDS, FairShare, Rates


@given(
    st.floats(0.5, 1000),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 50)), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_its_rate_and_one_burst(rate: float, asked: list[tuple[float, float]]) -> None:
    rates, now, taken = Rates(rate), 100.0, 0.0
    most = max(rate * BURST_SECONDS, 1.0)
    for pause, cost in asked:
        now += pause
        if rates.take("a", cost, now) == 0:
            taken += min(cost, most)
    assert taken <= most + rate * (now - 100.0) + 1e-6


@given(st.floats(0.5, 1000), st.floats(0.1, 5000))
def test_who_waits_as_long_as_it_is_told_gets_in(rate: float, cost: float) -> None:
    rates = Rates(rate)
    while (wait := rates.take("a", cost, 0.0)) == 0:
        pass
    assert rates.take("a", cost, wait + 1e-6) == 0


def test_a_flood_of_one_caller_leaves_another_its_rate() -> None:
    rates = Rates(10)
    refused = sum(rates.take("flood", 1, 0.0) > 0 for _ in range(400))
    assert refused == 380
    assert [rates.take("other", 1, 0.0) for _ in range(20)] == [0.0] * 20


def test_a_caller_may_have_a_rate_of_its_own() -> None:
    rates = Rates(10)
    assert sum(rates.take("desk", 1, 0.0, 100.0) == 0 for _ in range(400)) == 200


def test_the_memory_of_callers_is_bounded_and_forgetting_refuses_nobody() -> None:
    rates = Rates(1, most=100)
    for number in range(10_000):
        assert rates.take(f"caller {number}", 1, 0.0) == 0
    assert len(rates) == 100


def test_a_clock_that_stands_or_goes_back_gives_nothing_away() -> None:
    rates = Rates(10)
    while rates.take("a", 1, 50.0) == 0:
        pass
    assert rates.take("a", 1, 40.0) > 0


def test_a_tenant_alone_may_fill_the_room() -> None:
    room = FairShare(8)
    assert [room.enter("a") for _ in range(9)] == [True] * 8 + [False]


def test_a_newcomer_finds_its_part_free_however_full_the_room_is() -> None:
    room = FairShare(8)
    while room.enter("flood"):
        pass
    assert [room.enter("b") for _ in range(5)] == [True] * 4 + [False]
    room.leave("flood")
    assert not room.enter("flood"), "it holds more than its part of two"


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=300))
def test_places_are_given_back_and_no_tenant_is_ever_shut_out(moves: list[tuple[str, bool]]) -> None:
    room = FairShare(8)
    held = dict.fromkeys("abcde", 0)
    for tenant, comes in moves:
        if comes:
            got = room.enter(tenant)
            assert got or held[tenant] > 0, "who holds nothing always gets in"
            held[tenant] += got
        elif held[tenant]:
            room.leave(tenant)
            held[tenant] -= 1
    for tenant, number in held.items():
        for _ in range(number):
            room.leave(tenant)
    assert not room._inside
