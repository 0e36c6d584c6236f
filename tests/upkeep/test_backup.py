"""A backup is whole or refused; a restored folder is the one that was copied."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rollout.cli import app
from rollout.errors import BackupDamaged, FolderInUse, JournalCorrupt, RecordError, UsageError
from rollout.record.audit import verify
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.records import Event, Kind, Rated, TicketOpened
from rollout.upkeep import backup as backing
from rollout.upkeep.backup import backup
from rollout.upkeep.manifest import NAME, Manifest
from rollout.upkeep.restore import check, lost, restore

T = datetime(2026, 3, 1, tzinfo=UTC)
INGEST = Path(__file__).resolve().parents[2] / "scripts" / "crash_ingest"


def opened(folder: DataFolder, name: str, customer: str) -> list[Event]:
    """A ticket with a text, and its rating."""
    (ref,) = folder.content.put([Text("default", customer, name, "text", f"help with {name}")])
    at = T + timedelta(hours=int(name[1:]))
    payload = TicketOpened(name, customer, at, content={"text": ref})
    return [
        Event(f"ticket:{name}", Kind.TICKET, at, payload, workflow="w"),
        Event(f"csat:{name}:1", Kind.CSAT, at, Rated(name, 4, at), workflow="w"),
    ]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Twenty tickets in two segments, keys, settings and the messages that wait."""
    data = tmp_path_factory.mktemp("original") / "data"
    with DataFolder.open(data) as folder:
        folder.record([event for i in range(10) for event in opened(folder, f"t{i}", f"c{i % 3}")])
        folder.journal.roll()
        folder.record([event for i in range(10, 20) for event in opened(folder, f"t{i}", f"c{i % 3}")])
        folder.catch_up()
    (data / "access").mkdir(mode=0o700)
    (data / "access" / "keys.json").write_text('{"version": 1, "keys": []}')
    (data / "webhooks.yaml").write_text("out: []\n")
    with closing(sqlite3.connect(data / "notify.sqlite")) as outbox, outbox:
        outbox.executescript("CREATE TABLE subscriptions (name TEXT, position INTEGER)")
        outbox.execute("INSERT INTO subscriptions VALUES ('desk', 17)")
    return data


@pytest.fixture
def data(original, tmp_path):
    return shutil.copytree(original, tmp_path / "data")


def test_a_restored_folder_has_the_same_records_texts_settings_and_view(data, tmp_path):
    made = backup(data, tmp_path / "copy")
    assert made.head.seq == 40
    restore(tmp_path / "copy", tmp_path / "new")
    with DataFolder.open(data) as old, DataFolder.open(tmp_path / "new") as new:
        assert list(new.read()) == list(old.read())
        assert new.view.position == 40
        for record in new.read():
            for ref in record.payload.get("content", {}).values():
                assert new.content.get(ref) == old.content.get(ref) is not None
        assert new.view.query("SELECT * FROM facts ORDER BY ticket_id") == old.view.query(
            "SELECT * FROM facts ORDER BY ticket_id"
        )
    assert (tmp_path / "new" / "webhooks.yaml").read_text() == "out: []\n"
    assert (tmp_path / "new" / "access" / "keys.json").exists()
    with closing(sqlite3.connect(tmp_path / "new" / "notify.sqlite")) as outbox:
        assert outbox.execute("SELECT position FROM subscriptions").fetchall() == [(17,)]
    assert verify(tmp_path / "new", head=made.head.hash).sound


def test_a_restored_folder_goes_on_recording_and_absorbs_what_is_sent_again(data, tmp_path):
    backup(data, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "new")
    with DataFolder.open(tmp_path / "new") as folder:
        again = [event for i in range(20) for event in opened(folder, f"t{i}", f"c{i % 3}")]
        assert all(receipt.duplicate for receipt in folder.record(again))
        (receipt,) = folder.record(opened(folder, "t99", "c1")[:1])
        assert (receipt.seq, receipt.duplicate) == (41, False)
    assert verify(tmp_path / "new").sound


