"""What the door says of the record and of itself."""

from typing import Any

import pytest


def test_the_export_pages_through_everything_once(world: Any) -> None:
    for number in range(7):
        world.http.post("/v1/route", json=world.ticket(number))
    seen: list[dict[str, Any]] = []
    after = 0
    while page := world.http.get("/v1/export", params={"after": after, "limit": 4}).json():
        if not page["events"]:
            break
        seen += page["events"]
        after = page["next_after"]
    assert [event["seq"] for event in seen] == list(range(1, page["head"] + 1))
    assert {event["type"] for event in seen} == {"config", "transition", "ticket", "triage", "assignment"}
    wanted = {"seq", "event_id", "type", "occurred_at", "recorded_at", "payload"}
    assert all(wanted <= set(event) for event in seen)


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "limit=0", "limit=100000", "limit=1e3", "after=%C2%B2", "after=" + "9" * 30],
)
def test_a_page_that_cannot_be_is_refused(refusing: Any, query: str) -> None:
    assert refusing.http.get(f"/v1/export?{query}").status_code == 422


def test_reads_without_the_analyst_say_that_it_is_coming_back(refusing: Any) -> None:
    for path in (
        "/v1/workflows",
        "/v1/workflows/w",
        "/v1/workflows/w/gate",
        "/v1/metrics/overview?workflow=w",
    ):
        answer = refusing.http.get(path)
        assert answer.status_code == 503
        assert "still decided" in answer.json()["detail"]
        assert answer.headers["retry-after"]


def test_readiness_tells_deciding_from_measuring(refusing: Any) -> None:
    answer = refusing.http.get("/readyz")
    assert answer.status_code == 200, "it takes tickets"
    assert answer.json()["status"] == "degraded"
    assert "last split" in answer.json()["checks"]["analyst"]


def test_a_door_that_cannot_record_is_not_ready(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.folder.journal, "_failure", OSError("the disk is gone"))
    answer = world.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failed")
    monkeypatch.setattr(world.folder.journal, "_failure", None)


def test_the_metrics_count_what_was_decided(world: Any) -> None:
    for number in range(3):
        world.http.post("/v1/route", json=world.ticket(number))
    lines = world.http.get("/metrics").text.splitlines()
    labels = f'tenant="default",workflow="{world.plan.workflow}",arm="human",mode="shadow",reason="SHADOW"'
    assert f"ridealong_decisions_total{{{labels}}} 3" in lines
    assert "ridealong_analyst_up 0" in lines
    assert f"ridealong_journal_seq {world.folder.journal.head().seq}" in lines


def test_the_description_is_of_the_doors_there_are(world: Any) -> None:
    described = world.http.get("/openapi.json").json()
    there = {
        (route.path, method)
        for route in world.app.routes
        for method in (route.methods or ()) - {"HEAD"}
        if route.path != "/openapi.json" and not route.path.startswith("/internal")
    }
    said = {(path, method.upper()) for path, methods in described["paths"].items() for method in methods}
    assert said == there
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
