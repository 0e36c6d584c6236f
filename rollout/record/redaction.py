"""Putting a pseudonym in a customer's place, in a payload and in a segment file."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from rollout.record.line import Key, digest_of, each, redact, span, written
from rollout.record.segments import Segment, corrupt, lines_of, parsed
from rollout.record.tail import sync_folder

PERSONAL: Final = frozenset({"customer_id", "unit"})
"""The payload fields that name a customer, at any depth."""
TELLING: Final = "bucket"
"""A hash of the salt and the customer beside them: whoever guesses the name could confirm it."""


class Erasure(NamedTuple):
    """What an erasure event says: the records and texts of one customer, but not which customer."""

    pseudonym: str
    records: dict[int, str]
    """Sequence number -> SHA-256 of the redacted payload, hex."""
    content: list[str]
    """References of the erased texts."""

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Self:
        return cls(payload["pseudonym"], dict(payload["records"]), payload["content"])

    def payload(self) -> dict[str, Any]:
        return {
            "pseudonym": self.pseudonym,
            "records": [list(item) for item in self.records.items()],
            "content": self.content,
        }


def names(payload: Any) -> set[str]:
    """Return the customers that a payload names."""
    if isinstance(payload, Mapping):
        here = {value for name, value in payload.items() if name in PERSONAL and isinstance(value, str)}
        return here.union(*map(names, payload.values()))
    return set().union(*map(names, payload)) if isinstance(payload, list) else set()


def replaced(payload: Any, customer_id: str, pseudonym: str) -> Any:
    """Return a payload with the pseudonym wherever it names the customer."""
    if isinstance(payload, Mapping):
        theirs = any(payload.get(name) == customer_id for name in PERSONAL)
        return {
            name: pseudonym
            if name in PERSONAL and value == customer_id
            else "0"
            if theirs and name == TELLING
            else replaced(value, customer_id, pseudonym)
            for name, value in payload.items()
        }
    if isinstance(payload, list):
        return [replaced(item, customer_id, pseudonym) for item in payload]
    return payload


def redact_segment(segment: Segment, erasure: Erasure, seqs: Sequence[int]) -> list[Key]:
    """Replace a segment by one in which the payloads of some records are redacted.

    The file appears whole or not at all, and doing it again changes nothing. Returns the records'
    event ids.

    Raises:
        JournalCorrupt: a payload cannot be brought to the digest that the erasure names.

    """
    first, path = segment
    wanted, keys = frozenset(seqs), []
    temporary = path.with_suffix(".rewriting")
    with temporary.open("wb") as copy:
        os.fchmod(copy.fileno(), path.stat().st_mode & 0o777)
        for line in lines_of(path, first):
            raw = line.raw
            number = span(raw)[0]
            if number in wanted:
                entry = parsed(line)
                payload = _redacted(entry["payload"], erasure.pseudonym, erasure.records[number])
                if payload is None:
                    raise corrupt(path, line.offset, number, "it is not what its erasure says")
                raw = redact(entry, payload)
                keys += [Key(entry["tenant"], event["id"]) for event in each(entry)]
            copy.write(raw)
        copy.flush()
        os.fsync(copy.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
    return keys


def _redacted(payload: Mapping[str, Any], pseudonym: str, digest: str) -> bytes | None:
    """Return the redacted payload: that which has the digest, whoever the customer was."""
    candidates = [payload, *(replaced(payload, name, pseudonym) for name in sorted(names(payload)))]
    return next((data for data in map(written, candidates) if digest_of(data) == digest), None)
