"""People's labels of shadow replies come in by a door, once per person, and are what the gate counts."""

from typing import Any

import pytest

from rollout.measure.comparisons import REPLIES
from rollout.record.folder import DataFolder
from rollout.records import Compared, Event, Kind

VERSION = "resolution@1.2.0"
GOOD = {"accuracy": 1, "tone": 1, "policy": 1, "agreement": 1}


@pytest.fixture
def watched(world: Any) -> Any:
    """A world in which three tickets were routed and watched; the third got no reply in time."""
    for number in range(1, 4):
        world.http.post("/v1/route", json=world.ticket(number))
        seen = Compared(
            f"t-{number}",
            VERSION,
            "heuristic",
            accuracy=0.0,
            agent_escalated=False,
            human_escalated=True,
            confidence=0.75,
            dropped="deadline" if number == 3 else None,
            sampling_probability=0.5,
        )
        world.folder.record(
            [
                Event(
                    f"comparison:{VERSION}:t-{number}",
                    Kind.COMPARISON,
                    world.clock.now(),
                    seen,
                    workflow=world.plan.workflow,
                )
            ]
        )
    return world


def review(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {"ticket_id": f"t-{number}", "version": VERSION, "actor": "ada", **GOOD} | changes


def post(world: Any, body: Any) -> Any:
    return world.http.post("/v1/reviews", json=body)


def newest(world: Any) -> Any:
    return next(iter(world.folder.journal.read(world.folder.journal.head().seq - 1)))


def test_a_review_is_the_persons_word_on_what_the_agent_did(watched: Any) -> None:
    answer = post(watched, review(agreement=0, sampling_probability=0.2))
    assert answer.status_code == 200, answer.text
    record = newest(watched)
    assert (record.kind, record.workflow) == (Kind.COMPARISON, watched.plan.workflow)
    said = record.payload
    assert (said["rater"], said["agreement"], said["accuracy"]) == ("human:ada", 0.0, 1.0)
    assert (said["confidence"], said["human_escalated"], said["agent_escalated"]) == (0.75, True, False)
    assert said["sampling_probability"] == pytest.approx(0.1), "drawn for the shadow, then for review"
    assert record.occurred_at == watched.clock.now(), "nobody dates a vote back"


def test_the_view_counts_people_and_nothing_else(watched: Any) -> None:
    post(watched, [review(1), review(2, agreement=0), review(2, actor="ben")])
    with DataFolder.open(watched.folder.path, clock=watched.clock, parts=("view",)) as folder:
        folder.catch_up()
        rows = folder.view.query(
            f"SELECT * FROM ({REPLIES}) ORDER BY customer_id",
            {
                "tenant": "default",
                "workflow": watched.plan.workflow,
                "as_of": watched.clock.now().replace(tzinfo=None),
                "version": None,
                "since": None,
            },
        )
    assert [row["agreement"] for row in rows] == [1.0, 0.5, None], "averaged over raters, rules left out"
    assert [row["missed"] for row in rows] == [1.0, 1.0, None]


def test_one_person_has_one_vote_on_a_reply(watched: Any) -> None:
    first = post(watched, review()).json()["receipts"][0]
    again = post(watched, review()).json()["receipts"][0]
    other = post(watched, review(agreement=0))
    assert again == first | {"duplicate": True}
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert post(watched, review(agreement=0, actor="ben")).status_code == 200


def test_only_a_reply_that_was_compared_can_be_judged(watched: Any) -> None:
    head = watched.folder.journal.head().seq
    assert post(watched, review(9)).status_code == 404
    assert post(watched, review(version="other@1.0.0")).status_code == 404
    dropped = post(watched, [review(1), review(3)])
    assert (dropped.status_code, "deadline" in dropped.json()["detail"]) == (422, True)
    assert watched.folder.journal.head().seq == head, "all or none"


@pytest.mark.parametrize(
    "change",
    [
        {"agreement": True},
        {"agreement": 2},
        {"agreement": 0.5},
        {"agreement": "1"},
        {"rater": "human:somebody"},
        {"occurred_at": "2026-09-01T00:00:00Z"},
        {"sampling_probability": 0},
        {"version": "no version"},
        {"actor": None},
        dict.fromkeys(GOOD),
    ],
)
def test_a_review_is_held_to_its_contract(watched: Any, change: dict[str, Any]) -> None:
    assert post(watched, review(**change)).status_code == 422


def test_nobody_takes_a_reviewers_place_through_the_outcomes(watched: Any) -> None:
    taken = {"type": "csat", "event_id": f"review:{VERSION}:t-1:0", "ticket_id": "t-1", "score": 5.0}
    answer = watched.http.post("/v1/outcomes", json=taken | {"occurred_at": "2026-09-01T00:00:00Z"})
    assert answer.status_code == 422
