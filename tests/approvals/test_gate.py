"""What every tool call passes: default deny, bound arguments, limits, one effect per call."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from agents.tools.refusals import ApprovalNeeded, OutcomeUnknown, ToolFailed, ToolRefused
from policies.manifest import ToolGrant
from policies.vocabulary import Mode
from rollout.records import Kind


def refused(place: Any, run: Any, tool: str, reason: str, case: Any = None, **arguments: Any) -> None:
    with pytest.raises(ToolRefused) as told:
        run(place.call(tool, case, **arguments))
    assert told.value.reason == reason
    assert place.refusals()[-1] == reason


def test_a_read_is_made_with_the_tickets_customer_and_put_on_record(place: Any, run: Any) -> None:
    assert run(place.call("get_order", order_id="ORD-1"))["ok"]
    (done,) = place.helpdesk.done
    assert done == ("get_order", {"customer_id": "c-1", "order_id": "ORD-1"}, "default:t-1:1")
    called, returned = place.records()
    assert (called.payload["what"], returned.payload["outcome"]) == ("read", "done")


@pytest.mark.parametrize(
    ("tool", "reason"),
    [("delete_account", "denied"), ("delete_x", "denied"), ("drop_tables", "unknown-tool")],
)
def test_what_nobody_allowed_is_refused_and_on_record(place: Any, run: Any, tool: str, reason: str) -> None:
    refused(place, run, tool, reason)
    assert place.helpdesk.done == []


def test_a_denial_of_the_desk_wins_over_the_manifests_grant(place: Any) -> None:
    assert "delete_account" in place.case().grants
    assert "delete_account" not in place.gate.live(place.case()).names()


def test_a_tool_that_the_manifest_does_not_grant_is_refused(place: Any, run: Any) -> None:
    refused(place, run, "credit", "not-granted", place.case(grants={}), amount_usd=5)


def test_a_write_cannot_be_granted_as_a_read(place: Any, run: Any) -> None:
    grants = {"credit": ToolGrant(name="credit", authority="read")}
    refused(place, run, "credit", "not-granted", place.case(grants=grants), amount_usd=5)


@pytest.mark.parametrize("changes", [{"step_writes": False}, {"mode": Mode.ASSIST}, {"mode": Mode.SHADOW}])
def test_writes_are_off_until_a_live_step_grants_them(place: Any, run: Any, changes: Any) -> None:
    refused(place, run, "credit", "writes-off", place.case(**changes), amount_usd=5)


def test_a_shadow_is_handed_no_write_tool_whatever_its_step_says(place: Any, run: Any) -> None:
    tools = place.gate.watching(place.case())
    assert tools.names() == ("get_order",)
    with pytest.raises(PermissionError):
        run(tools.call("credit", {"amount_usd": 1}))
    assert (tools.refused, place.helpdesk.done, len(place.refusals())) == (["credit"], [], 1)


class Sly(str):
    """Equal to the customer for whoever compares, another in writing."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


@pytest.mark.parametrize(
    "other", ["c-2", "с-1", "c-1 ", "C-1", "c\u20111", ["c-1"], {"$ne": None}, None, 7], ids=repr
)
def test_a_model_cannot_name_another_customer(place: Any, run: Any, other: Any) -> None:
    refused(place, run, "get_order", "other-customer", customer_id=other, order_id="ORD-1")
    assert place.helpdesk.done == []


@pytest.mark.parametrize("other", [Sly("c-2"), "c-1\u200b", "c-1\x00", "\ud800"], ids=repr)
def test_a_customer_that_only_looks_like_the_tickets_is_refused(place: Any, run: Any, other: Any) -> None:
    refused(place, run, "get_order", "arguments", customer_id=other, order_id="ORD-1")


def test_repeating_the_tickets_own_customer_is_fine(place: Any, run: Any) -> None:
    assert run(place.call("get_order", customer_id="c-1", order_id="ORD-1"))["ok"]


@pytest.mark.parametrize(
    "smuggled",
    [
        {"amount_usd": 5, "customer": "c-2"},
        {"amount_usd": 5, "аmount_usd": 5000},
        {"amount_usd": {"value": 5}},
        {"amount_usd": [5]},
        {"amount_usd": "5"},
        {"amount_usd": True},
        {"amount_usd": float("nan")},
        {"amount_usd": float("inf")},
        {"amount_usd": -5},
        {"amount_usd": 0},
        {"amount_usd": 10**9},
        {"amount_usd": 5, "__class__": "x"},
        {"amount_usd": 5, "customer_id\u200b": "c-2"},
        {},
    ],
    ids=repr,
)
def test_arguments_beside_the_schema_are_refused(place: Any, run: Any, smuggled: Any) -> None:
    refused(place, run, "credit", "arguments", **smuggled)
    assert place.helpdesk.done == []


