"""The journal keeps what it acknowledged: once, in order, with its whole content."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

import orjson
import pytest

from rollout.clock import SimulatedClock
from rollout.errors import ConflictingEvent, InvalidEvent, QueueFull, RecordError
from rollout.record.journal import Journal, Receipt
from rollout.records import Assigned, Event, Kind, Rated, TicketOpened

T = datetime(2026, 3, 1, tzinfo=UTC)


def csat(name: str, score: float = 4.0, *, tenant: str = "default", workflow: str | None = "w") -> Event:
    return Event(f"csat:{name}:1", Kind.CSAT, T, Rated(name, score, T), tenant=tenant, workflow=workflow)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal", clock=SimulatedClock(T)) as journal:
        yield journal


def test_records_come_back_as_they_were(journal):
    """Every field of the event survives, times in UTC, and the record time is the clock's."""
    event = Event(
        "ticket:1",
        Kind.TICKET,
        T,
        TicketOpened("1", "c1", T, content={"text": "sha256:x"}),
        "acme",
        "w",
        "eu",
        "desk",
    )
    assert journal.append([event]) == [Receipt(1, "ticket:1", duplicate=False)]
    (record,) = journal.read()
    assert (record.seq, record.event_id, record.kind, record.tenant) == (1, "ticket:1", "ticket", "acme")
    assert (record.workflow, record.region, record.actor) == ("w", "eu", "desk")
    assert record.occurred_at == record.recorded_at == T
    assert record.payload["customer_id"] == "c1"
    assert record.payload["content"] == {"text": "sha256:x"}
    assert record.payload["opened_at"] == T.isoformat()
    assert journal.find("ticket:1", "acme") == record
    assert journal.find("ticket:1") is None


def test_repeated_event_is_absorbed(journal):
    """The same id with the same body keeps its first number, in one call and across calls."""
    assert [r.seq for r in journal.append([csat("1"), csat("2"), csat("1")])] == [1, 2, 1]
    again = journal.append([csat("2"), csat("3")])
    assert again == [Receipt(2, "csat:2:1", duplicate=True), Receipt(3, "csat:3:1", duplicate=False)]


def test_same_body_is_the_same_event_however_it_is_spelled(journal):
    """A mapping in any order, another time of occurrence: still the event that is there."""
    journal.append([csat("1")])
    spelled = MappingProxyType({"at": T, "score": 4.0, "ticket_id": "1"})
    later = Event("csat:1:1", Kind.CSAT, T + timedelta(days=1), spelled, workflow="w")
    assert journal.append([later]) == [Receipt(1, "csat:1:1", duplicate=True)]


@pytest.mark.parametrize("other", [csat("1", 5.0), csat("1", workflow="v")])
def test_another_body_under_the_same_id_refuses_the_whole_call(journal, other):
    journal.append([csat("1")])
    with pytest.raises(ConflictingEvent, match=r"'csat:1:1'.*number 1.*nothing of this call"):
        journal.append([csat("2"), other])
    assert [r.event_id for r in journal.read()] == ["csat:1:1"]
    assert journal.append([csat("2")]) == [Receipt(2, "csat:2:1", duplicate=False)]


def test_conflict_inside_one_call_is_refused(journal):
    with pytest.raises(ConflictingEvent):
        journal.append([csat("1"), csat("1", 2.0)])
    assert list(journal.read()) == []


def test_a_conflict_leaves_the_calls_beside_it_alone(journal):
    """Calls that travel in one group succeed and fail on their own."""
    journal.append([csat("1")])
    futures = [journal.submit([event]) for event in (csat("2"), csat("1", 1.0), csat("3"))]
    assert isinstance(futures[1].exception(), ConflictingEvent)
    assert [futures[i].result()[0].seq for i in (0, 2)] == [2, 3]


def test_ids_are_scoped_by_tenant(journal):
    receipts = journal.append([csat("1", 4, tenant="a"), csat("1", 1, tenant="b")])
    assert [r.duplicate for r in receipts] == [False, False]


def test_bucket_of_64_bits_survives_as_text(journal):
    assigned = Assigned(
        "1",
        "c1",
        "agent",
        "live",
        "r@1",
        "ten",
        2**64 - 1,
        10,
        0,
        5,
        bool("eligible"),
        "SPLIT",
        "",
        "d",
        0,
        T,
    )
    journal.append([Event("assignment:1", Kind.ASSIGNMENT, T, assigned)])
    assert next(journal.read()).payload["bucket"] == "18446744073709551615"


