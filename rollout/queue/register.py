"""The desk's list, in a file that follows the journal: bounded memory, quick after a restart.

It can be thrown away at any time. It says up to which record it knows the journal and catches up
whenever it is asked, so what it answers is as new as the journal. Texts and customers are not in it.
"""

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeVar

import orjson

from rollout.background import step_back
from rollout.errors import JournalCorrupt, RecordError
from rollout.queue.fold import KINDS, SCHEMA, apply
from rollout.queue.waiting import Waiting, of_row
from rollout.record.journal import Journal
from rollout.record.line import BUNDLE, last_of, parse, to_records
from rollout.record.segments import Line, batches, decoded, hash_at, parsed
from rollout.records import Kind, Record

NAME: Final = "queue.sqlite"
MOST_LISTED: Final = 200
_KEEP_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 2.0
"""Whether an agent may speak is answered within this time, or it may not."""
_POSITION: Final = """
CREATE TABLE IF NOT EXISTS position (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER, hash TEXT);
INSERT OR IGNORE INTO position VALUES (1, 0, '');
"""
_ID: Final = b'"id":"'
_KIND: Final = b'","kind":"'
_LOOKED_UP: Final = frozenset({b"ticket", b"triage", BUNDLE.encode()})
_BY_AGENT: Final = b'"handler":"agent"'
_RECENT: Final = 20_000
_DISKS: Final = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM),
    }
)
"""Result codes that say nothing against the file itself."""
_KINDS: Final = frozenset(kind.encode() for kind in KINDS)
_ALL_KINDS: Final = frozenset(kind.encode() for kind in Kind)

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


