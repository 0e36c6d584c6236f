"""Forgetting a customer: texts go, the customer's id becomes a pseudonym, every fact stays.

First an erasure event is recorded. It names the records with the digest of each redacted payload,
and the texts, but not the customer. Then each affected segment is replaced by one that has the
redacted payloads in it. Envelopes, digests and hashes stay as they are: the chain still verifies,
and a redacted payload that was tampered with does not match the erasure event.

A crash in between is finished when the journal is opened again: which value has to become the
pseudonym follows from the digests.
"""

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from rollout.record.content import ContentStore
from rollout.record.journal import Journal
from rollout.record.line import Key, digest_of, written
from rollout.record.redaction import Erasure, names, redact_segment, replaced
from rollout.record.segments import lines, parsed, segments
from rollout.record.tail import sync_folder
from rollout.records import Event, Kind, Record

if TYPE_CHECKING:
    from rollout.record.view import View

_PENDING: Final = "erasing"
_EVENT_RECORDS: Final = 5_000


class Customer(NamedTuple):
    tenant: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What an erasure took; false when there was nothing."""

    pseudonym: str
    records: int
    texts: int

    def __bool__(self) -> bool:
        return bool(self.records or self.texts)


def preview(journal: Journal, content: ContentStore, customer: Customer) -> Forgotten:
    """Say what forgetting a customer would take, without taking it."""
    found = _records_of(customer, "", journal, 0, journal.head().seq)
    return Forgotten("", sum(1 for _ in found), len(content.of_customer(*customer)))


def forget(
    journal: Journal, content: ContentStore, customer: Customer, *, at: datetime, actor: str
) -> Forgotten:
    """Erase what is recorded of a customer; of an unknown one nothing is, and nothing is recorded.

    Raises:
        RecordError: the disk refuses; what was begun by then is finished by ``finish``.

    """
    pseudonym = f"erased-{os.urandom(8).hex()}"
    refs = content.of_customer(*customer)
    after, upto = 0, journal.head().seq
    found = dict(_records_of(customer, pseudonym, journal, after, upto))
    forgotten = Forgotten(pseudonym, 0, len(refs))
    if not found and not refs:
        return forgotten

    _remove_unfinished_writes(journal.folder, customer)
    _begin(journal.folder, upto)
    while found or refs:
        # What was searched is written no more, so that its segments can be replaced.
        journal.roll()
        journal.append(list(_events(Erasure(pseudonym, found, refs), customer.tenant, upto, at, actor)))
        forgotten = Forgotten(pseudonym, forgotten.records + len(found), forgotten.texts)
        after, upto, refs = upto, journal.head().seq, []
        found = dict(_records_of(customer, pseudonym, journal, after, upto))  # arrived meanwhile
    finish(journal, content)
    return forgotten


def finish(journal: Journal, content: ContentStore) -> int:
    """Carry out the erasures that were recorded but not completed; return how many.

    Raises:
        JournalCorrupt: a record cannot be brought to what its erasure says.

    """
    pending = journal.folder / _PENDING
    if not pending.exists():
        return 0
    journal.roll()
    erasures = [
        Erasure.of(record.payload)
        for record in journal.read(int(pending.read_text()))
        if record.kind == Kind.ERASURE
    ]
    for erasure in erasures:
        content.erase(erasure.content)
        journal.forget_bodies(_redact(journal.folder, erasure))
    pending.unlink()
    sync_folder(journal.folder)
    return len(erasures)


def forget_in_view(view: "View", record: Record) -> int:
    """Put an erasure's pseudonym into the rows a view has already; return how many changed.

    The event does not say who was erased. The view knows: each of the named records is of that
    customer, so it is the one whom all of the rows have in common.
    """
    erasure = Erasure.of(record.payload)
    rows = view.query(
        "SELECT seq, customer_id AS name FROM tickets WHERE tenant = $tenant AND list_contains($seqs, seq)"
        " UNION ALL"
        " SELECT seq, unit FROM assignments WHERE tenant = $tenant AND list_contains($seqs, seq)"
        " UNION ALL"
        " SELECT seq, customer_id FROM histories WHERE tenant = $tenant AND list_contains($seqs, seq)",
        {"tenant": record.tenant, "seqs": list(erasure.records)},
    )
    named: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        if row["name"] != erasure.pseudonym:  # read from a segment that was replaced already
            named[row["seq"]].add(row["name"])
    common = set.intersection(*named.values()) if named else set()
    return sum(view.forget(record.tenant, name, erasure.pseudonym) for name in common)


def _begin(folder: Path, seq: int) -> None:
    """Leave a note that erasures after a record may be incomplete."""
    with (folder / _PENDING).open("w") as note:
        note.write(str(seq))
        note.flush()
        os.fsync(note.fileno())
    sync_folder(folder)


def _events(erasure: Erasure, tenant: str, upto: int, at: datetime, actor: str) -> Iterator[Event]:
    """Yield the erasure as events of bounded size; the first one names the texts."""
    items, content = iter(erasure.records.items()), erasure.content
    while (part := dict(islice(items, _EVENT_RECORDS))) or content:
        name = f"erasure:{erasure.pseudonym}:{max(part, default=upto)}"
        payload = Erasure(erasure.pseudonym, part, content).payload()
        yield Event(name, Kind.ERASURE, at, payload, tenant, actor=actor)
        content = []


def _records_of(
    customer: Customer, pseudonym: str, journal: Journal, after: int, upto: int
) -> Iterator[tuple[int, str]]:
    """Yield the numbers of a customer's records, each with its payload's digest once redacted."""
    quoted = orjson.dumps(customer.customer_id)
    for line in lines(journal.folder, after, upto):
        if quoted in line.raw:
            entry = parsed(line)
            if entry["tenant"] == customer.tenant and customer.customer_id in names(entry["payload"]):
                payload = replaced(entry["payload"], customer.customer_id, pseudonym)
                yield entry["seq"], digest_of(written(payload))


def _redact(folder: Path, erasure: Erasure) -> list[Key]:
    found = segments(folder)
    held: defaultdict[int, list[int]] = defaultdict(list)
    for seq in erasure.records:
        held[bisect_right(found, seq, key=lambda segment: segment.first) - 1].append(seq)
    keys = []
    for i, seqs in sorted(held.items()):
        keys += redact_segment(found[i], erasure, seqs)
    return keys


def _remove_unfinished_writes(folder: Path, customer: Customer) -> None:
    """Delete what crashes left aside if it names the customer: it was never acknowledged."""
    quoted = orjson.dumps(customer.customer_id)
    for path in folder.glob("*.torn"):
        if quoted in path.read_bytes():
            path.unlink()
