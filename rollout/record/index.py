"""Which event ids the journal holds: what makes recording idempotent in bounded memory.

An SQLite file that can be thrown away at any time: it says up to which record it knows the journal,
and opening brings it up to date. New entries wait in memory and are written many at once, beside the
recording. They are only ever written after their records are durable, so the file never runs ahead of
the journal.
"""

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Final, NamedTuple

import orjson

from rollout.background import step_back
from rollout.errors import RecordError
from rollout.record.line import Key, body_of, each, last_of, written
from rollout.record.segments import Head, hash_at, lines, parsed

FLUSH_ENTRIES: Final = 20_000
_BODY_BYTES: Final = 16
"""Of a digest of a body, as ``body_of`` makes it."""

_CUT: Final = "\\u0000"
_log = logging.getLogger(__name__)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS ids (
    tenant TEXT NOT NULL, event_id TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (tenant, event_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER, hash TEXT);
INSERT OR IGNORE INTO position VALUES (1, 0, '');
"""


class Entry(NamedTuple):
    """Where an event is, and the digest of its body; empty when it was erased."""

    seq: int
    body: bytes


class IdIndex:
    """Event ids of one journal. Thread-safe."""

    def __init__(self, folder: Path, head: Head) -> None:
        """Open the index of the journal in a folder and bring it up to its head."""
        self._folder = folder
        self._path = folder / "index.sqlite"
        self._lock = Lock()
        self._waiting: dict[Key, Entry] = {}
        self._leaving: dict[Key, Entry] = {}
        """Being written to the file at this moment."""
        self._flusher: Thread | None = None
        self._flushed = 0
        try:
            self._connection = self._opened(head)
        except sqlite3.DatabaseError:
            self._remove()
            self._connection = self._opened(head)
        self._catch_up(head)

    def find(self, keys: Sequence[Key]) -> dict[Key, Entry]:
        """Return those of the keys that are known.

        Raises:
            RecordError: the file cannot be read; it is rebuilt when the journal is opened again.

        """
        with self._lock:
            waiting, leaving = self._waiting, self._leaving
            found: dict[Key, Entry] = {}
            asked: dict[str, list[str]] = {}
            for key in keys:
                entry = waiting.get(key) or leaving.get(key)
                if entry is not None:
                    found[key] = entry
                elif self._flushed:
                    asked.setdefault(key.tenant, []).append(key.event_id)
            try:
                for tenant, ids in asked.items():
                    found.update(self._stored(tenant, ids))
            except sqlite3.DatabaseError as error:
                raise RecordError(
                    f"{self._path}: {error}; nothing was recorded. Start again: the index is then rebuilt"
                    " from the journal"
                ) from error
            return found

    def _stored(self, tenant: str, ids: Sequence[str]) -> dict[Key, Entry]:
        told = json.dumps(ids)
        if len(ids) == 1:
            rows = self._connection.execute(
                "SELECT event_id, seq, body FROM ids WHERE tenant = ? AND event_id = ?", (tenant, ids[0])
            )
        elif _CUT in told:  # SQLite's reader of JSON would end the id there
            return {key: entry for each in ids for key, entry in self._stored(tenant, [each]).items()}
        else:
            rows = self._connection.execute(
                "SELECT event_id, seq, body FROM json_each(?) CROSS JOIN ids"
                " ON ids.tenant = ? AND ids.event_id = json_each.value",
                (told, tenant),
            )
        return {Key(tenant, event_id): Entry(seq, body) for event_id, seq, body in rows.fetchall()}

    def add(self, entries: Iterable[tuple[Key, Entry]], head: Head) -> None:
        """Learn the ids of durable records; ``head`` is the newest of them."""
        with self._lock:
            self._waiting.update(entries)
            if len(self._waiting) < FLUSH_ENTRIES or self._leaving:
                return
            self._leaving, self._waiting = self._waiting, {}
        self._flusher = Thread(target=self._leave, args=(head,), name="journal-index", daemon=True)
        self._flusher.start()

    def forget_bodies(self, keys: Iterable[Key], head: Head) -> None:
        """Remove the digests of erased bodies: they could be searched for what was erased."""
        with self._settled():
            self._flush(head)
            with self._connection:
                self._connection.executemany(
                    "UPDATE ids SET body = x'' WHERE tenant = ? AND event_id = ?", list(keys)
                )
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self, head: Head) -> None:
        with self._settled(), closing(self._connection), suppress(sqlite3.OperationalError):
            self._flush(head)

    def _flush(self, head: Head) -> None:
        _write(self._connection, self._waiting, head)
        self._waiting.clear()
        self._flushed = head.seq

    def _leave(self, head: Head) -> None:
        """Write what leaves memory, over a connection of its own: whoever searches reads on meanwhile."""
        step_back()
        done = False
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as file:
                file.executescript("PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;")
                _write(file, self._leaving, head)
            done = True
        except sqlite3.Error as error:  # no reason to stop: they go back to memory until there is room
            _log.warning("%s: %s; what it has not taken in waits in memory", self._path, error)
        with self._lock:
            if done:
                self._flushed = head.seq
            else:
                self._waiting = self._leaving | self._waiting
            self._leaving = {}

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Alone with the file: nothing is being written to it, and nobody searches."""
        while True:
            if self._flusher is not None:
                self._flusher.join()
            with self._lock:
                if not self._leaving:
                    yield
                    return

    def _opened(self, head: Head) -> sqlite3.Connection:
        """Connect; start over when the file is of another journal, or ahead of this one."""
        connection = self._connected()
        try:
            seq, hash_ = connection.execute("SELECT seq, hash FROM position").fetchone()
            if seq and (seq > head.seq or hash_at(self._folder, seq) != hash_):
                connection.close()
                self._remove()
                connection = self._connected()
                seq = 0
        except BaseException:
            connection.close()
            raise
        self._flushed = seq
        return connection

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        # NORMAL with a write-ahead log: a power loss may cost the newest entries, which opening
        # learns again from the journal, but never leaves a damaged file that looks sound.
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
            "PRAGMA cache_size = -65536;" + _SCHEMA
        )
        return connection

    def _remove(self) -> None:
        for path in self._folder.glob("index.sqlite*"):
            path.unlink()

    def _catch_up(self, head: Head) -> None:
        for line in lines(self._folder, self._flushed, head.seq):
            entry = parsed(line)
            body = (
                b""
                if entry.get("erased")
                else body_of(entry["kind"], entry["workflow"], written(entry["payload"]))
            )
            for event in each(entry):
                self._waiting[Key(event["tenant"], event["id"])] = Entry(event["seq"], body)
            if len(self._waiting) >= FLUSH_ENTRIES:
                self._flush(Head(last_of(entry), entry["hash"]))


