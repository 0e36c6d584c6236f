"""A backup made a data folder again: everything is checked first, and a half-made folder says so."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from rollout.clock import Clock, SystemClock
from rollout.errors import BackupDamaged, JournalCorrupt, RecordError, UsageError
from rollout.record.audit import verify
from rollout.record.folder import RESTORING, DataFolder
from rollout.record.line import each
from rollout.record.lock import OwnerLock
from rollout.record.segments import lines, parsed
from rollout.record.tail import sync_folder
from rollout.upkeep.manifest import Manifest, digest_of

_BEGUN: Final = f".{RESTORING}"
_OWN: Final = frozenset({"owner.lock", "view.lock", RESTORING, _BEGUN})


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far it is."""

    read: Callable[[int], None] = field(default=lambda _: None)
    """Bytes of the backup held against their digests."""
    checked: Callable[[int], None] = field(default=lambda _: None)
    """Records of its journal that verify."""
    rebuilt: Callable[[int], None] = field(default=lambda _: None)
    """Records in the view."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What a folder has beyond a backup of it, as far as it can be read."""

    kinds: Mapping[str, int]
    unreadable: str | None = None
    """Why nothing more could be read."""

    @property
    def records(self) -> int:
        return sum(self.kinds.values())


def check(source: Path, progress: Progress | None = None) -> Manifest:
    """Check a backup: manifest, every file's digest, and the chain of its journal. Writes nothing.

    Raises:
        BackupDamaged: it is not what was written; the message names the file and the remedy.

    """
    progress = progress or Progress()
    manifest = Manifest.load(source)
    manifest.verify(source, progress.read)
    audit = verify(source, texts=False, progress=progress.checked)
    if audit.faults or audit.head != manifest.head:
        fault = audit.faults[0] if audit.faults else f"its journal ends at record {audit.head.seq}"
        raise BackupDamaged(f"{source} does not verify: {fault}; use another backup")
    return manifest


def restore(
    source: Path, data: Path, *, clock: Clock | None = None, progress: Progress | None = None
) -> Manifest:
    """Make ``data``, which must be empty, what the backup was taken of, and build its view.

    A folder that an interrupted restore left behind is filled again.

    Raises:
        UsageError: something else is in the folder, or somebody uses it.
        BackupDamaged: see ``check``; nothing was touched then.
        RecordError: the disk refuses; run it again.

    """
    clock, progress = clock or SystemClock(), progress or Progress()
    _refuse_taken(data)
    manifest = check(source, progress)
    try:
        data.mkdir(mode=0o750, parents=True, exist_ok=True)
        with OwnerLock(data / "owner.lock", holder="ridealong restore", url=None, clock=clock):
            _refuse_taken(data)  # again: somebody may have come while the backup was checked
            _fill(source, data, manifest)
    except OSError as error:
        raise RecordError(f"{data}: {error}; make room and run the same restore again") from error
    with DataFolder.open(data, holder="ridealong restore", clock=clock) as folder:
        folder.rebuild(progress.rebuilt)
        if folder.head() != manifest.head:
            raise RecordError(f"{data} ends at record {folder.head().seq}, the backup at {manifest.head.seq}")
    return manifest


def lost(manifest: Manifest, replaced: Path) -> Lost:
    """Count what the folder that is replaced holds beyond the backup.

    Raises:
        UsageError: it is not the folder the backup was taken of.

    """
    kinds: Counter[str] = Counter()
    seq, journal = manifest.head.seq, replaced / "journal"
    if not journal.is_dir():
        raise UsageError(f"{replaced} is no data folder; --instead-of names the one that is replaced")
    try:
        for line in lines(journal, max(seq - 1, 0)):
            entry = parsed(line)
            if entry["seq"] > seq:
                kinds.update(event["kind"] for event in each(entry))
            elif entry["hash"] != manifest.head.hash:
                raise UsageError(f"{replaced} is another journal than the backup's: record {seq} differs")
    except JournalCorrupt as error:
        return Lost(kinds, str(error))
    return Lost(kinds)


def _refuse_taken(data: Path) -> None:
    """Refuse a folder that holds anything but what an interrupted restore put there."""
    if not data.exists():
        return
    if not data.is_dir():
        raise UsageError(f"{data} is no folder")
    note = data / RESTORING
    ours = set(orjson.loads(note.read_bytes())) if note.exists() else set()
    for path in data.rglob("*"):
        place = path.relative_to(data).as_posix()
        if path.is_file() and place not in ours | _OWN:
            raise UsageError(
                f"{data} is not empty: {place} is there; restore into a new folder and keep this one until"
                " the new one works"
            )


def _fill(source: Path, data: Path, manifest: Manifest) -> None:
    """Copy the backup's files. The note stands from before the first until after the last byte."""
    note = data / RESTORING
    begun = data / _BEGUN
    with begun.open("wb") as file:
        file.write(orjson.dumps([kept.path for kept in manifest.files]))
        file.flush()
        os.fsync(file.fileno())
    begun.replace(note)
    sync_folder(data)
    folders = {data}
    for kept in manifest.files:
        target = data / kept.path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folders.add(target.parent)
        shutil.copyfile(source / kept.path, target)
        target.chmod((source / kept.path).stat().st_mode & 0o770)
        with target.open("rb") as copy:
            os.fsync(copy.fileno())
        if digest_of(target) != kept.sha256:
            raise RecordError(f"{target} was not copied as it is in the backup; check the disk, then repeat")
    for folder in sorted(folders):
        sync_folder(folder)
    note.unlink()
    sync_folder(data)
