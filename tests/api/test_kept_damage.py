"""A damaged file of kept answers: never a wrong answer, never an order twice, and it goes on by itself."""

import asyncio
import logging
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import Response

from rollout.api import kept_file
from rollout.api.kept_answers import Kept, KeptAnswers
from rollout.api.kept_file import NAME
from rollout.api.once import Once
from rollout.api.problems import Refused
from rollout.clock import SimulatedClock
from rollout.errors import RecordError

ANSWERS = {f"k-{number}": Kept(b"d" * 32, 200, "application/json", b"{%d}" % number) for number in range(60)}
BEGUN = Kept(b"b" * 32, None, None, None)
ORDER = {"reason": "look first", "actor": "ada"}


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "rollout.api.kept_file")


@pytest.fixture
def clock(now: datetime) -> SimulatedClock:
    return SimulatedClock(now)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with some answers, closed."""
    path = tmp_path_factory.mktemp("whole") / NAME
    kept = KeptAnswers(path)
    for key, answer in ANSWERS.items():
        kept.keep("acme", key, answer, datetime.fromisoformat("2026-09-01T12:00:00+00:00"))
    kept.close()
    return path


def flipped(raw: bytearray, draw: random.Random) -> bytes:
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    return bytes(raw)


def cut(raw: bytearray, draw: random.Random) -> bytes:
    return bytes(raw[: draw.randrange(len(raw))])


def holed(raw: bytearray, draw: random.Random) -> bytes:
    where = draw.randrange(len(raw) // 4096) * 4096
    raw[where : where + 4096] = bytes(4096)
    return bytes(raw)


def garbled(raw: bytearray, draw: random.Random) -> bytes:
    return draw.randbytes(2000) + bytes(raw[2000:])


HARMS: dict[Callable[[bytearray, random.Random], bytes], int] = {flipped: 120, cut: 20, holed: 6, garbled: 2}


def found_in(path: Path, clock: SimulatedClock) -> tuple[dict[str, Kept | None], bool]:
    kept = KeptAnswers(path, clock=clock)
    try:
        return {key: kept.find("acme", key) for key in ANSWERS}, kept.forgot_some()
    finally:
        kept.close()


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_what_is_found_is_what_was_kept_and_what_is_lost_is_said(
    whole: Path, tmp_path: Path, clock: SimulatedClock, harm: Any
) -> None:
    for seed in range(HARMS[harm]):
        path = tmp_path / f"{seed}" / NAME
        path.parent.mkdir()
        path.write_bytes(harm(bytearray(whole.read_bytes()), random.Random(f"{harm.__name__} {seed}")))
        found, forgot = found_in(path, clock)
        wrong = {key: told for key, told in found.items() if told not in (None, ANSWERS[key])}
        assert not wrong, seed
        assert forgot or None not in found.values(), f"{seed}: keys were lost in silence"
        assert kept_file.examined(path).problem is None, f"{seed}: it was not mended"


def test_the_harms_are_seen_where_nothing_looks(
    whole: Path, tmp_path: Path, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were rows not held against their seals, a wrong answer would be given: so the test above can fail."""
    raw = whole.read_bytes()
    path = tmp_path / NAME
    path.write_bytes(raw.replace(b"{17}", b"{71}", 1))
    found, forgot = found_in(path, clock)
    assert (found["k-17"], forgot) == (None, True)
    path.write_bytes(raw.replace(b"{17}", b"{71}", 1))
    monkeypatch.setattr(kept_file, "_holds", lambda _: True)
    assert found_in(path, clock)[0]["k-17"] == ANSWERS["k-17"]._replace(body=b"{71}")


def test_one_flipped_byte_costs_one_answer(whole: Path, tmp_path: Path, clock: SimulatedClock) -> None:
    path = tmp_path / NAME
    path.write_bytes(whole.read_bytes().replace(b"{17}", b"{71}", 1))
    found, _ = found_in(path, clock)
    assert [key for key, told in found.items() if told is None] == ["k-17"]


def test_what_was_begun_outlives_a_log_whose_end_is_lost(tmp_path: Path, clock: SimulatedClock) -> None:
    """SQLite drops a damaged end of its log in silence: so what may not be done twice is not left there."""
    kept = KeptAnswers(tmp_path / NAME, clock=clock)
    kept.keep("acme", "order", BEGUN, clock.now())
    kept.keep("acme", "plain", ANSWERS["k-1"], clock.now())
    killed = tmp_path / "killed"
    killed.mkdir()
    for path in tmp_path.glob(f"{NAME}*"):
        shutil.copy(path, killed)
    kept.close()
    (killed / f"{NAME}-wal").write_bytes(b"")
    after = KeptAnswers(killed / NAME, clock=clock)
    assert after.find("acme", "plain") is None, "the log was lost"
    assert after.find("acme", "order") == BEGUN
    after.close()


