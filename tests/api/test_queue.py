"""What waits for people waits in order, belongs to one, and is done once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from talking import VERSION

from agents.scripted import Line
from rollout.queue.register import NAME, Register
from rollout.records import Corrected, Escalated, Event, Handled, Kind, Resolved

HUMAN = "I want to talk to a human being."


def opened(talk: Any, number: int, text: str = HUMAN, **more: Any) -> dict[str, Any]:
    answer = talk.world.http.post("/v1/tickets", json=talk.world.ticket(number, text=text, **more))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def waits(talk: Any, **asked: Any) -> list[str]:
    return [item["ticket_id"] for item in talk.queue(**asked)]


def test_a_hand_off_waits_with_its_packet_until_a_person_answers(talks: Any) -> None:
    talk = talks()
    handed = opened(talk, 1, tier="enterprise")
    (item,) = talk.queue()
    assert (item["ticket_id"], item["kind"], item["state"], item["severity"]) == (
        "t-1",
        "hand_off",
        "open",
        0,
    )
    assert (item["queue"], item["tier"], item["reasons"]) == (
        handed["queue"],
        "enterprise",
        ["asked-for-human"],
    )
    assert (item["packet"], item["draft"]) == (handed["packet"], None)
    assert talk.desk("claim").json()["claimed_by"] == "ada"
    assert (waits(talk), waits(talk, state="claimed")) == ([], ["t-1"])
    assert talk.told()["claimed_by"] == "ada"
    talk.world.clock.advance(timedelta(seconds=90))
    answered = talk.desk("answer", text="Here is your invoice.")
    assert answered.status_code == 200, answered.text
    assert (answered.json()["state"], waits(talk, state="claimed"), waits(talk, state="done")) == (
        "done",
        [],
        ["t-1"],
    )
    handled = talk.records("handling")[-1]
    assert (handled.payload["handler"], handled.payload["human_seconds"]) == ("human", 90.0)
    assert handled.actor == "ada"
    assert talk.told()["turns"][-1]["text"] == "Here is your invoice."


def test_an_answer_is_given_once(talks: Any) -> None:
    talk = talks()
    opened(talk, 1)
    first = talk.desk("answer", text="Here it is.").json()
    head = talk.world.folder.journal.head()
    assert talk.desk("answer", text="Here it is.").json() == first
    for other in (talk.desk("answer", text="Or here."), talk.desk("answer", text="Or here.", actor="bo")):
        assert (other.status_code, other.json()["code"]) == (409, "desk-refused")
    assert talk.world.folder.journal.head() == head


def test_of_fifty_who_reach_for_a_ticket_one_has_it(talks: Any) -> None:
    talk = talks()
    opened(talk, 1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: talk.desk("claim", actor=f"p-{n}"), range(50)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    owner = won[0].json()["claimed_by"]
    told = {answer.json()["detail"] for answer in answers if answer.status_code == 409}
    assert len(told) == 1
    assert f"{owner} has ticket 't-1' since 2026-09-01T12:00:00+00:00" in told.pop()
    assert len(talk.records("claim")) == 1


def test_what_one_has_another_neither_answers_nor_gives_back_unless_forced(talks: Any) -> None:
    talk = talks()
    opened(talk, 1)
    assert talk.desk("claim").json() == talk.desk("claim").json(), "one's own is taken already"
    for what, body in (("claim", {}), ("release", {}), ("answer", {"text": "Mine."})):
        refused = talk.desk(what, actor="bo", **body)
        assert (refused.status_code, "ada" in refused.json()["detail"]) == (409, True), what
    assert talk.desk("release", actor="bo", force=True).json()["state"] == "open"
    assert talk.desk("release").json()["claimed_by"] is None, "nobody has it already"
    assert talk.desk("claim", actor="bo").json()["claimed_by"] == "bo"
    assert [record.payload["owner"] for record in talk.records("claim")] == ["ada", None, "bo"]
    assert [record.actor for record in talk.records("claim")] == ["ada", "bo", "bo"]


def test_the_gravest_come_first_then_the_tier_then_who_came_first_page_by_page(talks: Any) -> None:
    talk = talks(line=lambda ticket, _: Line(reason=ticket.text))
    cases = [
        ("low-confidence", None),
        ("low-confidence", "enterprise"),
        ("legal-language-detected", None),
        ("tier-policy", "free"),
        ("legal-language-detected", "Enterprise"),
        ("low-confidence", "free"),
    ]
    for number, (reason, tier) in enumerate(cases):
        opened(talk, number, text=reason, **({} if tier is None else {"tier": tier}))
    order = ["t-4", "t-2", "t-3", "t-1", "t-0", "t-5"]
    assert waits(talk) == order
    paged, after = [], None
    while True:
        asked = {"limit": 2} | ({} if after is None else {"after": after})
        page = talk.world.http.get("/v1/queue", params=asked).json()
        paged += [item["ticket_id"] for item in page["items"]]
        after = page["next_after"]
        if after is None:
            break
    assert paged == order
    queues = {item["ticket_id"]: item["queue"] for item in talk.queue()}
    assert queues["t-1"] == "human-queue-standard-enterprise"
    assert queues["t-5"] == "human-queue-standard-free", "no tier waits behind another's"
    assert waits(talk, queue="human-queue-standard-enterprise") == ["t-1"]
    assert waits(talk, workflow="another") == []


def test_a_customer_who_writes_again_waits_again(talks: Any) -> None:
    talk = talks()
    opened(talk, 1)
    assert talk.post("u-1", "Hello?").json()["handler"] == "human"
    (item,) = talk.queue()
    assert (item["reasons"], item["message"]) == (["asked-for-human"], 2), "still waiting, for the newest now"
    talk.desk("answer", text="Here I am.")
    assert talk.queue() == []
    talk.post("u-2", "One more thing.")
    (again,) = talk.queue()
    assert (again["reasons"], again["state"], again["message"]) == (["customer-replied"], "open", 3)
    assert talk.desk("answer", text="Here I am.").status_code == 200, "the same words, to another question"
    assert talk.queue() == []


@pytest.mark.parametrize("closing", ["resolution", "handling", "excluded"])
def test_what_the_help_desk_reports_done_waits_no_longer(talks: Any, closing: str) -> None:
    talk = talks()
    opened(talk, 1)
    payload: Any = {
        "resolution": (Kind.RESOLUTION, Resolved("t-1", talk.world.clock.now(), "assumed", "human")),
        "handling": (Kind.HANDLING, Handled("t-1", "human", turns=1)),
        "excluded": (Kind.CORRECTION, Corrected("t-1", "excluded", "spam")),
    }[closing]
    talk.world.folder.journal.append([Event("reported", payload[0], talk.world.clock.now(), payload[1])])
    assert talk.queue() == []
    assert (talk.desk("claim").status_code, talk.desk("claim").json()["code"]) == (409, "desk-refused")


def test_the_agent_keeps_off_what_a_help_desk_reports_people_have(talks: Any) -> None:
    talk = talks()
    opened(talk, 1, text="Where is my invoice?")
    now = talk.world.clock.now()
    handled = Event("zendesk-1", Kind.HANDLING, now, Handled("t-1", "human", turns=1))
    talk.world.folder.journal.append([handled])
    given = talk.post("u-1").json()
    assert (given["handler"], given["reply"], given["message"]) == ("human", None, None)
    assert talk.told()["decisions"][-1]["outcome"] == "handed_off"
    talk.world.folder.journal.append([Event("zendesk-2", Kind.ESCALATION, now, Escalated("t-2", "asked"))])
    told = {item["ticket_id"]: item["reasons"] for item in talk.queue()}
    assert told == {"t-1": ["customer-replied"], "t-2": ["asked"]}, "the latter by somebody else's agent"


def test_drafts_wait_are_approved_edited_or_rejected_and_counted(talks: Any) -> None:
    talk = talks("assist")
    for number in (1, 2, 3, 4):
        assert opened(talk, number, text=f"Question {number}?")["draft"]
    assert talk.queue(kind="draft")[0]["draft"] == "Thank you. You wrote: Question 1?"
    assert {item["queue"] for item in talk.queue()} == {"draft-queue-standard"}
    assert talk.desk("answer", text="Around it.").status_code == 409, "a draft is decided on"
    verdicts = [
        ("t-1", {"verdict": "approve"}, "draft_sent", "Thank you. You wrote: Question 1?"),
        ("t-2", {"verdict": "edit", "text": "Dear you."}, "draft_edited", "Dear you."),
        ("t-3", {"verdict": "reject", "text": "No.", "note": "Too long."}, "draft_rejected", "No."),
    ]
    for ticket, body, outcome, sent in verdicts:
        done = talk.desk("draft", ticket, handle_seconds=12.5, **body)
        assert (done.status_code, done.json()["state"]) == (200, "done"), done.text
        handled = talk.records("handling")[-1].payload
        assert (handled["outcome"], handled["version"], handled["human_seconds"]) == (outcome, VERSION, 12.5)
        assert talk.world.http.get(f"/v1/conversations/{ticket}").json()["turns"][-1]["text"] == sent
        assert talk.desk("draft", ticket, handle_seconds=12.5, **body).json() == done.json()
        other = {"verdict": "edit", "text": "Something else."}
        assert talk.desk("draft", ticket, **other).status_code == 409
    left = talk.desk("draft", "t-4", verdict="reject")
    assert (left.json()["state"], left.json()["kind"], left.json()["reasons"]) == (
        "open",
        "hand_off",
        ["draft-rejected"],
    )
    assert talk.desk("draft", "t-4", verdict="approve").status_code == 409
    assert talk.desk("answer", "t-4", text="By hand.").json()["state"] == "done"
    outcomes = [record.payload["outcome"] for record in talk.records("handling")]
    assert outcomes == ["draft_sent", "draft_edited", "draft_rejected", "draft_rejected", "replied"]
    assert talk.records("escalation") == []


def test_a_draft_that_breaks_a_rule_is_edited_or_rejected_never_approved(talks: Any) -> None:
    talk = talks("assist", line=lambda *_: Line("Fine.", violations=("promise",)))
    opened(talk, 1)
    assert talk.queue()[0]["violations"] == ["promise"]
    refused = talk.desk("draft", verdict="approve")
    assert (refused.status_code, "promise" in refused.json()["detail"]) == (409, True)
    assert talk.desk("draft", verdict="edit", text=" ").status_code == 409
    assert talk.desk("draft", verdict="edit", text="Better.").json()["state"] == "done"


def test_a_newer_message_supersedes_the_draft_of_an_answer_to_an_older_one(talks: Any) -> None:
    talk = talks("assist")
    opened(talk, 1, text="First?")
    second = talk.post("u-1", "Second?").json()
    assert (second["handler"], second["draft"]) == ("human", "Thank you. You wrote: Second?")
    (item,) = talk.queue()
    assert (item["message"], item["draft"]) == (2, "Thank you. You wrote: Second?")
    assert talk.desk("draft", verdict="approve").status_code == 200
    assert talk.told()["turns"][-1]["text"] == "Thank you. You wrote: Second?"
    asyncio.run(_said_unanswered(talk))
    assert talk.queue()[0]["reasons"] == ["customer-replied"]
    stale = talk.desk("draft", verdict="approve")
    assert (stale.status_code, stale.json()["code"]) == (409, "desk-refused")


async def _said_unanswered(talk: Any) -> None:
    from rollout.conversations.book import Word

    await talk.made.book.say("default", "t-1", Word("u-9", "customer", "Third?", "api"))


def test_that_the_assessment_was_wrong_is_on_record_with_its_note_in_the_erasable_store(talks: Any) -> None:
    talk = talks()
    opened(talk, 1, text="Where is my invoice?")
    body = {"label": "wrong-category", "note": "It is about shipping, Maria."}
    said = talk.desk("correction", **body)
    assert said.status_code == 200, said.text
    assert talk.desk("correction", **body).json() == said.json()
    (record,) = talk.records("correction")
    assert (record.payload["what"], record.payload["value"], record.actor) == (
        "assessment",
        "wrong-category",
        "ada",
    )
    assert talk.world.folder.content.get(record.payload["content"]["note"]) == body["note"]
    journal = b"".join(path.read_bytes() for path in (talk.world.folder.path / "journal").glob("*.jsonl"))
    assert b"Maria" not in journal
    assert talk.desk("correction", label="bad").status_code == 422
    assert talk.desk("correction", "nobody", label="other").status_code == 404
    assert talk.desk("claim", "nobody").status_code == 404


def test_the_list_is_made_anew_from_the_journal_whenever_its_file_is_gone_or_anothers(talks: Any) -> None:
    talk = talks()
    for number in range(3):
        opened(talk, number)
    talk.desk("claim", "t-1")
    talk.desk("answer", "t-2", text="Here.")
    before = {state: talk.queue(state=state) for state in ("open", "claimed", "done")}
    register = talk.world.door.queue
    journal = talk.world.folder.journal

    def now(made: Register) -> dict[str, list[Any]]:
        return {
            state: [item.ticket_id for item in made.listed("default", state=state)]
            for state in ("open", "claimed", "done")
        }

    told = {state: [item["ticket_id"] for item in items] for state, items in before.items()}
    assert told == {"open": ["t-0"], "claimed": ["t-1"], "done": ["t-2"]}
    register.close()
    again = Register(journal)
    assert now(again) == told
    again._connection.execute("UPDATE position SET hash = 'of another journal'")  # type: ignore[union-attr]
    again._connection.execute("DELETE FROM items")  # type: ignore[union-attr]
    again._connection.commit()  # type: ignore[union-attr]
    again.close()
    anew = Register(journal)
    assert now(anew) == told
    anew.close()
    assert b"invoice" not in (talk.world.folder.path / NAME).read_bytes(), "no texts"
    assert b"c-1" not in (talk.world.folder.path / NAME).read_bytes(), "no customers"


@pytest.mark.parametrize(
    "asked", ["limit=0", "limit=201", "after=x", "state=lost", "kind=ticket", "colour=red"]
)
def test_a_listing_that_is_none_is_refused(refusing: Any, asked: str) -> None:
    answer = refusing.http.get(f"/v1/queue?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("answer", {"text": " "}),
        ("answer", {"text": "x" * 100_001}),
        ("answer", {"text": "Fine.", "handle_seconds": -1}),
        ("draft", {"verdict": "accept"}),
        ("claim", {"owner": "bo"}),
        ("correction", {"label": "other", "note": "x" * 2001}),
    ],
)
def test_what_is_no_order_is_refused_and_leaves_no_trace(refusing: Any, what: str, body: Any) -> None:
    head = refusing.folder.journal.head()
    answer = refusing.http.post(f"/v1/queue/t-1/{what}", json={"actor": "ada"} | body)
    assert answer.status_code == 422, answer.text
    assert refusing.folder.journal.head() == head