def test_a_newline_after_what_a_pattern_allows_is_refused(place: Any, run: Any) -> None:
    refused(place, run, "get_order", "arguments", order_id="ORD-1\n")


def test_what_was_decided_on_is_what_is_made_whatever_the_caller_does_to_it(place: Any, run: Any) -> None:
    given = {"amount_usd": 5}

    async def meanwhile(_: str) -> None:
        given["amount_usd"] = 5000

    place.helpdesk.behave = meanwhile
    run(place.gate.live(place.case()).call("credit", given))
    assert [arguments["amount_usd"] for _, arguments in place.helpdesk.writes] == [5]


def test_small_credits_pass_until_the_tickets_limits_are_used_up(place: Any, run: Any) -> None:
    for amount in (25, 20, 15):
        run(place.call("credit", amount_usd=amount))
    refused(place, run, "credit", "over-limit", amount_usd=1)
    assert len(place.helpdesk.writes) == 3


def test_dollars_of_a_ticket_add_up_exactly(place: Any, run: Any) -> None:
    run(place.call("credit", amount_usd=24.9))
    run(place.call("credit", amount_usd=24.8))
    refused(place, run, "credit", "over-limit", amount_usd=10.31)
    run(place.call("credit", amount_usd=10.3))


def test_a_customers_day_is_counted_over_all_their_tickets_and_versions(place: Any, run: Any) -> None:
    for number, version in enumerate(("a@1", "b@2", "a@1")):
        run(place.call("credit", place.case(f"t-{number}", version=version), amount_usd=25))
    refused(place, run, "credit", "over-limit", place.case("t-9"), amount_usd=6)
    run(place.call("credit", place.case("t-8", "c-2"), amount_usd=6))
    place.clock.advance(timedelta(days=1))
    run(place.call("credit", place.case("t-10"), amount_usd=25))


def test_limits_hold_when_calls_come_at_once(place: Any, run: Any) -> None:
    async def go() -> list[Any]:
        cases = [place.case(f"t-{number}") for number in range(12)]
        calls = [place.call("credit", case, amount_usd=25) for case in cases]
        return await asyncio.gather(*calls, return_exceptions=True)

    done = [each for each in run(go()) if isinstance(each, dict)]
    assert len(done) == len(place.helpdesk.writes) == 3


def test_limits_hold_over_a_restart(place: Any, run: Any) -> None:
    for number in range(3):
        run(place.call("credit", place.case(f"t-{number}"), amount_usd=25))
    place.restarted()
    refused(place, run, "credit", "over-limit", place.case("t-9"), amount_usd=25)


def test_the_same_call_for_the_same_message_is_made_once_and_answered_again(place: Any, run: Any) -> None:
    first = run(place.call("credit", amount_usd=5))
    place.restarted()
    assert run(place.call("credit", amount_usd=5.0, customer_id="c-1")) == first
    assert len(place.helpdesk.writes) == 1
    assert run(place.call("credit", place.case(message=2), amount_usd=5)) != first


def test_the_same_call_twice_at_once_is_made_once(place: Any, run: Any) -> None:
    async def go() -> list[Any]:
        async def slowly(_: str) -> None:
            await asyncio.sleep(0.02)

        place.helpdesk.behave = slowly
        return await asyncio.gather(*(place.call("credit", amount_usd=5) for _ in range(5)))

    answers = run(go())
    assert len(place.helpdesk.writes) == 1
    assert all(answer == answers[0] for answer in answers)


def test_the_intention_is_on_record_before_the_call_is_made(place: Any, run: Any) -> None:
    seen: list[list[str]] = []

    async def look(_: str) -> None:
        seen.append([record.payload["what"] for record in place.records(Kind.TOOL)])

    place.helpdesk.behave = look
    run(place.call("credit", amount_usd=5))
    assert seen == [["begun"]]


def test_a_call_that_changed_nothing_uses_no_limit_and_may_be_tried_again(place: Any, run: Any) -> None:
    async def fail(_: str) -> None:
        raise ToolFailed("out of stock")

    place.helpdesk.behave = fail
    for _ in range(4):
        with pytest.raises(ToolFailed):
            run(place.call("credit", amount_usd=5))
    place.helpdesk.behave = None
    assert run(place.call("credit", amount_usd=5))["ok"]


@pytest.mark.parametrize("error", [OutcomeUnknown("cut off"), ConnectionError("reset"), KeyError("x")])
def test_a_write_of_which_nobody_knows_is_never_repeated_by_itself(place: Any, run: Any, error: Any) -> None:
    async def cut(_: str) -> None:
        raise error

    place.helpdesk.behave = cut
    case = place.case()
    with pytest.raises(OutcomeUnknown):
        run(place.call("credit", case, amount_usd=5))
    assert case.reasons == ["tool-outcome-unknown"]
    place.helpdesk.behave = None
    place.restarted()
    with pytest.raises(OutcomeUnknown):
        run(place.call("credit", amount_usd=5))
    refused(place, run, "credit", "tool-outcome-unknown", place.case(message=2), amount_usd=5)
    assert place.helpdesk.done == []


