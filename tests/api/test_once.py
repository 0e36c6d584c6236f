"""The same key, the same answer: over retries, rivals and restarts; never another request's."""

import asyncio
import itertools
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import Response

from rollout.api.kept_answers import Kept, KeptAnswers
from rollout.api.once import Once
from rollout.api.problems import Refused
from rollout.clock import SimulatedClock
from rollout.errors import QueueFull, RecordError

SENT = {"type": "csat", "event_id": "o-1", "ticket_id": "t-1", "score": 4.0}
OUTCOME = SENT | {"occurred_at": "2026-09-01T00:00:00Z"}
ORDER = {"reason": "look first", "actor": "ada"}


def post(world: Any, path: str, body: Any, key: str = "k-1", **query: str) -> Any:
    return world.http.post(path, json=body, headers={"idempotency-key": key}, params=query)


@pytest.mark.parametrize("path", ["/v1/route", "/v1/outcomes", "/v1/workflows/tier1-support/pause"])
def test_the_first_answer_is_given_again_to_the_letter(world: Any, path: str) -> None:
    body = {"/v1/route": world.ticket(), "/v1/outcomes": OUTCOME}.get(path, ORDER)
    first = post(world, path, body)
    head = world.folder.journal.head()
    again = post(world, path, body)
    assert (first.status_code, "idempotent-replayed" in first.headers) == (200, False), first.text
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert world.folder.journal.head() == head, "nothing was done twice"


def test_a_refusal_of_the_ladder_is_the_answer_as_well(world: Any) -> None:
    assert world.order("pause").status_code == 200
    refused = post(world, "/v1/workflows/tier1-support/pause", ORDER)
    assert world.order("resume").status_code == 200
    again = post(world, "/v1/workflows/tier1-support/pause", ORDER)
    assert (refused.status_code, again.status_code) == (409, 409)
    assert again.content == refused.content
    assert again.headers["content-type"] == "application/problem+json"


def test_another_request_under_the_key_is_refused(world: Any) -> None:
    post(world, "/v1/outcomes", OUTCOME)
    for path, body in (("/v1/outcomes", OUTCOME | {"score": 5.0}), ("/v1/route", world.ticket())):
        answer = post(world, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "key-reused")
    assert post(world, "/v1/outcomes", OUTCOME, tenant="default").status_code == 409, "the query counts"


def test_each_tenant_has_its_own_keys(world: Any) -> None:
    for tenant in ("acme", "globex"):
        answer = post(world, "/v1/outcomes", OUTCOME | {"ticket_id": tenant}, tenant=tenant)
        assert (answer.status_code, answer.json()["receipts"][0]["duplicate"]) == (200, False)


def test_what_was_never_begun_does_not_use_the_key_up(world: Any) -> None:
    assert post(world, "/v1/incidents", {"workflow": "w", "severity": 9}).status_code == 422
    sound = {"workflow": "w", "severity": 4, "title": "a near miss", "actor": "ada"}
    assert post(world, "/v1/incidents", sound).status_code == 200


