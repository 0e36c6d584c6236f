"""Sums kept by day say what the full scan says, whatever happens to the facts in between."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desks_for_tests import START, Desk, fact, world
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.measure.catalogue import CATALOGUE
from rollout.measure.category_query import METRICS as FELT
from rollout.measure.category_query import category_query
from rollout.measure.csat import RESPONSE
from rollout.measure.day_parts import Split
from rollout.measure.day_query import next_change
from rollout.measure.day_sums import DaySums
from rollout.measure.gate_query import gate_query, histogram_query
from rollout.measure.integrity import integrity_query
from rollout.measure.kept import kept_categories, kept_ratings, kept_survival
from rollout.measure.query import Query
from rollout.measure.scope import Scope
from rollout.measure.survival_query import survival_query
from rollout.measure.wanted import Wanted, with_response

WANTED = (
    Wanted("csat"),
    Wanted("recontact_7d"),
    Wanted("escalation"),
    Wanted("cost", cap=20.0),
    Wanted("handle_time", relative=True, cap=3000.0),
    Wanted("violations", against="limit"),
)
WAGE = 30.0
FIRST = datetime(2026, 4, 6, 13, tzinfo=UTC)


def scope_at(desk: Desk, at: datetime) -> Scope:
    return Scope.find(desk, tenant="default", workflow="w", track="ladder", as_of=at)


def check(
    desk: Desk,
    sums: DaySums,
    at: datetime,
    wanted: tuple[Wanted, ...] = WANTED,
    felt: Sequence[str] = ("csat",),
) -> None:
    """Every sufficient statistic agrees to 1e-12 of what was added up, and so does every other count."""
    scope, before = scope_at(desk, at), sums.kept_looks
    check_sums(desk, sums, scope, wanted)
    if sums.kept_looks > before:  # else both sides would be the full scan
        check_counts(desk, sums, scope, felt)


def check_counts(desk: Desk, sums: DaySums, scope: Scope, felt: Sequence[str]) -> None:
    assert kept_ratings(sums, scope) == histogram_query(scope).rows(desk)
    found = kept_survival(sums, scope, "recontact_7d")
    assert sorted(map(repr, found)) == sorted(map(repr, survival_query(scope, "recontact_7d").rows(desk)))
    full = integrity_query(scope)
    assert sums.part(scope, "split", Split, full) == full.rows(desk)
    for metric in felt:
        rows, expected = kept_categories(sums, scope, metric), category_query(scope, metric).rows(desk)
        assert [row["category"] for row in rows] == [row["category"] for row in expected]
        for row, other in zip(rows, expected, strict=True):
            assert row.keys() == other.keys()
            for name in row.keys() - {"category"}:
                assert row[name] == pytest.approx(other[name], rel=1e-11, abs=1e-9), name


def check_sums(desk: Desk, sums: DaySums, scope: Scope, wanted: tuple[Wanted, ...]) -> None:
    found, full = sums.row(scope, wanted, WAGE), gate_query(scope, wanted, WAGE).one(desk)
    assert found.keys() == full.keys()
    for name, value in full.items():
        metric = name.split("__")[0]
        size = max((abs(full.get(f"{metric}__{part}") or 0) for part in ("s", "qt", "aa")), default=0)
        exact = value is None or isinstance(value, datetime)
        expected = value if exact else pytest.approx(value, rel=1e-12, abs=1e-12 * size)
        assert found[name] == expected, name


def kept(desk: Desk, at: datetime = FIRST) -> DaySums:
    """Sums that are kept: somebody has looked twice."""
    sums = DaySums(desk, least=0)
    for _ in range(2):
        check(desk, sums, at)
    return sums


def change(desk: Desk, ticket: str, **values: Any) -> None:
    parts = ", ".join(f"{name} = ${name}" for name in values)
    desk.alter(f"UPDATE facts SET {parts} WHERE ticket_id = $it", {**values, "it": ticket})


def test_later_looks_count_open_days_only_and_say_the_same(desk: Desk) -> None:
    desk.add_frame(world(3000))
    sums = kept(desk)
    for hours in (0, 1, 30, 100, 400, 900):
        check(desk, sums, FIRST + timedelta(hours=hours), felt=FELT)
    assert sums.kept_looks == 6


def test_an_earlier_moment_is_answered_by_the_full_scan(desk: Desk) -> None:
    desk.add_frame(world(2000))
    sums = kept(desk)
    check(desk, sums, FIRST - timedelta(days=9))
    assert sums.kept_looks == 0
    check(desk, sums, FIRST + timedelta(days=1))
    assert sums.kept_looks == 1


def _rating_moved(desk: Desk) -> None:
    change(desk, "t5", csat=1.0, csat_at=START + timedelta(hours=3))


def _late_ticket(desk: Desk) -> None:
    desk.add([fact("late", "c1", START + timedelta(days=2), arm="agent", escalated=True, seq=9_999)])


def _recontact_found(desk: Desk) -> None:
    """A sibling's arrival changes a row without an event of its own."""
    desk.alter("UPDATE facts SET recontact_at = resolved_at + INTERVAL 1 DAY WHERE ticket_id = 't7'")


