"""The journal behaves as a dictionary that numbers its keys, whatever happens around it."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rollout.errors import ConflictingEvent
from rollout.record.audit import verify
from rollout.record.journal import Journal
from rollout.record.reader import JournalReader
from rollout.records import Event, Kind, Rated

T = datetime(2026, 3, 1, tzinfo=UTC)
keys = st.tuples(st.sampled_from("ab"), st.sampled_from([f"csat:{i}" for i in range(8)]))
calls = st.lists(st.tuples(keys, st.sampled_from([1.0, 2.0])), min_size=1, max_size=5)
SEGMENT_BYTES = 3_000


class JournalMachine(RuleBasedStateMachine):
    @initialize()
    def start(self):
        self.root = Path(tempfile.mkdtemp())
        self.data = self.root / "0"
        self.copies = 0
        self.model: dict[tuple[str, str], tuple[int, float]] = {}
        self.open()

    def open(self):
        self.journal = Journal(self.data / "journal", segment_bytes=SEGMENT_BYTES)

    @rule(call=calls)
    def append(self, call):
        """A call is recorded, absorbed, or refused as a whole, as the model says."""
        expected, model = [], dict(self.model)
        for key, score in call:
            duplicate = key in model
            seq, known = model.setdefault(key, (len(model) + 1, score))
            if known != score:
                expected = None
                break
            expected.append((seq, key[1], duplicate))
        events = [Event(i, Kind.CSAT, T, Rated(i, score, T), tenant) for (tenant, i), score in call]
        if expected is None:
            with pytest.raises(ConflictingEvent):
                self.journal.append(events)
        else:
            assert self.journal.append(events) == expected
            self.model = model

    @rule()
    def reopen(self):
        self.journal.close()
        self.open()
        assert self.journal.report.torn is None

    @rule()
    def crash(self):
        """Go on with the files as they are at this moment; nobody closed anything."""
        self.copies += 1
        after = self.root / str(self.copies)
        shutil.copytree(self.data, after)
        self.journal.close()
        self.data = after
        self.open()

    @precondition(lambda self: self.model)
    @rule(junk=st.binary(min_size=1, max_size=200))
    def crash_while_writing(self, junk):
        """Whatever a cut-short write left behind the newest record is set aside and reported."""
        self.journal.close()
        newest = max((self.data / "journal").glob("*.jsonl"))
        size = newest.stat().st_size
        with newest.open("ab") as file:
            file.write(junk)
        self.open()
        torn = self.journal.report.torn
        assert torn is not None
        assert (torn.segment, torn.offset, torn.size) == (newest.name, size, len(junk))
        assert torn.after == len(self.model)
        assert (self.data / "journal" / torn.moved_to).read_bytes() == junk

    @rule(damage=st.sampled_from(["delete", "garbage", "older"]))
    def lose_index(self, damage):
        """The index is only a memory: without it, with a broken or an old one, nothing changes."""
        self.journal.close()
        index = self.data / "journal" / "index.sqlite"
        if damage == "delete":
            index.unlink()
        elif damage == "garbage":
            index.write_bytes(b"this is no database" * 500)
        else:
            kept = self.root / "index.kept"
            if kept.exists():
                shutil.copy(kept, index)
            else:
                shutil.copy(index, kept)
        self.open()

    @rule()
    def roll(self):
        self.journal.roll()

    @rule(after=st.integers(0, 20), limit=st.none() | st.integers(0, 5))
    def read_range(self, after, limit):
        expected = list(range(after + 1, len(self.model) + 1))[:limit]
        assert [r.seq for r in self.journal.read(after, limit)] == expected
        assert [r.seq for r in JournalReader(self.journal.folder).read(after, limit)] == expected

    @invariant()
    def holds_what_the_model_holds(self):
        held = {(r.tenant, r.event_id): (r.seq, r.payload["score"]) for r in self.journal.read()}
        assert held == self.model
        for (tenant, event_id), (seq, _) in self.model.items():
            found = self.journal.find(event_id, tenant)
            assert found is not None
            assert found.seq == seq
        assert self.journal.head() == JournalReader(self.journal.folder).head()

    def teardown(self):
        head = self.journal.head()
        self.journal.close()
        audit = verify(self.data, head=head.hash)
        assert audit.sound, audit.faults
        assert audit.head == head
        shutil.rmtree(self.root)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(max_examples=40, stateful_step_count=25)