@pytest.mark.slow
def test_a_backup_taken_while_a_process_records_holds_every_record_up_to_its_head(tmp_path):
    """Four threads of another process record; what they were told up to the head is in the copy."""
    data = tmp_path / "data"
    command = [sys.executable, str(INGEST), "--worker", str(data), "--round", "0", "--seed", "3"]
    made = []
    with (tmp_path / "told").open("wb") as told, subprocess.Popen(command, stdout=told) as worker:
        try:
            while (tmp_path / "told").stat().st_size < 20_000:
                assert worker.poll() is None
            made.append(backup(data, tmp_path / "first"))
            made.append(backup(data, tmp_path / "second"))
        finally:
            worker.send_signal(signal.SIGKILL)
    lines = (tmp_path / "told").read_text().splitlines(keepends=True)
    receipts = {event_id: int(seq) for seq, event_id in (x.split() for x in lines if x.endswith("\n"))}
    assert 0 < made[0].head.seq < made[1].head.seq < max(receipts.values())
    for manifest, name in zip(made, ("first", "second"), strict=True):
        restore(tmp_path / name, tmp_path / f"{name}-restored")
        with DataFolder.open(tmp_path / f"{name}-restored") as folder:
            held = {record.event_id: record.seq for record in folder.read()}
        up_to_head = {event_id: seq for event_id, seq in receipts.items() if seq <= manifest.head.seq}
        assert len(up_to_head) > 100
        assert up_to_head.items() <= held.items()
        assert len(held) == manifest.head.seq
        found = verify(tmp_path / f"{name}-restored")
        assert found.sound
        assert found.head == manifest.head


