"""The step function of the ladder: plan, state, rulings and the time in, at most one transition out.

Pure, so that every rule can be tested without a desk. A roll-back wins over everything that moves
forward; nothing moves forward without a ruling that says PROMOTE.
"""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from policies.plan import Plan, Step
from rollout.ladder.state import LadderState, Status, Track, TrackName, moved, steps_of
from rollout.ladder.transition import (
    CONTROLLER,
    NOT_JUDGED,
    Decision,
    Outlook,
    Ruling,
    Rulings,
    Transition,
)

INCIDENT: Final = "INCIDENT"
"""Reason of a ruling that a severe incident holds: only a person ends it, no override does."""
REVIEW_CYCLE: Final = timedelta(days=1)
"""Passes closer together than this are one look: consecutive passes mean stable review cycles,
however often the controller ticks."""


def advance(plan: Plan, state: LadderState, rulings: Rulings, now: datetime) -> Transition | None:
    """The one transition that is due, if any."""
    seen = {name: rulings.get(name, NOT_JUDGED) for name in TrackName if state.track(name) is not None}
    for name, ruling in seen.items():
        if ruling.decision is Decision.ROLL_BACK and (change := _step_back(plan, state, name, now, seen)):
            return change
    # The canary first: while it runs, the ladder waits for it.
    for name, ruling in reversed(seen.items()):
        outlook = consider(plan, state, name, ruling, now)
        if outlook.decision is Decision.PROMOTE:
            return promoted(plan, state, name, ruling, now)
        if outlook.counts or _broken(state.track(name), ruling):
            return _counted(plan, state, name, ruling, now)
        if ruling.looks and _runs(state.track(name)):
            return _looked(plan, state, name, ruling, now)
    return None


def consider(plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, now: datetime) -> Outlook:
    """What the track does next under ``ruling``, or why it is held.

    Raises:
        LookupError: the state has no such track.

    """
    track = state.track(name)
    if track is None:
        raise LookupError(f"{state.workflow} runs no {name}")
    if ruling.decision is Decision.ROLL_BACK and track.open:
        return _harmed(plan, track, ruling)
    if not track.climbing:
        return _hold(track.status.name, _AT_REST[track.status].format(version=track.version))
    if track.status is Status.PAUSED:
        return _hold("PAUSED", f"{track.step} is paused; a person resumes it")
    if now < state.changed_at:
        return _hold(
            "CLOCK_WENT_BACK", f"the clock shows {now:%F %R}, before the latest transition", state.changed_at
        )
    step = steps_of(plan, name)[track.index]
    if ruling.decision is not Decision.PROMOTE:
        return _undecided(step, track, ruling, now)
    return _passed(plan, state, name, ruling, now)


def promoted(
    plan: Plan,
    state: LadderState,
    name: TrackName,
    ruling: Ruling,
    now: datetime,
    *,
    actor: str = CONTROLLER,
    reason: str = "GATES_PASSED",
) -> Transition:
    """One rung up; from the last one: the ladder is complete, the canary becomes the stable version."""
    track = state.track(name)
    assert track is not None
    rungs = steps_of(plan, name)
    changes: dict[str, Any]
    to_step: str | None
    if track.index + 1 < len(rungs):
        to_step = rungs[track.index + 1].name
        changes = {
            name.value: entered(rungs[track.index + 1], track.index + 1, now, track.version, track.since)
        }
        sentence = f"{track.step} → {to_step}: {ruling.sentence}"
    elif name is TrackName.LADDER:
        to_step = track.step
        changes = {
            "ladder": replace(track, status=Status.COMPLETED, passes=0, passed_at=None, requested=None)
        }
        sentence = f"{track.step} is complete, {track.version} stays at this share: {ruling.sentence}"
    else:
        to_step = None
        stable = over_again(replace(state.ladder, version=track.version), now)
        changes = {"ladder": stable, "canary": None}
        sentence = f"{track.version} is the stable version now: {ruling.sentence}"
    return Transition(
        action="promote",
        track=name,
        from_step=track.step,
        to_step=to_step,
        reason=reason,
        sentence=sentence,
        state=moved(plan, state, now, **changes),
        at=now,
        actor=actor,
        evidence=ruling.evidence,
    )


def entered(step: Step, index: int, now: datetime, version: str, since: datetime) -> Track:
    """A track at the moment it enters ``step``, with the evidence it has since ``since``."""
    return Track(step.name, index, Status.RUNNING, now, version, since)


def over_again(track: Track, now: datetime) -> Track:
    """The same step with no evidence: what there is answers to another question or version."""
    return replace(track, entered_at=now, since=now, passes=0, passed_at=None, looks={}, requested=None)


def withdrawn(state: LadderState, name: TrackName, *others: str) -> dict[str, Any]:
    """The changes that take a track's version out of all traffic and quarantine it, and ``others``."""
    track = state.track(name)
    assert track is not None
    changes: dict[str, Any] = {
        name.value: replace(track, status=Status.ABORTED, passes=0, passed_at=None, requested=None),
        "quarantined": tuple(dict.fromkeys((*state.quarantined, track.version, *others))),
    }
    if name is TrackName.LADDER:
        changes["canary"] = None  # it has no share left to split, and did nothing wrong
    return changes


_AT_REST: Final = {
    Status.ABORTED: "{version} is out until a person readmits it",
    Status.COMPLETED: "{version} has passed every step",
}


def _hold(reason: str, sentence: str, until: datetime | None = None) -> Outlook:
    return Outlook(Decision.HOLD, reason, sentence, until)


