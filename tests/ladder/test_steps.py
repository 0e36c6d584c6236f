"""The rules of moving: what promotes, what holds and until when, what takes traffic away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rollout.ladder.actions import start
from rollout.ladder.state import Status, Track, TrackName, moved
from rollout.ladder.steps import REVIEW_CYCLE, advance, consider
from rollout.ladder.transition import Decision, Order, Ruling

PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed", {"csat": "PASS"})
HOLD = Ruling(Decision.HOLD, "UNDERPOWERED", "csat needs 400 more tickets")
FAIL = Ruling(Decision.ROLL_BACK, "INFERIOR", "csat is worse by more than its margin", {"csat": "FAIL"})
LADDER, CANARY = TrackName.LADDER, TrackName.CANARY


@pytest.fixture
def begun(plan, now):
    """The state right after the start, in shadow."""
    return start(plan, "d" * 64, None, Order("release-manager", "baseline is in", now)).state


def standing(plan, state, name, at, **changes):
    """The same state, moved to a step by hand."""
    index = next(i for i, step in enumerate(plan.steps) if step.name == name)
    ladder = replace(state.ladder, step=name, index=index, entered_at=at, **changes)
    return moved(plan, state, at, ladder=ladder)


def with_canary(plan, state, at, index=0):
    canary = Track(plan.canary.steps[index].name, index, Status.RUNNING, at, plan.canary.agent, at)
    return moved(plan, state, at, canary=canary)


def test_a_passed_gate_climbs_exactly_one_step(plan, begun, now) -> None:
    later = now + timedelta(days=14)
    change = advance(plan, begun, {LADDER: PASS}, later)
    assert (change.action, change.from_step, change.to_step) == ("promote", "shadow", "assist")
    assert (change.state.ladder.index, change.state.ladder.entered_at) == (1, later)
    assert change.state.ladder.since == now  # evidence adds up over the steps
    assert change.state.shares.weight == 5
    assert (change.reason, change.actor, change.evidence) == ("GATES_PASSED", "controller", {"csat": "PASS"})
    assert advance(plan, change.state, {LADDER: PASS}, later) is None  # the next one lasts 7 days


def test_nothing_is_promoted_without_a_ruling(plan, begun, now) -> None:
    much_later = now + timedelta(days=27)
    assert advance(plan, begun, {}, much_later) is None
    assert advance(plan, begun, {LADDER: HOLD}, much_later) is None


def test_a_step_lasts_its_minimum_whatever_the_gates_say(plan, begun, now) -> None:
    almost = now + timedelta(days=14) - timedelta(seconds=1)
    assert advance(plan, begun, {LADDER: PASS}, almost) is None
    outlook = consider(plan, begun, LADDER, PASS, almost)
    assert (outlook.reason, outlook.until) == ("MIN_DURATION", now + timedelta(days=14))


def test_an_undecided_step_holds_for_good_and_asks_a_person_after_its_maximum(plan, begun, now) -> None:
    for days, reason in ((27, "UNDERPOWERED"), (28, "MAX_DURATION"), (3650, "MAX_DURATION")):
        at = now + timedelta(days=days)
        assert advance(plan, begun, {LADDER: HOLD}, at) is None
        assert consider(plan, begun, LADDER, HOLD, at).reason == reason


def test_a_step_that_needs_approval_waits_for_a_person(plan, begun, now) -> None:
    state = standing(plan, begun, "ten", now)
    at = now + timedelta(days=30)
    assert advance(plan, state, {LADDER: PASS}, at) is None
    assert consider(plan, state, LADDER, PASS, at).reason == "AWAITING_APPROVAL"


def test_consecutive_passes_are_a_day_apart_however_often_one_looks(plan, begun, now) -> None:
    state = standing(plan, begun, "thirty", now)
    actions = []
    for hour in range(49):
        change = advance(plan, state, {LADDER: PASS}, now + timedelta(hours=hour))
        if change:
            actions.append((hour, change.action))
            state = change.state
    assert actions == [(0, "count"), (24, "count"), (48, "promote")]


def test_a_look_without_a_pass_starts_the_count_again(plan, begun, now) -> None:
    state = standing(plan, begun, "thirty", now)
    state = advance(plan, state, {LADDER: PASS}, now).state
    assert state.ladder.passes == 1
    change = advance(plan, state, {LADDER: HOLD}, now + timedelta(hours=1))
    assert (change.action, change.state.ladder.passes) == ("count", 0)
    assert advance(plan, change.state, {LADDER: HOLD}, now + timedelta(hours=2)) is None


def test_a_count_tells_when_the_next_pass_can_be_counted(plan, begun, now) -> None:
    state = advance(plan, standing(plan, begun, "thirty", now), {LADDER: PASS}, now).state
    outlook = consider(plan, state, LADDER, PASS, now + timedelta(hours=1))
    assert (outlook.reason, outlook.until) == ("CONSECUTIVE_PASSES", now + REVIEW_CYCLE)


def test_a_freeze_stops_promotions_and_says_until_when(plan, begun) -> None:
    frozen = datetime(2026, 12, 18, tzinfo=UTC)
    state = standing(plan, begun, "assist", frozen - timedelta(days=30))
    assert advance(plan, state, {LADDER: PASS}, frozen - timedelta(seconds=1)).action == "promote"
    for at in (frozen, datetime(2027, 1, 4, 23, 59, 59, tzinfo=UTC)):
        assert advance(plan, state, {LADDER: PASS}, at) is None
        outlook = consider(plan, state, LADDER, PASS, at)
        assert (outlook.reason, outlook.until) == ("FREEZE", datetime(2027, 1, 5, tzinfo=UTC))
    assert advance(plan, state, {LADDER: PASS}, datetime(2027, 1, 5, tzinfo=UTC)).action == "promote"


def test_a_freeze_never_stops_a_roll_back(plan, begun) -> None:
    frozen = datetime(2026, 12, 24, tzinfo=UTC)
    state = standing(plan, begun, "ten", frozen - timedelta(days=1))
    assert advance(plan, state, {LADDER: FAIL}, frozen).action == "roll_back"


def test_a_clock_that_went_back_promotes_nobody(plan, begun, now) -> None:
    later = now + timedelta(days=400)
    state = standing(plan, begun, "assist", later)
    assert advance(plan, state, {LADDER: PASS}, later - timedelta(days=365)) is None
    assert consider(plan, state, LADDER, PASS, later - timedelta(seconds=1)).reason == "CLOCK_WENT_BACK"


def test_the_last_passed_step_completes_the_ladder(plan, begun, now) -> None:
    state = standing(plan, begun, "full", now)
    change = advance(plan, state, {LADDER: PASS}, now)
    assert (change.state.ladder.status, change.state.shares.weight) == (Status.COMPLETED, 95)
    assert advance(plan, change.state, {LADDER: PASS}, now + timedelta(days=1)) is None


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.COMPLETED])
def test_harm_rolls_back_from_every_state(plan, begun, now, status) -> None:
    state = standing(plan, begun, "full", now, status=status)
    change = advance(plan, state, {LADDER: FAIL}, now)
    assert (change.action, change.from_step, change.to_step) == ("roll_back", "full", None)
    assert (change.state.ladder.status, change.state.shares.weight) == (Status.ABORTED, 0)
    assert change.state.quarantined == ("resolution@1.2.0",)
    assert change.sentence.startswith("resolution@1.2.0 is rolled back from full, humans serve its share")


def test_what_was_rolled_back_stays_back(plan, begun, now) -> None:
    state = advance(plan, standing(plan, begun, "ten", now), {LADDER: FAIL}, now).state
    for ruling in (PASS, HOLD, FAIL):
        assert advance(plan, state, {LADDER: ruling}, now + timedelta(days=90)) is None
    assert consider(plan, state, LADDER, PASS, now + timedelta(days=90)).reason == "ABORTED"


def test_a_plan_may_pause_on_failure_once(make_plan, begun, now) -> None:
    plan = make_plan(on_fail="pause")
    change = advance(plan, standing(plan, begun, "ten", now), {LADDER: FAIL}, now)
    assert (change.action, change.state.ladder.status, change.state.shares.weight) == (
        "pause",
        Status.PAUSED,
        10,
    )
    assert advance(plan, change.state, {LADDER: FAIL}, now + timedelta(days=1)) is None


def test_a_paused_track_is_not_promoted(plan, begun, now) -> None:
    state = standing(plan, begun, "assist", now, status=Status.PAUSED)
    assert advance(plan, state, {LADDER: PASS}, now + timedelta(days=30)) is None


def test_a_failing_canary_leaves_the_ladder_where_it_is(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    change = advance(plan, state, {LADDER: HOLD, CANARY: FAIL}, now)
    assert (change.action, change.track, change.state.ladder) == ("roll_back", CANARY, state.ladder)
    assert (change.state.shares.weight, change.state.shares.canary) == (95, None)
    assert change.state.quarantined == ("resolution@1.3.0",)


def test_a_roll_back_wins_over_a_simultaneous_promotion(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    at = now + timedelta(days=2)
    assert advance(plan, state, {LADDER: FAIL, CANARY: PASS}, at).track is LADDER
    assert advance(plan, state, {LADDER: PASS, CANARY: FAIL}, at).action == "roll_back"


def test_when_both_fail_both_versions_are_out_at_once(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    after = advance(plan, state, {LADDER: FAIL, CANARY: FAIL}, now).state
    assert set(after.quarantined) == {"resolution@1.2.0", "resolution@1.3.0"}
    assert (after.shares.weight, after.canary) == (0, None)


def test_a_rolled_back_ladder_takes_an_innocent_canary_down_without_quarantine(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    after = advance(plan, state, {LADDER: FAIL, CANARY: HOLD}, now).state
    assert (after.canary, after.quarantined) == (None, ("resolution@1.2.0",))


def test_a_canary_climbs_and_becomes_the_stable_version(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    half = advance(plan, state, {CANARY: PASS}, now + timedelta(days=2))
    assert (half.to_step, half.state.shares.canary_weight) == ("half", 50)
    done = advance(plan, half.state, {CANARY: PASS}, now + timedelta(days=9))
    assert (done.action, done.track, done.to_step) == ("promote", CANARY, None)
    assert (done.state.shares.stable, done.state.shares.canary, done.state.shares.weight) == (
        "resolution@1.3.0",
        None,
        95,
    )
    assert done.state.ladder.since == now + timedelta(days=9)  # its evidence starts over


def test_the_ladder_waits_while_a_canary_is_tried(plan, begun, now) -> None:
    state = with_canary(plan, standing(plan, begun, "full", now), now)
    assert advance(plan, state, {LADDER: PASS, CANARY: HOLD}, now + timedelta(days=2)) is None
    assert consider(plan, state, LADDER, PASS, now + timedelta(days=2)).reason == "CANARY_RUNNING"


def test_when_both_tracks_may_move_the_canary_does(plan, begun, now) -> None:
    """One transition at a time: the other track is judged again at the next tick."""
    state = with_canary(plan, standing(plan, begun, "thirty", now), now)
    change = advance(plan, state, {LADDER: PASS, CANARY: PASS}, now + timedelta(days=2))
    assert (change.action, change.track) == ("promote", CANARY)


def test_an_outlook_on_a_track_that_does_not_run_is_an_error(plan, begun, now) -> None:
    with pytest.raises(LookupError, match="tier1-support runs no canary"):
        consider(plan, begun, CANARY, PASS, now)


def test_a_transition_is_recorded_with_the_whole_state(plan, begun, now) -> None:
    change = advance(plan, begun, {LADDER: PASS}, now + timedelta(days=14))
    record = change.record()
    assert record.state == change.state.to_json()
    assert (record.action, record.track, record.plan_digest) == ("promote", "ladder", "d" * 64)
    assert record.made_at == now + timedelta(days=14)
