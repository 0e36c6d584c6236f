"""Whatever happens in whatever order: one answer per turn, none over a person's head, nothing lost."""

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from talking import VERSION, Talk

from agents.contract import Action, Reply
from rollout.conversations.book import Word
from rollout.conversations.thread import Thread
from rollout.handle.live import HAND_OFF_MESSAGE

_numbers = itertools.count(1)
TURNS = st.integers(0, 3)
ACTS = st.one_of(
    st.tuples(st.just("customer"), TURNS),
    st.tuples(st.just("customer"), TURNS),
    st.tuples(st.just("human"), st.integers(0, 1)),
    st.tuples(st.just("agent"), st.sampled_from(["reply", "reply", "hand off"])),
    st.tuples(st.just("wait"), st.integers(1, 3)),
    st.tuples(st.just("stop"), st.just(0)),
    st.tuples(st.just("roll back"), st.just(0)),
)


class Slow:
    """An agent that answers when it is told to: with a reply, or by handing off."""

    version = VERSION

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[str]] = []

    async def answer(self, ticket: Any, *_: Any) -> Reply:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.asked.append(told)
        if await told == "reply":
            return Reply(Action.REPLY, f"To {ticket.turns[-1].text if ticket.turns else ticket.text}", 0.9)
        return Reply(Action.HAND_OFF, reasons=("low-confidence",))

    def tell(self, reply: bool) -> None:
        waiting = [told for told in self.asked if not told.done()]
        if waiting:
            waiting[0].set_result(reply)


class Story:
    """One ticket, and everything that was answered to whoever asked."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.ticket = f"t-{next(_numbers)}"
        self.agent = Slow()
        self.served = True
        self.tasks: dict[asyncio.Task[Any], str] = {}
        self.said: set[str] = set()
        self.answers: dict[str, list[Any]] = {}
        self.begin()

    def begin(self) -> None:
        """A server over what there is: the first, or the next after a stop."""
        self.talk.made = self.talk.desk_of(lambda _: self.agent)
        self.talk.made._desk.may_serve = lambda *_: self.served

    async def open(self) -> Any:
        return await self.talk.open(int(self.ticket[2:]))

    async def play(self, acts: list[tuple[str, Any]]) -> Thread:
        await self.talk.made._desk.route(self.talk.ticket(int(self.ticket[2:])))
        self.start("opening", self.open())
        for act, value in acts:
            await self.act(act, value)
        await self.finish()
        for name in ("opening", *sorted(self.said)):  # everybody who got no answer asks again
            self.start(name, self.open() if name == "opening" else self.say(name))
            await self.finish()
        return await self.talk.made.book.thread("default", self.ticket)

    async def finish(self) -> None:
        """Let everybody have their answer."""
        while not all(task.done() for task in self.tasks):
            self.agent.tell("reply")
            await asyncio.sleep(0.001)
        self.gather()

    async def act(self, act: str, value: Any) -> None:
        match act:
            case "customer" | "human":
                self.start(f"{act}-{value}", self.say(f"{act}-{value}"))
            case "agent":
                self.agent.tell(value)
            case "wait":
                await asyncio.sleep(value * 0.002)
            case "roll back":
                self.served = False
            case "stop":
                for task in self.tasks:
                    task.cancel()
                await asyncio.gather(*self.tasks, return_exceptions=True)
                self.gather()
                self.begin()

    def start(self, name: str, work: Any) -> None:
        if name.startswith(("customer", "human")):
            self.said.add(name)
        self.tasks[asyncio.ensure_future(work)] = name

    async def say(self, name: str) -> Any:
        author: Any = name.split("-", maxsplit=1)[0]
        word = Word(name, author, f"{name}?", "ada")
        _, said, answered = await self.talk.made.turn("default", self.ticket, word)
        assert said.turn_id == name
        return answered

    def gather(self) -> None:
        for task, name in list(self.tasks.items()):
            if not task.cancelled():
                told = task.result()
                self.answers.setdefault(name, []).append((told.handler, told.reply, told.message))
        self.tasks.clear()


def hold(thread: Thread, story: Story) -> None:
    entries = thread.entries
    assert [entry.place for entry in entries] == list(range(1, len(entries) + 1))
    assert {entry.turn_id for entry in entries if entry.turn_id} == story.said, "nothing lost, nothing twice"
    agents = [entry for entry in entries if entry.author == "agent"]
    answered = [entry.message for entry in agents]
    assert answered == sorted(set(answered)), "one answer per message, in their order"
    asked_at = {entry.message: entry.place for entry in entries if entry.author == "customer"}
    assert all(asked_at.get(entry.message, 0) < entry.place for entry in agents), (
        "no answer before its question"
    )
    first = next((entry.place for entry in entries if entry.author == "human"), len(entries) + 1)
    assert all(entry.place < first for entry in agents), "the agent spoke over a person's head"
    given_up = [number for number, record in thread.handled.items() if record.payload["outcome"] != "replied"]
    assert len(given_up) <= 1, "handed off once"
    replied = [number for number in thread.handled if number not in given_up]
    assert all(number < min(given_up, default=99) for number in replied), "a reply after the hand-off"
    for number in range(1, thread.messages + 1):
        assert number in thread.handled or thread.with_people, "a message that nobody has"
    told = [answer for answers in story.answers.values() for answer in answers]
    for name, answers in story.answers.items():
        assert len(set(answers)) == 1, (name, "one turn, one answer, whoever asks")
    heard = {name for name, answers in story.answers.items() if answers[0][2] == HAND_OFF_MESSAGE}
    assert len(heard) <= 1, "of a hand-off the customer hears once"
    sent = bool(given_up and agents and agents[-1].message == given_up[0])
    assert len(heard) == sent, "who was handed off heard of it, unless a person was quicker"
    assert all(handler == "agent" or reply is None for handler, reply, _ in told)


@pytest.fixture
def talk(talks: Any) -> Any:
    """One world for all examples; each has a ticket of its own."""
    return talks()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACTS, max_size=14))
def test_any_interleaving_keeps_the_promises(talk: Any, acts: list[tuple[str, Any]]) -> None:
    story = Story(talk)
    hold(asyncio.run(story.play(acts)), story)
