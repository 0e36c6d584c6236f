"""An agent behind a URL and the desk's tools: it asks for calls, they are made here, it is asked again."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from agent_cases import triaged
from desk_tools import STATUS, Desk
from test_http_agent import GOOD, WANTED, Theirs, agent, answered

from agents.contract import Action, Reply
from agents.remote.contract import CONTRACT
from agents.tools.refusals import ApprovalNeeded, OutcomeUnknown, ToolFailed, ToolRefused
from agents.tools.session import MOST_CALLS, MOST_ROUNDS

ORDER = ("get_order", {"order_id": "ORD-1001"})
TOLD = {**GOOD, "text": "Your order is in transit, it came to 59.90 USD."}


def wanting(*calls: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {**WANTED, "tool_calls": [{"name": name, "arguments": given} for name, given in calls], **more}


def saying(*answers: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """One answer per round, the last one for ever; by what the request says, as an agent without memory."""

    def says(asked: dict[str, Any]) -> dict[str, Any]:
        _, _, rounds = asked["turn_id"].partition(":tools-")
        return {"turn_id": asked["turn_id"], **answers[min(int(rounds or 0), len(answers) - 1)]}

    return says


def asked(theirs: Theirs, desk: Desk, *, writes: bool = True, **changes: Any) -> Reply:
    text = "Where is my order ORD-1001?"
    return answered(agent(theirs, **changes), desk.tools(writes=writes), triaged(), text=text)


def tools_in(reply: Reply) -> list[tuple[str, str, str]]:
    steps = [step for step in reply.trace if step["step"] == "tool"]
    return [(step["name"], step["outcome"], step["reason"]) for step in steps]


def test_what_it_asked_for_is_looked_up_and_its_answer_may_rest_on_it() -> None:
    theirs, desk = Theirs(saying(wanting(ORDER), TOLD)), Desk()
    reply = asked(theirs, desk)
    assert (reply.action, reply.text) == (Action.REPLY, TOLD["text"])
    assert desk.asked == [ORDER]
    first, second = theirs.asked
    assert (first["tool_calls_left"], first["tool_results"]) == (MOST_CALLS, [])
    assert (second["tool_calls_left"], second["tool_results"]) == (
        MOST_CALLS - 1,
        [{"id": "tool-1", "tool": "get_order", "outcome": "ok", "result": STATUS, "arguments": ORDER[1]}],
    )
    assert (second["ticket"], second["tools"]) == (first["ticket"], first["tools"])
    assert tools_in(reply) == [("get_order", "ok", "")]


def test_without_the_call_the_same_answer_is_made_up() -> None:
    reply = asked(Theirs(saying(TOLD)), Desk())
    assert (reply.action, reply.violations) == (Action.HAND_OFF, ("ungrounded_specific_claim:price",))


def test_every_round_has_a_turn_of_its_own_so_that_a_memory_of_answers_is_no_trap() -> None:
    theirs = Theirs(saying(wanting(ORDER), wanting(ORDER, ORDER), TOLD))
    asked(theirs, Desk())
    turns = [one["turn_id"] for one in theirs.asked]
    assert turns[1:] == [f"{turns[0]}:tools-1", f"{turns[0]}:tools-2"]
    assert [one.headers["Idempotency-Key"] for one in theirs.seen] == turns
    assert [len(one["tool_results"]) for one in theirs.asked] == [0, 1, 3]


def test_each_round_is_tried_again_once_and_the_call_made_once() -> None:
    fails = iter([True, False, True, False])

    def says(asked: dict[str, Any]) -> Any:
        return httpx.Response(503) if next(fails) else saying(wanting(ORDER), TOLD)(asked)

    theirs, desk = Theirs(says), Desk()
    assert asked(theirs, desk).action is Action.REPLY
    assert (len(theirs.asked), len(desk.asked)) == (4, 1)


def test_what_all_rounds_took_is_added_up_and_one_unknown_cost_makes_it_unknown() -> None:
    def took(cost: float | None) -> dict[str, Any]:
        told: dict[str, Any] = {"model": "theirs-7b", "input_tokens": 10, "output_tokens": 2}
        return {"usage": told if cost is None else {**told, "cost_usd": cost}}

    known = asked(Theirs(saying({**wanting(ORDER), **took(0.25)}, {**TOLD, **took(0.5)})), Desk())
    assert (known.usage.cost_usd, known.usage.input_tokens, known.usage.model) == (0.75, 20, "theirs-7b")
    unknown = asked(Theirs(saying({**wanting(ORDER), **took(None)}, {**TOLD, **took(0.5)})), Desk())
    assert unknown.usage.cost_usd is None


def test_an_agent_that_only_ever_calls_is_ended() -> None:
    theirs, desk = Theirs(saying(wanting(ORDER))), Desk()
    reply = asked(theirs, desk)
    assert reply.reasons == ("too-many-calls",)
    assert (len(desk.asked), len(theirs.asked)) == (MOST_ROUNDS, MOST_ROUNDS + 1)
    assert theirs.asked[-1]["tool_calls_left"] == 0


def test_a_call_where_nothing_is_offered_is_on_record_and_no_answer() -> None:
    desk = Desk()
    none = type(desk.tools())(refusal=desk._refuse)
    reply = answered(agent(Theirs(saying(wanting(("refund", {}))))), none)
    assert (reply.reasons, desk.refused) == (("unusable-agent-output",), [("refund", {})])


@pytest.mark.parametrize(
    ("end", "reasons"),
    [
        (ApprovalNeeded("apr-1", "a lot"), ("tool-approval-needed",)),
        (OutcomeUnknown("cut off"), ("tool-outcome-unknown",)),
        (ToolRefused("other-customer", "somebody else's"), ("other-customer",)),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else "",
)
def test_what_is_left_to_a_person_ends_it_at_once(end: Exception, reasons: Sequence[str]) -> None:
    theirs, desk = Theirs(saying(wanting(ORDER, ORDER), TOLD)), Desk()

    async def ends(*_: Any) -> Any:
        raise end

    desk.behave = ends
    reply = asked(theirs, desk)
    assert (reply.action, reply.reasons) == (Action.HAND_OFF, reasons)
    assert (len(desk.asked), len(theirs.asked)) == (1, 1)
    assert reply.packet is not None
    assert "Tools called: get_order" in reply.packet.tried


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (ToolRefused("over-limit", "20 dollars"), ("refused", "over-limit")),
        (ToolFailed("out of stock"), ("failed", None)),
    ],
    ids=["refused", "failed"],
)
def test_what_changed_nothing_is_told_and_it_may_answer(end: Exception, told: tuple[str, Any]) -> None:
    theirs, desk = Theirs(saying(wanting(ORDER), GOOD)), Desk()

    async def ends(*_: Any) -> Any:
        raise end

    desk.behave = ends
    assert asked(theirs, desk).action is Action.REPLY
    (result,) = theirs.asked[1]["tool_results"]
    assert (result["outcome"], result.get("reason")) == told
    assert "result" not in result


def test_a_tool_that_is_not_there_is_refused_and_named_in_no_trace() -> None:
    theirs, desk = Theirs(saying(wanting(("delete_account", {"who": "eva"})), GOOD)), Desk()
    reply = asked(theirs, desk, writes=False)
    assert desk.refused == [("delete_account", {"who": "eva"})]
    assert tools_in(reply) == [("?", "refused", "unknown-tool")]


def test_one_deadline_holds_all_rounds_and_calls() -> None:
    theirs, desk = Theirs(saying(wanting(ORDER))), Desk()

    async def slow(*_: Any) -> Any:
        await asyncio.sleep(0.15)
        return STATUS

    desk.behave = slow
    reply = asked(theirs, desk, deadline=0.3)
    assert reply.reasons == ("agent-deadline",)
    assert len(desk.asked) < MOST_ROUNDS
    left = [one["deadline_ms"] for one in theirs.asked]
    assert left == sorted(left, reverse=True)


def test_personal_details_of_results_stay_here() -> None:
    def says(body: dict[str, Any]) -> dict[str, Any]:
        turn = {"turn_id": body["turn_id"]}
        if not body["tool_results"]:
            return {**wanting(ORDER), **turn}
        if len(body["tool_results"]) == 1:
            address = body["tool_results"][0]["result"]["email"]
            return {**wanting(("refund", {"order_id": address})), **turn}
        address = body["tool_results"][1]["arguments"]["order_id"]
        return {**GOOD, **turn, "text": f"We write to {address}, please look there."}

    async def told(name: str, given: Any) -> Any:
        return {"email": "eva@example.org"} if name == "get_order" else {"ok": True}

    theirs, desk = Theirs(says), Desk(told)
    reply = asked(theirs, desk)
    assert "eva@" not in b"".join(one.content for one in theirs.seen).decode()
    assert desk.asked[1] == ("refund", {"order_id": "eva@example.org"})
    assert reply.text == "We write to eva@example.org, please look there."


def test_an_agent_that_never_heard_of_tools_answers_as_before() -> None:
    theirs = Theirs({"contract": CONTRACT, "action": "hand_off", "reasons": ["no-such-order"]})
    assert asked(theirs, Desk()).reasons == ("no-such-order",)


def test_why_it_was_handed_over_is_in_the_trace_with_what_was_weighed() -> None:
    low = asked(Theirs(saying({**GOOD, "confidence": 0.2})), Desk())
    phases = [step["phase"] for step in low.trace if step["step"] == "escalation"]
    assert phases == ["before", "after"]
    hard = answered(agent(Theirs()), text="My lawyer will sue you.")
    assert [step["phase"] for step in hard.trace if step["step"] == "escalation"] == ["before"]
