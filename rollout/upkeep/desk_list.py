"""The desk's list held against the journal it is made from: whether it is whole, how far it is, what differs.

No backup holds it, because every word of it follows from the journal. So the same that makes it anew after a
restore says here what a sound one would hold.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from rollout.errors import JournalCorrupt
from rollout.queue.register import NAME, Register
from rollout.record.segments import Head, hash_at, records
from rollout.records import Record

TABLES: Final = ("items", "people", "shadows", "answers", "labels")


class Found(NamedTuple):
    """What a look at the list found."""

    seq: int
    """The record up to which it knows the journal."""
    problem: str | None
    """Why it cannot be relied on."""


def examined(data: Path) -> Found:
    """Look at the list of a data folder as it is; changes nothing. It must be there.

    Raises:
        JournalCorrupt: the journal itself cannot be read.

    """
    try:
        with _read_only(data / NAME) as file:
            told = file.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if told != "ok":
                return Found(0, " ".join(str(told).split()))
            seq, digest = file.execute("SELECT seq, hash FROM position").fetchone()
        if seq and _hash_at(data / "journal", seq) != digest:
            return Found(
                seq, f"it follows another journal than this one: record {seq:,} is not the one it knows"
            )
        different = differences(data, Head(seq, digest))
    except (sqlite3.Error, UnicodeDecodeError, TypeError) as error:
        return Found(0, str(error))
    if different:
        return Found(seq, f"{different:,} rows are not what the journal says")
    return Found(seq, None)


def differences(data: Path, head: Head) -> int:
    """Count the rows that stand in the list and do not follow from the journal up to a record, or lack."""
    if not head.seq:
        return 0
    count = 0
    with (
        TemporaryDirectory() as folder,
        refolded(data, head, Path(folder)) as anew,
        _read_only(data / NAME) as file,
    ):
        for table in TABLES:
            wanted, there = (
                {tuple(row) for row in each.execute(f"SELECT * FROM {table}")} for each in (anew, file)
            )
            count += len(wanted ^ there)
    return count


@contextmanager
def refolded(data: Path, head: Head, into: Path) -> Iterator[sqlite3.Connection]:
    """Make the list anew from the journal up to a record, in an empty folder; yields its file."""
    register = Register(_Upto(data / "journal", head, into))  # type: ignore[arg-type]  # all it asks of a journal
    try:
        register.catch_up()
    finally:
        register.close()
    with closing(sqlite3.connect(into / NAME)) as file:
        yield file


class _Upto:
    """A journal that somebody else may be writing, up to a record, as the register asks it."""

    def __init__(self, journal: Path, head: Head, into: Path) -> None:
        self.folder = into / "journal"
        self.folder.symlink_to(journal.resolve(), target_is_directory=True)
        self._index = journal / "index.sqlite"
        self._head = head

    def head(self) -> Head:
        return self._head

    def find(self, event_id: str, tenant: str) -> Record | None:
        """A record from before those that the register remembers by itself: the index knows it."""
        with _read_only(self._index) as file:
            row = file.execute(
                "SELECT seq FROM ids WHERE tenant = ? AND event_id = ?", (tenant, event_id)
            ).fetchone()
        if row is None or row[0] > self._head.seq:
            return None
        return next(records(self.folder, row[0] - 1, row[0]), None)


def _hash_at(journal: Path, seq: int) -> str | None:
    try:
        return hash_at(journal, seq)
    except JournalCorrupt:
        return None


@contextmanager
def _read_only(path: Path) -> Iterator[sqlite3.Connection]:
    name = str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    with closing(sqlite3.connect(f"file:{name}?mode=ro", uri=True, timeout=5)) as file:
        yield file
