"""What one group of calls will write: numbers, chain and receipts, decided before a byte is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import urandom
from typing import Final, NamedTuple

from rollout.errors import ConflictingEvent
from rollout.record.index import Entry
from rollout.record.line import Key, Prepared, Writing, seal
from rollout.record.segments import Head
from rollout.record.tail import WRITE_BYTES

_made: Final = tuple.__new__
"""A named tuple without the detour over its own constructor: several are made per record."""


class Receipt(NamedTuple):
    """Proof that an event is durable; ``duplicate`` when it had been recorded before, as ``seq``."""

    seq: int
    event_id: str
    duplicate: bool


@dataclass(slots=True)
class Write:
    """One write in the making: at most about ``WRITE_BYTES``, made durable by one sync."""

    first: int
    last: int = 0
    lines: list[bytes] = field(default_factory=list)
    entries: list[tuple[Key, Entry]] = field(default_factory=list)
    size: int = 0
    hash: bytes = b""

    @property
    def head(self) -> Head:
        """The journal's head once this is written."""
        return Head(self.last, self.hash.decode())


class Stage:
    """Gathers the calls of one group behind a head. ``known`` are the ids that are recorded."""

    def __init__(self, head: Head, known: Mapping[Key, Entry], recorded_at: str) -> None:
        self.writes: list[Write] = []
        self._known = dict(known)
        self._seq = head.seq
        self._hash = head.hash.encode()
        self._recorded_at = recorded_at.encode()

    def take(self, events: Sequence[Prepared]) -> list[Receipt]:
        """Stage the events of one call.

        Raises:
            ConflictingEvent: an id is known with another body; then none of the call is staged.

        """
        known = self._known
        mine: dict[Key, Entry] = {}
        new: list[tuple[Prepared, int]] = []
        receipts: list[Receipt] = []
        seq = self._seq
        for event in events:
            there = [entry for key in event.keys if (entry := known.get(key) or mine.get(key))]
            if not there:
                new.append((event, seq + 1))
                for key in event.keys:
                    seq += 1
                    mine[key] = _made(Entry, (seq, event.body))
                    receipts.append(_made(Receipt, (seq, key.event_id, False)))
            elif len(there) == len(event.keys) and all(entry.body in (event.body, b"") for entry in there):
                # A body that is empty was erased: there is nothing to compare with.
                receipts += [
                    Receipt(entry.seq, key.event_id, duplicate=True)
                    for entry, key in zip(there, event.keys, strict=True)
                ]
            else:
                raise _conflict(event, known | mine)
        if new:
            known.update(mine)
            self._seal(new, mine)
            self._seq = seq
        return receipts

    def _seal(self, new: Sequence[tuple[Prepared, int]], entries: Mapping[Key, Entry]) -> None:
        nonces = urandom(16 * len(new)).hex().encode()
        if not self.writes or self.writes[-1].size >= WRITE_BYTES:
            self.writes.append(Write(self._seq + 1))
        write, link, place = self.writes[-1], self._hash, 0
        writing = Writing(write.first, self._recorded_at)
        for event, seq in new:
            if write.size >= WRITE_BYTES:
                write.hash, write = link, Write(seq)
                self.writes.append(write)
                writing = Writing(seq, self._recorded_at)
            line, link = seal(event, writing, seq, link, nonces[place : place + 32])
            place += 32
            write.lines.append(line)
            write.entries += [(key, entries[key]) for key in event.keys]
            write.last = seq + len(event.keys) - 1
            write.size += len(line)
        write.hash = self._hash = link


def _conflict(event: Prepared, known: Mapping[Key, Entry]) -> ConflictingEvent:
    there = [(key, known[key]) for key in event.keys if key in known]
    key, entry = next((pair for pair in there if pair[1].body != event.body), there[0])
    return ConflictingEvent(
        f"event {key.event_id!r} of tenant {key.tenant!r} is already recorded as number"
        f" {entry.seq} with another content; nothing of this call was recorded. Send a correction under an"
        " id of its own, or repeat the event unchanged"
    )
