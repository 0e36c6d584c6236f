"""A list of tickets is decided as each alone would be, with one write, all or none."""

from typing import Any

import pytest


def test_a_list_is_decided_as_each_ticket_alone(world: Any) -> None:
    alone = [world.http.post("/v1/route", json=world.ticket(n)).json() for n in range(3)]
    answer = world.http.post("/v1/route", json=[world.ticket(n) for n in range(6)])
    assert answer.status_code == 200, answer.text
    decisions = answer.json()["decisions"]
    assert decisions[:3] == alone, "what was decided before stays"
    assert [each["ticket_id"] for each in decisions] == [f"t-{n}" for n in range(6)]
    recorded = [world.folder.journal.find(f"assignment:t-{n}").payload["arm"] for n in range(6)]
    assert recorded == [each["arm"] for each in decisions]
    lines = world.http.get("/metrics").text
    assert 'reason="SHADOW"} 9' in lines


def test_texts_of_a_list_go_to_the_erasable_store(world: Any) -> None:
    world.http.post("/v1/route", json=[world.ticket(n, text=f"card {n}") for n in range(3)])
    refs = [world.folder.journal.find(f"ticket:t-{n}").payload["content"]["text"] for n in range(3)]
    assert [world.folder.content.get(ref) for ref in refs] == ["card 0", "card 1", "card 2"]


@pytest.mark.parametrize("change", [{"customer_id": "another"}, {"workflow": "other-desk"}, {"urgency": "x"}])
def test_one_that_cannot_be_refuses_the_list(world: Any, change: dict[str, str]) -> None:
    world.http.post("/v1/route", json=world.ticket(1))
    head = world.folder.journal.head().seq
    answer = world.http.post("/v1/route", json=[world.ticket(2), world.ticket(1, **change)])
    assert answer.status_code in (409, 422)
    assert world.folder.journal.head().seq == head


def test_a_list_has_each_ticket_once_and_no_more_than_it_may(refusing: Any) -> None:
    twice = refusing.http.post("/v1/route", json=[refusing.ticket(1), refusing.ticket(1)])
    assert (twice.status_code, "#/1/ticket_id" in twice.json()["detail"]) == (422, True)
    for count in (0, 501):
        many = [refusing.ticket(n) for n in range(count)]
        assert refusing.http.post("/v1/route", json=many).status_code == 422
