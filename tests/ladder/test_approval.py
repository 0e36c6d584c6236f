"""Where a plan wants it, it takes two persons to give an agent more traffic."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.digest import plan_digest
from rollout.errors import TransitionRefused
from rollout.ladder.actions import abort, pause, promote, resume, start
from rollout.ladder.approval import person
from rollout.ladder.revision import adopt
from rollout.ladder.state import LadderState, TrackName, moved
from rollout.ladder.steps import advance
from rollout.ladder.transition import Decision, Order, Ruling

PASS = Ruling(Decision.PROMOTE, "NON_INFERIOR", "every gate passed", {"csat": "PASS"})
HOLD = Ruling(Decision.HOLD, "UNDERPOWERED", "csat needs 400 more tickets")
LADDER = TrackName.LADDER
ADA, BO, CY = "ada (key:1)", "bo (key:2)", "cy (oidc:3)"


def at_ten(plan, author=ADA, *, person=True, now) -> LadderState:
    """A rollout that ``author`` began, at the step that asks for approval, its time served."""
    state = start(plan, "d" * 64, None, Order(author, "go", now, person=person)).state
    index = next(index for index, step in enumerate(plan.steps) if step.approval)
    return moved(plan, state, now, ladder=replace(state.ladder, step="ten", index=index))


@pytest.fixture
def by(now):
    def order(actor: str, *, override: bool = False) -> Order:
        return Order(actor, "we looked at it", now + timedelta(days=20), override, two_person=True)

    return order


def test_who_put_the_plan_in_force_can_only_ask(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA))
    assert (asked.action, asked.reason, asked.to_step) == ("request", "APPROVAL_REQUESTED", "ten")
    assert asked.state.shares == at_ten(plan, now=now).shares, "nobody gets more traffic by asking"
    with pytest.raises(TransitionRefused, match="another person has to approve"):
        promote(plan, asked.state, LADDER, PASS, by(ADA))
    done = promote(plan, asked.state, LADDER, PASS, by(BO))
    assert (done.to_step, done.reason, done.actor) == ("thirty", "APPROVED", BO)
    assert done.evidence["approval"] == {"requested_by": [ADA], "approved_by": BO, "one_person": False}
    assert f"asked for by {ADA}, approved by {BO}" in done.sentence
    assert done.state.ladder.requested is None


def test_another_than_the_author_approves_at_once(plan, now, by) -> None:
    done = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(BO))
    assert (done.to_step, done.evidence["approval"]["requested_by"]) == ("thirty", [ADA])


def test_a_plan_that_a_program_started_has_no_author_so_two_others_are_needed(plan, now, by) -> None:
    state = at_ten(plan, "serve --plans", person=False, now=now)
    asked = promote(plan, state, LADDER, PASS, by(BO))
    assert asked.action == "request"
    assert promote(plan, asked.state, LADDER, PASS, by(CY)).to_step == "thirty"


def test_the_author_cannot_approve_what_another_asked_for(plan, now, by) -> None:
    state = at_ten(plan, now=now)
    override = promote(plan, state, LADDER, HOLD, by(BO, override=True)).state
    with pytest.raises(TransitionRefused, match="put this plan"):
        promote(plan, override, LADDER, HOLD, by(ADA, override=True))


def test_a_second_key_of_the_same_name_is_the_same_person(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    for other in ("ada (key:99)", "ada (oidc:7)", "ada"):
        with pytest.raises(TransitionRefused, match="another person"):
            promote(plan, asked, LADDER, PASS, by(other))


def test_an_override_takes_two_who_both_say_override(plan, now, by) -> None:
    state = at_ten(plan, now=now)
    one = promote(plan, state, LADDER, HOLD, by(BO, override=True))
    assert (one.action, one.to_step) == ("request", "ten"), "the plan's author asked for no override"
    with pytest.raises(TransitionRefused, match="UNDERPOWERED"):
        promote(plan, one.state, LADDER, HOLD, by(CY))
    done = promote(plan, one.state, LADDER, HOLD, by(CY, override=True))
    assert (done.to_step, done.reason) == ("thirty", "OVERRIDE")
    assert done.evidence["approval"]["requested_by"] == [BO]


def test_a_request_that_relied_on_the_gate_approves_no_override_of_it(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    again = promote(plan, asked, LADDER, HOLD, by(BO, override=True))
    assert again.action == "request"
    assert again.state.ladder.requested is not None
    assert again.state.ladder.requested.by == BO


def test_the_gate_must_pass_still_when_the_second_person_comes(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    with pytest.raises(TransitionRefused, match="UNDERPOWERED"):
        promote(plan, asked, LADDER, HOLD, by(BO))


@pytest.mark.parametrize("action", [pause, abort])
def test_a_request_does_not_outlive_a_pause_or_an_abort(plan, now, by, action) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    assert action(plan, asked, LADDER, by(CY)).state.ladder.requested is None


def test_a_revision_drops_the_request_and_whoever_widened_the_plan_is_an_author(
    plan, now, by, make_plan
) -> None:
    state = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    wider = make_plan(monitors=["violations"], holdout=1)
    revised = adopt(wider, plan_digest(wider), plan, state, by(BO, override=True)).state
    assert revised.ladder.requested is None
    assert revised.authors == (ADA, BO)
    frozen = make_plan(freeze=["2026-12-18/2027-01-04", "2027-03-01/2027-03-02"])
    calmer = adopt(frozen, plan_digest(frozen), plan, state, by(BO)).state
    assert calmer.ladder.since == state.ladder.since, "its evidence goes on, and yet"
    assert calmer.ladder.requested is None
    stricter = make_plan(holdout=10)
    assert adopt(stricter, plan_digest(stricter), plan, state, by(BO)).state.authors == (ADA,)


def test_a_step_without_approval_takes_one(plan, now, by) -> None:
    state = at_ten(plan, now=now)
    state = moved(plan, state, now, ladder=replace(state.ladder, step="full", index=4))
    assert promote(plan, state, LADDER, PASS, by(ADA)).action == "promote"


def test_where_nobody_is_known_one_person_does_both_and_the_record_says_so(plan, now) -> None:
    order = Order("ada", "we looked at it", now + timedelta(days=20))
    done = promote(plan, at_ten(plan, "ada", now=now), LADDER, PASS, order)
    assert done.to_step == "thirty"
    assert "ada both asked for it and approved it" in done.sentence
    assert done.evidence["approval"]["one_person"] is True


def test_the_controller_leaves_a_request_waiting(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    assert advance(plan, asked, {LADDER: PASS}, now + timedelta(days=21)) is None


def test_a_position_comes_back_from_the_record_with_its_request_and_authors(plan, now, by) -> None:
    asked = promote(plan, at_ten(plan, now=now), LADDER, PASS, by(ADA)).state
    assert LadderState.from_json(asked.to_json()) == asked
    older = asked.to_json()
    del older["authors"], older["ladder"]["requested"]
    read = LadderState.from_json(older)
    assert (read.authors, read.ladder.requested) == ((), None), "written before there were any"


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    orders=st.lists(
        st.tuples(
            st.sampled_from(["promote", "override", "pause", "resume"]),
            st.sampled_from([ADA, BO, CY, "ada (key:9)", "bo"]),
            st.sampled_from([PASS, HOLD]),
        ),
        max_size=12,
    )
)
def test_however_they_order_nobody_leaves_the_step_alone(plan, now, orders) -> None:
    state, asked_for = at_ten(plan, now=now), {"ada": False}
    for number, (what, actor, ruling) in enumerate(orders):
        override = what == "override"
        order = Order(actor, "because", now + timedelta(days=20 + number), override, two_person=True)
        act = {"pause": pause, "resume": resume}.get(what)
        try:
            if act is not None:
                change = act(plan, state, LADDER, order)
            else:
                change = promote(plan, state, LADDER, ruling, order)
        except TransitionRefused:
            continue
        name = person(actor)
        if change.action == "promote":
            assert name != "ada", "the author never approves"
            others = {who for who, overriding in asked_for.items() if who != name}
            if change.reason == "OVERRIDE":
                others = {who for who, overriding in asked_for.items() if overriding and who != name}
            assert others, "somebody else asked for just this"
            return
        if change.action == "request":
            asked_for[name] = asked_for.get(name, False) or override
        state = change.state
