"""A ticket is decided, answered where the arm says so, and both are on record when it is answered."""

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.contract import Action, Reply, Usage
from agents.scripted import Line, ScriptedAgent
from policies.plan import Plan, plan_from_json, plan_to_json
from rollout.api.agent_host import AgentFailed, RemoteAgent, connect
from rollout.api.agent_host import create_app as agents_app
from rollout.api.desk import Desk
from rollout.api.inputs import ROUTE
from rollout.conversations.answering import Terms
from rollout.errors import QueueFull
from rollout.handle.shadow import ShadowLimits
from rollout.records import Kind
from rollout.ticketing import TicketDesk

VERSION = "resolution@1.2.0"
GOOD = "Thank you for asking. Your invoice is on its way to you by mail."


def only(plan: Plan, mode: str) -> Plan:
    """The plan with one step that gives every customer to the agent."""
    whole = plan_to_json(plan) | {"holdout": "0", "canary": None}
    step = {"name": mode, "mode": mode, "set_weight": "100", "min_duration": "14d"}
    return plan_from_json(whole | {"steps": [step], "freeze": []})


class Desks:
    """A world whose tickets are answered by a scripted agent."""

    def __init__(
        self,
        world: Any,
        line: Callable[..., Line],
        deadline: float = 5.0,
        max_turns: int = 4,
        **options: Any,
    ) -> None:
        self.world = world
        self.agent = ScriptedAgent(VERSION, line)
        self.made = TicketDesk(
            Desk(world.router, world.folder.journal),
            world.folder.journal,
            world.folder.content,
            lambda _: self.agent,
            world.clock,
            terms=Terms(lambda _: deadline, lambda _: max_turns),
            **options,
        )

    def post(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        """The answer as the door's handler gets it."""
        return asyncio.run(self.asked(number, **changes))

    async def asked(self, number: int = 1, **changes: Any) -> dict[str, Any]:
        body = self.world.ticket(number, text="Where is my invoice?", **changes)
        answer = await self.made.handle(ROUTE.validate_json(json.dumps(body)).ticket("default"))
        await self.made.drain()
        return dataclasses.asdict(answer)

    def kinds(self) -> list[str]:
        return [record.kind for record in self.world.folder.journal.read()][2:]


@pytest.fixture
def desks(tmp_path: Path, plan: Plan, stage: Any, build: Any) -> Iterator[Callable[..., Desks]]:
    with ExitStack() as stack:

        def make(mode: str, line: Callable[..., Line] = lambda *_: Line(GOOD), **options: Any) -> Desks:
            chosen = plan if mode == "shadow" else only(plan, mode)
            return Desks(build(tmp_path, chosen, stage, stack), line, **options)

        yield make


def test_live_the_agents_reply_is_in_the_answer_and_on_record(desks: Any) -> None:
    desk = desks("live")
    answer = desk.post()
    assert (answer["handler"], answer["reply"], answer["packet"]) == ("agent", GOOD, None)
    assert desk.kinds() == ["ticket", "triage", "assignment", "handling", "turn"]
    handled = desk.world.folder.journal.find("handling:t-1:agent:1").payload
    assert (handled["version"], handled["outcome"]) == (VERSION, "replied")
    journal = b"".join(path.read_bytes() for path in (desk.world.folder.path / "journal").glob("*.jsonl"))
    assert b"invoice" not in journal, "texts are in the erasable store"


def test_the_same_ticket_is_answered_once_however_often_it_is_asked(desks: Any) -> None:
    asked: list[str] = []
    desk = desks("live", lambda ticket, _: asked.append(ticket.ticket_id) or Line(GOOD, seconds=0.05))

    async def many() -> list[Any]:
        return await asyncio.gather(*(desk.asked(1) for _ in range(8)))

    answers = asyncio.run(many())
    assert asked == ["t-1"]
    assert all(answer == answers[0] for answer in answers)
    assert desk.post() == answers[0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line(reason="legal-language"), "legal-language"),
        (Line(error="broken"), "agent-failed"),
        (Line(GOOD, seconds=30.0), "agent-failed"),
        (Line(GOOD, violations=("promise",)), "reply-broke-a-rule"),
        (Line(""), "agent-failed"),
    ],
)
def test_on_any_doubt_a_human_has_the_ticket_and_the_packet(desks: Any, line: Line, reason: str) -> None:
    desk = desks("live", lambda *_: line, deadline=0.1)
    answer = desk.post()
    assert (answer["handler"], answer["reply"]) == ("human", None)
    assert reason in answer["reasons"]
    assert answer["queue"].startswith("human-queue")
    assert "invoice" in answer["packet"]
    assert answer["message"], "the customer hears that somebody will answer"
    assert desk.kinds()[-3:] == ["handling", "escalation", "turn"]
    assert desk.post() == answer


