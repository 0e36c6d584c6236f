"""The journal: append-only, sequence-numbered, hash-chained; acknowledged only when durable.

One thread writes. It takes whatever is waiting, writes it at once, syncs once and only then
answers; while it syncs, the next group gathers by itself, so nothing ever lingers for company.
"""

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from typing import Final, NamedTuple, Self

from rollout.clock import Clock, SystemClock
from rollout.errors import ConflictingEvent, QueueFull, RecordError
from rollout.record.index import Entry, IdIndex
from rollout.record.line import Key, Place, Prepared, prepare, seal
from rollout.record.segments import DurableMark, Head, decoded, lines, segment_path, segments
from rollout.record.tail import WRITE_BYTES, recover, sync_folder
from rollout.records import Event, Record

SEGMENT_BYTES: Final = 64 << 20
QUEUE_EVENTS: Final = 20_000
_GROUP_EVENTS: Final = 4_000

_log = logging.getLogger(__name__)


class Receipt(NamedTuple):
    """Proof that an event is durable; ``duplicate`` when it had been recorded before, as ``seq``."""

    seq: int
    event_id: str
    duplicate: bool


class _Call(NamedTuple):
    """The events of one append: recorded together or, on a conflict, not at all."""

    events: Sequence[Prepared]
    future: "Future[list[Receipt]]"