def _forgotten(desk: Desk) -> None:
    busiest = (
        "SELECT arg_max(customer_id, n) FROM (SELECT customer_id, count(*) AS n FROM facts GROUP BY ALL)"
    )
    desk.alter(f"UPDATE facts SET customer_id = 'erased-1' WHERE customer_id = ({busiest})")


def _moved_away(desk: Desk) -> None:
    desk.alter("DELETE FROM facts WHERE ticket_id = 't11'")


@pytest.mark.parametrize("happens", [_rating_moved, _late_ticket, _recontact_found, _forgotten, _moved_away])
def test_a_change_in_a_closed_day_is_noticed(desk: Desk, happens: Callable[[Desk], None]) -> None:
    desk.add_frame(world(2000))
    sums = kept(desk)
    happens(desk)
    for hours in range(1, 8):
        check(desk, sums, FIRST + timedelta(hours=hours))
    assert sums.kept_looks > 0, "the days that did not change are kept again"


def test_a_closed_day_may_change_again_and_again(desk: Desk) -> None:
    """Corrections stay exact: ratings that come and go, tickets that leave and return."""
    desk.add_frame(world(600, customers=60))
    sums = kept(desk)
    for number in range(5):
        rated = {"csat": 1.0 + number % 5, "csat_at": START + timedelta(hours=3)}
        change(desk, "t5", **(rated if number % 3 else {"csat": None, "csat_at": None}))
        change(desk, "t7", excluded="spam" if number % 2 else None, handle_seconds=1e6 / (number + 1))
        scope = scope_at(desk, FIRST + timedelta(minutes=number + 1))
        check_sums(desk, sums, scope, WANTED)
    assert sums.kept_looks == 5


@pytest.mark.parametrize("days", [10, 24])
def test_a_late_rating_of_an_open_day_takes_the_voice_of_a_closed_day(desk: Desk, days: int) -> None:
    """The week's first rating counts, even where it arrives last: the closed ticket's does not any more."""
    desk.add_frame(world(2000))
    then, recent = (FIRST.replace(tzinfo=None) - timedelta(hours=hours) for hours in (24 * days, 1))
    known = {"resolution": "assumed", "path": "agent", "arm": "agent", "version": "resolution@1.2.0"}
    rated = {"csat": 5.0, "csat_at": then, "resolved_at": then, "seq": 1, **known}
    desk.add([fact("early", "loud", then, **rated)])
    sums = kept(desk)
    rated = {"csat": 1.0, "csat_at": then - timedelta(minutes=1), "resolved_at": recent, "seq": 2, **known}
    desk.add([fact("recent", "loud", recent, **rated)])
    for hours in range(1, 6):
        check(desk, sums, FIRST + timedelta(hours=hours))


def test_who_looks_once_keeps_nothing_and_small_desks_neither(desk: Desk) -> None:
    desk.add_frame(world(500))
    sums = DaySums(desk)
    for hours in range(4):
        check(desk, sums, FIRST + timedelta(hours=hours))
    assert sums.kept_looks == 0
    assert not desk.query("SELECT * FROM duckdb_databases() WHERE database_name = 'day_sums'")


def test_lost_sums_are_made_again(desk: Desk) -> None:
    desk.add_frame(world(1000))
    sums = kept(desk)
    desk.query("DETACH day_sums")
    for hours in range(1, 5):
        check(desk, sums, FIRST + timedelta(hours=hours))
    assert sums.kept_looks > 0


def test_gates_do_not_share_sums(desk: Desk) -> None:
    desk.add_frame(world(1500))
    sums = DaySums(desk, least=0)
    for hours in range(5):
        for wanted in (WANTED[:1], WANTED[1:2], WANTED[3:]):
            check(desk, sums, FIRST + timedelta(hours=hours), wanted)
    assert sums.kept_looks == 9


_ACTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.2, 3.0, 25.0, 170.0, -40.0])),
    st.tuples(st.just("rate"), st.integers(0, 299), st.floats(-400, 400)),
    st.tuples(st.just("resolve"), st.integers(0, 299), st.floats(-100, 300)),
    st.tuples(st.just("again"), st.integers(0, 299), st.floats(0, 200)),
    st.tuples(st.just("open"), st.integers(0, 40), st.floats(-900, 10)),
    st.tuples(st.just("redeliver"), st.integers(0, 299)),
    st.tuples(st.just("exclude"), st.integers(0, 299)),
)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_ACTS, min_size=3, max_size=7), st.integers(0, 3))
def test_any_history_gives_the_sums_of_the_full_scan(acts: list[tuple[Any, ...]], seed: int) -> None:
    desk = Desk()
    desk.add_frame(world(300, customers=40, seed=seed))
    desk.query("UPDATE facts SET seq = 1")
    sums, at = kept(desk), FIRST
    for number, act in enumerate(acts):
        at = _do(desk, at, number, act)
        check(desk, sums, at)
        check(desk, sums, at)
    desk.close()


