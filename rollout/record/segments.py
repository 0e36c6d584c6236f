"""The journal's files, read: segments named by their first record, one line per record.

Reading takes no lock and survives what the owner does meanwhile: new segments, and segments that
are replaced when a customer is erased. No offsets are kept anywhere; a record is found by bisecting
its segment, whose lines are in order. A line may hold several records, which is nobody's matter but
this module's neighbours': ``records`` gives them one by one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from rollout.errors import JournalCorrupt
from rollout.record.line import GENESIS, parse, span, to_records
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

    @property
    def last(self) -> int:
        """The number of the last record in it."""
        return span(self.raw)[1]


class Batch(NamedTuple):
    """Lines that stand behind one another, whole and unread but for their numbers."""

    path: Path
    raws: list[bytes]


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


def records(folder: Path, after: int = 0, upto: int | None = None) -> Iterator[Record]:
    """Yield the records ``after`` + 1 to ``upto`` (default: all that are there).

    Raises:
        JournalCorrupt: a record is missing, out of place or cannot be read.

    """
    for line in lines(folder, after, upto):
        for record in decoded(line):
            if record.seq > after and (upto is None or record.seq <= upto):
                yield record


def hash_at(folder: Path, seq: int) -> str | None:
    """Return the hash of the line that holds a record; None where there is none yet.

    Raises:
        JournalCorrupt: it is missing or cannot be read.

    """
    return next((str(parsed(line)["hash"]) for line in lines(folder, seq - 1, seq)), None)


def lines(folder: Path, after: int = 0, upto: int | None = None) -> Iterator[Line]:
    """Yield the lines that hold records ``after`` + 1 to ``upto`` (default: all that are there).

    Raises:
        JournalCorrupt: a record is missing or out of place.

    """
    expected = after + 1
    while upto is None or expected <= upto:
        found = segments(folder)
        held = [segment for segment in found if segment.first <= expected]
        start = expected
        for line in lines_of(held[-1].path, expected, upto) if held else ():
            yield line
            expected = line.last + 1
        if expected == start:
            following = found[len(held)] if len(held) < len(found) else None
            if held and (following or upto is not None):
                _refuse_unfinished(held[-1].path, expected)
            if following:
                raise _gap(expected, following)
            break
    if upto is not None and expected <= upto:
        raise cut(folder, expected, upto)


def batches(folder: Path, after: int, upto: int) -> Iterator[Batch]:
    """Yield the lines of records ``after`` + 1 to ``upto`` some thousand at a time, for who looks at few.

    Raises:
        JournalCorrupt: a record is missing or out of place.

    """
    expected = after + 1
    while expected <= upto:
        held = [segment for segment in segments(folder) if segment.first <= expected]
        start = expected
        for batch in _batches_of(held[-1].path, expected, upto) if held else ():
            yield batch
            expected = span(batch.raws[-1])[1] + 1
        if expected == start:  # something is wrong there: line by line it is found out what
            for line in lines(folder, expected - 1, upto):
                yield Batch(line.segment, [line.raw])
                expected = line.last + 1


def _batches_of(path: Path, first: int, upto: int) -> Iterator[Batch]:
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        file.seek(_offset(file, first))
        while first <= upto and (raws := file.readlines(_BUFFER_BYTES)):
            if not raws[-1].endswith(b"\n"):
                raws.pop()  # a line that is just being written
            raws, first = _behind_one_another(raws, first, upto)
            if not raws:
                return
            yield Batch(path, raws)


def _behind_one_another(raws: list[bytes], first: int, upto: int) -> tuple[list[bytes], int]:
    """Return the lines that hold records ``first`` to ``upto``, none if they do not follow, and the next."""
    expected = first
    for number, raw in enumerate(raws):
        if expected > upto:
            return raws[:number], expected
        try:
            begins, ends = span(raw)
        except ValueError:
            return [], first
        if begins != expected and not (number == 0 and begins <= expected <= ends):
            return [], first
        expected = ends + 1
    return raws, expected


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


def _refuse_unfinished(path: Path, seq: int) -> None:
    """Raise if a segment ends in an unfinished line where a whole record has to be."""
    with path.open("rb") as file:
        offset = _offset(file, seq)
        if offset < file.seek(0, 2):
            raise corrupt(path, offset, seq, "the line has no end")


def lines_of(path: Path, first: int, upto: int | None = None) -> Iterator[Line]:
    """Yield the lines of one segment, from a record on; an unfinished one at the end is left out."""
    with path.open("rb", buffering=_BUFFER_BYTES) as file:
        expected, offset = first, _offset(file, first)
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n") or (upto is not None and expected > upto):
                return  # a line that is just being written ends the journal for now
            try:
                found, last = span(raw)
            except ValueError as error:
                raise corrupt(path, offset, expected, str(error)) from error
            if found != expected and not (expected == first and found <= expected <= last):
                raise corrupt(path, offset, expected, f"record {found} stands in its place")
            yield Line(path, offset, raw)
            expected = last + 1
            offset += len(raw)


def _offset(file: BinaryIO, seq: int) -> int:
    """Return where the line that holds record ``seq``, or the next one that is there, begins."""
    low, high = 0, file.seek(0, 2)
    while high - low > _SCAN_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        begin = middle + len(file.readline())
        try:
            if begin < high and span(file.readline())[0] <= seq:
                low = begin
            else:
                high = middle
        except ValueError:
            low = 0  # damage in the way: walk from the start, the reader will name the place
            break
    file.seek(low)
    for raw in file:
        try:
            if span(raw)[1] >= seq:
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
        raise corrupt(line.segment, line.offset, span(line.raw)[0], str(error)) from error


def decoded(line: Line) -> list[Record]:
    """Return the records of a line.

    Raises:
        JournalCorrupt: the line is no complete record.

    """
    entry = parsed(line)
    try:
        return to_records(entry)
    except (KeyError, TypeError, ValueError) as error:  # a name that is missing, a time that is none
        raise corrupt(line.segment, line.offset, entry["seq"], str(error)) from error
