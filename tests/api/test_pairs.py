"""Two replies side by side tell nobody whose they are until the label is on record."""

from collections import Counter
from typing import Any

import pytest
from talking import VERSION

from rollout.record.content import Text
from rollout.records import Compared, Event, Handled, Kind

AGENT, HUMAN = "Thank you, it is on its way.", "Hi, I have just sent it, Ada."


def watched(world: Any, number: int, *, agent: str = AGENT, human: str | None = HUMAN) -> None:
    """A ticket that an agent answered in shadow and, where ``human`` says something, a person too."""
    ticket, customer, at = f"t-{number}", f"c-{number}", world.clock.now()
    sent = world.ticket(number, subject="Invoice", text=f"Where is invoice {number}?")
    assert world.http.post("/v1/route", json=sent).status_code == 200

    def kept(part: str, body: str) -> dict[str, str]:
        return {part: world.folder.content.put([Text("default", customer, ticket, part, body)])[0]}

    seen = Compared(ticket, VERSION, "heuristic", content=kept("shadow-reply", agent))
    events = [
        Event(f"comparison:{VERSION}:{ticket}", Kind.COMPARISON, at, seen, workflow=world.plan.workflow)
    ]
    if human is not None:
        said = Handled(ticket, "human", turns=1, content=kept("human-reply", human))
        events.append(
            Event(f"handling:{ticket}:human:1", Kind.HANDLING, at, said, workflow=world.plan.workflow)
        )
    world.folder.record(events)


def shown(world: Any, actor: str = "ada", **asked: str) -> dict[str, Any]:
    answer = world.http.get("/v1/reviews/next", params={"actor": actor} | asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def labelled(world: Any, ticket: str, actor: str = "ada", **said: Any) -> Any:
    return world.http.post(
        "/v1/reviews", json={"ticket_id": ticket, "version": VERSION, "actor": actor} | said
    )


def test_a_pair_shows_the_customers_words_and_both_replies_and_not_whose_they_are(world: Any) -> None:
    watched(world, 1)
    told = shown(world)
    pair = told["pair"]
    assert (told["left"], pair["ticket_id"], pair["version"]) == (1, "t-1", VERSION)
    assert (pair["subject"], pair["text"]) == ("Invoice", "Where is invoice 1?")
    assert {pair["a"], pair["b"]} == {AGENT, HUMAN}
    assert set(pair) == {"ticket_id", "workflow", "version", "subject", "text", "a", "b"}
    assert shown(world) == told, "the same again until it is judged"


@pytest.mark.parametrize("preferred", ["a", "b", "tie"])
def test_what_is_preferred_is_recorded_as_whose_it_is_and_then_told(world: Any, preferred: str) -> None:
    watched(world, 1)
    pair = shown(world)["pair"]
    answer = labelled(world, "t-1", preference=preferred, outcome="lightly-edited", note="A bit long, Ada.")
    assert answer.status_code == 200, answer.text
    (revealed,) = answer.json()["revealed"]
    truth = {side: {AGENT: "agent", HUMAN: "human"}[pair[side]] for side in ("a", "b")}
    assert {side: revealed[side] for side in ("a", "b")} == truth
    (record,) = [one for one in world.folder.journal.read() if one.kind == Kind.REVIEW]
    assert record.payload["preferred"] == truth.get(preferred, "tie")
    assert (record.payload["outcome"], record.payload["rater"]) == ("lightly-edited", "human:ada")
    assert record.payload["first"] == truth["a"]
    assert world.folder.content.get(record.payload["content"]["note"]) == "A bit long, Ada."
    assert shown(world) == {"pair": None, "left": 0}
    assert shown(world, "bo")["left"] == 1, "others have not judged it"


def test_a_label_is_given_once_and_nothing_is_told_for_a_changed_one(world: Any) -> None:
    watched(world, 1)
    first = labelled(world, "t-1", preference="a")
    again = labelled(world, "t-1", preference="a").json()
    assert again["revealed"] == first.json()["revealed"]
    assert again["receipts"][0]["duplicate"] is True
    changed = labelled(world, "t-1", preference="b")
    assert (changed.status_code, changed.json()["code"]) == (409, "conflict")


def test_a_label_and_a_judgement_are_recorded_together_or_not_at_all(world: Any) -> None:
    watched(world, 1)
    both = labelled(world, "t-1", preference="tie", agreement=1)
    assert (both.status_code, len(both.json()["receipts"])) == (200, 1)
    kinds = [record.kind for record in world.folder.journal.read()][-2:]
    assert kinds == [Kind.COMPARISON, Kind.REVIEW]
    head = world.folder.journal.head()
    assert labelled(world, "t-1", preference="tie", agreement=0).status_code == 409
    assert world.folder.journal.head() == head


def test_the_sides_are_even_over_tickets_and_differ_between_raters(world: Any) -> None:
    for number in range(40):
        watched(world, number)
    seen = {rater: Counter[str]() for rater in ("ada", "bo")}
    sides: dict[str, dict[str, str]] = {rater: {} for rater in seen}
    for rater, count in seen.items():
        for _ in range(40):
            pair = shown(world, rater)["pair"]
            first = "agent" if pair["a"] == AGENT else "human"
            count[first] += 1
            sides[rater][pair["ticket_id"]] = first
            labelled(world, pair["ticket_id"], rater, preference="a")
        assert shown(world, rater)["pair"] is None
    for count in seen.values():
        assert 6 <= count["agent"] <= 34, "a fair coin leaves this once in a million draws of forty"
    assert sides["ada"] != sides["bo"]


def test_without_a_persons_reply_or_with_an_erased_text_there_is_no_pair(world: Any) -> None:
    watched(world, 1, human=None)
    assert shown(world)["pair"] is None
    refused = labelled(world, "t-1", preference="a")
    assert (refused.status_code, "#/preference" in refused.json()["detail"]) == (422, True)
    watched(world, 2)
    world.folder.content.erase_customer("default", "c-2")
    assert shown(world)["pair"] is None


def test_a_pair_of_another_workflow_is_not_shown(world: Any) -> None:
    watched(world, 1)
    assert shown(world, workflow="another")["pair"] is None
    assert shown(world, workflow=world.plan.workflow)["pair"]["ticket_id"] == "t-1"


@pytest.mark.parametrize(
    "said", [{}, {"note": "Only this."}, {"preference": "agent"}, {"outcome": "good"}, {"preference": None}]
)
def test_a_label_that_says_nothing_known_is_refused(world: Any, said: Any) -> None:
    watched(world, 1)
    assert labelled(world, "t-1", **said).status_code == 422


def test_a_persons_answer_at_the_desk_makes_a_pair_with_the_shadows(talks: Any) -> None:
    talk = talks("human")
    world = talk.world
    world.http.post("/v1/tickets", json=world.ticket(text="Where is my invoice?"))
    seen = Compared(
        "t-1",
        VERSION,
        "heuristic",
        content={"shadow-reply": world.folder.content.put([Text("default", "c-1", "t-1", "s", AGENT)])[0]},
    )
    event = Event(f"comparison:{VERSION}:t-1", Kind.COMPARISON, world.clock.now(), seen, workflow="w")
    world.folder.record([event])
    assert shown(world)["pair"] is None
    assert talk.post("h-1", HUMAN, "human").status_code == 200
    pair = shown(world)["pair"]
    assert {pair["a"], pair["b"]} == {AGENT, HUMAN}