def test_assist_gives_a_draft_to_the_person_and_nothing_to_the_customer(desks: Any) -> None:
    desk = desks("assist")
    answer = desk.post()
    assert (answer["handler"], answer["reply"], answer["draft"]) == ("human", None, GOOD)
    assert desk.kinds()[-1] == Kind.APPROVAL
    assert desk.post() == answer


def test_shadow_answers_beside_the_human_and_is_in_no_answer(desks: Any) -> None:
    limits = ShadowLimits(deadline=5, budget_usd_per_day=10)
    desk = desks("shadow", shadow_limits=lambda *_: limits)
    answer = desk.post()
    assert (answer["handler"], answer["reply"], answer["draft"]) == ("human", None, None)
    compared = desk.world.folder.journal.find(f"comparison:{VERSION}:t-1").payload
    assert compared["dropped"] is None
    assert desk.world.folder.content.get(compared["content"]["shadow-reply"]) == GOOD
    assert "handling" not in desk.kinds()
    body = {"ticket_id": "t-1", "version": VERSION, "agreement": 1, "actor": "ada"}
    assert desk.world.http.post("/v1/reviews", json=body).status_code == 200, "a person can judge it"


def test_a_version_that_was_released_while_it_thought_says_nothing(desks: Any) -> None:
    def line(*_: Any) -> Line:
        desk.made._desk.may_serve = lambda *_: False
        return Line(GOOD)

    desk = desks("live", line)
    answer = desk.post()
    assert (answer["handler"], answer["reasons"][0]) == ("human", "version-released")


def test_more_than_can_be_handled_is_refused_before_anything_is_recorded(desks: Any) -> None:
    desk = desks("live", lambda *_: Line(GOOD, seconds=0.2), most=2)

    async def flood() -> list[Any]:
        return await asyncio.gather(*(desk.asked(n) for n in range(6)), return_exceptions=True)

    answers = asyncio.run(flood())
    refused = [answer for answer in answers if isinstance(answer, QueueFull)]
    assert len(refused) == 4
    assert desk.kinds().count("ticket") == 2
    assert desk.post(9)["handler"] == "agent", "there is room again"


def test_an_erased_text_is_in_no_answer(desks: Any) -> None:
    desk = desks("live")
    assert desk.post()["reply"] == GOOD
    desk.world.folder.content.erase_customer("default", "c-1")
    assert (desk.post()["reply"], desk.post()["handler"]) == (None, "agent")


def test_the_door_answers_with_decision_and_reply(desks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desks("live")
    unequipped = desk.world.http.post("/v1/tickets", json=desk.world.ticket())
    assert (unequipped.status_code, unequipped.json()["code"]) == (503, "unavailable")
    monkeypatch.setattr(desk.world.door, "tickets", desk.made)
    answer = desk.world.http.post("/v1/tickets", json=desk.world.ticket(text="Where is it?"))
    routed = desk.world.http.post("/v1/route", json=desk.world.ticket(text="Where is it?")).json()
    assert answer.status_code == 200, answer.text
    assert answer.json()["reply"] == GOOD
    assert {key: answer.json()[key] for key in routed} == routed


# The agents' own process, by its protocol.


def remote(agent: Any) -> RemoteAgent:
    def agent_of(version: str) -> Any:
        if version != VERSION:
            raise LookupError(version)
        return agent

    transport = httpx.ASGITransport(app=agents_app(agent_of))
    return RemoteAgent(VERSION, httpx.AsyncClient(transport=transport, base_url="http://agents"))


def test_a_reply_is_the_same_over_the_line(desks: Any) -> None:
    desk = desks("live")
    desk.agent = remote(ScriptedAgent(VERSION, lambda *_: Line(GOOD, confidence=0.5, cost_usd=None)))
    assert desk.post()["reply"] == GOOD
    handled = desk.world.folder.journal.find("handling:t-1:agent:1").payload
    assert (handled["confidence"], handled["cost_usd"]) == (0.5, None)


class Nonsense:
    version = VERSION

    async def answer(self, *_: Any) -> Reply:
        return Reply(Action.REPLY, text=7, usage=Usage(cost_usd=float("nan")))  # type: ignore[arg-type]


@pytest.mark.parametrize("agent", [Nonsense(), ScriptedAgent(VERSION, lambda *_: Line(error="x")), None])
def test_an_agent_that_fails_over_there_is_a_hand_off_here(desks: Any, agent: Any) -> None:
    desk = desks("live")
    desk.agent = remote(agent)
    assert desk.post()["handler"] == "human"


def test_nobody_at_the_other_end_is_a_failure_at_once(tmp_path: Path) -> None:
    async def ask() -> None:
        async with connect(str(tmp_path / "nobody.sock")) as http:
            with pytest.raises(AgentFailed, match="ConnectError"):
                await RemoteAgent(VERSION, http).answer(None, None, None)  # type: ignore[arg-type]

    asyncio.run(ask())
