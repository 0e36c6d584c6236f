"""What people decide: bound to the exact arguments, once, in time, and never by who asked."""

import asyncio
import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.tools.refusals import ApprovalNeeded, OutcomeUnknown, ToolRefused
from rollout.errors import DeskRefused, UnknownApproval
from rollout.records import Kind

VERSION = "resolution@1.2.0"


def asked(place: Any, run: Any, tool: str = "credit", **arguments: Any) -> Any:
    """A call that waits."""
    with pytest.raises(ApprovalNeeded):
        run(place.call(tool, **(arguments or {"amount_usd": 40})))
    return run(place.waiting())[-1]


def test_a_call_above_its_limit_waits_and_nothing_is_done(place: Any, run: Any) -> None:
    case = place.case()
    with pytest.raises(ApprovalNeeded) as told:
        run(place.call("credit", case, amount_usd=40))
    (call,) = run(place.waiting())
    assert told.value.approval_id == call.approval_id
    assert (case.reasons, place.helpdesk.done) == (["tool-approval-needed"], [])
    assert (call.reason, call.amount, call.version) == ("over-limit", 40, VERSION)


def test_an_approved_call_is_made_once_with_what_was_approved(place: Any, run: Any) -> None:
    call = asked(place, run)
    done = run(place.approve(call))
    assert (done.outcome, place.helpdesk.done) == (
        "done",
        [("credit", {"customer_id": "c-1", "amount_usd": 40}, "default:t-1:1")],
    )
    for actor in ("ada", "grace"):
        with pytest.raises(DeskRefused, match="does not wait any more: it is done"):
            run(place.approve(call, actor))
    assert run(place.call("credit", amount_usd=40)) == {"ok": True, "number": 1}
    assert len(place.helpdesk.done) == 1


def test_of_people_who_approve_at_once_one_has_it_made(place: Any, run: Any) -> None:
    call = asked(place, run)

    async def go() -> list[Any]:
        people = [place.approve(call, f"person-{number}") for number in range(8)]
        return await asyncio.gather(*people, return_exceptions=True)

    answers = run(go())
    assert sum(isinstance(answer, DeskRefused) for answer in answers) == 7
    assert len(place.helpdesk.done) == 1


@pytest.mark.parametrize("digest", ["", "0" * 64, hashlib.sha256(b"40").hexdigest()])
def test_an_approval_is_bound_to_the_arguments_that_were_seen(place: Any, run: Any, digest: str) -> None:
    call = asked(place, run)
    with pytest.raises(DeskRefused, match="the arguments you saw are not the ones that wait"):
        run(place.approve(call, digest=digest))
    assert place.helpdesk.done == []


def test_an_approval_of_one_call_is_none_of_another(place: Any, run: Any) -> None:
    small = asked(place, run, "change_email", email="ada@example.org")
    other = asked(place, run, "change_email", email="eve@example.org")
    with pytest.raises(DeskRefused, match="the arguments you saw"):
        run(place.approve(other, digest=small.arguments))
    assert place.helpdesk.done == []


def test_an_approval_that_nobody_gave_in_time_is_gone(place: Any, run: Any) -> None:
    call = asked(place, run)
    place.clock.advance(timedelta(hours=24))
    with pytest.raises(DeskRefused, match="it is expired"):
        run(place.approve(call))
    assert place.helpdesk.done == []
    assert run(place.waiting()) == []


def test_an_approval_stays_good_until_the_last_moment(place: Any, run: Any) -> None:
    call = asked(place, run)
    place.clock.advance(timedelta(hours=24) - timedelta(microseconds=1))
    assert run(place.approve(call)).outcome == "done"


@pytest.mark.parametrize(
    "changes", [{"actor": VERSION}, {"actor": f"agent:{VERSION}"}, {"actor": "key:bot", "is_agent": True}]
)
def test_no_agent_approves_its_own_call_or_anybodys(place: Any, run: Any, changes: Any) -> None:
    call = asked(place, run)
    with pytest.raises(DeskRefused, match="a person has to decide"):
        run(place.approve(call, **changes))
    assert place.helpdesk.done == []


def test_where_it_takes_two_they_are_not_the_same_person(place: Any, run: Any) -> None:
    call = asked(place, run, "change_email", email="grace@example.org")
    assert run(place.approve(call, "ada (key:1)")).outcome is None
    (half,) = run(place.waiting())
    with pytest.raises(DeskRefused, match="you have agreed already"):
        run(place.approve(half, "ada (key:2)"))
    assert place.helpdesk.done == []
    assert run(place.approve(half, "grace")).outcome == "done"
    assert len(place.helpdesk.done) == 1