def test_one_changed_byte_in_any_file_is_refused_by_name_and_touches_nothing(data, tmp_path):
    source = tmp_path / "copy"
    backup(data, source)
    files = [path for path in source.rglob("*") if path.is_file()]
    assert len(files) == 7
    for path in files:
        sound = path.read_bytes()
        for place in (0, len(sound) // 2, len(sound) - 1):
            damaged = bytearray(sound)
            damaged[place] ^= 0x20
            path.write_bytes(damaged)
            with pytest.raises(BackupDamaged, match=path.name) as refusal:
                restore(source, tmp_path / "new")
            assert "another backup" in str(refusal.value) or "restore with" in str(refusal.value)
            assert not (tmp_path / "new").exists()
        path.write_bytes(sound)
    assert check(source).head.seq == 40


def test_a_lost_or_shortened_file_is_refused(data, tmp_path):
    source = tmp_path / "copy"
    backup(data, source)
    segment = max(source.glob("journal/*.jsonl"))
    sound = segment.read_bytes()
    segment.write_bytes(sound[: sound.rindex(b"\n", 0, -1) + 1])  # whole records, one fewer
    with pytest.raises(BackupDamaged, match=segment.name):
        restore(source, tmp_path / "new")
    segment.unlink()
    with pytest.raises(BackupDamaged, match=segment.name):
        restore(source, tmp_path / "new")


def test_a_manifest_made_to_fit_a_shortened_journal_is_refused_by_the_chain(data, tmp_path):
    """Whoever can compute digests can forge a manifest; the head it names still has to be on the chain."""
    source = tmp_path / "copy"
    made = backup(data, source)
    segment = max(source.glob("journal/*.jsonl"))
    sound = segment.read_bytes()
    segment.write_bytes(sound[: sound.rindex(b"\n", 0, -1) + 1])
    Manifest(made.made_at, made.program, made.head, made.newest, tuple(_again(source))).save(source)
    with pytest.raises(BackupDamaged, match="ends at record 39"):
        restore(source, tmp_path / "new")


def _again(source):
    (source / NAME).unlink()
    return backing._kept(source)


def test_a_manifest_cannot_write_outside_of_the_folder(data, tmp_path):
    source = tmp_path / "copy"
    made = backup(data, source)
    outside = made.files[0]._replace(path="../outside")
    Manifest(made.made_at, made.program, made.head, made.newest, (*made.files, outside)).save(source)
    with pytest.raises(BackupDamaged, match="outside"):
        restore(source, tmp_path / "new")


def test_an_unfinished_backup_is_refused(data, tmp_path):
    backup(data, tmp_path / "copy")
    (tmp_path / "copy" / NAME).unlink()
    with pytest.raises(BackupDamaged, match="never finished"):
        restore(tmp_path / "copy", tmp_path / "new")


def test_a_damaged_folder_gives_no_backup(data, tmp_path):
    segment = min(data.glob("journal/*.jsonl"))
    sound = segment.read_bytes()
    segment.write_bytes(sound.replace(b'"c1"', b'"c2"', 1))
    with pytest.raises(JournalCorrupt, match=r"line .*Keep the older backups"):
        backup(data, tmp_path / "copy")
    with pytest.raises(BackupDamaged):
        check(tmp_path / "copy")


def test_folders_that_hold_something_are_never_written_to(data, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "diary.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        backup(data, taken)
    backup(data, tmp_path / "copy")
    with pytest.raises(UsageError, match=r"diary\.txt"):
        restore(tmp_path / "copy", taken)
    with pytest.raises(UsageError, match="not empty"):
        restore(tmp_path / "copy", data)
    with pytest.raises(UsageError, match="another disk"):
        backup(data, data / "backup")
    assert [path.name for path in taken.iterdir()] == ["diary.txt"]


KILL = """
import os, signal, sys
from pathlib import Path
from rollout.upkeep import restore as module
left, real = int(sys.argv[3]), module.digest_of
def digest_of(path):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path)
module.digest_of = digest_of
module.restore(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("files", [1, 3, 6])
def test_a_restore_that_is_killed_leaves_a_folder_that_says_so_and_can_be_filled_again(data, tmp_path, files):
    source, new = tmp_path / "copy", tmp_path / "new"
    backup(data, source)
    done = subprocess.run([sys.executable, "-c", KILL, str(source), str(new), str(files)], check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(UsageError, match=r"half restored.*ridealong restore"):
        DataFolder.open(new)
    with pytest.raises(UsageError, match="half restored"):
        backup(new, tmp_path / "copy of a half")
    (new / "stranger").write_text("put there since")
    with pytest.raises(UsageError, match="stranger"):
        restore(source, new)
    (new / "stranger").unlink()
    restore(source, new)
    with DataFolder.open(new) as folder:
        assert folder.head().seq == folder.view.position == 40
    assert verify(new).sound


def test_a_restore_waits_for_nobody_in_the_folder(data, tmp_path):
    backup(data, tmp_path / "copy")
    (tmp_path / "new").mkdir()
    from rollout.clock import SystemClock
    from rollout.record.lock import OwnerLock

    lock = OwnerLock(tmp_path / "new" / "owner.lock", holder="other", url=None, clock=SystemClock())
    with lock, pytest.raises(FolderInUse, match="other"):
        restore(tmp_path / "copy", tmp_path / "new")


def test_what_was_forgotten_before_a_backup_is_not_in_it(data, tmp_path):
    with DataFolder.open(data) as folder:
        folder.forget("default", "c1")
    backup(data, tmp_path / "copy")
    held = b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert b'"c1"' not in held
    assert b"help with t4" not in held
    restore(tmp_path / "copy", tmp_path / "new")
    assert verify(tmp_path / "new").sound


def test_an_erasure_during_the_copy_makes_it_begin_again(data, tmp_path, monkeypatch):
    real, copies = backing._copy_up_to, []

    def forgetting(journal, target, head, progress):
        real(journal, target, head, progress)
        copies.append(head.seq)
        if len(copies) == 1:
            with DataFolder.open(data) as folder:
                folder.forget("default", "c2")

    monkeypatch.setattr(backing, "_copy_up_to", forgetting)
    monkeypatch.setattr(backing, "_WAIT_SECONDS", 0)
    made = backup(data, tmp_path / "copy")
    assert copies == [40, made.head.seq]
    assert verify(tmp_path / "copy").erased > 0
    assert b'"c2"' not in b"".join(path.read_bytes() for path in (tmp_path / "copy").glob("journal/*"))


def test_an_interrupted_erasure_is_no_state_to_copy(data, tmp_path, monkeypatch):
    (data / "journal" / "erasing").write_text("40")
    monkeypatch.setattr(backing, "_WAIT_SECONDS", 0)
    with pytest.raises(RecordError, match="opening the folder"):
        backup(data, tmp_path / "copy")


def test_what_is_newer_than_the_backup_is_counted(data, tmp_path):
    made = backup(data, tmp_path / "copy")
    with DataFolder.open(data) as folder:
        folder.record(opened(folder, "t50", "c9"))
    found = lost(made, data)
    assert (dict(found.kinds), found.unreadable) == ({"ticket": 1, "csat": 1}, None)
    segment = max(data.glob("journal/*.jsonl"))
    segment.write_bytes(segment.read_bytes()[:-200] + b"\x00" * 199 + b"\n")
    found = lost(made, data)
    assert found.records == 1
    assert found.unreadable is not None
    other = tmp_path / "other"
    with DataFolder.open(other) as folder:
        folder.record([event for i in range(30) for event in opened(folder, f"t{i}", "c")])
    with pytest.raises(UsageError, match="another journal"):
        lost(made, other)


def test_the_commands_say_what_was_done_and_what_is_missing(data, tmp_path):
    run = CliRunner().invoke
    made = json.loads(run(app, ["backup", str(tmp_path / "copy"), "--data", str(data), "--json"]).stdout)
    assert made["head"]["seq"] == 40
    assert {each["path"] for each in made["files"]} >= {"content.sqlite", "access/keys.json"}
    with DataFolder.open(data) as folder:
        folder.record(opened(folder, "t60", "c9"))
    checked = run(app, ["restore", str(tmp_path / "copy"), "--check"])
    assert "is sound: record 40" in checked.stdout
    options = [str(tmp_path / "copy"), "--data", str(tmp_path / "new"), "--instead-of", str(data)]
    done = run(app, ["restore", *options])
    assert done.exit_code == 0, done.output
    assert "2 records (1 csat, 1 ticket)" in done.stdout
    assert "forget again" in done.stdout
    shutil.rmtree(tmp_path / "new")
    told = json.loads(run(app, ["restore", *options, "--json"]).stdout)
    assert told["lost"] == {"records": 2, "kinds": {"ticket": 1, "csat": 1}, "unreadable": None}


def test_only_the_owner_may_look_into_a_backup(data, tmp_path):
    backup(data, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


def test_what_may_lag_is_copied_before_the_head_and_what_may_run_ahead_after_it(data, tmp_path, monkeypatch):
    """While the journal is copied a message is sent, a text stored, a key revoked."""
    real = backing._copied_journal

    def busy(journal, target, progress):
        with closing(sqlite3.connect(data / "notify.sqlite")) as outbox, outbox:
            outbox.execute("UPDATE subscriptions SET position = 99")
        (data / "access" / "keys.json").write_text('{"version": 1, "keys": [], "revoked": true}')
        head = real(journal, target, progress)
        with DataFolder.open(data, parts=("journal",)) as folder:
            folder.record(opened(folder, "t70", "c7"))
        return head

    monkeypatch.setattr(backing, "_copied_journal", busy)
    made = backup(data, tmp_path / "copy")
    assert made.head.seq == 40
    with closing(sqlite3.connect(tmp_path / "copy" / "notify.sqlite")) as outbox:
        assert outbox.execute("SELECT position FROM subscriptions").fetchall() == [(17,)]
    assert "revoked" in (tmp_path / "copy" / "access" / "keys.json").read_text()
    with closing(sqlite3.connect(tmp_path / "copy" / "content.sqlite")) as texts:
        assert texts.execute("SELECT count(*) FROM content WHERE ticket_id = 't70'").fetchone() == (1,)
