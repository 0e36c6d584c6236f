"""What people may do to a rollout, as pure functions: a transition out, or a refusal with the reason."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from policies.plan import Plan
from policies.vocabulary import Mode
from rollout.errors import TransitionRefused
from rollout.ladder.approval import approves, requested, seal, takes_two
from rollout.ladder.state import LadderState, Status, Track, TrackName, moved, shares_of
from rollout.ladder.steps import INCIDENT, consider, entered, promoted, withdrawn
from rollout.ladder.transition import Decision, Order, Outlook, Ruling, Transition

CLOCK: Final = ("CLOCK_WENT_BACK", "CLOCK_JUMPED")
"""Holds that no override ends: nobody knows what time it is."""


def start(plan: Plan, digest: str, state: LadderState | None, order: Order) -> Transition:
    """Begin at the first step.

    Raises:
        TransitionRefused: a rollout is under way, the version is quarantined, or promotions are
            frozen and the first step exposes customers.

    """
    if state is not None and state.ladder.open:
        raise TransitionRefused(
            f"{plan.workflow} is {state.ladder.status} at step {state.ladder.step}; "
            "abort it first, or adopt the plan as a revision"
        )
    quarantined = () if state is None else state.quarantined
    _refuse_quarantined(plan.agent, quarantined)
    first = plan.steps[0]
    if first.mode is not Mode.SHADOW:
        _refuse_frozen(plan, order.at)
    track = entered(first, 0, order.at, plan.agent, order.at)
    begun = LadderState(
        workflow=plan.workflow,
        tenant=plan.tenant,
        plan_digest=digest,
        ladder=track,
        canary=None,
        quarantined=quarantined,
        shares=shares_of(plan, track, None),
        changed_at=order.at if state is None else max(order.at, state.changed_at),
        authors=(order.actor,) if order.person else (),
    )
    return _ordered("start", TrackName.LADDER, order, begun, f"{plan.agent} starts in {first.name}", None)


def start_canary(plan: Plan, state: LadderState, order: Order) -> Transition:
    """Try the plan's canary inside the agent's share.

    Raises:
        TransitionRefused: there is no canary or no live share to split, one is running, the version
            is quarantined or already stable, or promotions are frozen.

    """
    if plan.canary is None:
        raise TransitionRefused(f"the plan of {plan.workflow} has no canary; add one and adopt the plan")
    version = plan.canary.agent
    if state.canary is not None and state.canary.climbing:
        raise TransitionRefused(
            f"{state.canary.version} is {state.canary.status} as canary of {plan.workflow}; abort it first"
        )
    if version == state.ladder.version:
        raise TransitionRefused(f"{version} is the stable version of {plan.workflow} already")
    _refuse_quarantined(version, state.quarantined)
    if state.shares.mode is not Mode.LIVE or state.shares.weight == 0:
        raise TransitionRefused(
            f"{plan.workflow} has no live traffic to split at step {state.ladder.step}; "
            "a canary takes its share from the agent's"
        )
    _refuse_frozen(plan, order.at)
    first = plan.canary.steps[0]
    begun = moved(plan, state, order.at, canary=entered(first, 0, order.at, version, order.at))
    share = f"{first.weight:f}% of the agent's share"
    return _ordered("start", TrackName.CANARY, order, begun, f"{version} starts on {share}", None)


def promote(plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, order: Order) -> Transition:
    """Leave a step: by approval where the gates have passed, by override where they have not.

    Where the step asks for approval and people are known, the first order is a request and the second,
    by another person, the promotion; see ``ladder.approval``.

    Raises:
        TransitionRefused: the gates have not passed and the order is no override, or harm is shown,
            a severe incident is open, or the track is paused, aborted or complete. None of these can
            be overridden.

    """
    track = _climbing(state, name)
    outlook = consider(plan, state, name, ruling, order.at)
    alone = takes_two(plan, track, name, order)
    if outlook.decision is Decision.PROMOTE or outlook.reason == "AWAITING_APPROVAL":
        if alone and not approves(state, track, replace(order, override=False)):
            return requested(plan, state, name, ruling, order, None)
        change = promoted(plan, state, name, ruling, order.at, actor=order.actor, reason="APPROVED")
        change = replace(
            change,
            sentence=f"{change.sentence}; approved: {order.reason}",
            evidence={**ruling.evidence, "ordered": order.reason},
        )
        return seal(change, plan, state, order)
    harmed = ruling.decision is Decision.ROLL_BACK or ruling.reason == INCIDENT
    if harmed or track.status is Status.PAUSED or outlook.reason in CLOCK:
        raise TransitionRefused(f"{track.step} cannot be left: {outlook.sentence} ({outlook.reason})")
    if not order.override:
        raise TransitionRefused(
            f"{track.step} may not be left yet: {outlook.sentence} ({outlook.reason}); "
            "wait, or promote with --override and a reason that will be recorded"
        )
    if alone and not approves(state, track, order):
        return requested(plan, state, name, ruling, order, outlook.reason)
    return seal(_overridden(plan, state, name, ruling, outlook, order), plan, state, order)


def pause(plan: Plan, state: LadderState, name: TrackName, order: Order) -> Transition:
    """Keep the traffic where it is and promote nothing."""
    track = _climbing(state, name)
    if track.status is Status.PAUSED:
        raise TransitionRefused(f"{name} of {state.workflow} is paused already")
    return _status("pause", plan, state, name, order, Status.PAUSED)


def resume(plan: Plan, state: LadderState, name: TrackName, order: Order) -> Transition:
    """Go on climbing from the same step, with its evidence."""
    track = _climbing(state, name)
    if track.status is not Status.PAUSED:
        raise TransitionRefused(f"{name} of {state.workflow} is not paused; there is nothing to resume")
    return _status("resume", plan, state, name, order, Status.RUNNING)


def abort(plan: Plan, state: LadderState, name: TrackName, order: Order) -> Transition:
    """Take the version out of all traffic at once; it stays out until readmitted."""
    track = state.track(name)
    if track is None or not track.open:
        raise TransitionRefused(f"{name} of {state.workflow} has no traffic to take away")
    changed = moved(plan, state, order.at, **withdrawn(state, name))
    serving = "humans serve" if name is TrackName.LADDER else f"{state.ladder.version} serves"
    sentence = f"{track.version} is taken out of {track.step}, {serving} its share"
    return _ordered("abort", name, order, changed, sentence, track.step)


def readmit(plan: Plan, state: LadderState, version: str, order: Order) -> Transition:
    """Let an aborted or rolled-back version try again. It gets traffic only by a new start."""
    if version not in state.quarantined:
        out = ", ".join(state.quarantined) or "none"
        raise TransitionRefused(f"{version} is not quarantined in {state.workflow}; quarantined: {out}")
    left = tuple(other for other in state.quarantined if other != version)
    changed = moved(plan, state, order.at, quarantined=left)
    own = state.canary is not None and state.canary.version == version
    name = TrackName.CANARY if own else TrackName.LADDER
    return _ordered("readmit", name, order, changed, f"{version} may be started again", None)


def _ordered(
    action: str, name: TrackName, order: Order, state: LadderState, sentence: str, from_step: str | None
) -> Transition:
    track = state.track(name)
    return Transition(
        action=action,
        track=name,
        from_step=from_step,
        to_step=track.step if track is not None and track.open else None,
        reason="ORDERED",
        sentence=f"{sentence}: {order.reason}",
        state=state,
        at=order.at,
        actor=order.actor,
        evidence={"ordered": order.reason},
    )


def _status(
    action: str, plan: Plan, state: LadderState, name: TrackName, order: Order, status: Status
) -> Transition:
    track = state.track(name)
    assert track is not None
    after = replace(track, status=status, passes=0, passed_at=None, requested=None)
    changed = moved(plan, state, order.at, **{name.value: after})
    return _ordered(action, name, order, changed, f"{track.step} is {status}", track.step)


def _overridden(
    plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, outlook: Outlook, order: Order
) -> Transition:
    """A promotion against the gate, with a snapshot of what was set aside."""
    if not order.reason.strip():
        raise TransitionRefused("an override needs a reason that others will read; give one with --reason")
    change = promoted(plan, state, name, ruling, order.at, actor=order.actor, reason="OVERRIDE")
    return replace(
        change,
        sentence=f"{change.from_step} → {change.to_step}, overriding {outlook.reason} ({outlook.sentence}): "
        f"{order.reason}",
        evidence={
            **ruling.evidence,
            "ordered": order.reason,
            "override": {"held_by": outlook.reason, "sentence": outlook.sentence},
        },
    )


def _climbing(state: LadderState, name: TrackName) -> Track:
    track = state.track(name)
    if track is None:
        raise TransitionRefused(f"{state.workflow} runs no {name}; start one first")
    if track.status is Status.ABORTED:
        raise TransitionRefused(
            f"{name} of {state.workflow} is aborted; readmit {track.version} and start it, "
            "or start another version"
        )
    if track.status is Status.COMPLETED:
        raise TransitionRefused(f"{name} of {state.workflow} is complete: there is no further step")
    return track


def _refuse_quarantined(version: str, quarantined: tuple[str, ...]) -> None:
    if version in quarantined:
        raise TransitionRefused(
            f"{version} was taken out and is quarantined; let it back in with 'readmit {version}' first"
        )


def _refuse_frozen(plan: Plan, at: datetime) -> None:
    for window in plan.freeze:
        if window.covers(at):
            raise TransitionRefused(
                f"promotions of {plan.workflow} are frozen from {window.first} to {window.last}; "
                "start after that"
            )
