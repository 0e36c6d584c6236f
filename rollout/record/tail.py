"""Opening a journal: what a crash may have left at its end is found, reported and set aside."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from rollout.errors import JournalCorrupt
from rollout.record.line import fault, last_of, parse
from rollout.record.reader import durable_seq
from rollout.record.segments import EMPTY, Head, Segment, corrupt, cut, segments

WRITE_BYTES: Final = 1 << 20
"""A write ends soon after this many bytes, so that the newest one lies within the window below."""
_WINDOW_BYTES: Final = 4 * WRITE_BYTES


@dataclass(frozen=True, slots=True)
class TornTail:
    """The end of a write that a crash cut short: never acknowledged, moved aside, not deleted."""

    segment: str
    offset: int
    size: int
    after: int
    """The number of the newest record that is whole."""
    reason: str
    moved_to: str

    def __str__(self) -> str:
        return (
            f"{self.segment}: the last {self.size:,} bytes (from byte {self.offset}, after record"
            f" {self.after}) are an unfinished write: {self.reason}. They were never acknowledged and now are"
            f" in {self.moved_to}"
        )


@dataclass(frozen=True, slots=True)
class JournalReport:
    """What opening found."""

    head: Head
    torn: TornTail | None = None


class _Checked(NamedTuple):
    offset: int
    entry: dict[str, Any] | None
    problem: str | None


def recover(folder: Path) -> JournalReport:
    """Check the newest write of a journal, set an unfinished one aside, make the rest durable.

    Raises:
        JournalCorrupt: records that had been acknowledged are damaged or missing.

    """
    found = segments(folder)
    while found and found[-1].path.stat().st_size == 0:
        found.pop().path.unlink()  # created by a write that never happened
    acknowledged = durable_seq(folder) or 0
    if not found:
        head, torn = EMPTY, None
    else:
        head, torn = _check(found, acknowledged)
    if head.seq < acknowledged:
        raise cut(folder, head.seq + 1, acknowledged)
    return JournalReport(head, torn)


def _check(found: Sequence[Segment], acknowledged: int) -> tuple[Head, TornTail | None]:
    segment = found[-1]
    size = segment.path.stat().st_size
    start = max(0, size - _WINDOW_BYTES)
    previous = _before(found) if start == 0 else None
    checked = _verify(segment, start, previous)
    bad = next((i for i, line in enumerate(checked) if line.problem), None)
    if bad is None:
        last = checked[-1].entry
        assert last is not None
        _sync(segment.path)
        return Head(last_of(last), last["hash"]), None

    good = checked[bad - 1].entry if bad else None
    head = Head(last_of(good), good["hash"]) if good else previous
    if head is None:
        raise corrupt(segment.path, start, segment.first, "none of the newest records can be read")
    line = checked[bad]
    problem = line.problem or ""
    if head.seq < acknowledged or not _all_of_one_write(checked[bad + 1 :], head.seq + 1):
        raise corrupt(segment.path, line.offset, head.seq + 1, problem)
    return head, _set_aside(segment.path, line.offset, head.seq, problem)


def _before(found: Sequence[Segment]) -> Head:
    """Return the head of everything before the last segment."""
    if len(found) == 1:
        if found[0].first != 1:
            raise JournalCorrupt(
                f"{found[0].path.name}: record 1 is missing; restore the segments before it from a backup"
            )
        return EMPTY
    segment = found[-2]
    size = segment.path.stat().st_size
    last = _verify(segment, max(0, size - _WINDOW_BYTES), None)[-1]
    if last.entry is None or last.problem or last_of(last.entry) != found[-1].first - 1:
        raise corrupt(
            segment.path, last.offset, found[-1].first - 1, last.problem or "it is not the last record"
        )
    return Head(last_of(last.entry), last.entry["hash"])


def _verify(segment: Segment, start: int, previous: Head | None) -> list[_Checked]:
    """Check each line from a byte on; ``previous`` is the head before it where that is known."""
    with segment.path.open("rb") as file:
        file.seek(start)
        if start:
            start += len(file.readline())
        raw = file.read()
    checked: list[_Checked] = []
    offset = start
    for line in raw.splitlines(keepends=True):
        entry, problem = _examine(line, previous)
        checked.append(_Checked(offset, entry, problem))
        offset += len(line)
        if entry is not None:
            previous = Head(last_of(entry), entry["hash"])
    return checked


def _examine(line: bytes, previous: Head | None) -> tuple[dict[str, Any] | None, str | None]:
    if not line.endswith(b"\n"):
        return None, "the line has no end"
    try:
        entry = parse(line)
    except ValueError as error:
        return None, str(error)
    if previous is not None and entry["seq"] != previous.seq + 1:
        return entry, f"record {entry['seq']} stands in its place"
    return entry, fault(entry, previous.hash if previous else None)


def _all_of_one_write(rest: Sequence[_Checked], seq: int) -> bool:
    """Whether the lines behind a damaged record belong to the very write that carried it.

    A power loss may keep any of the pages of a write that was not yet synced. A later write means
    that the damaged one had been durable.
    """
    return all(line.entry is None or line.entry["group"] <= seq for line in rest)


def _set_aside(path: Path, offset: int, after: int, reason: str) -> TornTail:
    with path.open("r+b") as file:
        file.seek(offset)
        cut = file.read()
        taken = len(list(path.parent.glob("*.torn")))
        aside = path.with_name(f"{path.stem}-{offset}-{taken + 1}.torn")
        with aside.open("wb") as copy:
            copy.write(cut)
            copy.flush()
            os.fsync(copy.fileno())
        sync_folder(path.parent)
        file.truncate(offset)
        os.fsync(file.fileno())
    return TornTail(path.name, offset, len(cut), after, reason, aside.name)


def _sync(path: Path) -> None:
    """Make whole records durable that a killed process wrote: from now on they count as recorded."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make a created or replaced file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
