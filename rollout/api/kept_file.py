"""The file of kept answers: looked through when it is opened, every row sealed, mended by what verifies.

A wrong answer under a key is worse than none, and a key that was lost in silence lets an order be carried
out twice. So each row holds a digest over all of it, which is held against it at every use; the file as a
whole is checked when it is opened; and what is damaged is replaced by a file of the rows that verify, which
says since when keys may be missing. It takes the old one's place whole or not at all.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from rollout.record.tail import sync_folder

NAME: Final = "idempotency.sqlite"
_MAKING: Final = ".recovering"
"""A file that is not whole yet; thrown away by whoever finds it."""
_MADE: Final = ".recovered"
"""A whole file that has yet to take the place of the damaged one."""
_BESIDE: Final = ("-wal", "-shm", "-journal")
_SCHEMA: Final = """
CREATE TABLE kept (
    tenant TEXT NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, begun_at TEXT NOT NULL,
    status INTEGER, media_type TEXT, body BLOB, seal BLOB NOT NULL,
    PRIMARY KEY (tenant, key)) WITHOUT ROWID;
CREATE INDEX kept_by_age ON kept (begun_at);
CREATE TABLE file (only INTEGER PRIMARY KEY CHECK (only = 1), lost_at TEXT);
INSERT INTO file VALUES (1, NULL);
"""
COLUMNS: Final = "tenant, key, digest, begun_at, status, media_type, body"
_PUT: Final = f"INSERT OR REPLACE INTO kept ({COLUMNS}, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BROKEN: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,  # a table or column that is no longer there
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_INTERNAL,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
    }
)
"""Primary result codes that are the file's; others are the disk's, or somebody else's lock."""

_EMPTY: Final = "the file is empty"
_ALTERED: Final = "a kept answer is not what was written"

_log = logging.getLogger(__name__)

Row = tuple[str, str, bytes, str, int | None, str | None, bytes | None]
"""As ``COLUMNS``."""


class Altered(Exception):
    """The file, or a row of it, is not what was written."""


FAILURES: Final = (sqlite3.Error, UnicodeDecodeError, Altered)
"""What a file may answer with; words of a damaged schema are no text that Python can read."""


class Examined(NamedTuple):
    """What a look through a file found."""

    rows: int
    """That verify."""
    problem: str | None
    """The first thing that is wrong."""


def opened(path: Path, now: datetime) -> sqlite3.Connection:
    """Open the file, made or mended where that is needed.

    Raises:
        sqlite3.Error, OSError: the disk refuses; nothing half made is left in its place.

    """
    _switch(path)
    if not path.exists():
        _make(path, ())
    try:
        return _checked(path)
    except FAILURES as error:
        if not is_damage(error):
            raise
        mend(path, error, now)
    return _checked(path)


def mend(path: Path, cause: Exception, now: datetime) -> None:
    """Put a file of the rows that verify in the place of a damaged one, which nobody may have open.

    Raises:
        sqlite3.Error, OSError: the disk refuses; the damaged file stays and is mended another time.

    """
    rows = {row[:2]: row for row in _verifying(path)}
    _make(path, rows.values(), lost_at=now)
    _log.warning(
        "%s was damaged (%s): %d answers verify and go on being kept. For a day an order under a key that is"
        " not among them is refused as in doubt; everything else is safe to repeat by the ids in its body",
        *(path, cause, len(rows)),
    )


def put(file: sqlite3.Connection, row: Row) -> None:
    """Write a row, sealed."""
    file.execute(_PUT, (*row, seal(row)))


def got(file: sqlite3.Connection, tenant: str, key: str) -> Row | None:
    """Read a row.

    Raises:
        Altered: it is not what was written.

    """
    found = file.execute(
        f"SELECT {COLUMNS}, seal FROM kept WHERE tenant = ? AND key = ?", (tenant, key)
    ).fetchone()
    if found is None:
        return None
    if not _holds(found):
        raise Altered(_ALTERED)
    return _row(found)


def lost_at(file: sqlite3.Connection) -> datetime | None:
    """Since when keys from before may be missing.

    Raises:
        Altered: the file no longer says.

    """
    found = file.execute("SELECT lost_at FROM file").fetchone()
    try:
        return None if found[0] is None else datetime.fromisoformat(found[0])
    except (TypeError, ValueError):
        raise Altered("what it says of itself is not what was written") from None


