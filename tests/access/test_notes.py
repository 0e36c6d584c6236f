"""Every refusal is counted, and a flood of them costs two records a minute."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rollout.access.notes import Author, Refusals, used
from rollout.access.principal import INSTALLATION, LOCAL, Method, Principal
from rollout.access.roles import Role

NOW = datetime(2026, 9, 1, 12, 0, 5, tzinfo=UTC)
ADA = Principal("key:1", "acme", frozenset({Role.VIEWER}), Method.KEY, "ada")


def test_a_flood_is_recorded_at_once_and_counted_when_the_minute_is_over() -> None:
    refusals = Refusals()
    events = [event for _ in range(10_000) for event in refusals.note(ADA, "POST /x", "forbidden", NOW)]
    assert [(event.tenant, event.actor, event.payload.count) for event in events] == [
        ("acme", "ada (key:1)", 1)
    ]
    (rest,) = refusals.due(NOW + timedelta(minutes=1))
    assert rest.payload.count == 9_999
    assert refusals.due(NOW + timedelta(minutes=2)) == []


@given(
    st.lists(
        st.tuples(st.sampled_from([None, ADA, LOCAL]), st.sampled_from(["/a", "/b"]), st.integers(0, 30)),
        max_size=200,
    )
)
def test_every_refusal_is_in_exactly_one_record(moves: list[tuple[Principal | None, str, int]]) -> None:
    refusals, now, events = Refusals(), NOW, []
    for who, route, seconds in moves:
        now += timedelta(seconds=seconds)
        events += refusals.note(who, route, "forbidden", now)
    events += refusals.rest(now)
    assert sum(event.payload.count for event in events) == len(moves)
    assert len({event.event_id for event in events}) == len(events)


def test_many_kinds_of_refusal_are_counted_together_beyond_a_bound() -> None:
    refusals = Refusals()
    events = [event for n in range(50_000) for event in refusals.note(None, f"/{n}", "forbidden", NOW)]
    events += refusals.rest(NOW)
    assert len(events) <= 1_002
    assert sum(event.payload.count for event in events) == 50_000


def test_those_nobody_knows_are_recorded_for_no_tenant() -> None:
    (event,) = Refusals().note(None, "GET /v1/workflows", "unauthenticated", NOW)
    assert (event.tenant, event.actor) == (INSTALLATION, "anonymous")


def test_the_one_person_of_a_local_server_is_recorded_by_the_name_it_gives() -> None:
    event = used("ordered", Author.of(LOCAL, "ada"), "default", "POST /x", NOW, {"action": "abort"}, "w")
    assert (event.actor, event.payload.principal, event.payload.method) == ("ada", "local", "local")
