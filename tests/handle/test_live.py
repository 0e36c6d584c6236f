"""On any doubt a human answers, the customer gets a message, and nothing is raised into the live path."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from agent_cases import NOW, ticket, triaged, turns

from agents.contract import Action, Packet, Reply, Source, Usage
from agents.scripted import Line, ScriptedAgent
from agents.tools import NO_TOOLS
from policies.vocabulary import Urgency
from rollout.clock import SimulatedClock
from rollout.handle.attempt import attempt
from rollout.handle.human import PRIORITY, STANDARD, InMemoryDesk, queue_of
from rollout.handle.live import HAND_OFF_MESSAGE, Handling, Live
from rollout.records import Kind

GOOD = Reply(
    Action.REPLY, "Here is how.", 0.9, (Source("a", "A", "…", 0.8, 12.0),), usage=Usage(5, 7, 0.02, 0, "m")
)


class Agent:
    """Answers with what a function returns, or however that function misbehaves."""

    version = "a@1"

    def __init__(self, act: Callable) -> None:
        self._act = act

    async def answer(self, one, reading, tools):
        made = self._act()
        return await made if asyncio.iscoroutine(made) else made


def handle(
    act: Callable, one=None, fence=lambda _: None, desk=None, deadline=5.0
) -> tuple[Handling, InMemoryDesk]:
    desk = desk or InMemoryDesk()
    live = Live(desk, SimulatedClock(NOW + timedelta(minutes=1)), deadline=deadline)
    return asyncio.run(live.handle(Agent(act), one or ticket(), triaged(), NO_TOOLS, fence)), desk


def boom():
    raise RuntimeError("customer text must not get into the record")


async def sleepy():
    await asyncio.sleep(30)


async def stubborn():
    """Swallows its cancellation and goes on, as some provider clients do."""
    for _ in range(100):
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return GOOD


async def cancels_itself():
    raise asyncio.CancelledError


def test_a_good_reply_goes_out_and_is_recorded_with_what_it_took() -> None:
    done, desk = handle(lambda: GOOD)
    assert (done.message, done.by_agent, desk.lengths()) == ("Here is how.", True, {})
    handled = done.handled
    assert (handled.outcome, handled.turns, handled.cost_usd, handled.tokens, handled.model) == (
        "replied",
        1,
        0.02,
        12,
        "m",
    )
    assert (handled.retrieval_confidence, handled.retrieval_age_days, handled.sources) == (0.8, 12.0, ("a",))
    assert handled.first_response_at == NOW + timedelta(minutes=1)


DOUBTS = {
    "raises": (boom, "agent-failed"),
    "raises before it awaits": (lambda: 1 / 0, "agent-failed"),
    "is late": (sleepy, "agent-failed"),
    "ignores its cancellation": (stubborn, "agent-failed"),
    "cancels itself": (cancels_itself, "agent-failed"),
    "returns nothing": (lambda: None, "agent-failed"),
    "returns a dict": (lambda: {"text": "hi"}, "agent-failed"),
    "is empty": (lambda: replace(GOOD, text="  \n"), "agent-failed"),
    "is endless": (lambda: replace(GOOD, text="x" * 5_000_000), "agent-failed"),
    "confidence is NaN": (lambda: replace(GOOD, confidence=float("nan")), "agent-failed"),
    "confidence is 7": (lambda: replace(GOOD, confidence=7.0), "agent-failed"),
    "confidence is True": (lambda: replace(GOOD, confidence=True), "agent-failed"),
    "confidence is text": (lambda: replace(GOOD, confidence="high"), "agent-failed"),
    "text is a number": (lambda: replace(GOOD, text=7), "agent-failed"),
    "action is a word": (lambda: replace(GOOD, action="reply"), "agent-failed"),
    "sources are names": (lambda: replace(GOOD, sources=("a",)), "agent-failed"),
    "violations are numbers": (lambda: replace(GOOD, violations=(1,)), "agent-failed"),
    "packet is text": (lambda: Reply(Action.HAND_OFF, packet="read this"), "agent-failed"),
    "sources are missing": (lambda: replace(GOOD, sources=None), "agent-failed"),
    "usage is missing": (lambda: replace(GOOD, usage=None), "agent-failed"),
    "cost is negative": (lambda: replace(GOOD, usage=Usage(cost_usd=-1.0)), "agent-failed"),
    "replies and hands off": (lambda: replace(GOOD, action=Action.HAND_OFF), "agent-failed"),
    "says what it must not": (lambda: replace(GOOD, text="I'm just an AI"), "reply-broke-a-rule"),
    "admits a violation": (lambda: replace(GOOD, violations=("pii",)), "reply-broke-a-rule"),
    "hands off": (lambda: Reply(Action.HAND_OFF, reasons=("low-confidence",)), "low-confidence"),
    "hands off without a word": (lambda: Reply(Action.HAND_OFF), "low-confidence"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_on_any_doubt_a_human_gets_the_ticket_and_the_customer_a_message(doubt: str) -> None:
    act, reason = DOUBTS[doubt]
    done, desk = handle(act, deadline=0.05)
    assert done.message == HAND_OFF_MESSAGE
    assert not done.by_agent
    waiting = desk.take(STANDARD)
    assert waiting is not None
    assert waiting.reasons[0] == reason
    assert waiting.packet is not None
    assert done.escalated is not None
    assert done.escalated.reason == reason
    assert done.escalated.queue == STANDARD
    assert "customer text" not in repr(done.events({}))


def test_a_failure_costs_an_unknown_amount_and_is_named() -> None:
    done, _ = handle(boom)
    assert (done.handled.outcome, done.handled.cost_usd, done.handled.error) == (
        "failed",
        None,
        "error: RuntimeError",
    )


class TestFence:
    """The state is looked at after the agent has answered and before anything is sent."""

    def test_a_human_who_took_over_is_not_talked_over(self) -> None:
        state = {"owner": None}

        def act():
            state["owner"] = "human"  # takes over while the agent is thinking
            return GOOD

        done, desk = handle(act, fence=lambda _: "taken-over" if state["owner"] else None)
        assert (done.message, done.withheld, desk.lengths()) == ("", "Here is how.", {})
        assert done.escalated is None

    def test_an_agent_that_may_not_speak_is_not_asked_and_the_customer_hears_of_it(self) -> None:
        done, desk = handle(boom, fence=lambda _: "rolled-back")
        assert (done.message, done.handled.outcome, done.handled.error) == (
            HAND_OFF_MESSAGE,
            "handed_off",
            None,
        )
        assert (done.handled.cost_usd, done.handled.latency_seconds) == (0.0, None)
        assert sum(desk.lengths().values()) == 1

    def test_whether_it_may_speak_can_take_waiting_to_find_out(self) -> None:
        async def fence(_):
            await asyncio.sleep(0)
            return "rolled-back"

        assert handle(lambda: GOOD, fence=fence)[0].escalated.reason == "rolled-back"

    @pytest.mark.parametrize("answer", [GOOD, Reply(Action.HAND_OFF, reasons=("x",))])
    def test_what_a_human_was_quicker_than_is_withheld_whatever_it_was(self, answer: Reply) -> None:
        done = handle(lambda: answer)[0].taken_over()
        assert (done.message, done.withheld, done.escalated, done.packet) == ("", answer.text, None, None)
        assert (done.handled.outcome, done.handled.turns) == ("handed_off", 0)

    def test_a_rollback_while_thinking_hands_the_ticket_to_a_human(self) -> None:
        seen = iter([None, "rolled-back"])
        done, desk = handle(lambda: GOOD, fence=lambda _: next(seen))
        assert (done.message, done.withheld) == (HAND_OFF_MESSAGE, "Here is how.")
        assert desk.take(STANDARD).reasons == ("rolled-back",)

    def test_not_knowing_whether_it_may_speak_the_agent_does_not(self) -> None:
        def unknown(_):
            raise ConnectionError

        done, _ = handle(lambda: GOOD, fence=unknown)
        assert done.escalated.reason == "state-unknown"


def test_a_desk_that_is_down_loses_no_ticket() -> None:
    class Down(InMemoryDesk):
        async def enqueue(self, *args, **kwargs):
            raise ConnectionError("no route to the helpdesk")

    done, _ = handle(lambda: Reply(Action.HAND_OFF, reasons=("low-confidence",)), desk=Down())
    assert done.message == HAND_OFF_MESSAGE
    assert done.handled.error == "desk unreachable: ConnectionError"
    assert [event.kind for event in done.events({})] == [Kind.HANDLING, Kind.ESCALATION]


def test_an_agents_own_packet_is_kept_unless_it_is_too_long() -> None:
    short = Packet("who", "what", "tried", "known", "next", "tone")
    done, _ = handle(lambda: Reply(Action.HAND_OFF, reasons=("x",), packet=short))
    assert done.packet == short
    done, _ = handle(
        lambda: Reply(Action.HAND_OFF, reasons=("x",), packet=replace(short, issue="word " * 300))
    )
    assert len(done.packet.issue.split()) <= 60


def test_events_refer_to_texts_and_are_the_same_when_made_again() -> None:
    done, _ = handle(lambda: Reply(Action.HAND_OFF, reasons=("x",)), one=ticket(turns=turns("a", "b", "c")))
    assert set(done.texts()) == {"reply", "packet"}
    refs = {part: f"sha256:{part}" for part in done.texts()}
    handling, escalation = done.events(refs)
    assert handling.event_id == "handling:t-1:agent:3", "the opening and two messages more"
    assert escalation.payload.content == {"packet": "sha256:packet"}
    assert handling.payload.content == {"reply": "sha256:reply"}
    assert done.events(refs) == done.events(refs)
    assert handling.payload.first_response_at is None  # the customer had an answer before


def test_a_late_answer_is_fenced_off() -> None:
    """What the agent says after the deadline goes nowhere, though it did say it."""
    said = []

    async def late():
        await asyncio.sleep(0.1)
        said.append("late")
        return GOOD

    async def scenario():
        class Late(Agent):
            async def answer(self, one, reading, tools):
                return await asyncio.shield(asyncio.ensure_future(late()))

        run = await attempt(Late(late), ticket(), triaged(), NO_TOOLS, deadline=0.01)
        await asyncio.sleep(0.2)
        return run

    run = asyncio.run(scenario())
    assert (run.reply, run.failure, said) == (None, "deadline", ["late"])


def test_cancelling_the_caller_cancels_the_agent() -> None:
    seen = []

    async def act():
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def scenario():
        task = asyncio.ensure_future(attempt(Agent(act), ticket(), triaged(), NO_TOOLS, deadline=30))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    asyncio.run(scenario())
    assert seen == ["cancelled"]


class TestDesk:
    def test_grave_tickets_first_and_every_tier_in_its_own_queue(self) -> None:
        assert queue_of(ticket(), triaged(urgency=Urgency.CRITICAL), ()) == PRIORITY
        legal = ("legal-language-detected",)
        assert queue_of(ticket(tier="enterprise"), triaged(), legal) == f"{PRIORITY}-enterprise"
        assert (
            queue_of(ticket(tier="Enterprise "), triaged(), ("low-confidence",)) == f"{STANDARD}-enterprise"
        )
        assert queue_of(ticket(), triaged(), ()) == STANDARD

    def test_a_ticket_waits_once_is_taken_in_order_and_its_moves_are_counted(self) -> None:
        async def scenario():
            desk = InMemoryDesk()
            for number in (1, 2, 1):
                one = ticket(ticket_id=f"t-{number}")
                await desk.enqueue(one, triaged(), packet=None, reasons=("x",), at=NOW)
            return desk

        desk = asyncio.run(scenario())
        assert desk.lengths() == {STANDARD: 2}
        assert desk.move("default", "t-1", "billing").hops == 1
        assert desk.take("billing").ticket.ticket_id == "t-1"
        assert desk.take(STANDARD).ticket.ticket_id == "t-2"
        assert desk.take(STANDARD) is None
        assert desk.lengths() == {}
        with pytest.raises(KeyError):
            desk.move("default", "t-1", "billing")


def test_the_scripted_agent_fails_like_any_other() -> None:
    live = Live(InMemoryDesk(), SimulatedClock(NOW), deadline=5)
    agent = ScriptedAgent("a@1", {"t-1": Line(error="broken")})
    done = asyncio.run(live.handle(agent, ticket(), triaged(), NO_TOOLS, lambda _: None))
    assert done.handled.error == "error: ScriptedFailure"
