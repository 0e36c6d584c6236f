"""The short way of ``POST /v1/route`` answers to the letter what the general way would, or nothing."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.api import express
from rollout.api.express import Express

JSON = (b"content-type", b"application/json")
HERE = (b"host", b"127.0.0.1:8000")


def general_of(world: Any) -> Any:
    """The application with all its layers."""
    short = world.app._guarded
    assert isinstance(short, Express)
    return short._general


def ask(
    app: Any,
    body: bytes,
    headers: Any = (HERE, JSON),
    *,
    pieces: int = 1,
    method: str = "POST",
    query: bytes = b"",
) -> Any:
    """Status, headers and body of one request; the id that problems carry is anybody's."""
    cut = [len(body) * number // pieces for number in range(pieces + 1)]
    parts = [body[begin:end] for begin, end in pairwise(cut)]
    messages = [
        {"type": "http.request", "body": part, "more_body": number + 1 < pieces}
        for number, part in enumerate(parts)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/v1/route",
        "raw_path": b"/v1/route",
        "query_string": query,
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    told = [header for header in sent[0]["headers"] if header[0] != b"x-request-id"]
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def shown(world: Any, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that the short way answered itself."""
    bodies: list[bytes] = []
    decide = express.decide

    async def noted(*given: Any) -> bytes:
        answer = await decide(*given)
        bodies.append(answer)
        return answer

    monkeypatch.setattr(express, "decide", noted)
    return bodies


def dumped(ticket: Any) -> bytes:
    return json.dumps(ticket).encode()


def test_a_ticket_and_a_list_of_tickets_are_answered_on_the_short_way(world: Any, shown: Any) -> None:
    for body in (dumped(world.ticket()), dumped([world.ticket(2), world.ticket(3)])):
        answer = ask(world.app, body)
        assert answer[0] == 200
        assert shown.pop() == answer[2]
        assert ask(general_of(world), body) == answer, "asked again on the general way"


@pytest.mark.parametrize(
    "headers",
    [
        (JSON, (b"host", b"ridealong.example")),
        (HERE,),
        (HERE, JSON, JSON),
        (HERE, (b"content-type", b"text/plain")),
        (HERE, JSON, (b"content-encoding", b"gzip")),
        (HERE, JSON, (b"transfer-encoding", b"chunked")),
    ],
)
def test_a_head_that_asks_for_more_or_lies_is_answered_on_the_general_way(
    world: Any, shown: Any, headers: Any
) -> None:
    body = dumped(world.ticket())
    assert ask(world.app, body, headers) == ask(general_of(world), body, headers)
    assert shown == []


def test_who_sends_a_key_gets_the_answer_of_that_key(world: Any, shown: Any) -> None:
    headers = (HERE, JSON, (b"idempotency-key", b"k-1"))
    status, _, answer = ask(world.app, dumped(world.ticket()), headers)
    again = ask(world.app, dumped(world.ticket()), headers)
    assert (status, again[0], again[2]) == (200, 200, answer)
    assert (b"idempotent-replayed", b"true") in again[1]
    assert ask(world.app, dumped(world.ticket(2)), headers)[0] == 409
    assert shown == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"ticket_id": "t-1", "ticket_id" : "t-2"}',
        b'{"ticket_id": "t-1", "ticket\\u005fid": "t-2"}',
        b"",
        b"null",
        b"[]",
        b"[[]]",
        b"\xff",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"text": NaN}',
        b'{"text": {"text": ""}}',
        b"[" * 40,
    ],
)
def test_what_is_no_ticket_is_refused_as_everywhere(world: Any, shown: Any, body: bytes) -> None:
    whole = dumped(world.ticket())[:-1] + b", " + body[1:] if body.startswith(b'{"t') else body
    answer = ask(world.app, whole)
    assert answer[0] in (400, 422)
    assert answer == ask(general_of(world), whole)
    assert shown == []
    assert world.folder.journal.head().seq == 2, "only how the rollout began"


@pytest.mark.parametrize("given", [{"method": "GET"}, {"query": b"tenant=acme"}])
def test_another_question_is_not_taken_for_this_one(world: Any, shown: Any, given: Any) -> None:
    body = dumped(world.ticket())
    assert ask(world.app, body, **given) == ask(general_of(world), body, **given)
    assert shown == []


@pytest.mark.parametrize("pieces", [2, 7])
def test_a_body_that_comes_in_pieces_is_whole_on_the_general_way(world: Any, shown: Any, pieces: int) -> None:
    body = dumped(world.ticket())
    answer = ask(world.app, body, pieces=pieces)
    assert answer[0] == 200
    assert shown == []
    assert ask(world.app, body) == answer


def test_a_large_body_goes_through_the_limit(world: Any, shown: Any) -> None:
    body = dumped(world.ticket(text="x" * 70_000))
    assert ask(world.app, body)[0] == 200
    assert shown == []


def test_what_is_answered_here_is_counted_and_timed_like_the_rest(world: Any) -> None:
    ask(world.app, dumped(world.ticket()))
    ask(general_of(world), dumped(world.ticket(2)))
    page = world.http.get("/metrics").text
    assert 'ridealong_http_requests_total{route="POST /v1/route",status="200"} 2' in page
    assert world.door.metrics.seen.durations["POST /v1/route"].counts
    assert 'reason="SHADOW"' in page


def test_the_room_for_bodies_is_given_back(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = world.app._guarded._limit
    held = []
    answered = Express._answered

    async def watched(self: Express, *given: Any) -> bytes | None:
        held.append(limit.held)
        return await answered(self, *given)

    monkeypatch.setattr(Express, "_answered", watched)
    body = dumped(world.ticket())
    ask(world.app, body)
    ask(world.app, b"{")
    assert held == [len(body), 1]
    assert limit.held == 0


pieces_of_json = st.sampled_from(
    ['"', '":', '" :', "\\", '\\"', "{", "}", "[", "]", ",", ":", " ", "\n", "a", "ticket_id", "\\u0022", "ß"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_both_ways_say_the_same(world: Any, data: st.DataObject) -> None:
    ticket = world.ticket(data.draw(st.integers(1, 3)), subject=data.draw(st.text(max_size=8)))
    body = dumped(data.draw(st.sampled_from([ticket, [ticket, world.ticket(9)]]))).decode()
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(body)))
        upto = data.draw(st.sampled_from([place, min(place + 3, len(body))]))
        body = body[:place] + "".join(data.draw(st.lists(pieces_of_json, max_size=4))) + body[upto:]
    sent = body.encode("utf-8", "surrogatepass")
    assert ask(world.app, sent) == ask(general_of(world), sent)


def test_with_keys_a_wrong_one_is_refused_and_a_right_one_answered(world: Any, shown: Any) -> None:
    made = world.http.post("/v1/keys", json={"role": "agent", "actor": "ada", "name": "desk"}).json()
    body = dumped(world.ticket())
    away = (b"host", b"ridealong.example")
    for header in (None, b"Bearer rk_wrong", b"Basic abc", f"Bearer {made['key']}x".encode()):
        headers = (away, JSON) if header is None else (away, JSON, (b"authorization", header))
        answer = ask(world.app, body, headers)
        assert answer[0] == 401
        assert answer == ask(general_of(world), body, headers)
    assert shown == []
    right = (away, JSON, (b"authorization", f"Bearer {made['key']}".encode()))
    answer = ask(world.app, body, right)
    assert answer[0] == 200
    assert shown == [answer[2]]


def test_a_key_without_the_right_is_refused_on_the_short_way_too(world: Any, shown: Any) -> None:
    made = world.http.post("/v1/keys", json={"role": "viewer", "actor": "ada", "name": "looks"}).json()
    headers = (HERE, JSON, (b"authorization", f"Bearer {made['key']}".encode()))
    answer = ask(world.app, dumped(world.ticket()), headers)
    assert answer[0] == 403
    assert shown == []