def _do(desk: Desk, at: datetime, number: int, act: tuple[Any, ...]) -> datetime:
    now = at.replace(tzinfo=None)
    match act:
        case ("wait", hours):
            return at + timedelta(hours=hours)
        case ("rate", ticket, hours):
            change(desk, f"t{ticket}", csat=2.0, csat_at=now + timedelta(hours=hours))
        case ("resolve", ticket, hours):
            change(desk, f"t{ticket}", resolved_at=now + timedelta(hours=hours), resolution="confirmed")
        case ("again", ticket, hours):
            desk.alter(
                "UPDATE facts SET recontact_at = resolved_at + to_seconds($s) WHERE ticket_id = $it",
                {"s": hours * 3600, "it": f"t{ticket}"},
            )
        case ("open", customer, hours):
            opened = now + timedelta(hours=hours)
            known = {"csat": 4.0, "csat_at": opened + timedelta(hours=1), "escalated": False, "seq": 10_000}
            desk.add([fact(f"n{number}", f"c{customer}", opened, arm="human", **known)])
        case ("redeliver", ticket):
            change(desk, f"t{ticket}", source="import")
        case ("exclude", ticket):
            change(desk, f"t{ticket}", excluded="spam")
    return at


@pytest.mark.parametrize("metric", sorted({*CATALOGUE, RESPONSE.metric}))
def test_until_its_next_change_a_ticket_carries_the_same(desk: Desk, metric: str) -> None:
    """Of every metric: whoever adds one with another window is told here."""
    definition = RESPONSE if metric == RESPONSE.metric else CATALOGUE[metric]
    if definition.table != "facts":
        return
    desk.add_frame(world(1500))
    desk.query("UPDATE facts SET escalated_at = resolved_at - INTERVAL 1 HOUR WHERE escalated")
    desk.query("UPDATE facts SET csat_offered_at = NULL WHERE hash(ticket_id) % 3 = 0")
    asked = with_response([Wanted("csat" if metric == RESPONSE.metric else metric)])
    carried = f"{definition.counts} AS d, {definition.value} AS y, {definition.immature} AS i"
    rows = f"""SELECT ticket_id, {next_change(asked)} AS changes_at, opened_at <= $as_of AS there, {carried}
    FROM (SELECT *, FALSE AS repeated FROM facts) ORDER BY ticket_id"""
    now, changed = START.replace(tzinfo=UTC) + timedelta(days=9), 0
    for _ in range(20):
        before = Query(rows, {"as_of": now, "wage": WAGE}).rows(desk)
        moments = sorted({row["changes_at"] for row in before if row["changes_at"]})
        later = moments[20].replace(tzinfo=UTC)
        after = Query(rows, {"as_of": later, "wage": WAGE}).rows(desk)
        for row, other in zip(before, after, strict=True):
            if row["changes_at"] is None or row["changes_at"] > moments[20]:
                assert all(row[name] == other[name] for name in ("there", "d", "y", "i")), row
            changed += any(row[name] != other[name] for name in ("there", "d", "y", "i"))
        now = later
    assert changed > 100, metric


def test_a_late_day_and_one_that_closes_at_the_same_look_are_one_change(desk: Desk) -> None:
    """Or else categories and the split would be summed over the whole base, once a day at a busy desk."""
    desk.add_frame(world(800))
    sums = kept(desk)
    check(desk, sums, FIRST + timedelta(hours=1))
    rows = next(iter(sums._gates.values())).rows
    assert rows is not None
    before, based = rows.patches, set(rows.based)
    change(desk, "t5", csat=1.0, csat_at=START + timedelta(hours=3))
    check(desk, sums, FIRST + timedelta(days=2))
    assert START.date() in based < rows.based
    assert rows.patches == before + 1


def test_a_look_counts_only_days_that_changed(desk: Desk) -> None:
    desk.add_frame(world(3000))
    sums = kept(desk)
    check(desk, sums, FIRST + timedelta(hours=1))
    rows = next(iter(sums._gates.values())).rows
    assert rows is not None
    before = {day: known.counted for day, known in rows.days.items()}
    change(desk, "t5", csat=1.0, csat_at=START + timedelta(hours=3))
    check(desk, sums, FIRST + timedelta(hours=1, seconds=1))
    changed = {day for day, known in rows.days.items() if known.counted != before[day]}
    assert START.date() in changed
    assert len(changed) < 6 < len(rows.based)
