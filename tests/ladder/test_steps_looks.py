"""Methods that plan their looks remember them: every look is a record, and a new step starts afresh."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.verdict import Looks
from rollout.ladder.actions import start
from rollout.ladder.state import LadderState, Status, TrackName, moved
from rollout.ladder.steps import advance
from rollout.ladder.transition import Decision, Order, Ruling

LADDER = TrackName.LADDER
SEEN = {"csat": Looks((120.0, 240.0)), "recontact_7d": Looks((900.0,), passed=True)}
HELD = Ruling(Decision.HOLD, "UNDERPOWERED", "csat is not settled", {}, SEEN)
PASS = Ruling(Decision.PROMOTE, "GATES_PASSED", "every gate passed", {}, SEEN)


@pytest.fixture
def begun(plan, now):
    return start(plan, "d" * 64, None, Order("release-manager", "baseline is in", now)).state


def test_a_look_that_settles_nothing_is_recorded(plan, begun, now) -> None:
    change = advance(plan, begun, {LADDER: HELD}, now + timedelta(days=1))
    assert (change.action, change.from_step, change.to_step) == ("look", "shadow", "shadow")
    assert "cleared: recontact_7d" in change.sentence
    assert change.state.ladder == replace(begun.ladder, looks=SEEN)
    assert change.state.shares == begun.shares


def test_looks_survive_the_record(plan, begun, now) -> None:
    state = advance(plan, begun, {LADDER: HELD}, now + timedelta(days=1)).state
    assert LadderState.from_json(state.to_json()) == state


def test_a_record_from_before_looks_were_kept_reads_as_none_taken(begun) -> None:
    value = begun.to_json()
    del value["ladder"]["looks"]
    assert LadderState.from_json(value).ladder.looks == {}


def test_looks_at_other_metrics_are_kept(plan, begun, now) -> None:
    later = now + timedelta(days=1)
    first = advance(plan, begun, {LADDER: HELD}, later).state
    one = Ruling(Decision.HOLD, "UNDERPOWERED", "not yet", {}, {"csat": Looks((120.0, 240.0, 360.0))})
    second = advance(plan, first, {LADDER: one}, later + timedelta(days=1)).state
    assert second.ladder.looks == {**SEEN, "csat": Looks((120.0, 240.0, 360.0))}


def test_a_new_step_starts_with_no_look_taken(plan, begun, now) -> None:
    later = now + timedelta(days=15)
    looked = moved(plan, begun, now, ladder=replace(begun.ladder, looks=SEEN))
    change = advance(plan, looked, {LADDER: PASS}, later)
    assert (change.action, change.to_step) == ("promote", "assist")
    assert change.state.ladder.looks == {}


def test_a_look_at_a_paused_step_is_not_spent(plan, begun, now) -> None:
    paused = moved(plan, begun, now, ladder=replace(begun.ladder, status=Status.PAUSED))
    assert advance(plan, paused, {LADDER: HELD}, now + timedelta(days=1)) is None


def test_no_look_means_no_record(plan, begun, now) -> None:
    assert advance(plan, begun, {LADDER: replace(HELD, looks={})}, now + timedelta(days=1)) is None
