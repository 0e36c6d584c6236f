"""People move rollouts; an abort needs nothing but the door."""

from typing import Any

import orjson
import pytest

from rollout.ladder import actions
from rollout.ladder.state import TrackName
from rollout.ladder.transition import Order
from rollout.records import Event, Kind

TOKEN = "token-of-this-run"  # what the fixture gives the door


def split(world: Any) -> Any:
    return world.router.split("default", world.plan.workflow)


@pytest.mark.parametrize(("orders", "status"), [(["pause"], "paused"), (["pause", "resume"], "running")])
def test_an_order_moves_the_ladder_at_once(world: Any, orders: list[str], status: str) -> None:
    for action in orders:
        answer = world.order(action)
        assert answer.status_code == 200, answer.text
    _, state, position = world.standings.standing("default", world.plan.workflow)
    assert state.ladder.status == status
    assert split(world).position == position
    record = next(iter(world.folder.journal.read(position - 1, 1)))
    assert record.actor == "ada"
    assert "we looked at it" in record.payload["sentence"]


def test_an_abort_works_while_nobody_measures(world: Any) -> None:
    assert world.http.get("/readyz").json()["status"] == "degraded"
    assert world.order("abort").status_code == 200
    assert (split(world).weight, str(split(world).mode)) == (0, "live")
    _, state, _ = world.standings.standing("default", world.plan.workflow)
    assert world.plan.agent in state.quarantined


def test_a_promotion_without_evidence_waits_for_the_analyst(world: Any) -> None:
    answer = world.order("promote")
    assert answer.status_code == 503
    assert "evidence" in answer.json()["detail"]
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("action", "changes", "status"),
    [
        ("resume", {}, 409),
        ("pause", {"track": "canary"}, 409),
        ("abort", {"reason": ""}, 422),
        ("abort", {"actor": ""}, 422),
        ("abort", {"approved_by": "me"}, 422),
        ("abort", {"override": "yes"}, 422),
        ("start", {}, 404),
    ],
)
def test_what_the_ladder_does_not_allow_is_refused_with_the_reason(
    world: Any, action: str, changes: dict[str, Any], status: int
) -> None:
    before = split(world)
    answer = world.order(action, **changes)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert split(world) == before


def test_an_unknown_workflow_names_those_there_are(world: Any) -> None:
    answer = world.http.post("/v1/workflows/nope/abort", json={"reason": "stop it", "actor": "ada"})
    assert answer.status_code == 404
    assert world.plan.workflow in answer.json()["detail"]


def proposal(world: Any, after: int) -> Event:
    """A pause decided by a controller that saw transition ``after``."""
    plan, state, _ = world.standings.standing("default", world.plan.workflow)
    made = actions.pause(plan, state, TrackName.LADDER, Order("controller", "monitor", world.clock.now()))
    return Event(
        f"transition:{plan.workflow}:{after}", Kind.TRANSITION, made.at, made.record(), workflow=plan.workflow
    )


def propose(world: Any, event: Event, token: str = TOKEN) -> Any:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return world.http.post("/internal/transitions", content=orjson.dumps([event]), headers=headers)


def test_the_controllers_decision_is_recorded_and_obeyed(world: Any) -> None:
    _, _, position = world.standings.standing("default", world.plan.workflow)
    assert propose(world, proposal(world, position)).status_code == 200
    _, state, moved = world.standings.standing("default", world.plan.workflow)
    assert (state.ladder.status, split(world).position) == ("paused", moved)


def test_a_decision_on_an_outdated_state_loses_against_the_abort(world: Any) -> None:
    _, _, position = world.standings.standing("default", world.plan.workflow)
    late = proposal(world, position)
    world.order("abort")
    answer = propose(world, late)
    assert answer.status_code == 409
    _, state, _ = world.standings.standing("default", world.plan.workflow)
    assert state.ladder.status == "aborted"


def test_nobody_else_may_record_transitions(world: Any) -> None:
    _, _, position = world.standings.standing("default", world.plan.workflow)
    for token in ("x", "guess", TOKEN + "x"):
        assert propose(world, proposal(world, position), token).status_code == 403
    assert split(world).position == position


def test_a_restarted_router_stands_where_the_journal_says(world: Any) -> None:
    from rollout.api.standings import Standings, decisive
    from rollout.router import Router

    world.http.post("/v1/route", json=world.ticket())
    world.order("pause")
    router = Router(world.folder.journal)
    standings = Standings(world.folder.journal, router)
    standings.learn(decisive(world.folder.path / "journal"))
    name = world.plan.workflow
    assert standings.standing("default", name) == world.standings.standing("default", name)
    assert router.split("default", name) == split(world)
