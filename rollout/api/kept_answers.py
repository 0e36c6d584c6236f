"""Answers by idempotency key, on disk: what was asked and what was said, for at least a day.

A table of its own beside the journal: it is no fact about any ticket, nobody measures by it, and it is
thrown away after a day. No customer's text is ever in it (``once`` sees to that).
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from rollout.errors import QueueFull, RecordError

KEPT_FOR: Final = timedelta(hours=24)
MOST_KEPT: Final = 1_000_000
"""Keys of one tenant within ``KEPT_FOR``; more are refused, never dropped early."""
_PURGE_EVERY: Final = timedelta(minutes=5)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS answers (
    tenant TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, begun_at TEXT NOT NULL,
    status INTEGER, media_type TEXT, body BLOB,
    PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (begun_at);
"""


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
    """The file. Thread-safe; opened at first use, by the one process that owns the journal."""

    def __init__(self, path: Path, most: int = MOST_KEPT) -> None:
        self._path = path
        self._most = most
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._counts: Counter[str] = Counter()
        self._purged: datetime | None = None

    def find(self, tenant: str, key: str) -> Kept | None:
        """What is known of a key.

        Raises:
            RecordError: the file cannot be read.

        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT digest, status, media_type, body FROM answers WHERE tenant = ? AND key = ?",
                (tenant, key),
            ).fetchone()
        return None if row is None else Kept(*row)

    def keep(self, tenant: str, key: str, kept: Kept, now: datetime) -> None:
        """Write down what is known of a key; durable on return.

        Raises:
            QueueFull: the tenant has as many keys as are kept.
            RecordError: the disk refuses.

        """
        with self._transaction() as connection:
            self._purge(connection, now)
            if self._counts[tenant] >= self._most:
                raise QueueFull(
                    f"{self._most:,} idempotency keys were used within a day; send fewer, or none where "
                    "the body's own ids make repeating safe"
                )
            known = connection.execute(
                "SELECT 1 FROM answers WHERE tenant = ? AND key = ?", (tenant, key)
            ).fetchone()
            connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, key) DO UPDATE SET"
                " status = excluded.status, media_type = excluded.media_type, body = excluded.body",
                (tenant, key, kept.digest, now.isoformat(), kept.status, kept.media_type, kept.body),
            )
        if known is None:
            self._counts[tenant] += 1

    def forget(self, tenant: str, key: str) -> None:
        """Drop what was begun under a key and never done, so that it may be tried again.

        Raises:
            RecordError: the disk refuses.

        """
        with self._transaction() as connection:
            gone = connection.execute(
                "DELETE FROM answers WHERE tenant = ? AND key = ? AND status IS NULL", (tenant, key)
            ).rowcount
        self._counts[tenant] -= gone

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _purge(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Drop what is older than a day, every few minutes."""
        if self._purged is not None and self._purged <= now < self._purged + _PURGE_EVERY:
            return
        self._purged = now
        connection.execute("DELETE FROM answers WHERE begun_at < ?", ((now - KEPT_FOR).isoformat(),))
        rows = connection.execute("SELECT tenant, count(*) FROM answers GROUP BY tenant").fetchall()
        self._counts = Counter(dict(rows))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._opened()
                with self._connection as connection:
                    yield connection
            except sqlite3.OperationalError as error:
                raise RecordError(f"{self._path}: {error}; make room and send the same again") from error
            except sqlite3.Error as error:
                raise RecordError(
                    f"{self._path}: {error}; the file is damaged. Stop the server and move it away: the "
                    "idempotency keys of one day are forgotten, the ids in bodies go on making repeating safe"
                ) from error

    def _opened(self) -> sqlite3.Connection:
        """The file, with its table; a disk that is full leaves nothing half open behind."""
        connection = sqlite3.connect(self._path, check_same_thread=False, timeout=5)
        try:
            connection.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;" + _SCHEMA
            )
        except sqlite3.Error:
            connection.close()
            raise
        return connection
