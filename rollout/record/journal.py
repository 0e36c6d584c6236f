"""The journal: append-only, sequence-numbered, hash-chained; acknowledged only when durable.

One thread writes. It takes whatever is waiting, writes it at once, syncs once and only then
answers; while it syncs, the next group gathers by itself, so nothing ever lingers for company.
"""

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from typing import Final, NamedTuple, Self

from rollout.clock import Clock, SystemClock
from rollout.errors import ConflictingEvent, QueueFull, RecordError
from rollout.record.appender import SEGMENT_BYTES, Appender
from rollout.record.index import IdIndex
from rollout.record.line import Key, Prepared, prepare
from rollout.record.pulse import Pulse
from rollout.record.reader import DurableMark
from rollout.record.segments import Head, decoded, lines
from rollout.record.stage import Receipt, Stage, Write
from rollout.record.tail import recover
from rollout.records import Event, Record

__all__ = ["Journal", "Receipt"]

QUEUE_EVENTS: Final = 20_000
_GROUP_EVENTS: Final = 4_000

_log = logging.getLogger(__name__)


class _Call(NamedTuple):
    """The events of one append: recorded together or, on a conflict, not at all."""

    events: Sequence[Prepared]
    future: "Future[list[Receipt]]"


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
        self.pulse = Pulse()
        self._appender = Appender(folder, segment_bytes, self.pulse.syncs)
        self._queue_events = queue_events
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
            self._refuse_after_failure()
            if not self._open:
                raise RecordError(f"{self.folder}: the journal is closed")
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

    def known(self, event_ids: Sequence[str], tenant: str = "default") -> set[str]:
        """Return those of the ids that are there, with one look at the index."""
        found = self._index.find([Key(tenant, event_id) for event_id in event_ids])
        return {key.event_id for key in found}

    @property
    def queue(self) -> tuple[int, int]:
        """Events that wait to be written, and how many may."""
        return self._queued, self._queue_events

    @property
    def failure(self) -> RecordError | None:
        """Why nothing is taken any more; None while events are."""
        return self._failure

    def roll(self) -> None:
        """Begin a new segment with the next write: older segments are then never written again."""
        self._appender.roll()

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
        self._appender.close()
        self._index.close(self._head)
        self._mark.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_after_failure(self) -> None:
        if self._failure:
            raise self._failure

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
        """Write one group and answer its calls: each by itself, except when the disk fails them all."""
        # Whoever asked may have gone: from here on nobody can cancel, and an answer finds its call.
        group = [call for call in group if call.future.set_running_or_notify_cancel()]
        answers: list[list[Receipt] | RecordError] = []
        try:
            self._refuse_after_failure()
            known = self._index.find([event.key for call in group for event in call.events])
            stage = Stage(self._head, known, self._clock.now().isoformat())
            for call in group:
                try:
                    answers.append(stage.take(call.events))
                except ConflictingEvent as conflict:
                    answers.append(conflict)
            for write in stage.writes:
                self._commit(write)
        except RecordError as error:
            answers = [error] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            answers = [self._stopped(error)] * len(group)
        for call, answer in zip(group, answers, strict=True):
            if isinstance(answer, RecordError):
                call.future.set_exception(answer)
            else:
                call.future.set_result(answer)

    def _commit(self, write: Write) -> None:
        self._appender.write(b"".join(write.lines), write.first)
        self._head = write.head
        self._mark.seq = self._head.seq
        self.pulse.beat(self._head.seq)
        self._index.add(write.entries, self._head)

    def _stopped(self, error: Exception) -> RecordError:
        """Stop for good: after a failed sync nobody knows what the disk holds, and a second may lie."""
        self._failure = RecordError(
            f"{self.folder}: {error}; the journal takes nothing more. Reading still works. Check the disk,"
            " then start again: what was acknowledged is there, and repeating the rest is safe"
        )
        _log.critical("%s", self._failure)
        return self._failure
