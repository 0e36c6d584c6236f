"""Gateways of one process share a library and nothing else: what one of them closes, no other notices."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hosting import KEY, House
from hypothesis import given
from hypothesis import strategies as st
from model_server import MODEL

from agents.contract import Action
from agents.models.exchange import Answer, Request
from agents.models.gateway import LiteLLM
from agents.models.waiting import LONGEST, retry_after

HELLO = [{"role": "user", "content": "hello"}]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def asked(house: House) -> Request:
    return Request(f"openai/{MODEL}", HELLO, 0.0, 20, house.server.url, KEY)


@pytest.fixture
def other(gateway: LiteLLM, runner: asyncio.Runner) -> Iterator[LiteLLM]:
    made = LiteLLM()
    yield made
    runner.run(made.close())


def test_one_that_is_closed_leaves_the_other_able_to_call(
    house: House, gateway: LiteLLM, other: LiteLLM, asked: Request
) -> None:
    async def both() -> list[Answer]:
        first = [await gateway.send(asked), await other.send(asked)]
        await other.close()
        return [*first, await gateway.send(asked), await other.send(asked)]

    assert [answer.model for answer in house.run(both())] == [MODEL] * 4


def test_one_that_is_closed_ends_no_call_under_way(
    house: House, gateway: LiteLLM, other: LiteLLM, asked: Request
) -> None:
    arrived, free = threading.Event(), threading.Event()

    def said(_: object) -> str:
        arrived.set()
        free.wait(10)
        return "{}"

    house.server.said = said

    async def closing() -> Answer:
        answering = asyncio.ensure_future(gateway.send(asked))
        await asyncio.to_thread(arrived.wait, 10)
        other._connections.join(other)
        await other.close()
        free.set()
        return await answering

    assert house.run(closing()).text == "{}"


def test_another_event_loop_has_connections_of_its_own(
    house: House, gateway: LiteLLM, other: LiteLLM, asked: Request
) -> None:
    came: list[str] = []

    async def there() -> None:
        came.append((await other.send(asked)).model)
        await other.close()

    async def here() -> None:
        came.append((await gateway.send(asked)).model)

    house.run(here())
    thread = threading.Thread(target=asyncio.run, args=(there(),))
    thread.start()
    thread.join()
    house.run(here())
    assert came == [MODEL] * 3
    assert house.answer().action is Action.REPLY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.05", 0.05),
        ("0", 0.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("999999999", LONGEST),
        (format_datetime(NOW + timedelta(seconds=7), usegmt=True), 7.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), LONGEST),
        ("Friday, 01-May-26 12:00:09 GMT", 9.0),
        ("Fri, 99 May 2026 12:00:00 GMT", None),
    ],
)
def test_a_wait_is_seconds_or_a_date_and_never_endless(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}, NOW) == seconds


def test_a_date_is_counted_from_the_answers_own() -> None:
    theirs = NOW + timedelta(hours=5)
    headers = {
        "retry-after": format_datetime(theirs + timedelta(seconds=2), usegmt=True),
        "date": format_datetime(theirs, usegmt=True),
    }
    assert retry_after(headers, NOW) == 2.0
    assert retry_after({}, NOW) is None
    assert retry_after(None) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_is_an_error(value: str, date: str) -> None:
    found = retry_after({"retry-after": value, "date": date}, NOW)
    assert found is None or 0 <= found <= LONGEST


def test_a_provider_that_names_a_moment_is_asked_again_at_it(house: House) -> None:
    waited: list[float] = []
    house.server.retry_after = format_datetime(datetime.now(UTC) + timedelta(seconds=8), usegmt=True)
    house.server.mode, house.server.then = "429 with Retry-After", "good"
    agent = house.agent()
    model = agent.team.resolution
    assert model is not None

    async def at_once(seconds: float) -> None:
        waited.append(seconds)

    object.__setattr__(model.model, "sleep", at_once)
    assert house.answer(agent).action is Action.REPLY
    assert len(waited) == 1
    assert 4 < waited[0] <= 9
