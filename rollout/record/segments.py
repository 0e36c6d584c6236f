"""The journal's files, read: segments named by their first record, one line per record.

Reading takes no lock and survives what the owner does meanwhile: new segments, and segments that
are replaced when a customer is erased. No offsets are kept anywhere; a record is found by bisecting
its segment, whose lines are in order.
"""

import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self

from rollout.errors import JournalCorrupt
from rollout.record.line import GENESIS, parse, sequence, to_record
from rollout.records import Record

SUFFIX: Final = ".jsonl"
_SCAN_BYTES: Final = 1 << 16
_BUFFER_BYTES: Final = 1 << 20


class Segment(NamedTuple):
    first: int
    path: Path


class Line(NamedTuple):
    segment: Path
    offset: int
    raw: bytes


class Head(NamedTuple):
    """The newest record: its number (0 in an empty journal) and its hash."""

    seq: int
    hash: str


EMPTY: Final = Head(0, GENESIS)


def segment_path(folder: Path, first: int) -> Path:
    return folder / f"{first:012d}{SUFFIX}"


def segments(folder: Path) -> list[Segment]:
    """Return the segments of a journal, oldest first; none where there is no folder yet."""
    if not folder.is_dir():
        return []
    return sorted(
        Segment(int(path.stem), path) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()
    )


def lines(folder: Path, after: int = 0, upto: int | None = None) -> Iterator[Line]:
    """Yield the lines of records ``after`` + 1 to ``upto`` (default: all that are there).

    Raises:
        JournalCorrupt: a record is missing or out of place.

    """
    expected = after + 1
    while upto is None or expected <= upto:
        found = segments(folder)
        held = [segment for segment in found if segment.first <= expected]
        if not held:
            if found:
                raise _gap(expected, found[0])
            break
        start = expected
        for line in lines_of(held[-1].path, expected, upto):
            yield line
            expected += 1
        if expected == start:
            if len(held) < len(found):
                raise _gap(expected, found[len(held)])
            break
    if upto is not None and expected <= upto:
        raise cut(folder, expected, upto)


def cut(folder: Path, first: int, last: int) -> JournalCorrupt:
    """Say that acknowledged records are missing at the end, and what to do."""
    return JournalCorrupt(
        f"{folder}: records {first} to {last} were acknowledged and are not there; restore them from a"
        " backup. (In a copy taken from a running system: remove its file 'durable' and open it again.)"
    )


def _gap(expected: int, segment: Segment) -> JournalCorrupt:
    return JournalCorrupt(
        f"{segment.path.name}: record {expected} is missing before record {segment.first}; restore the"
        " missing segment from a backup; `ridealong audit verify` shows how far the journal is sound"
    )


def lines_of(path: Path, first: int, upto: int | None = None) -> Iterator[Line]:
    """Yield the lines of one segment, from a record on; an unfinished one at the end is left out."""
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        expected, offset = first, _offset(file, first)
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n") or (upto is not None and expected > upto):
                return  # a line that is just being written ends the journal for now
            try:
                found = sequence(raw)
            except ValueError as error:
                raise corrupt(path, offset, expected, str(error)) from error
            if found != expected:
                raise corrupt(path, offset, expected, f"record {found} stands in its place")
            yield Line(path, offset, raw)
            expected += 1
            offset += len(raw)


def _offset(file: BinaryIO, seq: int) -> int:
    """Return where the line of record ``seq``, or the next one that is there, begins."""
    low, high = 0, file.seek(0, 2)
    while high - low > _SCAN_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        begin = middle + len(file.readline())
        try:
            if begin < high and sequence(file.readline()) <= seq:
                low = begin
            else:
                high = middle
        except ValueError:
            low = 0  # damage in the way: walk from the start, the reader will name the place
            break
    file.seek(low)
    for raw in file:
        try:
            if sequence(raw) >= seq:
                break
        except ValueError:
            break
        low += len(raw)
    return low


def corrupt(path: Path, offset: int, seq: int, what: str) -> JournalCorrupt:
    """Name the place of a damaged record, and what to do."""
    with path.open("rb") as file:
        number = file.read(offset).count(b"\n") + 1
    return JournalCorrupt(
        f"{path.name}, line {number} (byte {offset}), record {seq}: {what}; nothing after it is read."
        " `ridealong audit verify` shows how far the journal is sound; restore the segment from a backup"
    )


def parsed(line: Line) -> dict[str, Any]:
    """Return the fields of a line.

    Raises:
        JournalCorrupt: the line is no complete record.

    """
    try:
        return parse(line.raw)
    except ValueError as error:
        raise corrupt(line.segment, line.offset, sequence(line.raw), str(error)) from error


def decoded(line: Line) -> Record:
    """Return the record of a line.

    Raises:
        JournalCorrupt: the line is no complete record.

    """
    entry = parsed(line)
    try:
        return to_record(entry)
    except ValueError as error:  # a time that is none
        raise corrupt(line.segment, line.offset, entry["seq"], str(error)) from error


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
        yield from islice(map(decoded, lines(self._folder, after, upto)), limit)

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
        record = decoded(newest)
        return Head(record.seq, record.hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to release: files are open only while they are read."""
