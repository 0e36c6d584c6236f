"""The desk's list follows from the record; neither it nor the kept answers say anything false unseen."""

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rollout.api import kept_file
from rollout.api.kept_answers import Kept, KeptAnswers
from rollout.clock import SimulatedClock
from rollout.queue.register import NAME, Register
from rollout.record.folder import DataFolder
from rollout.records import (
    Claimed,
    Compared,
    Drafted,
    Escalated,
    Event,
    Handled,
    Kind,
    Resolved,
    Reviewed,
    Said,
    TicketOpened,
    Triaged,
)
from rollout.upkeep import desk_list, side_files
from rollout.upkeep.backup import backup
from rollout.upkeep.checkup import examine
from rollout.upkeep.findings import Finding, Level, Patient
from rollout.upkeep.restore import restore

T = datetime(2026, 3, 1, tzinfo=UTC)


def told(number: int) -> Iterator[tuple[str, Kind, Any]]:
    """What happened around one ticket: every third is handed off, drafted for, or answered by people."""
    name = f"t{number}"
    yield (
        f"ticket:{name}",
        Kind.TICKET,
        TicketOpened(name, f"c{number % 7}", T, tier=("vip", None)[number % 2]),
    )
    yield f"triage:{name}", Kind.TRIAGE, Triaged(name, "billing", "high", "neutral", "simple")
    if number % 3 == 0:
        yield f"escalation:{name}:1", Kind.ESCALATION, Escalated(name, "asked", content={"packet": "ref:p"})
        if number % 2:
            yield f"claim:{name}:1", Kind.CLAIM, Claimed(name, 1, "ada")
    elif number % 3 == 1:
        yield (
            f"approval:{name}:draft:1",
            Kind.APPROVAL,
            Drafted(name, "a@1.0.0", 1, content={"draft": "ref:d"}),
        )
        if number % 4 == 0:
            yield f"resolution:{name}:1", Kind.RESOLUTION, Resolved(name, T, "confirmed", "human")
    else:
        shadow = Compared(name, "a@1.0.0", "heuristic", content={"shadow-reply": "ref:s"})
        human = Handled(name, "human", turns=1, content={"human-reply": "ref:h"})
        yield f"comparison:a@1.0.0:{name}", Kind.COMPARISON, shadow
        yield f"handling:{name}:human:1", Kind.HANDLING, human
        yield f"turn:{name}:1", Kind.TURN, Said(name, 1, "customer", 2)
        if number % 2:
            review = Reviewed(name, "a@1.0.0", "human:bo", "tie", None, "agent")
            yield f"review:a@1.0.0:{name}:bo", Kind.REVIEW, review


def rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as file:
        return {table: file.execute(f"SELECT * FROM {table}").fetchall() for table in desk_list.TABLES}


def follow(data: Path) -> None:
    """Make the list, or bring it up to date, as a server does."""
    with DataFolder.open(data, parts=("journal",)) as folder:
        register = Register(folder.journal)
        register.catch_up()
        register.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sixty tickets with a desk's list and kept answers."""
    data = tmp_path_factory.mktemp("original") / "data"
    with DataFolder.open(data, parts=("journal",), clock=SimulatedClock(T)) as folder:
        for number in range(60):
            at = T + timedelta(minutes=number)
            folder.record([Event(name, kind, at, what, workflow="w") for name, kind, what in told(number)])
    follow(data)
    kept = KeptAnswers(data / kept_file.NAME)
    kept.keep("default", "k-1", Kept(b"d" * 32, 200, "application/json", b"{}"), T)
    kept.close()
    return data


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "data")


def found(data: Path, check: str) -> Finding:
    (finding,) = [each for each in examine(Patient(data, SimulatedClock(T))) if each.check == check]
    return finding


def test_a_restored_folder_makes_the_same_list_anew(data: Path, tmp_path: Path) -> None:
    """No backup holds the list: claims, drafts, answers and labels all follow from the record."""
    before = rows(data / NAME)
    assert all(before.values()), "every table has something to lose"
    assert {row[6] for row in before["items"]} == {"open", "claimed", "done"}
    backup(data, tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("queue*"))
    restore(tmp_path / "copy", tmp_path / "new")
    follow(tmp_path / "new")
    assert rows(tmp_path / "new" / NAME) == before


def test_a_sound_list_and_sound_answers_are_fine(data: Path) -> None:
    for check in ("desk's list", "idempotency keys"):
        assert found(data, check).level is Level.OK
    (data / NAME).unlink()
    (data / kept_file.NAME).unlink()
    for check in ("desk's list", "idempotency keys"):
        assert found(data, check).level is Level.OK


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE items SET claimed_by = 'eve' WHERE state = 'claimed'", "rows are not what the journal says"),
        ("DELETE FROM items WHERE ticket_id = 't3'", "1 rows"),
        ("INSERT INTO people VALUES ('default', 't999', 0, 1)", "1 rows"),
        ("UPDATE position SET hash = 'ff'", "another journal"),
        ("DROP TABLE labels", "no such table"),
    ],
)
def test_a_list_that_says_other_than_the_journal_is_told(data: Path, change: str, words: str) -> None:
    with closing(sqlite3.connect(data / NAME)) as file, file:
        assert file.execute(change).rowcount != 0
    finding = found(data, "desk's list")
    assert (finding.level, words in finding.sentence) == (Level.FAIL, True), finding
    assert finding.remedy is not None
    assert "made anew" in finding.remedy


def test_a_list_that_is_behind_is_a_hint(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(side_files, "LAG", 0)
    assert found(data, "desk's list").level is Level.OK
    with DataFolder.open(data, parts=("journal",), clock=SimulatedClock(T)) as folder:
        folder.record([Event("escalation:t1:9", Kind.ESCALATION, T, Escalated("t1", "asked"), workflow="w")])
    finding = found(data, "desk's list")
    assert (finding.level, "1 behind" in finding.sentence) == (Level.WARN, True)


@pytest.mark.parametrize("place", [0, 20, 5000, -1])
def test_a_damaged_list_is_told_and_made_anew(
    data: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "rollout.queue.register")
    before, raw = rows(data / NAME), (data / NAME).read_bytes()
    (data / NAME).write_bytes(raw[:100] if place < 0 else raw[:place] + b"\xee" * 4096 + raw[place + 4096 :])
    assert found(data, "desk's list").level is Level.FAIL
    follow(data)
    assert rows(data / NAME) == before
    assert found(data, "desk's list").level is Level.OK


def test_an_altered_answer_is_told(data: Path) -> None:
    path = data / kept_file.NAME
    path.write_bytes(path.read_bytes().replace(b"dddddddd", b"dddddddc", 1))
    finding = found(data, "idempotency keys")
    assert (finding.level, "not what was written" in finding.sentence) == (Level.FAIL, True)


def test_a_damaged_file_of_answers_keeps_nobody_from_a_backup(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And the server that opens the restored one says what is in doubt, as the old one would have."""
    caplog.set_level(logging.CRITICAL, "rollout.api.kept_file")
    (data / kept_file.NAME).write_bytes(b"garbage" * 1000)
    backup(data, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "new")
    kept = KeptAnswers(tmp_path / "new" / kept_file.NAME)
    assert (kept.find("default", "k-1"), kept.forgot_some()) == (None, True)
    kept.close()
