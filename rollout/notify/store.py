"""What has to be told, to whom, and how far the journal was read: in SQLite, and no texts in it.

A message is made when it is sent, from the journal and the texts that are still there. So an erased
customer is erased from what waits, too.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple, Self

from rollout.errors import RecordError

FILE: Final = "notify.sqlite"
STATES: Final = ("pending", "delivered", "dead")
_KEEP_SECONDS: Final = 30 * 86400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS subscriptions (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, subscription TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL, due REAL NOT NULL, cause TEXT, changed REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON deliveries (subscription, due) WHERE state = 'pending';
"""


class Delivery(NamedTuple):
    """One message to one subscriber."""

    id: str
    """The same whenever it is tried, so that a receiver knows what it has."""
    subscription: str
    seq: int
    event: str
    state: str
    attempts: int
    due: float
    """Not before this moment, in seconds since 1970."""
    cause: str | None
    """Why it has not arrived so far."""
    changed: float


def delivery_id(subscription: str, seq: int, event: str) -> str:
    """The id of a message: a second reading of the journal makes the same ones."""
    return "dlv_" + hashlib.sha256(f"{subscription}\n{seq}\n{event}".encode()).hexdigest()[:32]


class Outbox:
    """The messages of a data folder. Thread-safe; several processes may open it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def begin(self, names: Iterable[str], head: int) -> dict[str, int]:
        """The position of each subscription; a new one begins at ``head``, with what comes next."""
        with self._transaction() as connection:
            rows = [(name, head) for name in names]
            connection.executemany("INSERT OR IGNORE INTO subscriptions VALUES (?, ?)", rows)
            return dict(connection.execute("SELECT name, position FROM subscriptions").fetchall())

    def add(self, found: Sequence[tuple[str, int, str]], names: Iterable[str], upto: int, now: float) -> None:
        """Keep what was found (subscription, record, event) together with how far was read."""
        rows = [(delivery_id(*each), *each, now, now) for each in found]
        with self._transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, 'pending', 0, ?, NULL, ?)", rows
            )
            connection.executemany(
                "UPDATE subscriptions SET position = ? WHERE name = ? AND position < ?",
                [(upto, name, upto) for name in names],
            )

    def due(self, subscription: str, now: float, limit: int) -> list[Delivery]:
        """What may be sent now, longest due first."""
        return self._rows(
            "WHERE subscription = ? AND state = 'pending' AND due <= ? ORDER BY due, seq LIMIT ?",
            (subscription, now, limit),
        )

    def delivered(self, delivery: Delivery, now: float) -> None:
        """It has arrived."""
        self._set(delivery, "delivered", delivery.attempts + 1, now, None, now)

    def failed(self, delivery: Delivery, cause: str, due: float | None, now: float) -> None:
        """It has not arrived: try again at ``due``, or set it aside where that is None."""
        state = "dead" if due is None else "pending"
        self._set(delivery, state, delivery.attempts + 1, due or now, cause, now)

    def replay(self, ids: Sequence[str], now: float) -> int:
        """Try these again from the beginning; returns how many there were."""
        with self._transaction() as connection:
            marks = ",".join("?" * len(ids))
            changed = connection.execute(
                "UPDATE deliveries SET state = 'pending', attempts = 0, due = ?, changed = ?"
                f" WHERE id IN ({marks})",
                (now, now, *ids),
            )
            return changed.rowcount

    def all(self, state: str | None = None, subscription: str | None = None) -> list[Delivery]:
        """Messages, newest record first."""
        return self._rows(
            "WHERE state = coalesce(?, state) AND subscription = coalesce(?, subscription)"
            " ORDER BY seq DESC, subscription, event",
            (state, subscription),
        )

    def counts(self) -> dict[tuple[str, str], int]:
        """How many messages by subscription and state."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT subscription, state, count(*) FROM deliveries GROUP BY subscription, state"
            ).fetchall()
        return {(name, state): count for name, state, count in rows}

    def prune(self, now: float) -> None:
        """Forget what arrived long ago; dead letters stay."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM deliveries WHERE state = 'delivered' AND changed < ?", (now - _KEEP_SECONDS,)
            )

    def _rows(self, where: str, values: tuple[Any, ...]) -> list[Delivery]:
        with self._lock:
            rows = self._connection.execute(f"SELECT * FROM deliveries {where}", values).fetchall()
        return [Delivery(*row) for row in rows]

    def _set(
        self, delivery: Delivery, state: str, attempts: int, due: float, cause: str | None, now: float
    ) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = ?, due = ?, cause = ?, changed = ? WHERE id = ?",
                (state, attempts, due, cause, now, delivery.id),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise RecordError(f"{self._path}: {error}; nothing was changed. Try again") from error
