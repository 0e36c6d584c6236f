"""A call waits no longer than the run that makes it; what was begun is brought to its end all the same."""

import asyncio
from dataclasses import fields
from time import monotonic
from typing import Any

import pytest

from agents.contract import Action, Packet, Reply
from agents.tools.refusals import OutcomeUnknown, ToolFailed, ToolRefused
from policies.vocabulary import Mode
from rollout.approvals.case import Case
from rollout.approvals.toolsets import Heeding, Toolsets
from rollout.records import Assigned, Kind


class Pressed(Case):
    """A run whose time ends when the test says so."""

    timers: list[asyncio.Timeout]

    def time(self) -> asyncio.Timeout:
        self.timers.append(asyncio.timeout(None))
        return self.timers[-1]


def pressed(case: Case) -> Pressed:
    made = Pressed(**{each.name: getattr(case, each.name) for each in fields(Case)})
    made.timers = []
    return made


def outcomes(place: Any) -> list[str]:
    return [one.payload["outcome"] for one in place.records(Kind.TOOL) if "outcome" in one.payload]


@pytest.mark.parametrize(
    ("tool", "arguments", "error", "reasons"),
    [
        ("get_order", {"order_id": "ORD-1"}, ToolFailed, ()),
        ("credit", {"amount_usd": 5}, OutcomeUnknown, ("tool-outcome-unknown",)),
    ],
)
def test_a_call_that_is_not_back_in_time_is_given_up_and_still_recorded_when_it_is(
    place: Any, run: Any, tool: str, arguments: Any, error: type[Exception], reasons: tuple[str, ...]
) -> None:
    free = asyncio.Event()
    case = pressed(place.case())

    async def hangs(_: str) -> None:
        case.timers[-1].reschedule(asyncio.get_running_loop().time())
        await free.wait()

    async def go() -> tuple[str, ...]:
        place.helpdesk.behave = hangs
        tools = place.gate.live(case)
        with pytest.raises(error):
            await tools.call(tool, arguments)
        assert place.helpdesk.done == []
        free.set()
        await place.gate.drain()
        return tuple(tools.reasons)

    assert run(go()) == reasons
    assert (len(place.helpdesk.done), outcomes(place)) == (1, ["done"])


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [("delete_everything", {}, "denied"), ("credit", {"amount_usd": -1}, "arguments")],
)
def test_what_a_run_tried_is_on_record_though_it_was_given_up_before_its_turn_came(
    place: Any, run: Any, tool: str, arguments: Any, reason: str
) -> None:
    async def go() -> None:
        async with place.gate.deciding:
            calling = asyncio.ensure_future(place.gate.live(place.case()).call(tool, arguments))
            await asyncio.sleep(0.01)
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            assert place.refusals() == []
        await place.gate.drain()

    run(go())
    assert place.refusals() == [reason]


def test_a_stop_waits_for_calls_under_way_and_not_for_ever(place: Any, run: Any) -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def hangs(_: str) -> None:
        begun.set()
        await free.wait()

    async def go() -> tuple[list[str], list[str]]:
        place.helpdesk.behave = hangs
        calling = asyncio.ensure_future(place.call("credit", amount_usd=5))
        await begun.wait()
        calling.cancel()
        await place.approvals.drain(0.05)
        before = outcomes(place)
        asyncio.get_running_loop().call_later(0.05, free.set)
        await place.approvals.drain(60)
        return before, outcomes(place)

    assert run(go()) == ([], ["done"])


def test_where_no_time_is_left_nothing_is_called(place: Any, run: Any) -> None:
    async def go() -> tuple[str, ...]:
        tools = place.gate.live(place.case(ends=monotonic() - 1))
        with pytest.raises(ToolFailed, match="no time left"):
            await tools.call("credit", {"amount_usd": 5})
        await place.gate.drain()
        return tuple(tools.reasons)

    assert (run(go()), place.helpdesk.done) == ((), [])
    assert outcomes(place) in ([], ["failed"]), "what was begun meanwhile is closed"


def test_a_run_has_the_deadline_of_its_version_less_what_is_kept_for_the_packet(place: Any) -> None:
    toolsets = Toolsets(place.gate, lambda _: {}, lambda *_: True, lambda _: 2.0)
    case = toolsets._case(place.case().ticket, _assigned(), 1, Mode.LIVE)
    assert case.ends is not None
    assert 0 < case.ends - monotonic() <= 1.7
    assert (
        Toolsets(place.gate, lambda _: {}, lambda *_: True)
        ._case(place.case().ticket, _assigned(), 1, Mode.LIVE)
        .ends
        is None
    )


def _assigned() -> Assigned:
    told = {each.name: "" for each in fields(Assigned)}
    return Assigned(**told | {"version": "resolution@1.2.0", "step": "ten"})  # type: ignore[arg-type]


PACKET = Packet("a", "b", "it looked up the order", "d", "e", "f")


@pytest.mark.parametrize(
    ("reasons", "kept"), [(("tool-approval-needed",), True), (("low-confidence",), False)]
)
def test_the_packet_of_an_agent_that_hands_over_for_the_same_reason_is_kept(
    place: Any, run: Any, reasons: tuple[str, ...], kept: bool
) -> None:
    class Agent:
        version = "resolution@1.2.0"

        async def answer(self, *_: Any) -> Reply:
            return Reply(Action.HAND_OFF, reasons=reasons, packet=PACKET)

    from agents.roles.triage import triage

    case = place.case()
    case.because("tool-approval-needed")
    tools = place.gate.live(case)
    reply = run(Heeding(Agent()).answer(case.ticket, triage(case.ticket), tools))
    assert reply.reasons[0] == "tool-approval-needed"
    assert (reply.packet == PACKET) is kept


@pytest.mark.parametrize("standing", [False, None])
def test_where_nobody_knows_whether_it_may_still_write_nothing_is_written(
    place: Any, run: Any, standing: bool | None
) -> None:
    async def asked() -> bool:
        if standing is None:
            raise OSError("whoever knows is away")
        return standing

    case = place.case()
    case.standing = asked
    with pytest.raises(ToolRefused, match="writes-off"):
        run(place.call("credit", case, amount_usd=5))
    assert (place.refusals(), place.helpdesk.writes) == (["writes-off"], [])
    assert run(place.call("get_order", case, order_id="ORD-1"))["ok"], "to look is no change"
