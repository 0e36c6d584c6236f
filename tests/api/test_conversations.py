"""One answer per turn, never over a person's head, and nothing lost: over retries, races and restarts."""

import asyncio
from typing import Any

import pytest
from talking import VERSION, echo

from agents.contract import Ticket
from agents.scripted import Line, ScriptedAgent
from rollout.conversations.book import Word
from rollout.errors import QueueFull
from rollout.handle.live import HAND_OFF_MESSAGE


def test_a_conversation_goes_to_and_fro_and_stands_there_whole(talks: Any) -> None:
    talk = talks()
    opened = talk.world.http.post("/v1/tickets", json=talk.world.ticket(text="Where is my invoice?"))
    assert opened.json()["reply"] == "Thank you. You wrote: Where is my invoice?"
    answer = talk.post("u-1", "And the receipt?")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["handler"], told["reply"]) == ("agent", "Thank you. You wrote: And the receipt?")
    assert (told["ticket_id"], told["turn_id"], told["place"], told["message"]) == ("t-1", "u-1", 2, None)
    whole = talk.told()
    assert (whole["owner"], whole["state"], whole["handed_off"]) == ("agent", "answered", False)
    assert [(turn["place"], turn["author"], turn["message"]) for turn in whole["turns"]] == [
        (0, "customer", 1),
        (1, "agent", 1),
        (2, "customer", 2),
        (3, "agent", 2),
    ]
    assert whole["turns"][2]["text"] == "And the receipt?"
    assert [each["outcome"] for each in whole["decisions"]] == ["replied", "replied"]
    journal = b"".join(path.read_bytes() for path in (talk.world.folder.path / "journal").glob("*.jsonl"))
    assert b"receipt" not in journal, "texts are in the erasable store"


def test_the_same_turn_again_gets_the_same_answer_and_another_text_none(talks: Any) -> None:
    asked: list[str] = []

    def line(ticket: Ticket, _: Any) -> Line:
        asked.append(ticket.ticket_id)
        return Line(f"Answer {len(asked)}.")

    talk = talks(line=line)
    talk.world.http.post("/v1/tickets", json=talk.world.ticket())
    first, again = talk.post("u-1").json(), talk.post("u-1").json()
    assert first == again
    assert len(asked) == 2, "once for the ticket and once for the turn"
    head = talk.world.folder.journal.head()
    for other in (talk.post("u-1", "Something else"), talk.post("u-1", author="human", actor="ada")):
        assert (other.status_code, other.json()["code"]) == (409, "desk-refused")
        assert "u-1" in other.json()["detail"]
    assert talk.world.folder.journal.head() == head


def test_turns_in_flight_at_once_get_one_answer_each_in_their_order(talks: Any) -> None:
    asked: list[int] = []

    def line(ticket: Ticket, _: Any) -> Line:
        asked.append(len(ticket.turns))
        return Line(echo(ticket).text, seconds=0.02)

    talk = talks(line=line)

    async def all_at_once() -> list[Any]:
        await talk.open()
        turns = [f"u-{number}" for number in range(4)] * 3
        return await asyncio.gather(*(talk.say(turn, f"Question {turn}?") for turn in turns))

    for said, given in asyncio.run(all_at_once()):
        assert given.reply == f"Thank you. You wrote: Question {said.turn_id}?"
    entries = asyncio.run(talk.thread()).entries
    answers = [entry.message for entry in entries if entry.author == "agent"]
    assert answers == [1, 2, 3, 4, 5]
    assert asked == [0, 2, 4, 6, 8], "once per message, with all that was said before"
    assert len(talk.records("handling")) == 5


def test_a_person_who_speaks_while_the_agent_thinks_is_not_talked_over(talks: Any) -> None:
    thinking = asyncio.Event()

    async def sleep(_: float) -> None:
        thinking.set()
        await asyncio.sleep(0.2)

    talk = talks()
    agent = ScriptedAgent(VERSION, lambda ticket, _: Line(echo(ticket).text, seconds=1), sleep=sleep)
    talk.made._answering._agent_of = lambda _: agent

    async def race() -> Any:
        await talk.open()
        thinking.clear()
        turn = asyncio.create_task(talk.say("u-1", "And the receipt?"))
        await thinking.wait()
        await talk.say("h-1", "I am Ada, I have it.", "human")
        return (await turn)[1]

    given = asyncio.run(race())
    assert (given.handler, given.reply, given.message) == ("human", None, None)
    whole = talk.told()
    assert [turn["author"] for turn in whole["turns"]] == ["customer", "agent", "customer", "human"]
    assert whole["decisions"][-1]["withheld"] == "Thank you. You wrote: And the receipt?"
    assert whole["decisions"][-1]["outcome"] == "handed_off"
    assert (whole["owner"], whole["state"]) == ("human", "answered")
    assert [record.payload["reason"] for record in talk.records("escalation")] == ["taken-over"]


