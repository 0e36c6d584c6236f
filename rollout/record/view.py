"""The DuckDB projection of the journal: raw tables per kind, and ``facts``, one row per ticket.

The view may be deleted at any time. It stores the journal position it has applied in the same
transaction as the rows, so that a crash, a full disk and a COMMIT whose fate is unknown have one
answer: reopen, look at the position, apply again from there.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import orjson
import pyarrow as pa

from rollout.errors import RecordError
from rollout.record.migrations import migrate
from rollout.record.projection import Misfit, project
from rollout.record.viewdamage import ViewDamaged, damage_told
from rollout.record.viewdigest import digest
from rollout.record.viewfile import Handles, connect, write_anew
from rollout.record.viewfile import memory_limit as default_memory_limit
from rollout.records import Record

BATCH: Final = 10_000
"""Records per transaction: large enough for Arrow's speed, small enough to bound memory."""
SLICE: Final = 100_000
"""About how many tickets are recomputed at a time."""
_FACTS: Final = (files("rollout.record") / "facts.sql").read_text(encoding="utf-8").split("\n----\n")

_log = logging.getLogger(__name__)

Parameters = Sequence[Any] | Mapping[str, Any]


class View:
    """One writer, any number of readers in the same process.

    ``path`` is the database file, or ``None`` for a view in memory; ``memory_limit`` is DuckDB's, see
    ``viewfile.memory_limit`` for what it is otherwise. The caller holds the folder's
    lock: DuckDB's own is dropped when its owner closes any descriptor on the file.
    """

    def __init__(
        self, path: Path | None = None, *, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        self._path = path
        self._limits = (memory_limit or default_memory_limit(), threads)
        self._writing = threading.RLock()
        self._handles = Handles()
        self.damaged = False
        """Somebody could not read it; ``start_over`` helps."""
        self._open()

    def _open(self) -> None:
        with damage_told(self._path, opening=True):
            connection = connect(self._path, *self._limits)
            migrate(connection)
            row = connection.execute("SELECT seq, refreshed FROM position").fetchall()[0]
        self._connection = connection
        self.position: int = row[0]
        self.refreshed: int = row[1]

    def start_over(self) -> None:
        """Throw the file away and begin with an empty one: what is applied next is the whole journal.

        Not kept: it holds nothing that the journal does not, and would hold whoever is forgotten later.
        """
        with self._writing, self._handles.alone():
            self._let_go()
            if self._path is not None:
                for path in self._path.parent.glob(f"{self._path.name}*"):
                    path.unlink()
            self._open()
            self.damaged = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._writing:
            self._let_go()

    def _let_go(self) -> None:
        """Close the connection. Closing writes the log into the file, and so may be what meets damage."""
        try:
            self._connection.close()
        except duckdb.Error as error:
            self.damaged = True
            first = str(error).splitlines()[0]
            _log.warning(
                "%s: %s; the next start sees what is left and builds the rest anew", self._path, first
            )

    def apply(self, records: Iterable[Record]) -> int:
        """Append records to the raw tables; those at or below ``position`` are passed over.

        Each batch is one transaction with its position. Returns the number of records applied.

        Raises:
            RecordError: a sequence number is missing between the view and the records.

        """
        applied = 0
        source = iter(records)
        while batch := list(islice(source, BATCH)):
            with self._writing:
                applied += self._again_after_reopening(partial(self._apply, batch))
        return applied

    def _apply(self, batch: Sequence[Record]) -> int:
        news = [record for record in batch if record.seq > self.position]
        for expected, record in enumerate(news, start=self.position + 1):
            if record.seq != expected:
                raise RecordError(
                    f"the view is at {self.position} and was given record {record.seq} where {expected} "
                    "belongs; apply the journal from the view's position, in order"
                )
        if not news:
            return 0
        tables, misfits = project(news)
        with self._transaction() as cursor:
            for name, table in tables.items():
                _insert(cursor, name, table)
            if misfits:
                _insert(cursor, "misfits", _misfits(misfits))
            cursor.execute("UPDATE position SET seq = ?", [news[-1].seq])
        self.position = news[-1].seq
        return len(news)

    def refresh(self) -> int:
        """Recompute ``facts`` for every customer touched since the last refresh.

        Returns the number of tickets recomputed.
        """
        with self._writing:
            return self._again_after_reopening(self._refresh)

    def _refresh(self) -> int:
        if self.refreshed == self.position:
            return 0
        with self._transaction() as cursor:
            count = _recompute_facts(cursor, self.refreshed)
            cursor.execute("UPDATE position SET refreshed = seq")
        self.refreshed = self.position
        return count

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        except duckdb.FatalException:
            raise
        except BaseException:
            with suppress(duckdb.Error):  # rolled back already, or as harmed as what raised
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()

    def _again_after_reopening(self, work: Callable[[], int]) -> int:
        """Run ``work``; if DuckDB gives up on its instance, reopen and run it once more.

        After a failed automatic checkpoint the COMMIT that raised is durable and every later
        statement fails until all handles are closed. The position read at reopening says which.
        """
        before: int = self.position
        try:
            with self._damage_noted():
                return work()
        except duckdb.FatalException:
            with self._handles.alone():
                self._let_go()
                self._open()
            durable: int = self.position - before
            with self._damage_noted(again=True):
                return durable + work()

    @contextmanager
    def _damage_noted(self, *, again: bool = False) -> Iterator[None]:
        try:
            with damage_told(self._path, again=again):
                yield
        except ViewDamaged:
            self.damaged = True
            raise

    def query(
        self, sql: str, params: Parameters = (), *, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Rows as dictionaries; times come back aware, in UTC.

        Raises:
            RecordError: the query took longer than ``timeout`` seconds.

        """
        with self._reading(timeout) as cursor:
            cursor.execute(sql, params)
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
        return [dict(zip(names, map(_aware, row), strict=True)) for row in rows]

    def arrow(self, sql: str, params: Parameters = (), *, timeout: float | None = None) -> pa.Table:
        """The result as an Arrow table; times are ``timestamp[us]`` without a zone, in UTC."""
        with self._reading(timeout) as cursor:
            table: pa.Table = cursor.execute(sql, params).to_arrow_table()
            return table

    @contextmanager
    def _reading(self, timeout: float | None) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._handles.shared(), self._cursor(timeout) as cursor:
            yield cursor

    @contextmanager
    def _cursor(self, timeout: float | None) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        alarm = threading.Timer(timeout, cursor.interrupt) if timeout is not None else None
        if alarm:
            alarm.start()
        try:
            with self._damage_noted():
                yield cursor
        except duckdb.InterruptException as error:
            raise RecordError(
                f"the query took longer than {timeout} s and was stopped; narrow it or allow more time"
            ) from error
        finally:
            if alarm:
                alarm.cancel()
            cursor.close()

    def transitions(self, tenant: str, workflow: str) -> list[dict[str, Any]]:
        """The workflow's transitions, newest last, with ``state`` and ``evidence`` as mappings."""
        rows = self.query(
            'SELECT tenant, workflow, seq, "at", action, track, from_step, to_step, reason, sentence, '
            "plan_digest, actor, state, evidence FROM transitions "
            "WHERE tenant = ? AND workflow = ? ORDER BY seq",
            [tenant, workflow],
        )
        for row in rows:
            row["state"] = orjson.loads(row["state"] or "{}")
            row["evidence"] = orjson.loads(row["evidence"] or "{}")
        return rows

    def digest(self) -> str:
        """SHA-256 over the content of all tables, whatever the order of their rows."""
        with self._reading(None) as cursor:
            return digest(cursor)

    def forget(self, tenant: str, customer_id: str, pseudonym: str) -> int:
        """Put the pseudonym in the customer's place in every table; returns the number of rows.

        The file is then written anew: the old value is gone from its free blocks and its log too.
        """
        changed = 0
        with self._writing, self._damage_noted():
            with self._transaction() as cursor:
                cursor.execute(_REVISED, [tenant, customer_id])
                for table, column, besides in _PERSONAL:
                    changed += cursor.execute(
                        f"UPDATE {table} SET {column} = ?{besides} WHERE tenant = ? AND {column} = ?",
                        [pseudonym, tenant, customer_id],
                    ).fetchall()[0][0]
            if changed and self._path:
                with self._handles.alone():
                    self._connection.execute("CHECKPOINT")
                    self._connection.close()
                    try:
                        write_anew(self._path)
                    finally:
                        self._open()
        return changed


def _recompute_facts(cursor: duckdb.DuckDBPyConnection, after: int) -> int:
    touched, dirty, slice_, *rest = _FACTS
    cursor.execute(touched, {"after": after})
    cursor.execute(dirty)
    tickets, customers = cursor.execute(
        "SELECT (SELECT count(*) FROM touched), (SELECT count(*) FROM all_dirty)"
    ).fetchall()[0]
    slices = 1 + max(tickets, customers) // SLICE
    count = 0
    for number in range(slices):
        cursor.execute(slice_, {"slices": slices, "slice": number})
        for statement in rest:
            cursor.execute(statement)
        count += cursor.execute("SELECT count(*) FROM fresh").fetchall()[0][0]
    return count


_REVISED: Final = """
UPDATE fact_days SET revision = (SELECT max(revision) + 1 FROM fact_days)
WHERE (tenant, workflow, "day") IN (
    SELECT (tenant, workflow, "day") FROM facts WHERE tenant = ? AND customer_id = ?)"""
"""Whatever was kept of the days of a customer who is to be forgotten holds no longer."""

_PERSONAL: Final = (
    ("tickets", "customer_id", ""),
    ("assignments", "unit", ", bucket = 0"),
    ("histories", "customer_id", ""),
    ("facts", "customer_id", ""),
)
"""Tables and columns that name a customer, and what goes with the name: a bucket is a hash of it."""


def _insert(cursor: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    cursor.register("incoming", table)
    try:
        cursor.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming")
    finally:
        cursor.unregister("incoming")


def _misfits(misfits: Sequence[Misfit]) -> pa.Table:
    columns = zip(*misfits, strict=True)
    return pa.table(dict(zip(Misfit._fields, map(list, columns), strict=True)))


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
