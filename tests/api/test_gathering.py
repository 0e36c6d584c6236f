"""What comes together is recorded together, and each caller hears of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rollout.api.gathering import Gathering
from rollout.errors import ConflictingEvent, QueueFull
from rollout.record.journal import Journal
from rollout.record.line import Prepared, prepare
from rollout.records import Event, Kind

AT = datetime(2026, 9, 1, tzinfo=UTC)


def an_event(number: int, score: float = 1.0) -> list[Prepared]:
    return [prepare(Event(f"e-{number}", Kind.CSAT, AT, {"ticket_id": "t", "score": score}))]


def test_the_calls_of_one_turn_are_one_offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "journal") as journal:
        offers: list[int] = []
        offer = journal.offer

        def noted(calls: Any, answered: Any) -> None:
            offers.append(len(calls))
            offer(calls, answered)

        monkeypatch.setattr(journal, "offer", noted)
        gathering = Gathering(journal)

        async def run() -> list[Any]:
            first = await asyncio.gather(*(gathering.record(an_event(number)) for number in range(5)))
            return [*first, await gathering.record(an_event(9))]

        receipts = asyncio.run(run())

    assert offers == [5, 1]
    assert [each[0].seq for each in receipts] == [1, 2, 3, 4, 5, 6]


def test_a_conflict_is_told_to_whoever_caused_it_and_to_nobody_else(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        gathering = Gathering(journal)

        async def run() -> list[Any]:
            calls = [an_event(1), an_event(1, score=2.0), an_event(2)]
            return await asyncio.gather(*map(gathering.record, calls), return_exceptions=True)

        first, second, third = asyncio.run(run())

    assert (first[0].seq, third[0].seq) == (1, 2)
    assert isinstance(second, ConflictingEvent)


def test_who_has_gone_keeps_nobody_from_an_answer_and_is_recorded(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        gathering = Gathering(journal)

        async def run() -> Any:
            gone, stays = gathering.record(an_event(1)), gathering.record(an_event(2))
            gone.cancel()
            return await stays

        assert asyncio.run(run())[0].seq == 2
        assert journal.find("e-1") is not None


def test_what_is_refused_at_once_is_told_to_all_of_the_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise QueueFull("20,000 events wait")

    with Journal(tmp_path / "journal") as journal:
        monkeypatch.setattr(journal, "offer", full)
        gathering = Gathering(journal)

        async def run() -> list[Any]:
            both = gathering.record(an_event(1)), gathering.record(an_event(2))
            return await asyncio.gather(*both, return_exceptions=True)

        assert [type(each) for each in asyncio.run(run())] == [QueueFull, QueueFull]


def test_a_loop_that_ended_in_the_middle_does_not_hold_up_the_next(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        gathering = Gathering(journal)

        async def leave() -> None:
            gathering.record(an_event(1))

        async def stay() -> Any:
            return await gathering.record(an_event(2))

        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave())
        loop.close()
        assert asyncio.run(stay())