def test_a_ticket_taken_over_stays_with_people(talks: Any) -> None:
    talk = talks()

    async def later() -> list[Any]:
        await talk.open()
        await talk.say("h-1", "I am Ada, I have it.", "human")
        return [(await talk.say(f"u-{number}"))[1] for number in range(3)]

    assert [(given.handler, given.reply) for given in asyncio.run(later())] == [("human", None)] * 3
    assert len(talk.records("handling")) == 2, "the opening's reply and the person's"
    assert talk.told()["state"] == "waiting"


def test_at_the_hand_off_the_customer_hears_of_it_exactly_once(talks: Any) -> None:
    talk = talks()

    async def handed() -> list[Any]:
        await talk.open()
        asked = (await talk.say("u-1", "I want to talk to a human being."))[1]
        return [
            asked,
            (await talk.say("u-2"))[1],
            (await talk.say("u-1", "I want to talk to a human being."))[1],
        ]

    first, later, again = asyncio.run(handed())
    assert (first.handler, first.message) == ("human", HAND_OFF_MESSAGE)
    assert (first.reasons, first.queue) == (("asked-for-human",), "human-queue-priority")
    assert first.packet
    assert (later.handler, later.message) == ("human", None)
    assert again == first
    whole = talk.told()
    assert sum(turn["text"] == HAND_OFF_MESSAGE for turn in whole["turns"]) == 1
    assert (whole["owner"], whole["state"], whole["handed_off"]) == ("nobody", "waiting", True)
    assert whole["packet"] == first.packet


def test_after_as_many_replies_as_the_version_may_give_a_person_answers(talks: Any) -> None:
    talk = talks(max_turns=3)

    async def on_and_on() -> list[Any]:
        await talk.open()
        return [(await talk.say(f"u-{number}"))[1] for number in range(4)]

    handlers = [(given.handler, given.reasons) for given in asyncio.run(on_and_on())]
    assert handlers == [("agent", ()), ("agent", ()), ("human", ("max-turns-reached",)), ("human", ())]


def test_an_abort_releases_open_conversations_and_a_promotion_does_not(talks: Any) -> None:
    talk = talks()
    asyncio.run(talk.open())
    assert talk.post("u-1").json()["handler"] == "agent"
    aborted = talk.world.order("abort")
    assert aborted.status_code == 200, aborted.text
    given = talk.post("u-2").json()
    assert (given["handler"], given["reasons"][0]) == ("human", "version-released")
    assert given["message"] == HAND_OFF_MESSAGE
    assert talk.records("handling")[-1].payload["latency_seconds"] is None, "nobody was asked"


