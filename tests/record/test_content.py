"""Texts can be proved while they are there and cannot be guessed once they are gone."""

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.clock import SimulatedClock
from rollout.errors import RecordError
from rollout.record.content import ContentStore, Text

T = datetime(2026, 3, 1, tzinfo=UTC)


def text(body: str, *, customer: str = "c1", ticket: str = "t1", part: str = "text", tenant: str = "default"):
    return Text(tenant, customer, ticket, part, body)


@pytest.fixture
def clock():
    return SimulatedClock(T)


@pytest.fixture
def store(tmp_path, clock):
    with ContentStore(tmp_path / "content.sqlite", clock=clock) as store:
        yield store


@given(body=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_as_it_was(tmp_path_factory, body):
    with ContentStore(tmp_path_factory.mktemp("c") / "content.sqlite") as store:
        (ref,) = store.put([text(body)])
        assert store.get(ref) == body


def test_references_do_not_tell_the_text(store):
    """The same text in two tickets has two references, neither of them the text's own hash."""
    refs = store.put([text("yes", ticket="t1"), text("yes", ticket="t2")])
    assert refs[0] != refs[1]
    assert f"sha256:{hashlib.sha256(b'yes').hexdigest()}" not in refs


def test_a_retried_ticket_keeps_its_references(store):
    """Otherwise the retry would be another event under the same id."""
    (first,) = store.put([text("hello")])
    assert store.put([text("hello"), text("hello", part="reply")])[0] == first
    assert store.put([text("hello!")]) != [first]


def test_texts_survive_reopening(tmp_path, store):
    (ref,) = store.put([text("hello")])
    with ContentStore(tmp_path / "content.sqlite") as again:
        assert again.get(ref) == "hello"


def test_one_customer_of_one_tenant_is_erased(store):
    gone, kept, elsewhere = store.put(
        [text("mine"), text("yours", customer="c2", ticket="t2"), text("mine", tenant="other")]
    )
    assert store.erase_customer("default", "c1") == [gone]
    assert [store.get(ref) for ref in (gone, kept, elsewhere)] == [None, "yours", "mine"]
    assert store.states([gone, kept, "sha256:x"]) == {gone: "erased", kept: "present", "sha256:x": "missing"}
    assert store.erase_customer("default", "c1") == []


def test_erased_bytes_are_in_no_file(tmp_path, store):
    """Not in the database's free pages and not in its write-ahead log either."""
    secret = "a secret that nobody must find"
    store.put([text(f"{secret} {i}", ticket=f"t{i}") for i in range(300)])
    assert any(secret.encode() in p.read_bytes() for p in tmp_path.iterdir())
    store.erase_customer("default", "c1")
    assert not any(secret.encode() in p.read_bytes() for p in tmp_path.iterdir())


def test_retention_removes_what_is_older(store, clock):
    (old,) = store.put([text("old")])
    clock.advance(timedelta(days=30))
    (new,) = store.put([text("new", ticket="t2")])
    assert store.purge(T + timedelta(days=1)) == 1
    assert store.states([old, new]) == {old: "expired", new: "present"}


def test_altered_text_is_found(tmp_path, store):
    refs = store.put([text("one"), text("two", part="reply")])
    with sqlite3.connect(tmp_path / "content.sqlite") as connection:
        connection.execute("UPDATE content SET body = 'three' WHERE ref = ?", (refs[1],))
    connection.close()
    assert list(store.altered()) == [refs[1]]


def test_bytes_that_are_no_text_are_named_and_never_escape(tmp_path):
    """A flipped byte need not leave UTF-8, nor text at all."""
    path = tmp_path / "content.sqlite"
    with ContentStore(path) as content:
        refs = content.put([Text("default", "c", f"t{number}", "text", "hello") for number in range(3)])
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE content SET body = CAST(x'68ff' AS TEXT) WHERE ref = ?", (refs[0],))
        file.execute("UPDATE content SET nonce = 7 WHERE ref = ?", (refs[1],))
    with ContentStore(path) as content:
        assert set(content.altered()) == set(refs[:2])
        for ref in refs[:2]:
            with pytest.raises(RecordError, match=r"content\.sqlite"):
                content.get(ref)
        assert content.get(refs[2]) == "hello"