def test_a_mend_that_is_killed_is_taken_up_again(
    whole: Path, tmp_path: Path, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the new file is whole it is made again, killed after that it is put in its place."""

    class Killed(BaseException):
        pass

    def dies(*_: Any) -> None:
        raise Killed

    for number, step in enumerate(("put", "_switch", "sync_folder")):
        path = tmp_path / f"{number}" / NAME
        path.parent.mkdir()
        path.write_bytes(whole.read_bytes().replace(b"{17}", b"{71}", 1))
        with monkeypatch.context() as patch:
            kept = KeptAnswers(path, clock=clock)
            kept.look()
            patch.setattr(kept_file, step, dies)
            with pytest.raises(Killed):
                kept.find("acme", "k-17")
            kept.close()
        found, forgot = found_in(path, clock)
        assert (sum(told is None for told in found.values()), forgot) == (1, True), step
        assert [each.name for each in path.parent.iterdir()] == [NAME], step


def test_a_file_of_a_release_without_seals_is_taken_over(tmp_path: Path, clock: SimulatedClock) -> None:
    path = tmp_path / NAME
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(
            "CREATE TABLE answers (tenant TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,"
            " begun_at TEXT NOT NULL, status INTEGER, media_type TEXT, body BLOB,"
            " PRIMARY KEY (tenant, key)) WITHOUT ROWID"
        )
        now = clock.now().isoformat()
        rows = [("acme", key, kept[0], now, *kept[1:]) for key, kept in ANSWERS.items()]
        file.executemany("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    assert kept_file.examined(path) == (len(ANSWERS), None)
    assert found_in(path, clock) == (ANSWERS, False)
    assert found_in(path, clock) == (ANSWERS, False)


def test_a_full_disk_is_no_damage(whole: Path, tmp_path: Path, clock: SimulatedClock) -> None:
    """It is said, and the file with everything in it stays as it is."""
    path = tmp_path / NAME
    shutil.copy(whole, path)
    kept = KeptAnswers(path, clock=clock)
    kept.look()
    assert kept._connection is not None
    kept._connection.execute("PRAGMA max_page_count = 1").fetchall()
    with pytest.raises(RecordError, match="make room"):
        kept.keep("acme", "large", Kept(b"d" * 32, 200, "text/plain", b"x" * 100_000), clock.now())
    kept.close()
    assert found_in(path, clock) == (ANSWERS, False)


def asked(path: str) -> Any:
    async def body() -> bytes:
        return b"{}"

    url = SimpleNamespace(path=path, query="")
    return SimpleNamespace(headers={"idempotency-key": path}, method="POST", url=url, body=body)


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("/v1/workflows/w/promote", False),
        ("/v1/keys", False),
        ("/v1/incidents", False),
        ("/v1/workflows/w/pause", True),
        ("/v1/workflows/w/abort", True),
        ("/v1/outcomes", True),
        ("/v1/route", True),
    ],
)
def test_an_order_under_a_lost_key_is_refused_for_a_day_and_taking_away_never_is(
    tmp_path: Path, clock: SimulatedClock, path: str, done: bool
) -> None:
    (tmp_path / NAME).write_bytes(b"")
    once = Once(tmp_path / NAME, clock)

    async def works() -> Response:
        return Response("done")

    def ask() -> bytes:
        return bytes(asyncio.run(once.answer(asked(path), "acme", works)).body)

    if done:
        assert ask() == b"done"
    else:
        with pytest.raises(Refused, match="without an Idempotency-Key") as refused:
            ask()
        assert refused.value.code == "in-doubt"
        clock.advance(timedelta(hours=25))
        assert ask() == b"done"
    once.close()


def test_a_server_goes_on_over_a_damaged_file_and_doubles_nothing(
    tmp_path: Path, plan: Any, stage: Any, build: Any
) -> None:
    headers = {"headers": {"idempotency-key": "k-1"}}
    with ExitStack() as stack:
        world = build(tmp_path, plan, stage, stack)
        first = world.http.post("/v1/route", json=world.ticket(), **headers)
        data = world.folder.path
    (data / NAME).write_bytes(b"garbage" * 1000)
    with ExitStack() as stack:
        world = build(tmp_path, plan, stage, stack, start=False)
        head = world.folder.journal.head()
        again = world.http.post("/v1/route", json=world.ticket(), **headers)
        assert (again.status_code, again.content) == (200, first.content)
        assert world.folder.journal.head() == head, "the ticket's own id protects from a double"
        order = {"json": ORDER, "headers": {"idempotency-key": "k-2"}}
        refused = world.http.post("/v1/workflows/tier1-support/resume", **order)
        assert (refused.status_code, refused.json()["code"]) == (409, "in-doubt")
