"""What a backup says of itself: the journal's head, and every file with its size and SHA-256.

It is written last, whole or not at all: a folder without one is a backup that was never finished.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple, Self

import orjson

from rollout.errors import BackupDamaged
from rollout.record.segments import Head
from rollout.record.tail import sync_folder

NAME: Final = "manifest.json"
_VERSION: Final = 1
_AGAIN: Final = "use another backup, or make a new one with `ridealong backup`"


class Kept(NamedTuple):
    """One file of a backup, by its place in the data folder."""

    path: str
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of a backup."""

    made_at: str
    """ISO 8601, UTC."""
    program: str
    """The version that made it."""
    head: Head
    """The newest record in it."""
    newest: str | None
    """When that record was written; None in an empty journal."""
    files: tuple[Kept, ...]

    def to_json(self) -> dict[str, Any]:
        """Its fields, and a digest of them."""
        told = {
            "version": _VERSION,
            "made_at": self.made_at,
            "program": self.program,
            "head": self.head._asdict(),
            "newest": self.newest,
            "files": [kept._asdict() for kept in self.files],
        }
        return told | {"digest": _digest(told)}

    def save(self, folder: Path) -> None:
        """Finish a backup: durable on return."""
        temporary = folder / f".{NAME}"
        with temporary.open("wb") as file:
            file.write(orjson.dumps(self.to_json(), option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / NAME)
        sync_folder(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the manifest of a backup.

        Raises:
            BackupDamaged: there is none, or it is not what was written.

        """
        path = folder / NAME
        try:
            told = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            raise BackupDamaged(
                f"{folder} has no {NAME}: it is no backup, or one that was never finished; {_AGAIN}"
            ) from None
        except (OSError, ValueError) as error:
            raise BackupDamaged(f"{path} cannot be read: {error}; {_AGAIN}") from error
        try:
            claimed = told.pop("digest")
            if told["version"] != _VERSION:
                raise BackupDamaged(
                    f"{path} is of version {told['version']}, this program knows {_VERSION};"
                    " restore with the program that made it"
                )
            files = tuple(Kept(each["path"], each["size"], each["sha256"]) for each in told["files"])
            found = cls(
                told["made_at"],
                told["program"],
                Head(told["head"]["seq"], told["head"]["hash"]),
                told["newest"],
                files,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(f"{path} is no manifest ({error!r}); {_AGAIN}") from error
        if claimed != _digest(told):
            raise BackupDamaged(f"{path} was changed after it was written; {_AGAIN}")
        for kept in files:
            place = PurePosixPath(kept.path)
            if place.is_absolute() or ".." in place.parts:
                raise BackupDamaged(f"{path} names {kept.path!r}, which lies outside of the folder; {_AGAIN}")
        return found

    def verify(self, folder: Path, progress: Callable[[int], None]) -> None:
        """Hold every file against its digest; ``progress`` is told the bytes read so far.

        Raises:
            BackupDamaged: the first that is missing or not what was written.

        """
        done = 0
        for kept in self.files:
            path = folder / kept.path
            try:
                size, digest = path.stat().st_size, digest_of(path)
            except OSError as error:
                raise BackupDamaged(f"{path}: {error.strerror}; {_AGAIN}") from error
            if (size, digest) != (kept.size, kept.sha256):
                raise BackupDamaged(
                    f"{path} is not what was written ({size:,} bytes, SHA-256 {digest[:12]}…; the manifest"
                    f" says {kept.size:,} bytes, {kept.sha256[:12]}…); {_AGAIN}"
                )
            done += size
            progress(done)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(kept.size for kept in self.files)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _digest(told: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
