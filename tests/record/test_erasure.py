"""A forgotten customer is nowhere to be found; everything that happened still is."""

from datetime import UTC, datetime

import orjson
import pytest

from rollout.errors import JournalCorrupt
from rollout.record import erasure, redaction
from rollout.record.audit import verify
from rollout.record.content import Text
from rollout.record.folder import DataFolder
from rollout.record.journal import Journal
from rollout.record.line import bundled, canonical
from rollout.records import Assigned, Event, Kind, Rated, TicketOpened, Triaged

T = datetime(2026, 3, 1, tzinfo=UTC)
GONE, STAYS = "customer-gone@example.org", "customer-stays@example.org"


def assigned(ticket: str, customer: str) -> Assigned:
    return Assigned(
        ticket_id=ticket, unit=customer, arm="agent", mode="live", version="r@1", step="ten",
        bucket=2**64 - 1, weight=10, canary_weight=0, holdout=5, eligible=True, reason="SPLIT", detail="",
        plan_digest="d", position=0, assigned_at=T,
    )  # fmt: skip


def fill(folder: DataFolder, tickets: range, *, tenant: str = "default") -> None:
    for i in tickets:
        customer = GONE if i % 3 == 0 else STAYS
        (ref,) = folder.content.put([Text(tenant, customer, f"t{i}", "text", f"it broke, {customer} {i}")])
        ticket = TicketOpened(f"t{i}", customer, T, content={"text": ref})
        folder.record(
            [
                Event(f"ticket:t{i}", Kind.TICKET, T, ticket, tenant, "w"),
                Event(f"assignment:t{i}", Kind.ASSIGNMENT, T, assigned(f"t{i}", customer), tenant, "w"),
                Event(f"csat:t{i}:1", Kind.CSAT, T, Rated(f"t{i}", 1 + i % 5, T), tenant, "w"),
            ]
        )