def test_an_abort_while_a_replys_texts_are_written_keeps_it_from_the_customer(
    talks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes its time; what nobody may say any more when it is done is not said."""
    talk = talks()
    keep = type(talk.made.book).keep
    orders = []

    async def slow(book: Any, thread: Any, texts: Any) -> Any:
        refs = await keep(book, thread, texts)
        if "reply" in texts and not orders:
            orders.append(await asyncio.to_thread(talk.world.order, "abort"))
        return refs

    monkeypatch.setattr(type(talk.made.book), "keep", slow)
    answer = asyncio.run(talk.open())
    assert orders[0].status_code == 200
    assert (answer.handler, answer.reply, answer.reasons[0]) == ("human", None, "version-released")
    (handled,) = talk.records("handling")
    assert handled.payload["outcome"] == "handed_off"
    withheld = talk.world.folder.content.get(handled.payload["content"]["withheld"])
    assert withheld == "Thank you. You wrote: Where is my invoice?"
    assert [turn["author"] for turn in talk.told()["turns"]] == ["customer", "agent"]
    assert "Thank you. You wrote" not in str(talk.told()["turns"]), "only that a colleague will look at it"
    assert [item["reasons"] for item in talk.queue()] == [["version-released"]]


def test_the_humans_arm_has_no_agent_however_long_it_talks(talks: Any) -> None:
    talk = talks("human")
    talk.world.http.post("/v1/tickets", json=talk.world.ticket())
    given = talk.post("u-1").json()
    assert (given["handler"], given["reply"], given["message"]) == ("human", None, None)
    assert talk.records("escalation") == [], "nobody took anything from an agent"
    assert talk.post("h-1", "Here it is.", "human").status_code == 200
    assert (talk.told()["owner"], talk.told()["state"]) == ("human", "answered")
    assert talk.records("escalation") == []


def test_a_message_that_a_stop_left_unanswered_is_answered_with_the_next(talks: Any) -> None:
    """What a kill between turn and answer leaves behind: the turn, durable, and no answer."""
    talk = talks()

    async def stopped() -> Any:
        await talk.open()
        await talk.made.book.say("default", "t-1", Word("u-1", "customer", "First?", "api"))
        return (await talk.say("u-2", "Second?"))[1], (await talk.say("u-1", "First?"))[1]

    second, first = asyncio.run(stopped())
    assert (first.reply, second.reply) == ("Thank you. You wrote: First?", "Thank you. You wrote: Second?")
    asked = [turn["text"] for turn in talk.told()["turns"]]
    assert len(asked) == 6
    assert asked.index(first.reply) < asked.index(second.reply)


def test_the_agent_sees_everything_said_so_far_and_nothing_later(talks: Any) -> None:
    seen: list[list[tuple[str, str]]] = []

    def line(ticket: Ticket, _: Any) -> Line:
        seen.append([(turn.author, turn.text) for turn in ticket.turns])
        return Line(f"Reply {len(seen)}.")

    talk = talks(line=line)

    async def said() -> None:
        await talk.open()
        for turn in ("u-1", "u-2"):
            await talk.made.book.say("default", "t-1", Word(turn, "customer", f"{turn}?", "api"))
        await talk.say("u-2", "u-2?")

    asyncio.run(said())
    assert seen == [
        [],
        [("agent", "Reply 1."), ("customer", "u-1?")],
        [("agent", "Reply 1."), ("customer", "u-1?"), ("agent", "Reply 2."), ("customer", "u-2?")],
    ]


def test_what_was_forgotten_is_in_no_answer_and_nothing_is_added_to_it(talks: Any) -> None:
    talk = talks()
    asyncio.run(talk.open())
    talk.post("u-1", "My secret is out.")
    talk.world.folder.forget("default", "c-1")
    whole = talk.told()
    assert {turn["text_state"] for turn in whole["turns"]} == {"erased"}
    assert {turn["text"] for turn in whole["turns"]} == {None}
    again = talk.post("u-1", "My secret is out.")
    assert (again.status_code, again.json()["reply"]) == (200, None)
    new = talk.post("u-2", "Do you know me?")
    assert (new.status_code, new.json()["code"]) == (409, "desk-refused")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": " \n "}, "#/text"),
        ({"text": "x" * 100_001}, "#/text"),
        ({"author": "agent"}, "#/author"),
        ({"turn_id": ""}, "#/turn_id"),
        ({"turn_id": "a\nb"}, "#/turn_id"),
        ({"at": "2026-09-01T00:00:00"}, "#/at"),
        ({"tenant": "globex"}, "#/tenant"),
        ({"place": 1}, "#/place"),
    ],
)
def test_a_turn_that_is_none_is_refused_and_leaves_no_trace(refusing: Any, body: Any, pointer: str) -> None:
    sound = {"turn_id": "u-1", "author": "customer", "text": "And now?"}
    head = refusing.folder.journal.head()
    answer = refusing.http.post("/v1/conversations/t-1/turns", json=sound | body)
    assert answer.status_code == 422, answer.text
    assert pointer in answer.json()["detail"]
    assert refusing.folder.journal.head() == head


def test_a_ticket_that_was_never_opened_has_no_conversation(refusing: Any) -> None:
    sound = {"turn_id": "u-1", "author": "customer", "text": "And now?"}
    for answer in (
        refusing.http.post("/v1/conversations/nobody/turns", json=sound),
        refusing.http.get("/v1/conversations/nobody"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_more_turns_than_can_be_handled_are_refused_before_anything_is_recorded(talks: Any) -> None:
    talk = talks(line=lambda *_: Line("One moment.", seconds=0.1), most=2)

    async def flood() -> list[Any]:
        await talk.open()
        return await asyncio.gather(*(talk.say(f"u-{n}") for n in range(6)), return_exceptions=True)

    assert sum(isinstance(each, QueueFull) for each in asyncio.run(flood())) == 4
    assert len([one for one in talk.records("turn") if one.payload["author"] == "customer"]) == 2
