"""Agents in another process call tools through the gate of their own run, and through nothing else."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from talking import VERSION, Talk, only
from tool_calls import GRANTS, Waiting

from agents.contract import Action, Reply, Ticket, Toolset
from agents.roles.triage import triage as common_triage
from agents.tools.refusals import ApprovalNeeded, OutcomeUnknown, ToolFailed, ToolRefused
from policies.plan import plan_from_json, plan_to_json
from rollout.api import tool_line
from rollout.api.agent_host import AgentFailed, RemoteAgent, create_app
from rollout.api.inputs import ROUTE
from rollout.approvals.toolsets import Toolsets
from rollout.records import Kind
from rollout.serve.tool_desk import may_write


class Caller:
    """An agent that calls what it is told to, and says how each call went."""

    version = VERSION

    def __init__(self, *calls: tuple[str, Mapping[str, Any]]) -> None:
        self.calls = calls
        self.went: list[Any] = []
        self.seen: list[Any] = []

    async def answer(self, ticket: Ticket, triage: Any, tools: Toolset) -> Reply:
        self.seen.append(getattr(tools, "described", list)())
        for name, arguments in self.calls:
            try:
                self.went.append(await tools.call(name, arguments))
            except (PermissionError, ToolFailed, OutcomeUnknown) as error:
                self.went.append(error)
        return Reply(Action.REPLY, text="Here you are.", confidence=0.9)


def remote(agent: Any) -> RemoteAgent:
    transport = httpx.ASGITransport(app=create_app(lambda _: agent))
    return RemoteAgent(VERSION, httpx.AsyncClient(transport=transport, base_url="http://agents"))


@pytest.fixture
def desk(talks: Any) -> Any:
    """Makes a ticket desk of one step whose agent sits behind the line and has a refund tool."""

    def make(agent: Any, mode: str = "live", writes: bool = True) -> Talk:
        talk = talks(mode)
        talk.tool = Waiting(talk.world.door)
        talk.made.equip(Toolsets(talk.tool.gate, lambda _: GRANTS, lambda *_: writes))
        talk.made._answering._agent_of = lambda _: remote(agent)
        return talk

    return make


def records(talk: Talk) -> list[Any]:
    found = talk.world.folder.journal.read()
    return [record.payload for record in found if record.kind == Kind.TOOL]


def test_a_call_that_waits_for_a_person_hands_the_ticket_over_with_the_reason(desk: Any) -> None:
    agent = Caller(("refund", {"amount_usd": 5}))
    talk = desk(agent)
    given = asyncio.run(talk.open())
    assert (given.handler, given.reply) == ("human", None)
    assert given.reasons[0] == "tool-approval-needed"
    assert isinstance(agent.went[0], ApprovalNeeded)
    assert [payload["what"] for payload in records(talk)] == ["asked"]


def test_the_agent_sees_what_it_may_choose_and_not_what_is_bound(desk: Any) -> None:
    agent = Caller()
    asyncio.run(desk(agent).open())
    ((tool,),) = agent.seen
    assert (tool["name"], tool["writes"]) == ("refund", True)
    assert list(tool["arguments"]["properties"]) == ["amount_usd"]
    assert tool["arguments"]["required"] == ["amount_usd"]


class Pausing(Caller):
    """Thinks until it is told to go on, then calls."""

    def __init__(self, *calls: tuple[str, Mapping[str, Any]]) -> None:
        super().__init__(*calls)
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def answer(self, ticket: Ticket, triage: Any, tools: Toolset) -> Reply:
        self.asked.set()
        await self.go.wait()
        return await super().answer(ticket, triage, tools)


@pytest.mark.parametrize("who", ["a person answers", "the rollout is aborted", "nobody"])
def test_nothing_is_changed_once_somebody_has_taken_the_ticket_or_the_authority(desk: Any, who: str) -> None:
    async def go() -> Any:
        agent = Pausing(("refund", {"amount_usd": 5}))
        talk = desk(agent)
        answering = asyncio.ensure_future(talk.open())
        await agent.asked.wait()
        if who == "a person answers":
            await talk.say("h1", "I have refunded it.", "human")
        elif who == "the rollout is aborted":
            stopped = await asyncio.to_thread(talk.world.order, "abort")
            assert stopped.status_code == 200, stopped.text
        agent.go.set()
        given = await answering
        return talk, agent.went[0], given

    talk, went, given = asyncio.run(go())
    (payload,) = records(talk)
    wanted = ("asked", "always") if who == "nobody" else ("refused", "writes-off")
    assert (payload["what"], payload["reason"]) == wanted
    assert isinstance(went, ApprovalNeeded if who == "nobody" else ToolRefused)
    assert (given.handler, talk.tool.done) == ("human", [])


@pytest.mark.parametrize("tool", ["refund", "nothing"])
def test_what_the_step_does_not_let_it_write_is_refused_and_on_record(desk: Any, tool: str) -> None:
    agent = Caller((tool, {"amount_usd": 5}))
    talk = desk(agent, writes=False)
    assert asyncio.run(talk.open()).handler == "agent"
    assert isinstance(agent.went[0], ToolRefused)
    (payload,) = records(talk)
    assert (payload["what"], payload["reason"]) == (
        "refused",
        "writes-off" if tool == "refund" else "unknown-tool",
    )


def test_a_draft_changes_nothing(desk: Any) -> None:
    agent = Caller(("refund", {"amount_usd": 5}))
    talk = desk(agent, "assist")
    assert asyncio.run(talk.open()).draft == "Here you are."
    assert ([payload["reason"] for payload in records(talk)], talk.tool.done) == (["writes-off"], [])


def test_a_run_that_never_ends_its_calls_is_given_up(desk: Any) -> None:
    talk = desk(Caller(*[("nothing", {})] * 100))
    given = asyncio.run(talk.open())
    assert (given.handler, given.reasons[:2]) == ("human", ("agent-failed", "error"))
    assert len(records(talk)) == 21


class Impatient(Caller):
    """Gives a call up a moment before it comes back, as both sides have it from one deadline."""

    def __init__(self, free: asyncio.Event) -> None:
        super().__init__(("refund", {"amount_usd": 5}))
        self.free = free

    async def answer(self, ticket: Ticket, triage: Any, tools: Toolset) -> Reply:
        try:
            async with asyncio.timeout(0.05):
                return await super().answer(ticket, triage, tools)
        except TimeoutError:
            asyncio.get_running_loop().call_later(0.05, self.free.set)
            return Reply(Action.REPLY, text="I could not look it up.", confidence=0.9)


class Late:
    """Tools that come back when they are let go."""

    recorded = True

    def __init__(self, free: asyncio.Event) -> None:
        self.free = free

    def names(self) -> tuple[str, ...]:
        return ("refund",)

    def described(self) -> list[Mapping[str, Any]]:
        return [{"name": "refund", "writes": True, "description": "", "arguments": {}}]

    async def call(self, *_: Any) -> Mapping[str, Any]:
        await self.free.wait()
        return {"refunded": True}


def test_the_reply_of_an_agent_that_gave_a_call_up_waits_for_whoever_makes_it(desk: Any) -> None:
    async def go() -> tuple[Reply, int]:
        free = asyncio.Event()
        app = create_app(lambda _: Impatient(free))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://agents")
        ticket = desk(Caller()).ticket(1)
        reply = await RemoteAgent(VERSION, http).answer(ticket, common_triage(ticket), Late(free))
        again = await http.post("/answer/nobody", content=b"{}")
        return reply, again.status_code

    reply, unknown = asyncio.run(go())
    assert reply.text == "I could not look it up."
    assert unknown == 409


class Answers:
    """Tools of a run whose one tool does as it is told."""

    recorded = True

    def __init__(self, end: Any) -> None:
        self.end = end

    def names(self) -> list[str]:
        return ["x"]

    def described(self) -> list[Any]:
        return [{"name": "x", "writes": True, "description": "", "arguments": {}}]

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@pytest.mark.parametrize(
    "end",
    [
        {"ok": 1},
        ToolRefused("over-limit", "too much"),
        ApprovalNeeded("apr-1", "a lot"),
        ToolFailed("out of stock"),
        OutcomeUnknown("cut off"),
    ],
    ids=lambda end: type(end).__name__,
)
def test_what_came_of_a_call_is_the_same_on_both_sides(world: Any, end: Any) -> None:
    agent = Caller(("x", {}))
    ticket = ROUTE.validate_python(world.ticket(), strict=False).ticket("default")
    reply = asyncio.run(remote(agent).answer(ticket, world.router._triage(ticket), Answers(end)))  # type: ignore[arg-type]
    assert reply.text == "Here you are."
    (went,) = agent.went
    if isinstance(end, dict):
        assert went == end
    else:
        assert (type(went), str(went)) == (type(end), str(end))


def test_a_run_is_continued_by_who_was_told_its_number_and_only_while_it_waits() -> None:
    app = create_app(lambda _: Caller())

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a") as http:
            return await http.post("/answer/0123456789abcdef", content=b"{}")

    assert asyncio.run(ask()).status_code == 409


def test_an_agent_without_tools_is_offered_none(world: Any) -> None:
    from agents.tools import NO_TOOLS

    assert tool_line.offered(NO_TOOLS) is None


def test_a_step_lets_write_only_where_every_step_in_force_does(world: Any, build: Any) -> None:
    plan = plan_to_json(only(world.plan, "live"))
    ticket = ROUTE.validate_python(world.ticket(), strict=False).ticket("default")
    assigned = world.router.route(ticket)

    class Standing:
        def __init__(self, plan: Any, step: str) -> None:
            self.plan, self.step = plan, step

        def standing(self, *_: str) -> Any:
            state = world.standings.standing("default", world.plan.workflow)[1]
            from dataclasses import replace

            return self.plan, replace(state, ladder=replace(state.ladder, step=self.step)), 1

    steps = [plan["steps"][0] | {"tools": "write"}, plan["steps"][0] | {"name": "next"}]
    both = plan_from_json(plan | {"steps": steps})
    from dataclasses import replace

    there = replace(assigned, step="live", arm="agent")
    assert may_write(Standing(both, "live"), ticket, there)  # type: ignore[arg-type]
    assert not may_write(Standing(both, "next"), ticket, there)  # type: ignore[arg-type]
    assert not may_write(Standing(both, "live"), ticket, replace(there, step="next"))  # type: ignore[arg-type]
    assert not may_write(Standing(both, "live"), ticket, replace(there, arm="canary"))  # type: ignore[arg-type]


def test_the_calls_of_an_agent_that_never_answers_again_are_let_go() -> None:
    """A router that goes away leaves no run behind: the host's own limit ends it."""

    class Patient(Caller):
        async def answer(self, ticket: Any, triage: Any, tools: Any) -> Any:
            return await tools.call("x", {})

    async def go() -> None:
        app = create_app(lambda _: Patient(), longest=0.05)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://a") as http:
            body = {"version": VERSION, "ticket": TICKET, "triage": TRIAGE, "tools": []}
            step = await http.post("/answer", json=body)
            assert step.status_code == 202
            await asyncio.sleep(0.1)
            late = await http.post(f"/answer/{step.json()['run']}", json={"answer": {}})
            assert late.status_code == 409

    asyncio.run(go())


TICKET = {
    "ticket_id": "t-1",
    "customer_id": "c-1",
    "opened_at": "2026-09-01T12:00:00Z",
    "workflow": "tier1-support",
}
TRIAGE = {"category": "billing", "urgency": "normal", "sentiment": "neutral", "complexity": "simple"}


def test_nobody_reaches_a_tool_by_asking_too_often(world: Any) -> None:
    ticket = ROUTE.validate_python(world.ticket(), strict=False).ticket("default")
    agent = remote(Caller(*[("x", {})] * (tool_line.MOST_STEPS + 1)))
    with pytest.raises(AgentFailed, match="more than 60 tool calls"):
        asyncio.run(agent.answer(ticket, world.router._triage(ticket), Answers({"ok": 1})))  # type: ignore[arg-type]
