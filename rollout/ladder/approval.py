"""Promotions that take two persons: one asks, or has written the plan; another approves.

Pure. Whoever gives an order is named by the door, ``ada (key:ID)`` or an id alone; two identities of
one name are one person, so a second key makes nobody a second person.
"""

from dataclasses import replace

from policies.plan import Plan
from rollout.errors import TransitionRefused
from rollout.ladder.state import LadderState, Request, Track, TrackName, moved, steps_of
from rollout.ladder.transition import Order, Ruling, Transition


def person(actor: str) -> str:
    """Who stands behind an actor: its name, or its id where it has none."""
    return actor.partition(" (")[0]


def takes_two(plan: Plan, track: Track, name: TrackName, order: Order) -> bool:
    """Whether this order needs a second person."""
    return order.two_person and steps_of(plan, name)[track.index].approval


def approves(state: LadderState, track: Track, order: Order) -> bool:
    """Whether the order is the approval; else it is the request.

    A request stands for what was asked: one that relied on the gate approves no override. The plan's
    authors have asked for what their plan says, and for no override of it.

    Raises:
        TransitionRefused: the same person asked for it, or wrote the plan.

    """
    me, asked = person(order.actor), track.requested
    authors = {person(author) for author in state.authors}
    if asked is None or (order.override and not asked.override):
        return not order.override and bool(authors) and me not in authors
    if me == person(asked.by):
        raise TransitionRefused(
            f"{me} asked for leaving {track.step} at {asked.at:%F %R}; another person has to approve it"
        )
    if me in authors:
        raise TransitionRefused(
            f"{me} put this plan of {state.workflow} in force and cannot approve leaving {track.step}; "
            f"{person(asked.by)} asked for it, a third person has to approve it"
        )
    return True


def requested(
    plan: Plan, state: LadderState, name: TrackName, ruling: Ruling, order: Order, held_by: str | None
) -> Transition:
    """Put a promotion on record that another person has to approve. ``held_by``: what it overrides."""
    track = state.track(name)
    assert track is not None
    after = replace(track, requested=Request(order.actor, order.at, held_by is not None))
    overriding = f", overriding {held_by}" if held_by is not None else ""
    return Transition(
        action="request",
        track=name,
        from_step=track.step,
        to_step=track.step,
        reason="APPROVAL_REQUESTED",
        sentence=f"{order.actor} asks to leave {track.step}{overriding}, another person approves: "
        f"{order.reason}",
        state=moved(plan, state, order.at, **{name.value: after}),
        at=order.at,
        actor=order.actor,
        evidence={**ruling.evidence, "ordered": order.reason},
    )


def seal(change: Transition, plan: Plan, state: LadderState, order: Order) -> Transition:
    """``change``, saying who asked and who approved where its step asks for approval."""
    track = state.track(change.track)
    assert track is not None
    if not steps_of(plan, change.track)[track.index].approval:
        return change
    asked = [track.requested.by] if track.requested is not None else list(state.authors)
    told = f"asked for by {', '.join(asked)}, approved by {order.actor}"
    if not order.two_person:
        asked = [order.actor]
        told = f"{order.actor} both asked for it and approved it"
    approval = {"requested_by": asked, "approved_by": order.actor, "one_person": not order.two_person}
    evidence = {**change.evidence, "approval": approval}
    return replace(change, sentence=f"{change.sentence} ({told})", evidence=evidence)
