"""Lines by the thousand are the lines one by one, and what is wrong with one is said in the same words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollout.errors import JournalCorrupt
from rollout.record.journal import Journal
from rollout.record.segments import batches, lines, segments
from rollout.records import Event, Kind

AT = datetime(2026, 9, 1, tzinfo=UTC)
COUNT = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Journal(tmp_path, segment_bytes=4_000) as journal:
        for number in range(COUNT):
            journal.append([Event(f"e-{number}", Kind.CSAT, AT, {"ticket_id": "t", "note": "x" * number})])
    assert len(segments(tmp_path)) > 3
    return tmp_path


def by_batch(folder: Path, after: int, upto: int) -> list[bytes]:
    found = list(batches(folder, after, upto))
    return [raw for batch in found for raw in batch.raws]


@pytest.mark.parametrize(("after", "upto"), [(0, COUNT), (0, 1), (7, 7), (11, 40), (COUNT - 1, COUNT)])
def test_they_are_the_same_lines(folder: Path, after: int, upto: int) -> None:
    assert by_batch(folder, after, upto) == [line.raw for line in lines(folder, after, upto)]


def test_a_line_that_is_just_being_written_is_left_out(folder: Path) -> None:
    with segments(folder)[-1].path.open("ab") as file:
        file.write(b'{"seq":61,"id":"half')
    assert len(by_batch(folder, 0, COUNT)) == COUNT


@pytest.mark.parametrize("damage", ["a missing line", "a missing segment", "a cut end", "no number"])
def test_damage_is_named_as_by_whoever_reads_line_by_line(folder: Path, damage: str) -> None:
    second = segments(folder)[1].path
    raws = second.read_bytes().splitlines(keepends=True)
    if damage == "a missing line":
        second.write_bytes(b"".join(raws[:3] + raws[4:]))
    elif damage == "a missing segment":
        second.unlink()
    elif damage == "a cut end":
        last = segments(folder)[-1].path
        last.write_bytes(last.read_bytes()[:-5])
    else:
        second.write_bytes(b"".join(raws[:-1]) + b"nothing\n")
    with pytest.raises(JournalCorrupt) as expected:
        list(lines(folder, 0, COUNT))
    with pytest.raises(JournalCorrupt) as found:
        by_batch(folder, 0, COUNT)
    assert str(found.value) == str(expected.value)
