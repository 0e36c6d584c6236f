"""Damage is never silent, and a disk that cannot be trusted is not."""

import errno
import os
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.errors import JournalCorrupt, RecordError
from rollout.record.audit import verify
from rollout.record.journal import Journal
from rollout.record.reader import DurableMark, JournalReader
from rollout.records import Event, Kind, Rated

T = datetime(2026, 3, 1, tzinfo=UTC)
RECORDS = 30


def event(number: int, score: float = 4.0) -> Event:
    return Event(f"csat:{number}", Kind.CSAT, T, Rated(str(number), score, T))


def opened(data) -> int:
    """Open, read everything, close; return how many records there are."""
    with Journal(data / "journal") as journal:
        return sum(1 for _ in journal.read())


def mark(data, seq: int) -> None:
    """Pretend that the mark of what is durable did not survive the power loss."""
    durable = DurableMark(data / "journal", writable=True)
    durable.seq = seq
    durable.close()


@pytest.fixture
def data(tmp_path):
    """A journal of three segments with ten records each, every record a write of its own."""
    for part in range(3):
        with Journal(tmp_path / "journal") as journal:
            journal.roll()
            for i in range(10):
                journal.append([event(part * 10 + i)])
    return tmp_path


def newest(data):
    return max((data / "journal").glob("*.jsonl"))


def test_record_cut_in_the_middle_after_power_loss_is_set_aside(data):
    path = newest(data)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    mark(data, 25)
    with Journal(data / "journal") as journal:
        torn = journal.report.torn
        assert torn.after == journal.head().seq == RECORDS - 1
        assert torn.segment == path.name
        assert (data / "journal" / torn.moved_to).read_bytes() == whole[torn.offset : -40]
        assert "never acknowledged" in str(torn)
        assert journal.append([event(RECORDS - 1)])[0].seq == RECORDS
    assert verify(data).sound


def test_a_second_torn_write_does_not_replace_the_first(data):
    for junk in (b"one", b"two"):
        with newest(data).open("ab") as file:
            file.write(junk)
        assert opened(data) == RECORDS
    assert sorted(p.read_bytes() for p in (data / "journal").glob("*.torn")) == [b"one", b"two"]


def test_holes_in_the_newest_write_are_an_unfinished_write(tmp_path):
    """A power loss keeps any pages of a write; later records of the same write prove nothing."""
    with Journal(tmp_path / "journal") as journal:
        journal.append([event(0)])
        journal.append([event(i) for i in range(1, 10)])
    path = newest(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = bytes(len(lines[4]))
    path.write_bytes(b"".join(lines))
    mark(tmp_path, 1)
    with Journal(tmp_path / "journal") as journal:
        assert journal.report.torn.after == journal.head().seq == 4


def test_the_same_holes_in_acknowledged_records_are_corruption(tmp_path):
    with Journal(tmp_path / "journal") as journal:
        journal.append([event(i) for i in range(10)])
    path = newest(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = bytes(len(lines[4]))
    path.write_bytes(b"".join(lines))
    with pytest.raises(JournalCorrupt, match=r"000000000001.jsonl, line 5 .*record 5: .*audit verify"):
        Journal(tmp_path / "journal")
    assert path.read_bytes() == b"".join(lines), "nothing may be cut from acknowledged records"


def test_damage_before_a_later_write_is_corruption_even_without_the_mark(data):
    """A later write was begun only after the damaged one had been durable."""
    path = newest(data)
    path.write_bytes(path.read_bytes().replace(b'"ticket_id":"25"', b'"ticket_id":"52"'))
    (data / "journal" / "durable").unlink()
    with pytest.raises(JournalCorrupt, match=r"000000000021.jsonl, line 6 .*record 26: the payload does not"):
        Journal(data / "journal")


def test_records_missing_at_the_end_are_noticed(data):
    path = newest(data)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(JournalCorrupt, match="records 29 to 30 were acknowledged and are not there"):
        Journal(data / "journal")
    with pytest.raises(JournalCorrupt, match="29 to 30"):
        list(JournalReader(data / "journal").read())


@pytest.mark.parametrize("other", [[], [event(98), event(99)]])
def test_index_of_another_past_is_not_believed(data, other):
    """A journal restored from a backup: what was recorded after it is new, the index says otherwise."""
    kept = newest(data).read_bytes()
    with Journal(data / "journal") as journal:
        journal.append([event(RECORDS), event(RECORDS + 1)])
    index = (data / "journal" / "index.sqlite").read_bytes()
    newest(data).write_bytes(kept)
    (data / "journal" / "durable").unlink()
    with Journal(data / "journal") as journal:
        journal.append(other)
    (data / "journal" / "index.sqlite").write_bytes(index)
    with Journal(data / "journal") as journal:
        assert journal.append([event(RECORDS)]) == [(RECORDS + len(other) + 1, f"csat:{RECORDS}", False)]


def test_missing_segment_is_noticed(data):
    (data / "journal" / "000000000011.jsonl").unlink()
    with pytest.raises(JournalCorrupt, match="record 11 is missing before record 21"):
        list(JournalReader(data / "journal").read())
    (fault,) = verify(data).faults
    assert "record 11 is missing" in fault


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), segment=st.integers(0, 2))
def test_any_flipped_bit_is_found_by_the_audit(data, where, bit, segment):
    """Wherever it is: in a number, a hash, a payload or a line's end."""
    path = sorted((data / "journal").glob("*.jsonl"))[segment]
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[int(where * len(changed))] ^= 1 << bit
    path.write_bytes(changed)
    try:
        audit = verify(data)
        assert not audit.sound
        assert path.name in audit.faults[0]
    finally:
        path.write_bytes(whole)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 10_000), marked=st.booleans())
