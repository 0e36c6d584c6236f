"""The index of ids leaves memory beside the recording: nothing is forgotten on the way, whatever fails."""

import sqlite3
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from rollout.record import index as under_test
from rollout.record.index import Entry, IdIndex
from rollout.record.line import Key
from rollout.record.segments import EMPTY, Head

BODY = b"0123456789abcdef"
KEYS = [Key(tenant, f"{kind}:{number}") for tenant in ("a", "b") for kind in "xy" for number in range(3)]
ODD = Key("a", "cut\0short")
GONE = Key("b", "erased")


def entries(first: int = 1) -> list[tuple[Key, Entry]]:
    bodies = {GONE: b""}
    return [(key, Entry(first + i, bodies.get(key, BODY))) for i, key in enumerate([*KEYS, ODD, GONE])]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IdIndex:
    monkeypatch.setattr(under_test, "FLUSH_ENTRIES", 5)
    (tmp_path / "journal").mkdir()
    return IdIndex(tmp_path / "journal", EMPTY)


def known(index: IdIndex) -> dict[Key, Entry]:
    return index.find([*KEYS, ODD, GONE, Key("a", "unknown")])


def stored(index: IdIndex) -> dict[Key, Entry]:
    with sqlite3.connect(index._path) as file:
        rows = file.execute("SELECT tenant, event_id, seq, body FROM ids").fetchall()
    file.close()
    return {Key(tenant, event_id): Entry(seq, body) for tenant, event_id, seq, body in rows}


def test_all_is_found_before_while_and_after_it_leaves_memory(
    index: IdIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    write = under_test._write

    def held(*given: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        write(*given)

    monkeypatch.setattr(under_test, "_write", held)
    index.add(entries(), Head(14, "h14"))
    assert begun.wait(30)
    assert known(index) == dict(entries())
    later = (Key("a", "later"), Entry(15, BODY))
    index.add([later], Head(15, "h15"))
    go_on.set()
    index._flusher.join()
    assert stored(index) == dict(entries()), "and not what came later"
    assert known(index) == dict(entries())
    assert index.find([later[0]]) == dict([later])
    index.close(Head(15, "h15"))
    assert stored(index) == dict([*entries(), later])


def test_what_could_not_be_written_stays_in_memory_and_goes_with_the_next(
    index: IdIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(under_test, "_write", full)
        index.add(entries(), Head(14, "h14"))
        index._flusher.join()
    assert "database or disk is full" in caplog.text
    assert known(index) == dict(entries())
    assert stored(index) == {}
    index.add([(Key("a", "later"), Entry(15, BODY))], Head(15, "h15"))
    index._flusher.join()
    assert stored(index).keys() == {*dict(entries()), Key("a", "later")}
    index.close(Head(15, "h15"))


def test_a_body_that_is_forgotten_while_it_leaves_memory_is_forgotten(
    index: IdIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = Event(), Event()
    write = under_test._write

    def held(*given: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        write(*given)

    monkeypatch.setattr(under_test, "_write", held)
    index.add(entries(), Head(14, "h14"))
    assert begun.wait(30)
    forgetting = Thread(target=index.forget_bodies, args=([KEYS[0]], Head(14, "h14")))
    forgetting.start()
    go_on.set()
    forgetting.join()
    assert stored(index)[KEYS[0]].body == b""
    assert known(index)[KEYS[0]].body == b""
    assert known(index)[KEYS[1]].body == BODY
    index.close(Head(14, "h14"))