class _Batch:
    """One write in the making: at most about ``WRITE_BYTES``, made durable by one sync."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.first = head.seq + 1
        self.lines: list[bytes] = []
        self.entries: list[tuple[Key, Entry]] = []
        self.size = 0


class Journal:
    """The owner's side of a journal. Thread-safe; one per folder, which ``DataFolder`` locks."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        queue_events: int = QUEUE_EVENTS,
    ) -> None:
        """Open or create the journal in a folder; an unfinished write at its end is set aside.

        Raises:
            JournalCorrupt: acknowledged records at its end are damaged or missing.

        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.report = recover(folder)
        if self.report.torn:
            _log.warning("%s", self.report.torn)
        self._head = self.report.head
        self._index = IdIndex(folder, self._head)
        self._mark = DurableMark(folder, writable=True)
        self._mark.seq = self._head.seq
        self._clock = clock or SystemClock()
        self._segment_bytes = segment_bytes
        self._queue_events = queue_events
        self._segment: tuple[int, int] | None = None  # descriptor and size
        self._roll = False
        self._failure: RecordError | None = None
        self._calls: deque[_Call] = deque()
        self._queued = 0
        self._open = True
        self._changed = Condition()
        self._writer = Thread(target=self._write_groups, name="journal-writer", daemon=True)
        self._writer.start()

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        """Record events and return when they are durable; all of them or, on an error, none.

        Raises:
            InvalidEvent: an event cannot be written as it is.
            ConflictingEvent: an id is already there with another body.
            QueueFull: too much is waiting to be written.
            RecordError: the disk refuses, or the journal is closed.

        """
        return self.submit(events).result()

    def submit(self, events: Sequence[Event]) -> "Future[list[Receipt]]":
        """Queue events for the next write. The future raises what ``append`` raises.

        Raises:
            InvalidEvent, QueueFull, RecordError: at once, as ``append`` does.

        """
        call = _Call([prepare(event) for event in events], Future())
        with self._changed:
            self._refuse_if_unable()
            # A call larger than the queue is taken when nothing else waits: it could never be otherwise.
            if self._queued and self._queued + len(call.events) > self._queue_events:
                raise QueueFull(
                    f"{self._queued} events wait to be written, at most {self._queue_events}; try again later"
                )
            self._queued += len(call.events)
            self._calls.append(call)
            self._changed.notify()
        return call.future

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[Record]:
        """Yield the durable records after a number, oldest first.

        Raises:
            JournalCorrupt: a record is missing or cannot be read.

        """
        upto = self._head.seq if limit is None else min(self._head.seq, after + limit)
        return map(decoded, lines(self.folder, after, upto))

    def head(self) -> Head:
        return self._head

    def find(self, event_id: str, tenant: str = "default") -> Record | None:
        """Return the record of an event, if it is there."""
        key = Key(tenant, event_id)
        entry = self._index.find([key]).get(key)
        return None if entry is None else next(islice(self.read(entry.seq - 1, 1), 1), None)

    def roll(self) -> None:
        """Begin a new segment with the next write: older segments are then never written again."""
        with self._changed:
            self._roll = True

    def forget_bodies(self, keys: Sequence[Key]) -> None:
        """Make the index forget the digests of bodies that were erased."""
        self._index.forget_bodies(keys, self._head)

    def close(self) -> None:
        """Write what is queued, then stop. Closing twice is fine."""
        with self._changed:
            if not self._open:
                return
            self._open = False
            self._changed.notify()
        self._writer.join()
        if self._segment:
            os.close(self._segment[0])
        self._index.close(self._head)
        self._mark.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_if_unable(self) -> None:
        if self._failure:
            raise self._failure
        if not self._open:
            raise RecordError(f"{self.folder}: the journal is closed")

    def _write_groups(self) -> None:
        while True:
            with self._changed:
                while not self._calls and self._open:
                    self._changed.wait()
                if not self._calls:
                    return
                group = [self._calls.popleft()]
                size = len(group[0].events)
                while self._calls and size + len(self._calls[0].events) <= _GROUP_EVENTS:
                    group.append(self._calls.popleft())
                    size += len(group[-1].events)
                self._queued -= size
            self._record(group)

    def _record(self, group: Sequence[_Call]) -> None:
        """Write one group and answer its calls."""
        answers: list[tuple[_Call, list[Receipt] | Exception]] = []
        try:
            self._refuse_if_failed()
            known = self._index.find([event.key for call in group for event in call.events])
            batches = [_Batch(self._head)]
            answers = [(call, self._stage(call, known, batches)) for call in group]
            for batch in batches:
                if batch.lines:
                    self._write(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            failure = error if isinstance(error, RecordError) else self._stopped(error)
            answers = [(call, failure) for call in group]
        for call, answer in answers:
            if isinstance(answer, Exception):
                call.future.set_exception(answer)
            else:
                call.future.set_result(answer)

    def _refuse_if_failed(self) -> None:
        if self._failure:
            raise self._failure

    def _stage(
        self, call: _Call, known: dict[Key, Entry], batches: list[_Batch]
    ) -> list[Receipt] | ConflictingEvent:
        """Seal a call's new events behind what is staged already; nothing is, if one conflicts."""
        mine: dict[Key, Entry] = {}
        receipts: list[Receipt] = []
        new: list[Prepared] = []
        next_seq = batches[-1].head.seq + 1
        for event in call.events:
            entry = known.get(event.key) or mine.get(event.key)
            if entry is None:
                entry = mine[event.key] = Entry(next_seq + len(new), event.body)
                new.append(event)
                receipts.append(Receipt(entry.seq, event.key.event_id, duplicate=False))
            elif entry.body in (event.body, b""):  # empty: erased, and nothing to compare with
                receipts.append(Receipt(entry.seq, event.key.event_id, duplicate=True))
            else:
                return _conflict(event, entry)
        if new:
            known.update(mine)
            self._seal(new, batches)
        return receipts

    def _seal(self, events: Sequence[Prepared], batches: list[_Batch]) -> None:
        recorded_at = self._clock.now().isoformat()
        nonces = os.urandom(16 * len(events)).hex()
        for i, event in enumerate(events):
            batch = batches[-1]
            if batch.size >= WRITE_BYTES:
                batch = _Batch(batch.head)
                batches.append(batch)
            seq, previous = batch.head.seq + 1, batch.head.hash
            place = Place(seq, batch.first, recorded_at, previous, nonces[32 * i : 32 * i + 32])
            line, link = seal(event, place)
            batch.lines.append(line)
            batch.entries.append((event.key, Entry(seq, event.body)))
            batch.size += len(line)
            batch.head = Head(seq, link)

    def _write(self, batch: _Batch) -> None:
        descriptor, size = self._writable(batch.first)
        try:
            _write_all(descriptor, b"".join(batch.lines))
        except OSError as error:
            os.ftruncate(descriptor, size)
            os.fdatasync(descriptor)
            raise RecordError(
                f"{self.folder}: {error.strerror}; nothing was acknowledged."
                " Make room and send the same events again"
            ) from error
        os.fdatasync(descriptor)
        self._segment = descriptor, size + batch.size
        self._head = batch.head
        self._mark.seq = batch.head.seq
        self._index.add(batch.entries, batch.head)

    def _writable(self, first: int) -> tuple[int, int]:
        """Return the segment to write to and its size; a new one where it is time for one."""
        if self._segment and (self._roll or self._segment[1] >= self._segment_bytes):
            os.close(self._segment[0])
            self._segment, self._roll = None, True
        if self._segment is None:
            found = segments(self.folder)
            path = found[-1].path if found else None
            if path is None or self._roll or path.stat().st_size >= self._segment_bytes:
                path = segment_path(self.folder, first)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            sync_folder(self.folder)
            self._segment, self._roll = (descriptor, os.fstat(descriptor).st_size), False
        return self._segment

    def _stopped(self, error: Exception) -> RecordError:
        """Stop for good: after a failed sync nobody knows what the disk holds, and a second may lie."""
        self._failure = RecordError(
            f"{self.folder}: {error}; the journal takes nothing more. Reading still works. Check the disk,"
            " then start again: what was acknowledged is there, and repeating the rest is safe"
        )
        _log.critical("%s", self._failure)
        return self._failure


def _conflict(event: Prepared, entry: Entry) -> ConflictingEvent:
    return ConflictingEvent(
        f"event {event.key.event_id!r} of tenant {event.key.tenant!r} is already recorded as number"
        f" {entry.seq} with another content; nothing of this call was recorded. Send a correction under an"
        " id of its own, or repeat the event unchanged"
    )


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
