"""The rejects file: every row that was not imported, as it was, with its line and the reason."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from rollout.importer.header import NOTES


class Rejects:
    """Written only when there is something to write; a file left by an earlier import goes away.

    The two columns in front are ignored by an import, so that the file can be corrected and
    imported itself.
    """

    def __init__(self, path: Path | None, names: Sequence[str]) -> None:
        self._path = path
        self._names = [name for name in names if name not in NOTES]
        self._kept = [at for at, name in enumerate(names) if name not in NOTES]
        self._file: IO[str] | None = None
        self._writer: Any = None
        if path is not None:
            path.unlink(missing_ok=True)

    @property
    def path(self) -> Path | None:
        """Where the file is, if there is one."""
        return self._path if self._file is not None else None

    def add(self, line: int, reason: str, cells: Sequence[str | None]) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow([*NOTES, *self._names])
        kept = [cells[at] for at in self._kept] if len(cells) > max(self._kept, default=-1) else cells
        self._writer.writerow([line, reason, *kept])

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
