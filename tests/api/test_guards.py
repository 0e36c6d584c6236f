"""Every refusal is problem details, and a web page in the user's browser is kept out."""

from collections.abc import Iterator
from typing import Any

import pytest


def test_a_page_on_the_web_cannot_post_a_simple_request(refusing: Any) -> None:
    body = '{"reason":"from a web page","actor":"mallory"}'
    path = f"/v1/workflows/{refusing.plan.workflow}/abort"
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = refusing.http.post(path, content=body, headers={"content-type": kind})
        assert answer.status_code == 415
    _, state, _ = refusing.standings.standing("default", refusing.plan.workflow)
    assert state.ladder.status == "running"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_a_foreign_name_that_points_here_is_refused(refusing: Any, host: str) -> None:
    assert refusing.http.get("/v1/export", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:1", "[::1]:8000"])
def test_this_machines_own_names_are_answered(refusing: Any, host: str) -> None:
    assert refusing.http.get("/healthz", headers={"host": host}).status_code == 200


def chunks(count: int) -> Iterator[bytes]:
    yield from (b"x" * 65_536 for _ in range(count))


def test_a_body_that_is_too_large_is_refused_announced_or_not(refusing: Any) -> None:
    headers = {"content-type": "application/json"}
    announced = refusing.http.post("/v1/route", content=b"x" * (3 << 20), headers=headers)
    streamed = refusing.http.post("/v1/route", content=chunks(48), headers=headers)
    for answer in (announced, streamed):
        assert answer.status_code == 413
        assert answer.json()["code"] == "too-large"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("GET", "/v1/route", 405), ("GET", "/v1/workflows/x/promote", 405)],
)
def test_the_frameworks_own_refusals_are_problems_too(
    refusing: Any, method: str, path: str, status: int
) -> None:
    answer = refusing.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_an_error_of_ours_shows_nothing_of_the_inside(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(world.router, "decide", broken)
    answer = world.http.post("/v1/route", json=world.ticket())
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
