"""Shadow cannot hurt: no hands, no delay, no exception; what it skips it counts, and it yields no outcome."""

import asyncio
from datetime import timedelta

import pytest
from agent_cases import NOW, ticket, triaged

from agents.contract import Action, Reply, Source, Usage
from agents.scripted import Line, ScriptedAgent
from rollout.handle.compare import HumanAnswer
from rollout.handle.shadow import Shadow, ShadowLimits
from rollout.records import Compared, Kind

LIMITS = ShadowLimits(deadline=5, budget_usd_per_day=1.0)
HUMAN = HumanAnswer("Open the page and choose the link.", frozenset({"a"}), escalated=False)


class Tool:
    def __init__(self, name: str, *, writes: bool) -> None:
        self.name, self.writes, self.calls = name, writes, 0

    async def __call__(self, arguments):
        self.calls += 1
        return {}


class Greedy:
    """Tries every tool it can think of, and believes whatever it is told."""

    version = "greedy@1"

    async def answer(self, one, reading, tools):
        for name in ("refund", "status"):
            try:
                await tools.call(name, {})
            except PermissionError:
                continue
        return Reply(Action.REPLY, "Thank you, open the page.", 0.9, (Source("a", "A", "…", 0.9),))


def watch(agent, *, limits=LIMITS, tickets=1, at=NOW, human=HUMAN, **options):
    shadow = Shadow(agent, limits, **options)

    async def scenario():
        return [await shadow.watch(ticket(ticket_id=f"t-{n}"), triaged(), human, at) for n in range(tickets)]

    return asyncio.run(scenario()), shadow


def test_a_thousand_tickets_write_nothing() -> None:
    refund, status = Tool("refund", writes=True), Tool("status", writes=False)
    watched, shadow = watch(Greedy(), tickets=1000, tools=[refund, status])
    assert (refund.calls, status.calls) == (0, 1000)
    assert shadow.tools.refused == ["refund"] * 1000
    assert all(one.compared.accuracy == 1.0 for one in watched)


def test_it_holds_no_desk_and_yields_comparisons_only() -> None:
    (one,), shadow = watch(Greedy())
    assert not any("desk" in name or "queue" in name for name in vars(shadow))
    event = one.event({"shadow-reply": "sha256:x"})
    assert (event.kind, event.event_id, type(event.payload)) == (
        Kind.COMPARISON,
        "comparison:greedy@1:t-0",
        Compared,
    )
    assert event.payload.content == {"shadow-reply": "sha256:x"}
    assert event.payload.rater == "heuristic"
    assert one.event({}) == one.event({})


@pytest.mark.parametrize(
    ("line", "reason"),
    [(Line(error="broken"), "error"), (Line(text=""), "error"), (Line("x", seconds=9), "deadline")],
)
def test_what_fails_is_dropped_counted_and_never_raised(line: Line, reason: str) -> None:
    agent = ScriptedAgent("a@1", lambda *_: line)
    (one,), shadow = watch(agent, limits=ShadowLimits(deadline=0.02, budget_usd_per_day=1))
    assert one.compared.dropped == reason
    assert one.compared.accuracy is None
    assert shadow.dropped == {reason: 1}
    assert one.texts() == {}


def test_a_judge_that_fails_takes_nothing_down() -> None:
    def broken(*_):
        raise ValueError

    (one,), _ = watch(Greedy(), judged=broken)
    assert one.compared.dropped == "error"


class TestBudget:
    def agent(self, cost: float | None) -> ScriptedAgent:
        return ScriptedAgent("a@1", lambda *_: Line("Thank you.", cost_usd=cost))

    def test_a_day_never_costs_more_than_its_budget(self) -> None:
        watched, shadow = watch(self.agent(0.3), tickets=10)
        assert sum(one.compared.dropped is None for one in watched) == 3
        assert shadow.dropped == {"budget": 7}

    def test_the_next_day_has_its_own(self) -> None:
        shadow = Shadow(self.agent(0.6), LIMITS)

        async def scenario():
            moments = [NOW, NOW, NOW + timedelta(days=1)]
            return [await shadow.watch(ticket(), triaged(), HUMAN, at) for at in moments]

        assert [one.compared.dropped for one in asyncio.run(scenario())] == [None, "budget", None]

    def test_an_unknown_price_is_not_free(self) -> None:
        watched, _ = watch(
            self.agent(None), tickets=30, limits=ShadowLimits(deadline=5, budget_usd_per_day=0.5)
        )
        assert sum(one.compared.dropped is None for one in watched) == 10
        assert watched[0].compared.cost_usd is None


def test_beyond_its_concurrency_it_skips_instead_of_queueing() -> None:
    async def scenario():
        agent = ScriptedAgent("a@1", lambda *_: Line("Thank you.", seconds=0.05))
        shadow = Shadow(agent, ShadowLimits(deadline=5, budget_usd_per_day=1, concurrency=2))
        jobs = [shadow.watch(ticket(ticket_id=f"t-{n}"), triaged(), HUMAN, NOW) for n in range(5)]
        return await asyncio.gather(*jobs)

    assert [one.compared.dropped for one in asyncio.run(scenario())] == [None, None, *["capacity"] * 3]


def test_a_sample_is_drawn_by_the_ticket_and_says_its_probability() -> None:
    limits = ShadowLimits(deadline=5, budget_usd_per_day=1, percentage=30)
    watched, _ = watch(Greedy(), limits=limits, tickets=2000)
    again, _ = watch(Greedy(), limits=limits, tickets=2000)
    taken = [one.compared.dropped is None for one in watched]
    assert taken == [one.compared.dropped is None for one in again]
    assert abs(sum(taken) - 600) < 103  # five standard deviations of a binomial
    assert {one.compared.sampling_probability for one in watched} == {0.3}


def test_a_run_over_the_past_records_no_latency() -> None:
    (timed,), _ = watch(Greedy())
    (untimed,), _ = watch(Greedy(), timer=None)
    assert timed.compared.latency_seconds is not None
    assert untimed.compared.latency_seconds is None


def test_a_hand_off_is_compared_with_what_the_human_did() -> None:
    agent = ScriptedAgent("a@1", lambda *_: Line(reason="asked-for-human"))
    (one,), _ = watch(agent, human=HumanAnswer("Ask your provider.", escalated=True))
    compared = one.compared
    assert (compared.agent_escalated, compared.human_escalated, compared.agreement) == (True, True, 1.0)
    assert set(one.texts()) == {"shadow-packet"}


@pytest.mark.parametrize("bad", [{"concurrency": 0}, {"percentage": 101}, {"deadline": float("nan")}])
def test_impossible_limits_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        ShadowLimits(**{"deadline": 5, "budget_usd_per_day": 1, **bad})


def test_no_cost_is_charged_before_it_is_known() -> None:
    reply = Reply(Action.REPLY, "Thank you.", usage=Usage(cost_usd=0.0))
    agent = ScriptedAgent("a@1", lambda *_: Line(reply.text, cost_usd=0.0))
    watched, _ = watch(agent, tickets=50, limits=ShadowLimits(deadline=5, budget_usd_per_day=0))
    assert all(one.compared.dropped is None for one in watched)