def _harmed(plan: Plan, track: Track, ruling: Ruling) -> Outlook:
    if plan.on_fail == "roll_back":
        return Outlook(Decision.ROLL_BACK, ruling.reason, ruling.sentence)
    if track.status is Status.RUNNING:
        return _hold(ruling.reason, f"{ruling.sentence}; the plan pauses on failure")
    return _hold(ruling.reason, f"{ruling.sentence}; {track.status} at {track.step}, a person decides")


def _undecided(step: Step, track: Track, ruling: Ruling, now: datetime) -> Outlook:
    if ruling.reason == INCIDENT:
        return _hold(INCIDENT, ruling.sentence)
    if step.max_duration is not None and now - track.entered_at >= step.max_duration:
        return _hold(
            "MAX_DURATION",
            f"{step.name} has lasted {_days(step.max_duration)} without a verdict, a person decides: "
            f"{ruling.sentence}",
        )
    return _hold(ruling.reason, ruling.sentence, _until(track.entered_at + step.min_duration, now))


def _passed(plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, now: datetime) -> Outlook:
    track = state.track(name)
    assert track is not None
    step = steps_of(plan, name)[track.index]
    wanted = step.consecutive_passes - 1  # the last pass promotes instead of being counted
    again = None if track.passed_at is None else _until(track.passed_at + REVIEW_CYCLE, now)
    if wanted and (again is not None or track.passes < wanted):
        done = f"{track.passes + (again is None)} of {step.consecutive_passes} consecutive passes"
        held = _hold("CONSECUTIVE_PASSES", f"{done}: {ruling.sentence}", again)
        return replace(held, counts=again is None)
    ends = track.entered_at + step.min_duration
    if now < ends:
        return _hold(
            "MIN_DURATION", f"the gates pass, {step.name} lasts {_days(step.min_duration)} at least", ends
        )
    if name is TrackName.LADDER and state.canary is not None and state.canary.climbing:
        return _hold("CANARY_RUNNING", f"the gates pass, but {state.canary.version} is being tried first")
    frozen = [window for window in plan.freeze if window.covers(now)]
    if frozen:
        last = max(window.last for window in frozen)
        thaw = datetime.combine(last, time.min, UTC) + timedelta(days=1)
        return _hold("FREEZE", f"the gates pass, promotions are frozen up to and including {last}", thaw)
    if step.approval:
        return _hold("AWAITING_APPROVAL", f"a person approves leaving {step.name}: {ruling.sentence}")
    return Outlook(Decision.PROMOTE, "GATES_PASSED", ruling.sentence)


def _runs(track: Track | None) -> bool:
    return track is not None and track.status is Status.RUNNING


def _broken(track: Track | None, ruling: Ruling) -> bool:
    """Whether a series of counted passes ends here."""
    return track is not None and track.passes > 0 and _runs(track) and ruling.decision is Decision.HOLD


def _step_back(
    plan: Plan, state: LadderState, name: TrackName, now: datetime, seen: Rulings
) -> Transition | None:
    track, ruling = state.track(name), seen[name]
    assert track is not None
    changes: dict[str, Any]
    to_step: str | None
    if plan.on_fail == "roll_back" and track.open:
        action, to_step = "roll_back", None
        others = [
            canary.version
            for canary in (state.canary,)
            if canary is not None and seen[TrackName.CANARY].decision is Decision.ROLL_BACK
        ]
        changes = withdrawn(state, name, *others)
        serving = "humans serve" if name is TrackName.LADDER else f"{state.ladder.version} serves"
        sentence = f"{track.version} is rolled back from {track.step}, {serving} its share: {ruling.sentence}"
    elif plan.on_fail == "pause" and track.status is Status.RUNNING:
        action, to_step = "pause", track.step
        changes = {name.value: replace(track, status=Status.PAUSED, passes=0, passed_at=None, requested=None)}
        sentence = f"{track.step} is paused: {ruling.sentence}"
    else:
        return None
    return Transition(
        action=action,
        track=name,
        from_step=track.step,
        to_step=to_step,
        reason=ruling.reason,
        sentence=sentence,
        state=moved(plan, state, now, **changes),
        at=now,
        evidence=ruling.evidence,
    )


def _counted(plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, now: datetime) -> Transition:
    """Record a pass, or that a look without one starts the count again."""
    track = state.track(name)
    assert track is not None
    passed = ruling.decision is Decision.PROMOTE
    after = replace(
        track,
        passes=track.passes + 1 if passed else 0,
        passed_at=now if passed else None,
        looks={**track.looks, **ruling.looks},
    )
    step = steps_of(plan, name)[track.index]
    told = f"pass {after.passes} of {step.consecutive_passes}" if passed else "the passes start over"
    return Transition(
        action="count",
        track=name,
        from_step=track.step,
        to_step=track.step,
        reason="PASS_COUNTED" if passed else ruling.reason,
        sentence=f"{track.step}, {told}: {ruling.sentence}",
        state=moved(plan, state, now, **{name.value: after}),
        at=now,
        evidence=ruling.evidence,
    )


def _looked(plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, now: datetime) -> Transition:
    """Record that planned looks were taken: a method that plans its looks must remember them."""
    track = state.track(name)
    assert track is not None
    after = replace(track, looks={**track.looks, **ruling.looks})
    cleared = [metric for metric, looks in ruling.looks.items() if looks.passed]
    told = f"cleared: {', '.join(cleared)}" if cleared else "none cleared its margin"
    return Transition(
        action="look",
        track=name,
        from_step=track.step,
        to_step=track.step,
        reason="LOOK_TAKEN",
        sentence=f"{track.step}, planned look at {', '.join(ruling.looks)}; {told}",
        state=moved(plan, state, now, **{name.value: after}),
        at=now,
        evidence=ruling.evidence,
    )


def _until(moment: datetime, now: datetime) -> datetime | None:
    return moment if moment > now else None


def _days(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
