"""Reading a journal that another process writes: the router appends, everybody else follows."""

import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Self

from rollout.record.segments import EMPTY, Head, decoded, lines, records, segments
from rollout.records import Record


class DurableMark:
    """The newest durable record's number, shared with readers in other processes.

    Eight bytes in mapped memory: one aligned store, so that a reader never sees half of it. The
    file is not synced. It may fall behind in a power loss, but it never runs ahead of the journal:
    it moves only after the journal's own sync.
    """

    def __init__(self, folder: Path, *, writable: bool = False) -> None:
        path = folder / "durable"
        if writable and (not path.exists() or path.stat().st_size != 8):
            path.write_bytes(bytes(8))
        with path.open("r+b" if writable else "rb") as file:
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(file.fileno(), 8, access=access)
        self._view = memoryview(self._map)
        self._cell = self._view.cast("Q")

    @property
    def seq(self) -> int:
        return int(self._cell[0])

    @seq.setter
    def seq(self, value: int) -> None:
        self._cell[0] = value

    def close(self) -> None:
        self._cell.release()
        self._view.release()
        self._map.close()


def durable_seq(folder: Path) -> int | None:
    """Return the number of the newest durable record; None where no owner has left a mark."""
    try:
        mark = DurableMark(folder)
    except (FileNotFoundError, ValueError):  # ValueError: a file of the wrong size
        return None
    try:
        return mark.seq
    finally:
        mark.close()


class JournalReader:
    """Reads a journal that somebody else may be writing; never takes the lock.

    Only durable records are shown: what a power loss could still take back has not happened yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, after: int = 0, limit: int | None = None) -> Iterator[Record]:
        """Yield the records after a number, up to the newest durable one at the time of the call.

        Raises:
            JournalCorrupt: a record is missing or cannot be read.

        """
        upto = durable_seq(self._folder)
        if upto is not None and limit is not None:
            upto = min(upto, after + limit)
        yield from islice(records(self._folder, after, upto), limit)

    def head(self) -> Head:
        """Return the newest durable record's number and hash."""
        upto = durable_seq(self._folder)
        found = segments(self._folder)
        if upto == 0 or not found:
            return EMPTY
        start = upto - 1 if upto is not None else max(found[-1].first - 2, 0)
        newest = None
        for line in lines(self._folder, start, upto):
            newest = line
        if newest is None:
            return EMPTY
        record = decoded(newest)[-1]
        return Head(record.seq, record.hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release: files are open only while they are read."""