def test_values_json_does_not_know_are_written_exactly(journal):
    payload = {"weight": Decimal("12.50"), "tags": frozenset({"b", "a"}), Kind.CSAT: 1}
    journal.append([Event("config:1", Kind.CONFIG, T, payload)])
    assert next(journal.read()).payload == {"weight": "12.50", "tags": ["a", "b"], "csat": 1}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event("", Kind.CSAT, T, {}), "non-empty"),
        (Event("a", "gossip", T, {}), "kind 'gossip' is none of ticket, triage"),
        (Event("a", Kind.CSAT, T.replace(tzinfo=None), {}), "no time zone"),
        (Event("a", Kind.CSAT, T, {"x": object()}), "object has no JSON form"),
        (Event("a", Kind.CSAT, T, {"x": "\ud800"}), "cannot be written as JSON"),
        (Event("\ud800", Kind.CSAT, T, {}), "cannot be written as JSON"),
        (Event("a", Kind.CSAT, T, {"x": 2**60}), "53-bit"),
        (Event("a", Kind.CSAT, T, [1]), "not an object"),
        (Event("a", Kind.CSAT, T, {"x": "y" * (1 << 20)}), "content store"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(journal, event, message):
    with pytest.raises(InvalidEvent, match=message):
        journal.append([csat("1"), event])
    assert journal.head().seq == 0
    assert journal.append([csat("1")])[0].seq == 1


def test_times_are_kept_in_utc(journal):
    elsewhere = T.astimezone(timezone(timedelta(hours=5, minutes=30)))
    journal.append([Event("a", Kind.CSAT, elsewhere, {})])
    assert orjson.loads((journal.folder / "000000000001.jsonl").read_bytes())["at"] == T.isoformat()


def test_reading_takes_a_range(journal):
    journal.append([csat(str(i)) for i in range(10)])
    assert [r.seq for r in journal.read(after=4, limit=3)] == [5, 6, 7]
    assert [r.seq for r in journal.read(after=8)] == [9, 10]
    assert list(journal.read(after=10)) == []
    assert list(journal.read(after=99)) == []


def test_segments_roll_and_nothing_changes_for_readers(tmp_path):
    """Small segments, reopened in between: one gapless sequence, each file named by its first record."""
    for start in range(0, 60, 20):
        with Journal(tmp_path, segment_bytes=2_000) as journal:
            for i in range(start, start + 20):
                journal.append([csat(str(i))])
    with Journal(tmp_path, segment_bytes=2_000) as journal:
        assert [r.seq for r in journal.read()] == list(range(1, 61))
        assert [r.seq for r in journal.read(after=33, limit=9)] == list(range(34, 43))
        for path in tmp_path.glob("*.jsonl"):
            assert int(path.stem) == orjson.loads(path.read_bytes().splitlines()[0])["seq"]
        assert len(list(tmp_path.glob("*.jsonl"))) > 5
        assert all(r.duplicate for r in journal.append([csat(str(i)) for i in range(60)]))


def test_one_large_call_is_several_writes_of_one_chain(tmp_path):
    """More than a write may hold: all of it is there, and opening finds its end sound."""
    events = [Event(f"a:{i}", Kind.CONFIG, T, {"text": "x" * 9_000}) for i in range(400)]
    with Journal(tmp_path) as journal:
        assert [r.seq for r in journal.append(events)] == list(range(1, 401))
        head = journal.head()
    written = (tmp_path / "000000000001.jsonl").read_bytes().splitlines()
    groups = {orjson.loads(line)["group"] for line in written}
    assert len(groups) > 2
    with Journal(tmp_path) as journal:
        assert journal.head() == head


def test_a_full_queue_refuses_at_once(tmp_path, monkeypatch):
    """What waits is bounded; what was accepted is still recorded."""
    from threading import Event as Signal

    started, release = Signal(), Signal()
    write = Journal._commit

    def held(self, batch):
        started.set()
        assert release.wait(30)
        write(self, batch)

    monkeypatch.setattr(Journal, "_commit", held)
    with Journal(tmp_path, queue_events=3) as journal:
        futures = [journal.submit([csat("first")])]
        assert started.wait(30)
        futures += [journal.submit([csat(str(i))]) for i in range(3)]
        with pytest.raises(QueueFull, match="3 events wait"):
            journal.submit([csat("too much")])
        release.set()
        assert [f.result()[0].seq for f in futures] == [1, 2, 3, 4]


def test_closed_journal_says_so(tmp_path):
    journal = Journal(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(RecordError, match="closed"):
        journal.append([csat("1")])
