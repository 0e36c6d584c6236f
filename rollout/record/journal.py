"""The journal: append-only, sequence-numbered, hash-chained; acknowledged only when durable.

One thread writes. It takes whatever is waiting, writes it at once, syncs once and only then
answers; while it syncs, the next group gathers by itself, so nothing ever lingers for company.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
from rollout.record.segments import Head, records
from rollout.record.stage import Receipt, Stage, Write
from rollout.record.tail import recover
from rollout.records import Event, Record

__all__ = ["Answer", "Journal", "Receipt"]

Answer = list[Receipt] | RecordError
"""What becomes of one call: its receipts, or why nothing of it was recorded."""

QUEUE_EVENTS: Final = 20_000
_GROUP_EVENTS: Final = 4_000

_log = logging.getLogger(__name__)


class _Offer(NamedTuple):
    """Calls that came together. The events of each are recorded together or, on a conflict, not at all."""

    calls: Sequence[Sequence[Prepared]]
    size: int
    answered: Callable[[list[Answer]], object]


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
        self._offers: deque[_Offer] = deque()
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
        return self.submit_prepared([prepare(event) for event in events])

    def submit_prepared(self, events: Sequence[Prepared]) -> "Future[list[Receipt]]":
        """``submit`` of events that are made ready for writing."""
        future: Future[list[Receipt]] = Future()
        self.offer([events], lambda answers: _settle(future, answers[0]))
        return future

    def offer(self, calls: Sequence[Sequence[Prepared]], answered: Callable[[list[Answer]], object]) -> None:
        """Queue several calls for the next write, all or none; one answer each, when they are durable.

        Args:
            calls: the events of each call, as ``prepare`` makes them.
            answered: gets the answers, in the calls' order, in the writer's thread; it must not wait.

        Raises:
            QueueFull, RecordError: at once, as ``append`` does.

        """
        offer = _Offer(calls, sum(len(event.keys) for call in calls for event in call), answered)
        with self._changed:
            self._refuse_after_failure()
            if not self._open:
                raise RecordError(f"{self.folder}: the journal is closed")
            # An offer larger than the queue is taken when nothing else waits: it could never be otherwise.
            if self._queued and self._queued + offer.size > self._queue_events:
                raise QueueFull(
                    f"{self._queued} events wait to be written, at most {self._queue_events}; try again later"
                )
            self._queued += offer.size
            self._offers.append(offer)
            self._changed.notify()

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[Record]:
        """Yield the durable records after a number, oldest first.

        Raises:
            JournalCorrupt: a record is missing or cannot be read.

        """
        upto = self._head.seq if limit is None else min(self._head.seq, after + limit)
        return records(self.folder, after, upto)

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
                while not self._offers and self._open:
                    self._changed.wait()
                if not self._offers:
                    return
                group = [self._offers.popleft()]
                size = group[0].size
                while self._offers and size + self._offers[0].size <= _GROUP_EVENTS:
                    group.append(self._offers.popleft())
                    size += group[-1].size
                self._queued -= size
            self._record(group)

    def _record(self, group: Sequence[_Offer]) -> None:
        """Write one group and answer its calls: each by itself, except when the disk fails them all."""
        calls = [call for offer in group for call in offer.calls]
        answers: list[Answer] = []
        try:
            self._refuse_after_failure()
            known = self._index.find([key for call in calls for event in call for key in event.keys])
            stage = Stage(self._head, known, self._clock.now().isoformat())
            for call in calls:
                try:
                    answers.append(stage.take(call))
                except ConflictingEvent as conflict:
                    answers.append(conflict)
            for write in stage.writes:
                self._commit(write)
        except RecordError as error:
            answers = [error] * len(calls)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            answers = [self._stopped(error)] * len(calls)
        each = iter(answers)
        for offer in group:
            try:
                offer.answered(list(islice(each, len(offer.calls))))
            except Exception:  # noqa: BLE001 - whoever asked may be gone; the others are answered all the same
                _log.exception("whoever offered records could not be told of them")

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


def _settle(future: "Future[list[Receipt]]", answer: Answer) -> None:
    if not future.set_running_or_notify_cancel():
        return  # whoever asked has gone; it is recorded all the same
    if isinstance(answer, list):
        future.set_result(answer)
    else:
        future.set_exception(answer)