def test_an_answer_that_is_no_object_leaves_a_write_unknown(place: Any, run: Any) -> None:
    async def nonsense(_: str) -> Any:
        return {"x": "y" * 70_000}

    place.helpdesk.behave = nonsense
    with pytest.raises(OutcomeUnknown, match="65,536 bytes"):
        run(place.call("credit", amount_usd=5))
    with pytest.raises(ToolFailed):
        run(place.call("get_order", order_id="ORD-1"))


def test_what_was_cut_off_by_a_crash_goes_to_a_human(place: Any, run: Any) -> None:
    """The call is made; the process dies before the answer is on record."""

    async def go() -> None:
        begun = asyncio.Event()

        async def never(_: str) -> None:
            begun.set()
            await asyncio.Event().wait()

        place.helpdesk.behave = never
        task = asyncio.ensure_future(place.call("credit", amount_usd=5))
        await begun.wait()
        assert not task.done()  # with the end of the loop everything in it is gone

    run(go())
    assert len(place.records(Kind.TOOL)) == 1
    assert place.restarted().recover() == 1
    assert place.restarted().recover() == 0
    (told,) = place.records(Kind.ESCALATION)
    assert told.payload["reason"] == "tool-outcome-unknown"
    with pytest.raises(OutcomeUnknown):
        run(place.call("credit", amount_usd=5))


def given_up(place: Any, run: Any, end: Any) -> None:
    """A run that is cancelled while its call is under way; ``end`` is how the call ends."""

    async def go() -> None:
        begun = asyncio.Event()

        async def slowly(_: str) -> None:
            begun.set()
            await asyncio.sleep(0.02)
            if end is not None:
                raise end

        place.helpdesk.behave = slowly
        task = asyncio.create_task(place.call("credit", amount_usd=5))
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await place.gate.drain()

    run(go())


def test_an_agent_that_is_given_up_does_not_cut_its_call_off(place: Any, run: Any) -> None:
    given_up(place, run, None)
    assert len(place.helpdesk.writes) == 1
    assert place.records(Kind.TOOL)[-1].payload["outcome"] == "done"
    assert place.records(Kind.ESCALATION) == []


def test_a_late_unknown_of_an_agent_that_was_given_up_goes_to_a_human(place: Any, run: Any) -> None:
    given_up(place, run, OutcomeUnknown("reset"))
    assert [record.payload["reason"] for record in place.records(Kind.ESCALATION)] == ["tool-outcome-unknown"]


def test_an_agent_given_up_before_its_call_is_made_leaves_it_unmade_and_closed(place: Any, run: Any) -> None:
    async def go() -> None:
        admitted = asyncio.Event()
        loop, admit = asyncio.get_running_loop(), place.gate._admission.admit

        def slowly(*asked: Any) -> Any:
            found = admit(*asked)
            loop.call_soon_threadsafe(admitted.set)
            return found

        place.gate._admission.admit = slowly
        task = asyncio.create_task(place.call("credit", amount_usd=5))
        await admitted.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await place.gate.drain()

    run(go())
    begun, closed = place.records(Kind.TOOL)
    assert (begun.payload["what"], closed.payload["outcome"], place.helpdesk.done) == ("begun", "failed", [])
    assert place.restarted().recover() == 0


def test_an_agent_that_goes_on_and_on_is_stopped(place: Any, run: Any) -> None:
    for number in range(25):
        with pytest.raises(ToolRefused):
            run(place.call("drop_tables", number=number))
    assert place.refusals() == ["unknown-tool"] * 20 + ["too-many-calls"]


def test_no_text_of_a_call_stands_in_the_journal(place: Any, run: Any) -> None:
    with pytest.raises(ApprovalNeeded):
        run(place.call("change_email", email="grace@example.org"))
    with pytest.raises(ToolRefused):
        run(place.call("grace@example.org", note="grace@example.org"))
    with pytest.raises(ToolRefused):
        run(place.call("credit", amount_usd=5, **{"grace@example.org": 1}))
    assert all("grace" not in str(record.payload) for record in place.folder.journal.read())


def test_what_a_refused_call_wanted_is_kept_for_those_who_look_into_it(place: Any, run: Any) -> None:
    refused(place, run, "get_order", "other-customer", customer_id="c-2", order_id="ORD-1")
    reference = place.records()[-1].payload["content"]["arguments"]
    assert "c-2" in place.folder.content.get(reference)
