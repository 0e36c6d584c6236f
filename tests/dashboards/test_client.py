"""The client says what failed in words for people, and raises nothing else."""

import httpx
import pytest

from dashboards.client import ApiProblem, Client


def answering(*responses: httpx.Response) -> Client:
    queue = list(responses)
    return Client("http://api", transport=httpx.MockTransport(lambda _: queue.pop(0)))


def test_rows_come_as_the_api_sends_them() -> None:
    assert answering(httpx.Response(200, json={"workflows": [{"workflow": "w"}]})).workflows() == [
        {"workflow": "w"}
    ]


def test_a_refusal_carries_the_apis_own_words() -> None:
    client = answering(httpx.Response(409, json={"title": "Refused", "detail": "the gate has not passed"}))
    with pytest.raises(ApiProblem, match="the gate has not passed") as caught:
        client.act("w", "promote", reason="go", actor="ada")
    assert caught.value.status == 409


def test_a_server_that_is_not_there_says_how_to_start_it() -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(ApiProblem, match="ridealong serve"):
        Client("http://api", transport=httpx.MockTransport(away)).workflows()


@pytest.mark.parametrize("body", ["<html>", "[1]", '"text"'])
def test_something_else_on_the_port_is_recognised(body: str) -> None:
    with pytest.raises(ApiProblem, match="not Ridealong"):
        answering(httpx.Response(200, text=body)).workflows()


def test_an_order_names_its_author_and_reason() -> None:
    seen: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    Client("http://api/", transport=httpx.MockTransport(record)).act("w", "abort", reason="harm", actor="ada")
    assert seen[0].url == "http://api/v1/workflows/w/abort"
    assert seen[0].content == b'{"reason":"harm","track":"ladder","actor":"ada"}'


def test_a_key_is_sent_as_a_bearer_and_without_one_a_refusal_says_where_to_put_it() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(401, json={"title": "Nobody knows who you are", "detail": "send your key"})

    for key, told in ((None, "RIDEALONG_API_KEY"), ("rk_1_x", "send your key$")):
        with pytest.raises(ApiProblem, match=told):
            Client("http://api", key=key, transport=httpx.MockTransport(answer)).workflows()
    assert seen == [None, "Bearer rk_1_x"]