def _write(file: sqlite3.Connection, entries: Mapping[Key, Entry], head: Head) -> None:
    """Add entries to the file, and that it knows the journal up to ``head``.

    With one statement, which SQLite carries out and sorts without the interpreter: a statement per row
    would hand that to and fro with whoever decides tickets meanwhile, twenty thousand times. Erased bodies,
    and ids that the file's own reader of JSON would cut short, go one by one.
    """
    plain: list[tuple[str, str, int, bytes]] = []
    odd: list[tuple[str, str, int, bytes]] = []
    for key, entry in entries.items():
        (plain if entry.body and "\0" not in key.event_id else odd).append((*key, *entry))
    known = orjson.dumps([row[:3] for row in plain]).decode()
    bodies = b"".join([row[3] for row in plain])
    with file:
        file.execute(
            "INSERT OR REPLACE INTO ids SELECT json_extract(value, '$[0]') AS tenant,"
            " json_extract(value, '$[1]') AS event_id, json_extract(value, '$[2]'), substr(?, key * ? + 1, ?)"
            " FROM json_each(?) ORDER BY tenant, event_id",
            (bodies, _BODY_BYTES, _BODY_BYTES, known),
        )
        file.executemany("INSERT OR REPLACE INTO ids VALUES (?, ?, ?, ?)", odd)
        file.execute("UPDATE position SET seq = ?, hash = ?", head)
