"""What was changed behind the journal's back is found, up to a head that was kept elsewhere."""

import json
import random
import shutil
import sqlite3
from datetime import UTC, datetime

import orjson
import pytest
from typer.testing import CliRunner

from rollout.cli import app
from rollout.record.audit import verify
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.record.line import GENESIS, chain, digest_of, written
from rollout.records import Event, Kind, TicketOpened

T = datetime(2026, 3, 1, tzinfo=UTC)
TICKETS = 20


@pytest.fixture
def data(tmp_path):
    """Twenty tickets with texts, in two segments."""
    root = tmp_path / "data"
    with DataFolder.open(root, parts=("journal",)) as folder:
        for i in range(TICKETS):
            if i == TICKETS // 2:
                folder.journal.roll()
            (ref,) = folder.content.put([Text("default", f"c{i % 4}", f"t{i}", "text", f"text {i}")])
            ticket = TicketOpened(f"t{i}", f"c{i % 4}", T, content={"text": ref})
            folder.record([Event(f"ticket:t{i}", Kind.TICKET, T, ticket)])
    return root


def segments(data):
    return sorted((data / "journal").glob("*.jsonl"))


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def forged(lines: list[bytes], start: int, previous: str) -> list[bytes]:
    """Write a chain anew from a line on, as somebody would who knows the format."""
    new = lines[:start]
    for line in lines[start:]:
        entry = orjson.loads(line)
        entry["digest"] = digest_of(written(entry["payload"]), entry["nonce"])
        envelope = {k: v for k, v in entry.items() if k not in ("hash", "nonce", "payload")}
        previous = entry["hash"] = chain(previous, orjson.dumps(envelope))
        new.append(
            orjson.dumps({**envelope, "hash": previous, "nonce": entry["nonce"], "payload": entry["payload"]})
            + b"\n"
        )
    return new


def tamper(data, kind: str, rng: random.Random) -> None:
    """Change the last segment in one of the ways that leave valid lines behind."""
    path = segments(data)[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    i = rng.randrange(len(lines) - 1)
    match kind:
        case "edit":
            lines[i] = lines[i].replace(b'"source":"live"', b'"source":"demo"')
        case "relabel":
            lines[i] = lines[i].replace(b'"actor":"system"', b'"actor":"nobody"')
        case "delete":
            del lines[i]
        case "reorder":
            lines[i], lines[i + 1] = lines[i + 1], lines[i]
        case "repeat":
            lines.insert(i, lines[i])
        case "truncate":
            del lines[i:]
        case "rewrite":
            before = orjson.loads(lines[i - 1])["hash"] if i else last_hash(segments(data)[-2])
            lines[i] = lines[i].replace(b'"source":"live"', b'"source":"demo"')
            lines = forged(lines, i, before)
    path.write_bytes(b"".join(lines))
    (data / "journal" / "durable").unlink()  # whoever rewrites segments can remove a mark as well


def last_hash(path) -> str:
    return orjson.loads(path.read_bytes().splitlines()[-1])["hash"]


@pytest.mark.parametrize("kind", ["edit", "relabel", "delete", "reorder", "repeat", "truncate", "rewrite"])
def test_every_kind_of_tampering_is_found_against_a_kept_head(data, tmp_path, kind):
    head = verify(data).head.hash
    for seed in range(10):
        copy = tmp_path / f"copy{seed}"
        shutil.copytree(data, copy)
        tamper(copy, kind, random.Random(seed))
        assert not verify(copy, head=head).sound


@pytest.mark.parametrize("kind", ["truncate", "rewrite"])
def test_a_cut_or_rewritten_end_needs_a_head_from_outside(data, kind):
    """The limit that the documentation states: the chain alone cannot know of these."""
    tamper(data, kind, random.Random(1))
    assert verify(data).sound


def test_an_older_head_still_anchors_a_grown_journal(data):
    head = verify(data).head
    with DataFolder.open(data, parts=("journal",)) as folder:
        folder.record([Event("config:1", Kind.CONFIG, T, {"a": 1})])
    audit = verify(data, head=head.hash)
    assert audit.sound
    assert audit.anchored_at == head.seq
    assert verify(data, head=GENESIS).anchored_at == 0


def test_texts_that_nobody_erased_must_be_there(data):
    with sqlite3.connect(data / "content.sqlite") as connection:
        (ref,) = connection.execute("SELECT ref FROM content WHERE ticket_id = 't3'").fetchone()
        connection.execute("DELETE FROM content WHERE ref = ?", (ref,))
        connection.execute("UPDATE content SET body = 'kinder' WHERE ticket_id = 't4'")
    connection.close()
    audit = verify(data)
    assert not audit.sound
    assert audit.faults == []
    assert audit.texts.missing == [ref]
    assert len(audit.texts.altered) == 1
    (data / "content.sqlite").unlink()
    assert len(verify(data).texts.missing) == TICKETS


def test_erased_texts_count_as_erased_even_without_their_tombstones(data):
    with DataFolder.open(data, parts=("journal",)) as folder:
        folder.forget("default", "c1")
    (data / "content.sqlite").unlink()
    texts = verify(data).texts
    assert (texts.erased, len(texts.missing)) == (5, 15)


def test_command_prints_head_and_states_its_limit(data):
    found = run("audit", "verify", "--data", data)
    assert found.exit_code == 0
    assert "Journal sound: 20 records in 2 segments, 0 erased" in found.stdout
    assert "cut off cannot be seen from the inside" in found.stdout
    head = run("audit", "head", "--data", data).stdout.split()
    assert head == ["20", last_hash(segments(data)[-1])]
    anchored = run("audit", "verify", "--data", data, "--head", head[1].upper())
    assert anchored.exit_code == 0
    assert "on the chain, at record 20" in anchored.stdout


def test_command_exits_1_and_names_the_place(data):
    path = segments(data)[1]
    path.write_bytes(path.read_bytes().replace(b'"ticket_id":"t12"', b'"ticket_id":"t13"'))
    found = run("audit", "verify", "--data", data, "--json")
    assert found.exit_code == 1
    result = json.loads(found.stdout)
    assert result["sound"] is False
    assert result["records"] == 12
    assert "000000000011.jsonl, line 3 " in result["faults"][0]
    assert "record 13: the payload does not match its digest" in result["faults"][0]
    assert run("audit", "verify", "--data", data).exit_code == 1


def test_command_refuses_a_head_that_is_not_on_the_chain(data):
    found = run("audit", "verify", "--data", data, "--head", "ab" * 32)
    assert found.exit_code == 1
    assert "the journal's end was cut off, or it was written anew" in found.stdout


def test_commands_refuse_a_folder_that_is_none(tmp_path):
    for command in (["audit", "verify"], ["audit", "head"], ["rebuild"], ["forget", "c1"]):
        found = run(*command, "--data", tmp_path / "typo")
        assert "is no data folder" in str(found.exception)
        assert not (tmp_path / "typo").exists()


def test_forget_command_says_what_it_did(data):
    plan = json.loads(run("forget", "c1", "--data", data, "--dry-run", "--json").stdout)
    assert (plan["records"], plan["texts"], plan["pseudonym"]) == (5, 5, None)
    done = run("forget", "c1", "--data", data)
    assert done.exit_code == 0
    assert "Erased 5 texts and the id in 5 records" in done.stdout
    again = run("forget", "c1", "--data", data)
    assert again.exit_code == 1
    assert "has nothing on customer 'c1'" in again.stderr


def test_rebuild_command_says_where_the_view_is(data):
    found = run("rebuild", "--data", data, "--json")
    assert json.loads(found.stdout) == {"applied": 20, "position": 20}