def test_one_no_is_enough_and_the_agent_cannot_ask_for_the_same_again(place: Any, run: Any) -> None:
    call = asked(place, run)
    done = run(place.approve(call, verdict="deny", digest="", note="not for a late parcel"))
    assert done.state(place.clock.now()) == "denied"
    with pytest.raises(DeskRefused, match="it is denied"):
        run(place.approve(call))
    with pytest.raises(ToolRefused, match="a person has said no"):
        run(place.call("credit", amount_usd=40))
    (record,) = place.records(Kind.APPROVAL)
    assert place.folder.content.get(record.payload["content"]["note"]) == "not for a late parcel"


def test_what_waits_uses_up_limits_so_that_asking_a_lot_gains_nothing(place: Any, run: Any) -> None:
    asked(place, run)
    with pytest.raises(ToolRefused, match="usd_per_ticket"):
        run(place.call("credit", amount_usd=30))


def test_what_was_denied_or_has_expired_uses_up_nothing(place: Any, run: Any) -> None:
    run(place.approve(asked(place, run), verdict="deny"))
    asked(place, run, amount_usd=50)
    place.clock.advance(timedelta(hours=25))
    asked(place, run, amount_usd=60)


def test_nobody_lifts_the_limits_that_no_approval_lifts(place: Any, run: Any) -> None:
    with pytest.raises(ToolRefused, match="usd_per_ticket"):
        run(place.call("credit", amount_usd=61))
    assert run(place.waiting()) == []


def test_an_approval_that_waits_is_there_after_a_restart(place: Any, run: Any) -> None:
    call = asked(place, run)
    place.restarted()
    assert run(place.waiting()) == [call]
    assert run(place.approve(call)).outcome == "done"


def test_a_crash_between_a_word_and_the_call_leaves_it_to_a_human(place: Any, run: Any) -> None:
    call = asked(place, run)

    async def go() -> None:
        begun = asyncio.Event()

        async def never(_: str) -> None:
            begun.set()
            await asyncio.Event().wait()

        place.helpdesk.behave = never
        task = asyncio.ensure_future(place.approve(call))
        await begun.wait()
        assert not task.done()

    run(go())
    place.helpdesk.behave = None
    assert place.restarted().recover() == 1
    with pytest.raises(DeskRefused, match="it is unknown"):
        run(place.approve(call))
    assert (place.helpdesk.done, len(place.records(Kind.ESCALATION))) == ([], 1)


def test_an_approved_call_of_which_nobody_knows_goes_to_a_human(place: Any, run: Any) -> None:
    call = asked(place, run)

    async def cut(_: str) -> None:
        raise OutcomeUnknown("reset")

    place.helpdesk.behave = cut
    assert run(place.approve(call)).outcome == "unknown"
    assert [record.payload["reason"] for record in place.records(Kind.ESCALATION)] == ["tool-outcome-unknown"]


def test_arguments_that_were_erased_cannot_be_approved(place: Any, run: Any) -> None:
    call = asked(place, run, "change_email", email="grace@example.org")
    place.folder.content.erase_customer("default", "c-1")
    with pytest.raises(DeskRefused, match="were erased"):
        run(place.approve(call))


def test_another_tenants_approval_is_not_there(place: Any, run: Any) -> None:
    call = asked(place, run)
    assert run(place.approvals.listed("other")) == []
    with pytest.raises(UnknownApproval):
        run(place.approvals.decide("other", call.approval_id, None))


STEPS = st.sampled_from(["ask", "approve", "approve-other", "agent", "deny", "wrong", "wait", "restart"])


@settings(max_examples=25)
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_no_order_of_events_makes_a_call_twice_or_without_a_word(new_place: Any, steps: list[str]) -> None:
    """Against a plain model: done at most once, and only after a right word in time."""

    async def go(place: Any) -> tuple[int, int]:
        may, call = 0, None
        for step in steps:
            with suppress(DeskRefused, ToolRefused):
                if step == "ask":
                    with suppress(ApprovalNeeded):
                        await place.call("credit", amount_usd=40)
                    call = ([*await place.waiting()] or [call])[-1]
                elif step == "wait":
                    place.clock.advance(timedelta(hours=13))
                elif step == "restart":
                    place.restarted().recover()
                elif call is not None:
                    waits = call in await place.waiting()
                    if step.startswith("approve"):
                        may += waits
                        await place.approve(call, step)
                    elif step == "deny":
                        await place.approve(call, verdict="deny")
                    else:
                        changes = {"actor": VERSION} if step == "agent" else {"digest": "0" * 64}
                        await place.approve(call, **changes)
        return len(place.helpdesk.done), may

    with new_place() as place:
        done, may = asyncio.run(go(place))
    assert done == may <= 1