class Register:
    """What waits for people, of all tenants. Thread-safe; of the process that owns the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._path = journal.folder.parent / NAME
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._position = 0
        self._thread = ThreadPoolExecutor(1, "queue", step_back)
        self._recent: OrderedDict[bytes, bytes] = OrderedDict()
        self._closing = False

    def listed(
        self,
        tenant: str,
        *,
        state: str = "open",
        kind: str | None = None,
        queue: str | None = None,
        workflow: str | None = None,
        after: tuple[int, int] = (-1, -1),
        limit: int = 50,
    ) -> list[Waiting]:
        """Those of a tenant in one state, the most urgent first, behind a place in that order.

        Raises:
            RecordError: the file or the journal cannot be read.

        """
        wanted = {"kind": kind, "queue": queue, "workflow": workflow}
        narrow = "".join(f" AND {name} = :{name}" for name, value in wanted.items() if value is not None)
        with self._caught_up() as file:
            rows = file.execute(
                "SELECT * FROM items WHERE tenant = :tenant AND state = :state"
                f" AND (rank, seq) > (:rank, :seq){narrow} ORDER BY rank, seq LIMIT :limit",
                wanted
                | {"tenant": tenant, "state": state, "rank": after[0], "seq": after[1], "limit": limit},
            ).fetchall()
        return [of_row(row) for row in rows]

    def get(self, tenant: str, ticket_id: str) -> Waiting | None:
        """A ticket that waits, or has waited; None of one that never did.

        Raises:
            RecordError: as ``listed``.

        """
        with self._caught_up() as file:
            row = file.execute(
                "SELECT * FROM items WHERE tenant = ? AND ticket_id = ?", (tenant, ticket_id)
            ).fetchone()
        return None if row is None else of_row(row)

    async def have(self, tenant: str, ticket_id: str) -> bool:
        """Whether a person has worked on a ticket, or it was handed to one, whoever reported that.

        Raises:
            RecordError: as ``listed``.
            TimeoutError: nobody can tell soon enough.

        """
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.ask(lambda: self._have(tenant, ticket_id))

    async def ask(self, question: Callable[[], Answer]) -> Answer:
        """Have a question answered in the register's own thread.

        Only there: while the file is made anew, those who wait must not take the threads that routing
        needs.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, question)

    def pairs(
        self, tenant: str, rater: str, workflow: str | None, most: int
    ) -> tuple[list[sqlite3.Row], int]:
        """Shadow replies with the human's beside them that a rater has not judged; and how many there are.

        In an order drawn once for all, which says nothing about the tickets.

        Raises:
            RecordError: as ``listed``.

        """
        narrow = "" if workflow is None else " AND s.workflow = :workflow"
        found = (
            "FROM shadows s JOIN answers a USING (tenant, ticket_id) LEFT JOIN labels l"
            " ON (l.tenant, l.ticket_id, l.version, l.rater) = (s.tenant, s.ticket_id, s.version, :rater)"
            f" WHERE s.tenant = :tenant AND l.rater IS NULL{narrow}"
        )
        asked = {"tenant": tenant, "rater": rater, "workflow": workflow, "most": most}
        with self._caught_up() as file:
            rows = file.execute(
                f"SELECT s.*, a.ref AS human_ref {found} ORDER BY s.draw LIMIT :most",
                asked,
            ).fetchall()
            left = file.execute(f"SELECT count(*) {found}", asked).fetchone()[0]
        return rows, left

    def paired(self, tenant: str, ticket_id: str, version: str) -> bool:
        """Whether a version's shadow reply has a person's beside it.

        Raises:
            RecordError: as ``listed``.

        """
        with self._caught_up() as file:
            row = file.execute(
                "SELECT 1 FROM shadows JOIN answers USING (tenant, ticket_id)"
                " WHERE tenant = ? AND ticket_id = ? AND version = ?",
                (tenant, ticket_id, version),
            ).fetchone()
        return row is not None

    def catch_up(self) -> int:
        """Take in what is new in the journal; how far it has come.

        Raises:
            RecordError: as ``listed``.

        """
        with self._caught_up():
            return self._position

    async def keep(self) -> None:
        """Catch up now and then, so that nobody who asks waits for it."""
        while True:
            try:
                await self.ask(self.catch_up)
            except RecordError as error:
                _log.warning("the desk's list cannot follow: %s", error)
            await asyncio.sleep(_KEEP_SECONDS)

    def close(self) -> None:
        self._closing = True
        self._thread.shutdown(cancel_futures=True)
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _have(self, tenant: str, ticket_id: str) -> bool:
        with self._caught_up() as file:
            row = file.execute(
                "SELECT 1 FROM people WHERE tenant = ? AND ticket_id = ? AND answered >= 0",
                (tenant, ticket_id),
            ).fetchone()
        return row is not None

    @contextmanager
    def _caught_up(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection, self._position = self._opened()
                self._follow(self._connection)
                yield self._connection
            except (sqlite3.Error, UnicodeDecodeError) as error:
                if _is_damage(error):  # found when it is opened the next time, and made anew
                    self._forget()
                raise RecordError(
                    f"{self._path}: {error}; make room, or delete the file: it is made anew from the journal"
                ) from error

    def _follow(self, file: sqlite3.Connection) -> None:
        head = self._journal.head()
        for batch in batches(self._journal.folder, self._position, head.seq):
            if self._closing:
                return
            with file:
                for raw in batch.raws:
                    if self._wanted(raw):
                        for record in decoded(Line(batch.path, 0, raw)):
                            apply(file, record, self._find)
                newest = parsed(Line(batch.path, 0, batch.raws[-1]))
                position = last_of(newest)
                file.execute("UPDATE position SET seq = ?, hash = ?", (position, newest["hash"]))
            self._position = position

    def _wanted(self, raw: bytes) -> bool:
        """Whether a line changes something here; tickets and triages are remembered for a while.

        Nearly every line is one of those or of no interest, so it is told by its first bytes: quotes within
        an id are escaped, so that the first such name is the record's own.
        """
        place = raw.find(_KIND)
        kind = raw[place + len(_KIND) : raw.find(b'"', place + len(_KIND))]
        if kind in _LOOKED_UP:
            self._recent[raw[raw.find(_ID) + len(_ID) : place]] = raw
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)
            return False
        if kind not in _ALL_KINDS:
            return True  # damaged, or of a later version: whoever decodes it finds out
        return kind in _KINDS and not (kind == b"handling" and _BY_AGENT in raw)

    def _find(self, event_id: str, tenant: str) -> Record | None:
        """A record; a ticket is usually handed off soon after it came, so that it need not be searched."""
        told = orjson.dumps(event_id)[1:-1]
        ticket = b"ticket:" + told.partition(b":")[2]  # under this it is known where they share a line
        for recent in filter(None, (self._recent.get(told), self._recent.get(ticket))):
            for record in to_records(parse(recent)):
                if (record.event_id, record.tenant) == (event_id, tenant):
                    return record
        return self._journal.find(event_id, tenant)

    def _opened(self) -> tuple[sqlite3.Connection, int]:
        """The file and its position; begun anew where it is damaged, ahead of the journal, or another's."""
        file = None
        try:
            file = self._connected()
            seq = self._known(file)
        except (sqlite3.Error, UnicodeDecodeError, TypeError) as error:
            if file is not None:
                file.close()
            if not _is_damage(error):
                raise
            _log.warning("%s is damaged (%s); it is made anew from the journal", self._path, error)
            return self._anew(), 0
        if seq is None:
            file.close()
            return self._anew(), 0
        return file, seq

    def _known(self, file: sqlite3.Connection) -> int | None:
        """Up to which record the file knows this journal; None where it is another's, or not whole."""
        seq, digest = file.execute("SELECT seq, hash FROM position").fetchone()
        if file.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            return None
        if seq and (seq > self._journal.head().seq or self._hash_at(seq) != digest):
            return None
        return int(seq)

    def _anew(self) -> sqlite3.Connection:
        for path in self._path.parent.glob(f"{NAME}*"):
            path.unlink()
        return self._connected()

    def _connected(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, check_same_thread=False, timeout=5)
        try:
            # NORMAL: what a power loss takes is read again from the journal.
            file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + SCHEMA + _POSITION)
        except (sqlite3.Error, UnicodeDecodeError):
            file.close()
            raise
        file.row_factory = sqlite3.Row
        return file

    def _hash_at(self, seq: int) -> str | None:
        try:
            return hash_at(self._journal.folder, seq)
        except JournalCorrupt:
            return None


def _is_damage(error: Exception) -> bool:
    """Whether an error is the file's; one without a code is Python's, of text that is none."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF not in _DISKS
