"""The texts of tickets, apart from the journal so that they can be erased.

A reference is SHA-256(nonce ‖ text): it proves what was said while the text is there and, once the
nonce is gone with the text, says nothing about it. What was erased leaves its reference behind as
a tombstone, so that erased and lost can be told apart.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final, Literal, Self

from rollout.clock import Clock, SystemClock
from rollout.errors import RecordError

State = Literal["present", "erased", "expired", "missing"]
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS content (
    ref TEXT PRIMARY KEY, tenant TEXT NOT NULL, customer_id TEXT NOT NULL, ticket_id TEXT NOT NULL,
    part TEXT NOT NULL, nonce BLOB NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS content_of_ticket ON content (tenant, ticket_id, part);
CREATE INDEX IF NOT EXISTS content_of_customer ON content (tenant, customer_id);
CREATE INDEX IF NOT EXISTS content_by_age ON content (created_at);
CREATE TABLE IF NOT EXISTS gone (ref TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
"""

_RESTORE: Final = "the file is damaged: stop what uses it and restore it from a backup"


@dataclass(frozen=True, slots=True)
class Text:
    """One part of a ticket's content, e.g. ``subject``, ``text``, ``reply``, ``packet``."""

    tenant: str
    customer_id: str
    ticket_id: str
    part: str
    body: str


class ContentStore:
    """Texts by reference, in an SQLite file. Thread-safe; several processes may open it."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._clock = clock or SystemClock()
        self.nonces: Callable[[int], bytes] = os.urandom
        """A simulation of made-up texts sets its own, to leave the same references each time; nobody else."""
        self._lock = Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, timeout=30)
        with self._locked() as connection:
            connection.executescript(
                # FULL: the commit is on disk before the journal refers to it. secure_delete: erased
                # texts are overwritten, not only unlinked.
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;" + _SCHEMA
            )

    def put(self, texts: Sequence[Text]) -> list[str]:
        """Store texts durably and return their references, in order.

        The same text for the same part of the same ticket keeps its reference, so that a retried
        ticket is the same event.

        Raises:
            RecordError: the disk refuses; nothing was stored.

        """
        created_at = self._clock.now().isoformat()
        with self._transaction() as connection:
            return [_put(connection, text, created_at, self.nonces) for text in texts]

    def get(self, ref: str) -> str | None:
        """Return a text; None when it was erased or was never there (``states`` tells which).

        Raises:
            RecordError: the file is damaged, or the text is not the one that was stored.

        """
        with self._locked() as connection:
            row = connection.execute("SELECT nonce, body FROM content WHERE ref = ?", (ref,)).fetchone()
        if row is None:
            return None
        if not _is_whole(ref, *row):
            raise RecordError(f"{self._path}: the text of {ref} is not the one that was stored; {_RESTORE}")
        return str(row[1])

    def of_ticket(self, tenant: str, ticket_id: str, part: str) -> str | None:
        """Return a part of a ticket's content, the newest where there are several; None if none is left."""
        with self._locked() as connection:
            row = connection.execute(
                "SELECT body FROM content WHERE tenant = ? AND ticket_id = ? AND part = ?"
                " ORDER BY created_at DESC LIMIT 1",
                (tenant, ticket_id, part),
            ).fetchone()
        return None if row is None else str(row[0])

    def states(self, refs: Collection[str]) -> dict[str, State]:
        """Say of each reference whether its text is there, was erased, has expired, or is missing."""
        asked = json.dumps(list(refs))
        states: dict[str, State] = dict.fromkeys(refs, "missing")
        with self._locked() as connection:
            gone = connection.execute(
                "SELECT ref, state FROM gone WHERE ref IN (SELECT value FROM json_each(?))", (asked,)
            ).fetchall()
            present = connection.execute(
                "SELECT ref, 'present' FROM content WHERE ref IN (SELECT value FROM json_each(?))", (asked,)
            ).fetchall()
        states.update(gone + present)
        return states

    def of_customer(self, tenant: str, customer_id: str) -> list[str]:
        """Return the references of a customer's texts."""
        with self._locked() as connection:
            rows = connection.execute(
                "SELECT ref FROM content WHERE tenant = ? AND customer_id = ? ORDER BY ref",
                (tenant, customer_id),
            ).fetchall()
        return [row[0] for row in rows]

    def erase_customer(self, tenant: str, customer_id: str) -> list[str]:
        """Erase a customer's texts and return their references. Overwritten on disk on return."""
        refs = self.of_customer(tenant, customer_id)
        self.erase(refs)
        return refs

    def erase(self, refs: Iterable[str]) -> None:
        """Erase texts by reference; those that are gone already stay so."""
        self._remove(refs, "erased")

    def purge(self, before: datetime) -> int:
        """Erase what was stored before a moment (retention); return how many texts."""
        with self._locked() as connection:
            rows = connection.execute(
                "SELECT ref FROM content WHERE created_at < ?", (before.isoformat(),)
            ).fetchall()
        self._remove((row[0] for row in rows), "expired")
        return len(rows)

    def altered(self) -> Iterator[str]:
        """Yield the references whose text is not the one that was stored.

        Raises:
            RecordError: the file is damaged so that not all of them can be read.

        """
        try:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.text_factory = lambda raw: raw.decode(errors="replace")
                for ref, nonce, body in connection.execute("SELECT ref, nonce, body FROM content"):
                    if not _is_whole(ref, nonce, body):
                        yield str(ref)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise RecordError(f"{self._path}: {error}; {_RESTORE}") from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _remove(self, refs: Iterable[str], state: State) -> None:
        rows = [(ref,) for ref in refs]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM content WHERE ref = ?", rows)
            connection.executemany(f"INSERT OR IGNORE INTO gone VALUES (?, '{state}')", rows)
        with self._locked() as connection:
            # The write-ahead log still holds the pages as they were: empty it too.
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise RecordError(
                f"{self._path}: the texts are erased, but another process reads and their bytes still stand"
                " in the write-ahead log; repeat the command when it has finished"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._locked() as connection, connection:
            yield connection

    @contextmanager
    def _locked(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time."""
        with self._lock:
            try:
                yield self._connection
            except sqlite3.OperationalError as error:
                raise RecordError(f"{self._path}: {error}; nothing was changed. Try again") from error
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # words of a schema that is no text
                raise RecordError(f"{self._path}: {error}; {_RESTORE}") from error


def _put(connection: sqlite3.Connection, text: Text, created_at: str, nonces: Callable[[int], bytes]) -> str:
    known = connection.execute(
        "SELECT ref FROM content"
        " WHERE tenant = ? AND ticket_id = ? AND part = ? AND customer_id = ? AND body = ?",
        (text.tenant, text.ticket_id, text.part, text.customer_id, text.body),
    ).fetchone()
    if known:
        return str(known[0])
    nonce = nonces(16)
    ref = _reference(nonce, text.body)
    connection.execute(
        "INSERT INTO content VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (ref, text.tenant, text.customer_id, text.ticket_id, text.part, nonce, text.body, created_at),
    )
    return ref


def _is_whole(ref: str, nonce: object, body: object) -> bool:
    """Whether a row is what was written; a flipped bit can make a number of a text."""
    return isinstance(nonce, bytes) and isinstance(body, str) and _reference(nonce, body) == ref


def _reference(nonce: bytes, body: str) -> str:
    return f"sha256:{hashlib.sha256(nonce + body.encode()).hexdigest()}"