def test_opening_after_a_cut_loses_nothing_silently(data, cut, marked):
    """Acknowledged records that are missing refuse to open; a lost mark leaves a whole prefix."""
    path = newest(data)
    journal = data / "journal"
    kept = {p: p.read_bytes() for p in journal.iterdir()}
    size = path.stat().st_size
    remaining = max(size - cut, 0)
    os.truncate(path, remaining)
    try:
        if marked:
            with pytest.raises(JournalCorrupt):
                Journal(journal)
        else:
            (journal / "durable").unlink()
            whole = 20 + kept[path][:remaining].count(b"\n")
            at_line_end = remaining == 0 or kept[path][remaining - 1 : remaining] == b"\n"
            with Journal(journal) as after:
                assert after.head().seq == whole
                assert (after.report.torn is None) == at_line_end
    finally:
        for p in journal.iterdir():
            p.unlink()
        for p, content in kept.items():
            p.write_bytes(content)


def test_failed_sync_stops_acknowledging_for_good(tmp_path, monkeypatch):
    """After EIO nobody knows what is on disk: no later sync may turn it into a yes."""
    with Journal(tmp_path / "journal") as journal:
        journal.append([event(0)])

        def broken(descriptor):
            raise OSError(errno.EIO, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", broken)
            with pytest.raises(RecordError, match=r"Input/output error.*takes nothing more"):
                journal.append([event(1)])
        with pytest.raises(RecordError, match="takes nothing more"):
            journal.append([event(2)])
        with pytest.raises(RecordError, match="takes nothing more"):
            journal.append([event(0)])
        assert [r.event_id for r in journal.read()] == ["csat:0"]
    with Journal(tmp_path / "journal") as journal:
        assert journal.append([event(1)])[0].seq == 2


def test_full_disk_refuses_and_recovers(tmp_path, monkeypatch):
    """Part of a write is taken back: nothing was acknowledged, and the next write goes on."""
    write = os.write
    with Journal(tmp_path / "journal") as journal:
        journal.append([event(0)])
        taken = iter([7])

        def full(descriptor, view):
            room = next(taken, 0)
            if not room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(descriptor, view[:room])

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(RecordError, match=r"No space left.*Make room"):
                journal.append([event(1)])
        assert journal.append([event(1), event(2)])[0] == (2, "csat:1", False)
        assert [r.seq for r in journal.read()] == [1, 2, 3]
    assert verify(tmp_path).sound


def test_only_durable_records_are_shown_to_other_processes(tmp_path, monkeypatch):
    """Between write and sync a record is in the file, and still nobody may build on it."""
    seen = []
    with Journal(tmp_path / "journal") as journal:
        journal.append([event(0)])
        sync = os.fdatasync

        def looking(descriptor):
            lines = newest(tmp_path).read_bytes().count(b"\n")
            seen.append((lines, [r.seq for r in JournalReader(journal.folder).read()]))
            sync(descriptor)

        monkeypatch.setattr(os, "fdatasync", looking)
        journal.append([event(1)])
        assert seen == [(2, [1])]
        assert [r.seq for r in JournalReader(journal.folder).read()] == [1, 2]
