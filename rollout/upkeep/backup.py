"""A consistent copy of a data folder, taken without a lock while a server writes to it.

The order makes it consistent. First what may only lag behind the journal: how far messages were
sent and which requests were answered. Then the journal's head is noted, and the journal copied up
to it; it only grows, so that part is finished. Then what may only run ahead: texts are stored
before a record refers to them, and a key that was revoked must stay so.

An erasure rewrites older records. One that happens meanwhile spoils the copy, which is then begun
again.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import sleep
from typing import Final

from rollout.api import kept_file
from rollout.clock import Clock, SystemClock
from rollout.errors import JournalCorrupt, RecordError, UsageError
from rollout.record.audit import verify
from rollout.record.folder import refuse_half_restored
from rollout.record.reader import JournalReader
from rollout.record.segments import Head, lines, segments
from rollout.record.tail import sync_folder
from rollout.records import Kind
from rollout.upkeep.manifest import Kept, Manifest, digest_of

_log = logging.getLogger(__name__)
_LAGS: Final = ("notify.sqlite", kept_file.NAME)
_SQLITE: Final = ".sqlite"
_DERIVED: Final = (
    *("view.duckdb", "queue.sqlite", "owner.lock", "view.lock", "journal", ".keys.json."),
    f"{kept_file.NAME}.",
)
"""Beginnings of names that are left out: made anew, of one process, or copied in their own way."""
_ERASING: Final = "erasing"
_TRIES: Final = 20
_WAIT_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far it is: bytes copied, then records checked."""

    copied: Callable[[int], None] = field(default=lambda _: None)
    checked: Callable[[int], None] = field(default=lambda _: None)


def backup(
    data: Path, destination: Path, *, clock: Clock | None = None, progress: Progress | None = None
) -> Manifest:
    """Copy a data folder to a new one and return what is in it; nothing else may be there.

    Whatever stops it, a destination without a manifest is left, which ``restore`` refuses.

    Raises:
        UsageError: ``data`` is no data folder, or the destination is taken or inside of it.
        JournalCorrupt: the record is not sound; a copy of it would be none either.
        RecordError: a file cannot be copied, or customers are erased all the time.

    """
    clock, progress = clock or SystemClock(), progress or Progress()
    _refuse(data, destination)
    try:
        destination.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _LAGS:
            if (data / name).exists():
                _copy_lagging(data / name, destination / name)
        head = _copied_journal(data / "journal", destination / "journal", progress.copied)
        for path in _others(data, data):
            _copy(path, destination / path.relative_to(data))
        newest = _checked(destination, head, progress.checked)
        files = tuple(_kept(destination))
    except (OSError, sqlite3.Error) as error:
        raise RecordError(
            f"backup of {data} to {destination}: {error}; it is not finished. Remove {destination},"
            " make room, and run it again"
        ) from error
    manifest = Manifest(clock.now().isoformat(), version("ridealong"), head, newest, files)
    manifest.save(destination)
    return manifest


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite file as it is at one moment, whoever writes to it meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(f"file:{_quoted(source)}?mode=ro", uri=True, timeout=30)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)  # all pages in one step: what is written meanwhile stays out
    _settle(target)


def _copy_lagging(source: Path, target: Path) -> None:
    try:
        copy_database(source, target)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        if source.name != kept_file.NAME:
            raise
        # The server that opens it mends it; everything else in the folder may not wait for that.
        _log.warning("%s: %s; it is copied as it is", source, error)
        target.unlink()
        shutil.copyfile(source, target)
        target.chmod(0o600)


def _settle(path: Path) -> None:
    """Leave one file: no write-ahead log beside it, so that reading never changes a byte."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    path.chmod(0o600)


def _quoted(path: Path) -> str:
    return str(path.resolve()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _refuse(data: Path, destination: Path) -> None:
    refuse_half_restored(data)
    if not (data / "journal").is_dir():
        raise UsageError(f"{data} is no data folder; --data names one")
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise UsageError(f"{destination} is there and not empty; name a new folder for each backup")
    if destination.resolve().is_relative_to(data.resolve()):
        raise UsageError(f"{destination} lies in {data} itself; a backup belongs on another disk")


def _copied_journal(journal: Path, target: Path, progress: Callable[[int], None]) -> Head:
    """Copy the durable records; return the newest one copied.

    Raises:
        RecordError: an erasure was under way every time.

    """
    reader = JournalReader(journal)
    for _ in range(_TRIES):
        head = reader.head()
        # In this order: without the note, every erasure up to the head is complete.
        if not (journal / _ERASING).exists():
            _copy_up_to(journal, target, head, progress)
            if not any(record.kind == Kind.ERASURE for record in reader.read(head.seq)):
                return head
            shutil.rmtree(target)
        sleep(_WAIT_SECONDS)
    raise RecordError(
        f"{journal}: customers are being erased, or an erasure was interrupted; wait until `ridealong forget`"
        " has finished (opening the folder, as `serve` does, completes one) and run the backup again"
    )


def _copy_up_to(journal: Path, target: Path, head: Head, progress: Callable[[int], None]) -> None:
    target.mkdir(parents=True)
    copied = 0
    for segment in segments(journal):
        if segment.first > head.seq:
            break
        _copy(segment.path, target / segment.path.name)
        copied += segment.path.stat().st_size
        progress(copied)
    if head.seq:
        _cut_behind(target, head.seq)


def _cut_behind(target: Path, seq: int) -> None:
    """Cut off what was written to the newest segment after its record ``seq``."""
    (line,) = lines(target, seq - 1, seq)
    os.truncate(line.segment, line.offset + len(line.raw))


def _others(data: Path, folder: Path) -> Iterator[Path]:
    """Yield the files that are copied after the journal: texts, keys, settings and their secrets."""
    for path in sorted(folder.iterdir()):
        name = path.name
        if name.startswith(_DERIVED) or name.endswith(("-wal", "-shm", "-journal")):
            continue
        if folder == data and name in _LAGS:
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink():
            yield from _others(data, path)


def _copy(source: Path, target: Path) -> None:
    if source.suffix == _SQLITE:
        copy_database(source, target)
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode & 0o770)


def _checked(destination: Path, head: Head, progress: Callable[[int], None]) -> str | None:
    """Check the copy as an auditor would; return when its newest record was written.

    Raises:
        JournalCorrupt: it does not verify.

    """
    audit = verify(destination, progress=progress)
    if audit.faults or audit.head != head:
        fault = audit.faults[0] if audit.faults else f"it ends at record {audit.head.seq}, not {head.seq}"
        raise JournalCorrupt(
            f"the record does not verify, and a copy of it is no backup: {fault}. Keep the older backups"
        )
    if not audit.sound:
        _log.warning(
            "%d texts are missing and %d are not what was stored, in the folder itself: `ridealong audit"
            " verify` names them",
            len(audit.texts.missing),
            len(audit.texts.altered),
        )
    newest = list(JournalReader(destination / "journal").read(head.seq - 1)) if head.seq else []
    return newest[0].recorded_at.isoformat() if newest else None


def _kept(destination: Path) -> Iterator[Kept]:
    """Make the copy durable; yield every file of it."""
    if (texts := destination / "content.sqlite").exists():
        _settle(texts)  # the check opened it
    for path in sorted(destination.rglob("*")):
        if path.is_dir():
            sync_folder(path)
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
        yield Kept(path.relative_to(destination).as_posix(), path.stat().st_size, digest_of(path))
    sync_folder(destination)
