"""Events that share a line are told apart by everybody who reads: only the writing is shared."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Signal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import ConflictingEvent, InvalidEvent, JournalCorrupt, QueueFull
from rollout.record.audit import verify
from rollout.record.erasure import Customer, forget
from rollout.record.folder import DataFolder
from rollout.record.journal import Journal
from rollout.record.line import Prepared, bundled, each, parse, prepare, span, to_records
from rollout.record.reader import JournalReader
from rollout.record.segments import batches, hash_at, lines, records, segments
from rollout.record.stage import Write
from rollout.records import Event, Kind

AT = datetime(2026, 9, 1, tzinfo=UTC)
ABOUT = ("default", "tier1", "eu", "router")
KINDS = (Kind.TICKET, Kind.TRIAGE, Kind.ASSIGNMENT)


def bundle(name: str, size: int = 3, note: str = "") -> Prepared:
    return bundled(
        [
            {
                "at": AT,
                "id": f"{kind.value}:{name}",
                "kind": kind.value,
                "payload": {"ticket_id": name, "note": note, "unit": f"customer of {name}"},
            }
            for kind in KINDS[:size]
        ],
        ABOUT,
    )


def single(name: str) -> Prepared:
    return prepare(Event(f"csat:{name}", Kind.CSAT, AT, {"ticket_id": name}, workflow="tier1"))


def written(folder: Path, sizes: Sequence[int]) -> None:
    """A journal of lines that hold so many events each, in several segments and writes."""
    with Journal(folder, segment_bytes=3_000) as journal:
        for number, size in enumerate(sizes):
            line = single(f"t{number}") if size == 1 else bundle(f"t{number}", size)
            journal.submit_prepared([line]).result()


def test_each_event_has_its_own_number_id_kind_and_payload(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        receipts = journal.submit_prepared([single("a"), bundle("b"), single("c")]).result()
        assert [(receipt.seq, receipt.event_id, receipt.duplicate) for receipt in receipts] == [
            (1, "csat:a", False),
            *((2, "ticket:b", False), (3, "triage:b", False), (4, "assignment:b", False)),
            (5, "csat:c", False),
        ]
        told = list(journal.read())
        assert [(record.seq, record.event_id, record.kind) for record in told[1:4]] == [
            (2, "ticket:b", "ticket"),
            (3, "triage:b", "triage"),
            (4, "assignment:b", "assignment"),
        ]
        assert {record.hash for record in told[1:4]} == {told[1].hash}
        assert (told[3].payload["ticket_id"], told[3].occurred_at, told[3].region) == ("b", AT, "eu")
        assert journal.find("triage:b") == told[2]
        assert journal.head().seq == 5
    assert len(segments(tmp_path)[0].path.read_bytes().splitlines()) == 3


@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=30), data=st.data())
def test_any_stretch_of_records_is_read_as_if_each_had_a_line(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written(folder, sizes)
    count = sum(sizes)
    after = data.draw(st.integers(0, count))
    upto = data.draw(st.integers(after, count))
    wanted = list(range(after + 1, upto + 1))
    assert [record.seq for record in records(folder, after, upto)] == wanted
    assert [record.seq for record in JournalReader(folder).read(after, upto - after)] == wanted
    raws = [raw for batch in batches(folder, after, upto) for raw in batch.raws]
    assert raws == [line.raw for line in lines(folder, after, upto)]
    covered = [number for raw in raws for number in range(span(raw)[0], span(raw)[1] + 1)]
    assert set(wanted) <= set(covered)
    assert covered == sorted(set(covered))
    whole = list(records(folder))
    for seq in wanted:
        assert hash_at(folder, seq) == whole[seq - 1].hash


@given(sizes=st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_a_journal_with_bundles_opens_again_where_it_ended(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    written(folder, sizes)
    (folder / "index.sqlite").unlink()
    with Journal(folder) as journal:
        assert journal.head().seq == sum(sizes)
        for record in list(journal.read()):
            assert journal.find(record.event_id) == record
        number = len(sizes) - 1
        again = single(f"t{number}") if sizes[-1] == 1 else bundle(f"t{number}", sizes[-1])
        assert all(receipt.duplicate for receipt in journal.submit_prepared([again]).result())
        assert journal.submit_prepared([bundle("new")]).result()[0].seq == sum(sizes) + 1


@pytest.mark.parametrize("rest", ["same", "another", "single", "half"])
def test_an_id_within_a_bundle_is_taken_once(tmp_path: Path, rest: str) -> None:
    with Journal(tmp_path) as journal:
        first = journal.submit_prepared([bundle("b", note="first")]).result()
        if rest == "same":
            again = journal.submit_prepared([bundle("b", note="first")]).result()
            assert [receipt.seq for receipt in again] == [receipt.seq for receipt in first]
            assert all(receipt.duplicate for receipt in again)
            return
        other = {
            "another": bundle("b", note="second"),
            "single": prepare(Event("triage:b", Kind.TRIAGE, AT, {"ticket_id": "b"})),
            "half": bundle("b", 2, note="first"),
        }[rest]
        with pytest.raises(ConflictingEvent, match=r"(ticket|triage):b"):
            journal.submit_prepared([single("not recorded either"), other]).result()
        assert journal.head().seq == 3


def test_of_one_call_the_second_bundle_of_an_id_is_no_news(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        receipts = journal.submit_prepared([bundle("b"), bundle("b")]).result()
        assert [receipt.duplicate for receipt in receipts] == [False] * 3 + [True] * 3
        with pytest.raises(ConflictingEvent):
            journal.submit_prepared([bundle("c"), bundle("c", note="other")]).result()
        assert journal.head().seq == 3


def test_one_event_known_and_erased_and_the_others_new_is_a_conflict(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([Event("ticket:b", Kind.TICKET, AT, {"ticket_id": "b", "customer_id": "c"})])
        journal.forget_bodies(prepare(Event("ticket:b", Kind.TICKET, AT, {})).keys)
        with pytest.raises(ConflictingEvent, match="ticket:b"):
            journal.submit_prepared([bundle("b")]).result()


def test_what_is_queued_is_counted_by_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, release = Signal(), Signal()
    commit = Journal._commit

    def held(self: Journal, write: Write) -> None:
        started.set()
        assert release.wait(30)
        commit(self, write)

    monkeypatch.setattr(Journal, "_commit", held)
    with Journal(tmp_path, queue_events=4) as journal:
        futures = [journal.submit_prepared([bundle("a")])]
        assert started.wait(30)
        futures.append(journal.submit_prepared([bundle("b")]))
        assert journal.queue == (3, 4)
        with pytest.raises(QueueFull, match="3 events wait"):
            journal.submit_prepared([bundle("c", 2)])
        release.set()
        assert [len(future.result(30)) for future in futures] == [3, 3]


def test_an_erased_customer_is_in_no_part_of_a_bundle_and_the_chain_holds(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path) as folder:
        folder.journal.submit_prepared([bundle("b"), bundle("d"), single("a")]).result()
        done = forget(
            folder.journal, folder.content, Customer("default", "customer of b"), at=AT, actor="person:dpo"
        )
        assert done.records == 1
        assert folder.journal.find("assignment:b", "default").payload["unit"] == done.pseudonym
        assert folder.journal.find("assignment:d", "default").payload["unit"] == "customer of d"
        assert folder.journal.find("ticket:b", "default").erased
        again = folder.journal.submit_prepared([bundle("b", note="whatever it was")]).result()
        assert all(receipt.duplicate for receipt in again)
    assert b"customer of b" not in b"".join(each.path.read_bytes() for each in segments(tmp_path / "journal"))
    audit = verify(tmp_path)
    assert (audit.sound, audit.erased, audit.faults) == (True, 1, [])
    assert (audit.records, audit.head.seq, audit.unfinished_bytes) == (8, 8, 0)
    assert verify(tmp_path, head=hash_at(tmp_path / "journal", 5)).anchored_at == 6, "the end of its line"


@pytest.mark.parametrize(
    "change",
    [
        (b'"last":3', b'"last":4'),
        (b'"last":3,', b""),
        (b'"id":"triage:b"', b'"id":"triage:x"'),
        (b'"kind":"triage"', b'"kind":"tidied"'),
    ],
)
def test_a_changed_bundle_is_found_out(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    with DataFolder.open(tmp_path) as folder:
        folder.journal.submit_prepared([bundle("b")]).result()
        folder.journal.roll()
        folder.journal.submit_prepared([single("later")]).result()
    path = segments(tmp_path / "journal")[0].path
    changed = path.read_bytes().replace(*change, 1)
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    assert not verify(tmp_path, texts=False).sound


@pytest.mark.parametrize("events", [None, [], [{}], [{"id": "a", "kind": "csat", "at": 5, "payload": {}}]])
def test_a_bundle_of_no_events_is_no_record(tmp_path: Path, events: object) -> None:
    written(tmp_path, [3])
    path = segments(tmp_path)[0].path
    entry = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps(entry | {"payload": {"events": events}}) + b"\n")
    with pytest.raises(ValueError, match=r"'(events|id|at|last)'"):
        parse(path.read_bytes())
    with pytest.raises(JournalCorrupt):
        list(records(tmp_path))


def test_a_torn_bundle_was_never_acknowledged_and_goes_whole(tmp_path: Path) -> None:
    written(tmp_path, [1, 3])
    (tmp_path / "durable").write_bytes((1).to_bytes(8, "little"))
    path = segments(tmp_path)[0].path
    path.write_bytes(path.read_bytes()[:-40])
    with Journal(tmp_path) as journal:
        assert journal.report.torn is not None
        assert journal.head().seq == 1
        assert journal.submit_prepared([bundle("t1")]).result()[0].seq == 2


def test_a_line_and_its_events_say_the_same(tmp_path: Path) -> None:
    written(tmp_path, [1, 3])
    for line in lines(tmp_path):
        entry = parse(line.raw)
        assert [to_records(one)[0] for one in each(entry)] == to_records(entry)


def test_what_is_too_large_or_has_no_json_form_is_named() -> None:
    with pytest.raises(InvalidEvent, match="texts belong in the content store"):
        bundle("b", note="x" * 2**20)
    with pytest.raises(InvalidEvent, match="event 'ticket:\\\\ud800' cannot be written as JSON"):
        bundle("\ud800")
