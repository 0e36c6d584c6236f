"""Answers by idempotency key, on disk: what was asked and what was said, for at least a day.

A table of its own beside the journal: it is no fact about any ticket, nobody measures by it, and it is
thrown away after a day. No customer's text is ever in it (``once`` sees to that).
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, TypeVar

from rollout.api import kept_file
from rollout.clock import Clock, SystemClock
from rollout.errors import QueueFull, RecordError

KEPT_FOR: Final = timedelta(hours=24)
MOST_KEPT: Final = 1_000_000
"""Keys of one tenant within ``KEPT_FOR``; more are refused, never dropped early."""
_PURGE_EVERY: Final = timedelta(minutes=5)

_log = logging.getLogger(__name__)
Done = TypeVar("Done")


class Kept(NamedTuple):
    """What is known of a key."""

    digest: bytes
    """SHA-256 of the request."""
    status: int | None
    """None: it was begun, and nobody knows how it ended."""
    media_type: str | None
    body: bytes | None
    """None: the answer can be had again by asking again, or may not be kept."""


class KeptAnswers:
    """The file. Thread-safe; opened at first use, by the one process that owns the journal.

    Damage is met by what still verifies, see ``kept_file``: an answer that is not what was written is never
    given, and ``forgot_some`` says until when a key that is not found may have been used all the same.
    """

    def __init__(self, path: Path, most: int = MOST_KEPT, clock: Clock | None = None) -> None:
        self._path = path
        self._most = most
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._counts: Counter[str] = Counter()
        self._purged: datetime | None = None

    def look(self) -> None:
        """Look through the file there is, so that damage is met before somebody asks."""
        if not self._path.exists():
            return
        try:
            self._do(lambda _: None)
        except RecordError as error:
            _log.warning("%s", error)

    def find(self, tenant: str, key: str) -> Kept | None:
        """What is known of a key.

        Raises:
            RecordError: the file can be neither read nor mended.

        """
        row = self._do(lambda file: kept_file.got(file, tenant, key))
        return None if row is None else Kept(row[2], *row[4:])

    def forgot_some(self) -> bool:
        """Whether keys that were used within ``KEPT_FOR`` may be missing.

        Raises:
            RecordError: as ``find``.

        """
        since = self._do(kept_file.lost_at)
        return since is not None and self._clock.now() < since + KEPT_FOR

    def keep(self, tenant: str, key: str, kept: Kept, now: datetime) -> None:
        """Write down what is known of a key; durable on return.

        Raises:
            QueueFull: the tenant has as many keys as are kept.
            RecordError: the disk refuses.

        """

        def write(file: sqlite3.Connection) -> bool:
            self._purge(file, now)
            if self._counts[tenant] >= self._most:
                raise QueueFull(
                    f"{self._most:,} idempotency keys were used within a day; send fewer, or none where "
                    "the body's own ids make repeating safe"
                )
            known = kept_file.got(file, tenant, key)
            digest, begun_at = (known[2], known[3]) if known else (kept.digest, now.isoformat())
            kept_file.put(file, (tenant, key, digest, begun_at, kept.status, kept.media_type, kept.body))
            return known is None

        new = self._do(write)
        self._counts[tenant] += new
        if kept.status is None:
            # Into the file itself, where damage shows: the end of a log can be lost in silence.
            self._do(lambda file: file.execute("PRAGMA wal_checkpoint(FULL)").fetchall())

    def forget(self, tenant: str, key: str) -> None:
        """Drop what was begun under a key and never done, so that it may be tried again.

        Raises:
            RecordError: the disk refuses.

        """

        def drop(file: sqlite3.Connection) -> int:
            return file.execute(
                "DELETE FROM kept WHERE tenant = ? AND key = ? AND status IS NULL", (tenant, key)
            ).rowcount

        gone = self._do(drop)
        self._counts[tenant] -= gone

    def close(self) -> None:
        with self._lock:
            self._close()

    def _purge(self, file: sqlite3.Connection, now: datetime) -> None:
        """Drop what is older than a day, every few minutes."""
        if self._purged is not None and self._purged <= now < self._purged + _PURGE_EVERY:
            return
        self._purged = now
        file.execute("DELETE FROM kept WHERE begun_at < ?", ((now - KEPT_FOR).isoformat(),))
        rows = file.execute("SELECT tenant, count(*) FROM kept GROUP BY tenant").fetchall()
        self._counts = Counter(dict(rows))

    def _do(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        """Do something in one transaction; where the file turns out damaged, mend it and do it again.

        Raises:
            RecordError: the disk refuses, or the file cannot be mended.

        """
        with self._lock:
            try:
                try:
                    return self._once(work)
                except kept_file.FAILURES as error:
                    if not kept_file.is_damage(error):
                        raise
                    self._close()
                    kept_file.mend(self._path, error, self._clock.now())
                    return self._once(work)
            except (sqlite3.Error, OSError) as error:
                raise RecordError(f"{self._path}: {error}; make room and send the same again") from error
            except (UnicodeDecodeError, kept_file.Altered) as error:
                raise RecordError(
                    f"{self._path}: {error}, and what was written anew neither: look at the disk"
                ) from error

    def _once(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        if self._connection is None:
            self._connection = kept_file.opened(self._path, self._clock.now())
        with self._connection as file:
            return work(file)

    def _close(self) -> None:
        self._purged = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None