def test_what_could_not_be_done_can_be_tried_again(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(world.folder.journal, "offer", _raising(RecordError("disk full")))
        assert post(world, "/v1/workflows/tier1-support/pause", ORDER).status_code == 503
    assert post(world, "/v1/workflows/tier1-support/pause", ORDER).status_code == 200


def _raising(error: Exception) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def test_a_key_is_kept_over_a_restart(tmp_path: Path, plan: Any, stage: Any, build: Any) -> None:
    with ExitStack() as stack:
        world = build(tmp_path, plan, stage, stack)
        first = post(world, "/v1/workflows/tier1-support/pause", ORDER)
    with ExitStack() as stack:
        world = build(tmp_path, plan, stage, stack, start=False)
        again = post(world, "/v1/workflows/tier1-support/pause", ORDER)
        other = post(world, "/v1/workflows/tier1-support/pause", ORDER | {"reason": "another"})
    assert again.content == first.content
    assert (again.headers["idempotent-replayed"], other.status_code) == ("true", 409)


def test_a_secret_is_shown_once_and_kept_nowhere(world: Any) -> None:
    made = post(world, "/v1/keys", {"role": "admin", "actor": "ada"})
    assert made.status_code == 201
    secret = made.json()["key"]
    kept = b"".join(path.read_bytes() for path in world.folder.path.glob("idempotency*"))
    assert kept
    assert secret.encode() not in kept
    headers = {"idempotency-key": "k-1", "authorization": f"Bearer {secret}"}
    again = world.http.post(
        "/v1/keys", json={"role": "admin", "actor": "ada"}, headers=headers, params={"tenant": "default"}
    )
    assert "key" not in again.json()


def test_no_word_of_a_customer_is_kept_beside_the_erasable_store(world: Any) -> None:
    post(world, "/v1/route", world.ticket(text="my card ends in 4242"))
    kept = b"".join(path.read_bytes() for path in world.folder.path.glob("idempotency*"))
    assert kept
    assert b"4242" not in kept


@pytest.mark.parametrize("key", ["", "x" * 201, "k\u00e9y".encode("latin-1")])
def test_a_key_that_is_none_is_refused(world: Any, key: Any) -> None:
    answer = world.http.post("/v1/outcomes", json=OUTCOME, headers={"idempotency-key": key})
    assert answer.status_code == 422


# What happens between two requests at once, and at the edges, without a server.


def asked(path: str = "/v1/incidents", body: bytes = b"{}", key: str = "k") -> Any:
    async def read() -> bytes:
        return body

    url = SimpleNamespace(path=path, query="")
    return SimpleNamespace(headers={"idempotency-key": key}, method="POST", url=url, body=read)


@pytest.fixture
def clock(now: Any) -> SimulatedClock:
    return SimulatedClock(now)


@pytest.fixture
def once(tmp_path: Path, clock: SimulatedClock) -> Any:
    made = Once(tmp_path / "kept.sqlite", clock)
    yield made
    made.close()


def test_of_rivals_one_is_done_and_all_get_its_answer(once: Once) -> None:
    count = itertools.count(1)
    release = asyncio.Event()

    async def slow() -> Response:
        number = next(count)
        await release.wait()
        return Response(f"{number}")

    async def race() -> list[Any]:
        rivals = [asyncio.create_task(once.answer(asked(), "acme", slow)) for _ in range(20)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refused, match="another request"):
            await once.answer(asked(body=b"[]"), "acme", slow)
        release.set()
        return [(await rival).body for rival in rivals]

    assert asyncio.run(race()) == [b"1"] * 20


def test_a_rival_does_not_wait_for_ever(once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.api.once._WAIT_SECONDS", 0.01)

    async def never() -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def race() -> None:
        first = asyncio.create_task(once.answer(asked(), "acme", never))
        await asyncio.sleep(0.05)
        with pytest.raises(Refused, match="still being answered") as refused:
            await once.answer(asked(), "acme", never)
        assert refused.value.code == "in-progress"
        first.cancel()

    asyncio.run(race())


def test_a_server_that_stopped_in_the_middle_does_it_again_only_where_that_is_safe(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    class Died(BaseException):
        pass

    async def dies() -> Response:
        raise Died

    async def works() -> Response:
        return Response("done")

    for path, outcome in (("/v1/outcomes", b"done"), ("/v1/workflows/w/promote", None)):
        request = asked(path, key=path)
        before = Once(tmp_path / "kept.sqlite", clock)
        with pytest.raises(Died):
            asyncio.run(before.answer(request, "acme", dies))
        before.close()
        after = Once(tmp_path / "kept.sqlite", clock)
        if outcome is None:
            with pytest.raises(Refused, match="nobody knows"):
                asyncio.run(after.answer(request, "acme", works))
        else:
            assert asyncio.run(after.answer(request, "acme", works)).body == outcome
        after.close()


def test_a_key_is_good_for_a_day_and_then_gone(once: Once, clock: SimulatedClock) -> None:
    numbers = itertools.count(1)

    async def answer() -> Response:
        return Response(str(next(numbers)))

    def ask(key: str = "k") -> bytes:
        return bytes(asyncio.run(once.answer(asked(key=key), "acme", answer)).body)

    assert (ask(), ask("other")) == (b"1", b"2")
    clock.advance(timedelta(hours=23, minutes=59))
    assert (ask("third"), ask()) == (b"3", b"1")
    clock.advance(timedelta(minutes=10))
    assert ask("fourth") == b"4"
    assert ask() == b"5"


def test_what_is_kept_is_bounded_and_nothing_is_dropped_early(tmp_path: Path, now: Any) -> None:
    kept = KeptAnswers(tmp_path / "kept.sqlite", most=3)
    answer = Kept(b"d" * 32, 200, "application/json", b"{}")
    for number in range(3):
        kept.keep("acme", f"k-{number}", answer, now)
    with pytest.raises(QueueFull):
        kept.keep("acme", "k-3", answer, now)
    kept.keep("globex", "k-0", answer, now)
    assert kept.find("acme", "k-0") == answer
    kept.keep("acme", "k-3", answer, now + timedelta(hours=25))
    kept.close()
