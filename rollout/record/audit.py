"""Checking the whole record: every digest, every link, every erasure, every text it refers to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rollout.errors import JournalCorrupt
from rollout.record.content import ContentStore, State
from rollout.record.line import GENESIS, digest_of, each, fault, last_of, written
from rollout.record.reader import durable_seq
from rollout.record.redaction import Erasure
from rollout.record.segments import EMPTY, Head, Line, corrupt, lines, parsed, segments
from rollout.records import Kind

_BATCH: Final = 10_000


def _quietly(done: int) -> None:
    """Report no progress."""


@dataclass(slots=True)
class Texts:
    """The texts that records refer to, by what became of them."""

    present: int = 0
    erased: int = 0
    expired: int = 0
    missing: list[str] = field(default_factory=list)
    """References whose text is gone though nobody erased it."""
    altered: list[str] = field(default_factory=list)
    """References whose text is not the one that was stored."""


@dataclass(slots=True)
class Audit:
    """What a check of the record found."""

    records: int = 0
    segments: int = 0
    erased: int = 0
    head: Head = EMPTY
    unfinished_bytes: int = 0
    """Bytes behind the newest durable record: being written now, or left by a crash."""
    texts: Texts = field(default_factory=Texts)
    anchored_at: int | None = None
    """The record whose hash was asked for."""
    faults: list[str] = field(default_factory=list)
    """What does not verify, first fault first; the chain is not followed beyond its first fault."""

    @property
    def sound(self) -> bool:
        return not (self.faults or self.texts.missing or self.texts.altered)


def verify(
    data: Path, *, head: str | None = None, texts: bool = True, progress: Callable[[int], None] = _quietly
) -> Audit:
    """Check the record in a data folder; takes no lock, so that a running system can be checked.

    Without ``texts`` only the journal is read, and nothing is written beside it.

    ``head`` is a hash that was noted earlier and kept elsewhere: only against such a one can a tail
    that was cut off, or a chain that was written anew, be told from a sound journal.
    """
    journal = data / "journal"
    audit = Audit(segments=len(segments(journal)), anchored_at=0 if head == GENESIS else None)
    redacted: dict[int, str] = {}
    erasures: dict[int, str] = {}
    refs = _References(data / "content.sqlite", audit.texts) if texts else None
    try:
        for entry in _chained(journal, audit):
            if entry["hash"] == head:
                audit.anchored_at = audit.head.seq
            if entry.get("erased"):
                redacted[entry["seq"]] = digest_of(written(entry["payload"]))
            elif entry["kind"] == Kind.ERASURE:
                erasure = Erasure.of(entry["payload"])
                erasures |= erasure.records
                if refs:
                    refs.erased |= set(erasure.content)
            if refs:
                for event in each(entry):
                    refs.add(event["payload"])
            progress(audit.records)
    except JournalCorrupt as error:
        audit.faults.append(str(error))
    audit.erased = len(redacted)
    if refs:
        refs.finish()
    if not audit.faults:
        audit.faults += _unlike(redacted, erasures)
    if head is not None and audit.anchored_at is None:
        audit.faults.append(
            f"no record carries the hash {head}: the journal's end was cut off, or it was written anew"
        )
    return audit


def _chained(journal: Path, audit: Audit) -> Iterator[dict[str, Any]]:
    """Yield the fields of each record that verifies.

    Raises:
        JournalCorrupt: at the first that does not.

    """
    last: Line | None = None
    for line in lines(journal, 0, durable_seq(journal)):
        entry = parsed(line)
        problem = fault(entry, audit.head.hash)
        if problem:
            raise corrupt(line.segment, line.offset, entry["seq"], problem)
        audit.head, last = Head(last_of(entry), entry["hash"]), line
        audit.records = audit.head.seq
        yield entry
    if last is not None:
        audit.unfinished_bytes = last.segment.stat().st_size - last.offset - len(last.raw)


def _unlike(redacted: Mapping[int, str], erasures: Mapping[int, str]) -> Iterator[str]:
    """Yield what erased records and erasure events do not agree on."""
    for seq, digest in sorted(redacted.items()):
        if seq not in erasures:
            yield f"record {seq} is marked as erased, but no erasure names it"
        elif erasures[seq] != digest:
            yield f"record {seq} was changed after it was erased"
    for seq in sorted(erasures.keys() - redacted.keys()):
        yield f"record {seq} was to be erased and is not; opening the folder finishes an interrupted erasure"


class _References:
    """Looks up, many at once, what became of the texts that payloads refer to."""

    def __init__(self, path: Path, texts: Texts) -> None:
        self.erased: set[str] = set()
        self._path = path
        self._texts = texts
        self._asked: set[str] = set()
        self._store = ContentStore(path) if path.exists() else None

    def add(self, payload: Mapping[str, Any]) -> None:
        content = payload.get("content")
        if isinstance(content, dict):
            self._asked.update(ref for ref in content.values() if isinstance(ref, str))
            if len(self._asked) >= _BATCH:
                self._look_up()

    def finish(self) -> None:
        self._look_up()
        lost = [ref for ref in self._texts.missing if ref not in self.erased]
        self._texts.erased += len(self._texts.missing) - len(lost)
        self._texts.missing = lost
        if self._store:
            self._texts.altered = list(self._store.altered())
            self._store.close()

    def _look_up(self) -> None:
        states: Mapping[str, State] = (
            self._store.states(self._asked) if self._store else dict.fromkeys(self._asked, "missing")
        )
        for ref, state in states.items():
            match state:
                case "present":
                    self._texts.present += 1
                case "erased":
                    self._texts.erased += 1
                case "expired":
                    self._texts.expired += 1
                case "missing":
                    self._texts.missing.append(ref)
        self._asked.clear()