def examined(path: Path) -> Examined:
    """Look through a file as it is, every row of it; changes nothing."""
    if not path.stat().st_size:
        return Examined(0, _EMPTY)
    try:
        with closing(_connected(f"file:{_quoted(path)}?mode=ro", uri=True)) as file:
            _sound(file)
            if _is_unsealed(file):
                return Examined(file.execute("SELECT count(*) FROM answers").fetchone()[0], None)
            lost_at(file)
            held = [_holds(found) for found in file.execute(f"SELECT {COLUMNS}, seal FROM kept")]
    except FAILURES as error:
        return Examined(0, str(error))
    return Examined(sum(held), None if all(held) else _ALTERED)


def is_damage(error: Exception) -> bool:
    """Whether an error is the file's, and not the disk's or another process's."""
    if isinstance(error, Altered | UnicodeDecodeError):
        return True
    # Text that cannot be decoded has no code: Python found it, not SQLite.
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.Error) and (code is None or code & 0xFF in _BROKEN)


def seal(row: Row) -> bytes:
    """SHA-256 over all of a row, each part by kind and length."""
    told = hashlib.sha256()
    for part in row:
        match part:
            case str():
                raw = b"s" + part.encode(errors="surrogateescape")
            case bytes():
                raw = b"b" + part
            case _:
                raw = repr(part).encode()
        told.update(len(raw).to_bytes(8, "big") + raw)
    return told.digest()


def _row(found: tuple[object, ...]) -> Row:
    return found[:-1]  # type: ignore[return-value]  # its seal holds, so it is what ``put`` was given


def _holds(found: tuple[object, ...]) -> bool:
    return seal(_row(found)) == found[-1]


def _connected(name: str | Path, *, uri: bool = False) -> sqlite3.Connection:
    file = sqlite3.connect(name, check_same_thread=False, timeout=5, uri=uri)
    file.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    return file


def _checked(path: Path) -> sqlite3.Connection:
    """The file, looked through as a whole; a disk that refuses leaves nothing half open behind."""
    if not path.stat().st_size:
        raise Altered(_EMPTY)
    file = _connected(path)
    try:
        file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")
        _sound(file)
        _seal_all(file)
        lost_at(file)
    except FAILURES:
        file.close()
        raise
    return file


def _sound(file: sqlite3.Connection) -> None:
    """Hold tree, keys and index of the file against each other.

    Raises:
        Altered, sqlite3.Error: they do not agree.

    """
    # Not the quick one: it would not see a key that was changed, only the index knows that.
    told = file.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if told != "ok":
        raise Altered(" ".join(str(told).split()))


def _is_unsealed(file: sqlite3.Connection) -> bool:
    return file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'answers'").fetchone() is not None


def _seal_all(file: sqlite3.Connection) -> None:
    """Take over the table of releases that sealed nothing."""
    if not _is_unsealed(file):
        return
    with file:
        file.execute("BEGIN")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            file.execute(statement)
        for row in file.execute(f"SELECT {COLUMNS} FROM answers"):
            put(file, row)
        file.execute("DROP TABLE answers")


def _verifying(path: Path) -> Iterator[Row]:
    """Every row that can be read and is what was written, from both ends of the file."""
    for order in ("", " DESC"):
        asked = f"SELECT {COLUMNS}, seal FROM kept ORDER BY tenant{order}, key{order}"
        try:
            with closing(_connected(path)) as file:
                yield from (_row(found) for found in file.execute(asked) if _holds(found))
        except FAILURES as error:
            if not is_damage(error):
                raise


def _make(path: Path, rows: Iterable[Row], lost_at: datetime | None = None) -> None:
    """Make a file beside the one there is and put it in its place."""
    making, made = (path.with_name(path.name + ending) for ending in (_MAKING, _MADE))
    for each in (making, *_beside(making)):
        each.unlink(missing_ok=True)
    with closing(_connected(making)) as file:
        file.executescript("PRAGMA synchronous = FULL; BEGIN;" + _SCHEMA)
        for row in rows:
            put(file, row)
        file.execute("UPDATE file SET lost_at = ?", (lost_at and lost_at.isoformat(),))
        file.commit()
    making.rename(made)
    _switch(path)


def _switch(path: Path) -> None:
    """Put a file that was made whole in its place, if there is one. A stop in between is taken up again."""
    made = path.with_name(path.name + _MADE)
    if not made.exists():
        return
    sync_folder(path.parent)
    for each in _beside(path):  # first: its log would be read into the new file
        each.unlink(missing_ok=True)
    made.replace(path)
    sync_folder(path.parent)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in _BESIDE]


def _quoted(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
