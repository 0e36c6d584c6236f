"""A ticket that is a person's from the start waits at the desk, where it was sent to be handled."""

from typing import Any

import pytest

from rollout.records import Event, Handled, Kind


@pytest.fixture
def talk(talks: Any) -> Any:
    """A workflow in its shadow step: every ticket is a person's."""
    return talks("human")


def send(talk: Any, door: str = "tickets", **more: Any) -> Any:
    answer = talk.world.http.post(f"/v1/{door}", json=talk.world.ticket(1, text="Where is it?") | more)
    assert (answer.status_code, answer.json()["arm"]) == (200, "human"), answer.text
    return answer.json()


def test_a_ticket_of_the_humans_own_arm_waits_at_the_desk_at_once(talk: Any) -> None:
    send(talk, tier="vip", urgency="high")
    (item,) = talk.queue()
    assert (item["ticket_id"], item["state"], item["reasons"], item["message"]) == (
        *("t-1", "open", ["human-arm"]),
        1,
    )
    assert (item["tier"], item["urgency"], item["queue"]) == ("vip", "high", "human-queue-standard-vip")
    assert (item["packet"], item["draft"]) == (None, None)
    assert talk.records("escalation") == [], "nobody escalated anything"


def test_one_that_is_only_routed_waits_with_whoever_asked(talk: Any) -> None:
    send(talk, "route")
    assert talk.queue() == []
    assert talk.records("queued") == []


def test_sent_again_it_waits_once_and_stays_done_when_it_is_done(talk: Any) -> None:
    assert send(talk) == send(talk)
    assert len(talk.queue()) == len(talk.records("queued")) == 1
    assert talk.desk("answer", text="It is on its way.").status_code == 200
    send(talk)
    assert talk.queue() == []
    assert [item["ticket_id"] for item in talk.queue(state="done")] == ["t-1"]
    assert talk.told()["turns"][-1]["text"] == "It is on its way."


def test_the_customer_writing_again_renews_the_one_that_waits(talk: Any) -> None:
    send(talk)
    assert talk.post("c-2", "Hello?").status_code == 200
    (item,) = talk.queue()
    assert (item["message"], item["reasons"]) == (2, ["human-arm"])


def test_it_waits_no_longer_when_a_person_elsewhere_has_answered(talk: Any) -> None:
    """Also where that was on record before it was sent to be handled."""
    send(talk, "route")
    handled = Handled("t-1", "human", turns=1)
    now = talk.world.clock.now()
    talk.world.folder.record([Event("handling:t-1:human:1", Kind.HANDLING, now, handled, workflow="w")])
    send(talk)
    assert talk.queue() == []


def test_an_agents_ticket_is_not_put_there(talks: Any) -> None:
    talk = talks()
    answer = talk.world.http.post("/v1/tickets", json=talk.world.ticket(1, text="Where is it?"))
    assert answer.json()["handler"] == "agent"
    assert (talk.queue(), talk.records("queued")) == ([], [])
