"""The routes past the framework's layers answer as all others do, whatever goes wrong."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def broken(world: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a defect nobody foresaw")

    monkeypatch.setattr(world.door.desk, "route", fail)
    return world


def test_an_unforeseen_error_is_a_problem_that_says_nothing_of_it(
    broken: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answer = broken.http.post("/v1/route", json=broken.ticket())

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "nobody foresaw" not in answer.text
    assert "a defect nobody foresaw" in caplog.text


def test_the_next_request_on_the_same_connection_is_served(broken: Any) -> None:
    assert broken.http.post("/v1/route", json=broken.ticket()).status_code == 500
    assert broken.http.get("/healthz").status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS"])
def test_another_method_on_the_same_path_is_refused_as_everywhere(world: Any, method: str) -> None:
    answer = world.http.request(method, "/v1/route", headers={"content-type": "application/json"})

    assert answer.status_code == 405
    assert answer.json()["code"] == "method-not-allowed"


def test_a_body_without_an_announced_length_has_the_same_limit(world: Any) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 65536

    answer = world.http.post("/v1/route", content=endless(), headers={"content-type": "application/json"})

    assert answer.status_code == 413
    assert answer.json()["code"] == "too-large"