def traces(data, needle: str) -> list[str]:
    return [p.name for p in data.rglob("*") if p.is_file() and needle.encode() in p.read_bytes()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Twelve tickets in many small segments, four of them of the customer to forget."""
    monkeypatch.setattr("rollout.record.appender.SEGMENT_BYTES", 2_000)
    with DataFolder.open(tmp_path, parts=("journal",)) as folder:
        for start in range(0, 12, 4):
            folder.journal.roll()
            fill(folder, range(start, start + 4))
        yield folder


def test_the_hash_of_a_forgotten_customer_is_gone_and_that_of_others_is_not(folder):
    """The salt stands in the plan: whoever guesses the name could confirm it by the bucket."""
    folder.forget("default", GONE)
    buckets = {
        record.payload["ticket_id"]: record.payload["bucket"]
        for record in folder.journal.read()
        if record.kind == Kind.ASSIGNMENT
    }
    gone = {ticket for ticket in buckets if int(ticket[1:]) % 3 == 0}
    assert {str(buckets[ticket]) for ticket in gone} == {"0"}
    assert {str(buckets[ticket]) for ticket in buckets.keys() - gone} == {str(2**64 - 1)}


@pytest.mark.parametrize("shared", [False, True])
def test_a_view_that_forgets_is_the_view_that_never_knew(tmp_path, shared):
    """Also of the hash: a view made anew from the redacted journal is the same in every table."""
    with DataFolder.open(tmp_path) as folder:
        fill(folder, range(3))
        line = [
            {"at": T, "id": f"{kind}:b", "kind": kind, "payload": orjson.loads(canonical(told, kind))}
            for kind, told in (
                ("ticket", TicketOpened("b", GONE, T)),
                ("triage", Triaged("b", "billing", "normal", "neutral", "simple", (), "rules@1")),
                ("assignment", assigned("b", GONE)),
            )
        ]
        if shared:
            folder.journal.submit_prepared([bundled(line, ("default", "w", None, "router"))]).result()
        folder.catch_up()
        folder.forget("default", GONE)
        folder.catch_up()
        told = folder.view.query("SELECT DISTINCT bucket FROM assignments WHERE unit <> ?", [STAYS])
        assert told == [{"bucket": 0}]
        before = folder.view.digest()
        folder.rebuild()
        assert folder.view.digest() == before


def test_nothing_of_the_customer_is_left_in_any_file(folder, tmp_path):
    assert traces(tmp_path, GONE)
    forgotten = folder.forget("default", GONE)
    assert (forgotten.records, forgotten.texts) == (8, 4)
    folder.close()
    assert traces(tmp_path, GONE) == []
    assert traces(tmp_path, STAYS)


def test_the_chain_still_verifies_and_says_how_many_are_erased(folder, tmp_path):
    before = folder.journal.head()
    folder.forget("default", GONE)
    audit = verify(tmp_path, head=before.hash)
    assert audit.sound, audit.faults
    assert (audit.records, audit.erased, audit.anchored_at) == (37, 8, before.seq)
    assert (audit.texts.present, audit.texts.erased) == (8, 4)


def test_facts_stay_under_one_pseudonym(folder):
    """Arm, times and ratings are what they were; the four tickets still share a customer."""
    before = {r.seq: r for r in folder.read()}
    forgotten = folder.forget("default", GONE)
    for record in folder.read():
        if record.seq in before:
            was = before[record.seq]
            expected = redaction.replaced(was.payload, GONE, forgotten.pseudonym)
            assert record.payload == expected
            assert record.erased == (expected != was.payload)
            assert (record.digest, record.hash, record.occurred_at) == (was.digest, was.hash, was.occurred_at)
    assert GONE not in forgotten.pseudonym


def test_nonce_and_body_digest_go_too(folder, tmp_path):
    """With either of them, the digest in the chain could be searched for the customer's id."""
    folder.forget("default", GONE)
    index = folder.journal._index
    for path in (tmp_path / "journal").glob("*.jsonl"):
        for line in map(orjson.loads, path.read_bytes().splitlines()):
            entry = index.find([redaction.Key(line["tenant"], line["id"])])
            (body,) = [e.body for e in entry.values()]
            assert ("nonce" in line) == (not line.get("erased"))
            assert (body == b"") == bool(line.get("erased"))


def test_an_erased_event_that_is_sent_again_is_absorbed(folder):
    """It must neither come back nor be a conflict; also when the index was rebuilt since."""
    first = next(folder.read())
    event = Event(first.event_id, Kind.TICKET, T, first.payload, workflow="w")
    folder.forget("default", GONE)
    assert folder.record([event])[0] == (1, "ticket:t0", True)
    path = folder.path
    folder.close()
    (path / "journal" / "index.sqlite").unlink()
    with DataFolder.open(path, parts=("journal",)) as again:
        assert again.record([event])[0] == (1, "ticket:t0", True)


def test_other_tenants_keep_their_customer_of_the_same_name(folder):
    fill(folder, range(20, 26), tenant="other")
    folder.forget("default", GONE)
    assert {
        r.payload["customer_id"] for r in folder.read() if r.kind == "ticket" and r.tenant == "other"
    } == {
        GONE,
        STAYS,
    }
    assert folder.content.of_customer("other", GONE)


def test_unknown_customer_changes_nothing(folder):
    before = folder.journal.head()
    assert not folder.forget("default", "nobody")
    assert folder.journal.head() == before


def test_dry_run_says_what_a_run_would_take(folder):
    before = folder.journal.head()
    planned = folder.forget("default", GONE, dry_run=True)
    assert folder.journal.head() == before
    forgotten = folder.forget("default", GONE)
    assert (planned.records, planned.texts) == (forgotten.records, forgotten.texts)


def test_what_arrives_meanwhile_is_forgotten_too(folder, monkeypatch):
    """A ticket that comes between the search and the erasure event is found by a second search."""
    begin = erasure._begin

    def meanwhile(path, seq):
        begin(path, seq)
        fill(folder, range(30, 31))

    monkeypatch.setattr(erasure, "_begin", meanwhile)
    assert folder.forget("default", GONE).records == 10
    assert not [r for r in folder.read() if GONE in redaction.names(r.payload)]
    assert verify(folder.path).faults == []


@pytest.mark.parametrize("step", ["content", "first segment", "second segment", "index", "end"])
def test_interrupted_erasure_is_finished_at_the_next_opening(folder, tmp_path, monkeypatch, step):
    """Wherever it stopped after the event was durable: between texts, segments, index and note."""

    class Crash(BaseException):
        pass

    def crash(*_args, **_kwargs):
        raise Crash

    calls = iter(range(100))
    rewrite = erasure.redact_segment

    def crash_later(*args):
        if next(calls) == ("first segment", "second segment").index(step):
            raise Crash
        return rewrite(*args)

    with monkeypatch.context() as patch:
        if step == "content":
            patch.setattr(folder.content, "erase", crash)
        elif step == "index":
            patch.setattr(Journal, "forget_bodies", crash)
        elif step == "end":
            patch.setattr(erasure.Path, "unlink", crash)
        else:
            patch.setattr(erasure, "redact_segment", crash_later)
        with pytest.raises(Crash):
            folder.forget("default", GONE)
    folder.close()
    if step in ("content", "first segment"):
        faults = verify(tmp_path).faults
        assert len(faults) == 8
        assert "was to be erased and is not" in faults[0]

    with DataFolder.open(tmp_path, parts=("journal",)) as again:
        assert len({r.payload["customer_id"] for r in again.read() if r.kind == "ticket"}) == 2
    audit = verify(tmp_path)
    assert audit.sound, audit.faults
    assert audit.erased == 8
    assert audit.texts.erased == 4
    assert traces(tmp_path, GONE) == []


def rewritten(tmp_path, change) -> list[str]:
    """Apply a change to the first erased line and return what the audit then says."""
    for path in sorted((tmp_path / "journal").glob("*.jsonl")):
        lines = path.read_bytes().splitlines(keepends=True)
        for i, line in enumerate(lines):
            if b'"erased":true' in line:
                lines[i] = change(line)
                path.write_bytes(b"".join(lines))
                return verify(tmp_path).faults
    raise AssertionError("nothing is erased")


def test_tampering_with_an_erased_payload_is_found(folder, tmp_path):
    folder.forget("default", GONE)
    (fault,) = rewritten(tmp_path, lambda line: line.replace(b'"ticket_id":"t0"', b'"ticket_id":"t9"'))
    assert fault == "record 1 was changed after it was erased"


def test_passing_a_change_off_as_an_erasure_is_found(folder, tmp_path):
    """Whoever marks a record as erased to change it lacks an erasure that names it."""
    path = min((tmp_path / "journal").glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    entry = orjson.loads(lines[2])
    del entry["nonce"]
    lines[2] = orjson.dumps({**entry, "erased": True, "payload": {**entry["payload"], "score": 5}}) + b"\n"
    path.write_bytes(b"".join(lines))
    assert verify(tmp_path).faults == ["record 3 is marked as erased, but no erasure names it"]


def test_a_record_that_cannot_become_what_its_erasure_says_is_reported(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(redaction, "names", lambda payload: set())
    with pytest.raises(JournalCorrupt, match="it is not what its erasure says"):
        folder.forget("default", GONE)


def test_names_and_replacements_reach_into_nested_payloads():
    payload = {"customer_id": "a", "rows": [{"unit": "b", "note": "a"}, {"x": {"customer_id": "a"}}], "n": 1}
    assert redaction.names(payload) == {"a", "b"}
    assert redaction.replaced(payload, "a", "p") == {
        "customer_id": "p",
        "rows": [{"unit": "b", "note": "a"}, {"x": {"customer_id": "p"}}],
        "n": 1,
    }
