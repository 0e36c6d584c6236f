"""From a file to facts: everything that was good, once, and an account of the rest."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rollout.errors import FolderInUse, UsageError
from rollout.importer import Progress
from rollout.record.folder import DataFolder

from .conftest import Room, ticket

EVERYTHING = {
    "category": "billing", "urgency": "High", "complexity": "simple", "tier": "gold", "sentiment": "neutral",
    "channel": "chat", "language": "en", "region": "eu", "issue_key": "i", "step": "ten", "arm": "agent",
    "mode": "live", "weight": "10", "version": "a@1", "path": "agent_then_human", "escalated": "yes",
    "resolved_at": "2026-03-02T12:00:00Z", "escalation_reason": "angry", "turns": "3",
    "handle_seconds": "90.5", "human_seconds": "60", "cost_usd": "0.02", "csat": "4",
    "csat_at": "2026-03-03T12:00:00Z", "violations": "1", "closed_reason": "solved",
}  # fmt: skip


def test_a_ticket_arrives_with_everything_the_row_says(room: Room) -> None:
    file = room.csv(ticket(1, **EVERYTHING))
    summary = room.load(file)
    assert (summary.rows, summary.imported, summary.already_there, summary.rejected) == (1, 1, 0, 0)
    (fact,) = room.query("SELECT * FROM facts")
    expected = {
        "tenant": "default", "workflow": "w", "ticket_id": "t1", "customer_id": "c1", "source": "import",
        "opened_at": datetime(2026, 3, 2, 8, 30, tzinfo=UTC), "category": "billing", "urgency": "high",
        "complexity": "simple", "tier": "gold", "sentiment": "neutral", "channel": "chat", "language": "en",
        "region": "eu", "issue_key": "i", "step": "ten", "arm": "agent", "mode": "live", "weight": 10.0,
        "version": "a@1", "path": "agent_then_human", "resolved_at": datetime(2026, 3, 2, 12, tzinfo=UTC),
        "escalated": True, "escalation_reason": "angry", "turns": 3, "handle_seconds": 90.5,
        "human_seconds": 60.0, "cost_usd": 0.02, "csat": 4.0,
        "csat_at": datetime(2026, 3, 3, 12, tzinfo=UTC), "violations": 1, "closed_reason": "solved",
        "resolution": "assumed", "eligible": True, "arms_seen": 1,
    }  # fmt: skip
    assert {name: fact[name] for name in expected} == expected


def test_csv_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = [ticket(n, csat=float(n % 5 + 1), escalated=n % 2 == 0) for n in range(1, 8)]
    frame = pl.DataFrame(rows)
    facts = []
    for kind, write in (
        ("csv", frame.write_csv),
        ("jsonl", frame.write_ndjson),
        ("parquet", frame.write_parquet),
    ):
        (tmp_path / kind).mkdir()
        room = Room(tmp_path / kind)
        write(room.path / f"f.{kind}")
        room.load(room.path / f"f.{kind}")
        facts.append(room.query("SELECT * EXCLUDE (seq) FROM facts ORDER BY ticket_id"))
    assert facts[0] == facts[1] == facts[2]
    assert len(facts[0]) == 7


def test_the_same_ticket_in_three_formats_is_imported_once(room: Room) -> None:
    frame = pl.DataFrame([ticket(1, csat=4.0), ticket(2)])
    frame.write_csv(room.path / "f.csv")
    frame.write_parquet(room.path / "f.parquet")
    assert room.load(room.path / "f.csv").imported == 2
    assert room.load(room.path / "f.parquet").already_there == 2


def test_importing_again_adds_nothing(room: Room) -> None:
    file = room.csv(*(ticket(n) for n in range(1, 6)))
    room.load(file)
    with DataFolder.open(room.data) as folder:
        head, digest = folder.journal.head(), folder.view.digest()
    again = room.load(file)
    assert (again.imported, again.already_there, again.revisions) == (0, 5, 0)
    with DataFolder.open(room.data) as folder:
        assert (folder.journal.head(), folder.view.digest()) == (head, digest)


def test_an_offset_written_differently_is_the_same_row(room: Room) -> None:
    room.load(room.csv(ticket(1, opened_at="2026-03-01T09:30:00+01:00")))
    assert room.load(room.csv(ticket(1, opened_at="2026-03-01 08:30Z"))).already_there == 1


def test_a_changed_row_is_a_revision_of_its_ticket(room: Room) -> None:
    room.load(room.csv(ticket(1, csat=""), ticket(2, csat="")))
    summary = room.load(room.csv(ticket(1, csat="5"), ticket(2, csat=""), ticket(3, csat="")))
    assert (summary.imported, summary.revisions, summary.already_there) == (2, 1, 1)
    assert [row["csat"] for row in room.query("SELECT csat FROM facts ORDER BY ticket_id")] == [
        5.0,
        None,
        None,
    ]


def test_a_ticket_that_stands_twice_in_a_file_counts_with_its_last_line(room: Room) -> None:
    summary = room.load(
        room.csv(ticket(1, tier="a"), ticket(1, tier="a"), ticket(2, tier="a"), ticket(1, tier="b"))
    )
    assert (summary.imported, summary.already_there, summary.revisions) == (3, 1, 1)
    assert summary.warnings == [
        "1 tickets stand in the file more than once with different cells; the last line of each counts"
    ]
    assert [row["tier"] for row in room.query("SELECT tier FROM facts ORDER BY ticket_id")] == ["b", "a"]


def test_bad_rows_are_reported_with_their_line_and_kept_apart(room: Room) -> None:
    file = room.csv(ticket(1), ticket(2, opened_at="2026-03-01"), ticket(3), ticket(4, customer_id=""))
    with file.open("a") as rows:
        rows.write("t5,c5\n")
    summary = room.load(file)
    assert (summary.rows, summary.imported, summary.rejected) == (5, 2, 3)
    assert room.ids() == ["t1", "t3"]
    rejects = room.rejects()
    assert [(row["rejected_line"], row["ticket_id"]) for row in rejects] == [
        ("3", "t2"),
        ("5", "t4"),
        ("6", "t5"),
    ]
    assert "has no offset" in rejects[0]["rejected_reason"]
    assert summary.problems[0].startswith("line 3: opened_at: '2026-03-01' has no offset")
    assert summary.rejects_file == room.data / "imports" / "tickets.csv.rejects.csv"


def test_a_corrected_rejects_file_can_be_imported(room: Room) -> None:
    room.load(room.csv(ticket(1), ticket(2, csat="9")))
    path = room.data / "imports" / "tickets.csv.rejects.csv"
    path.write_text(path.read_text().replace(",9", ",4"))
    summary = room.load(path)
    assert (summary.imported, summary.rejected, summary.warnings) == (1, 0, [])
    assert room.ids() == ["t1", "t2"]


def test_a_clean_import_removes_the_rejects_of_an_earlier_one(room: Room) -> None:
    room.load(room.csv(ticket(1, csat="9")))
    assert len(room.rejects()) == 1
    assert room.load(room.csv(ticket(1, csat="4"))).rejects_file is None
    assert not (room.data / "imports" / "tickets.csv.rejects.csv").exists()


def test_a_dry_run_checks_everything_and_writes_nothing(room: Room) -> None:
    summary = room.load(room.csv(ticket(1), ticket(2, csat="9")), dry_run=True)
    assert (summary.rows, summary.imported, summary.rejected) == (2, 0, 1)
    assert summary.problems
    assert not room.data.exists()


def test_texts_and_unknown_columns_go_to_the_erasable_store(room: Room) -> None:
    summary = room.load(
        room.csv(ticket(1, subject="Help", text="My card 4711-0815", brand="blue", agent_name=""))
    )
    assert summary.warnings == ["unknown columns are kept aside, not analysed: brand, agent_name"]
    with DataFolder.open(room.data) as folder:
        (record,) = folder.journal.read()
        assert "4711-0815" not in str(record.payload)
        parts = {part: folder.content.get(ref) for part, ref in record.payload["content"].items()}
        assert parts == {"subject": "Help", "text": "My card 4711-0815", "extra": '{"brand":"blue"}'}
        folder.forget("default", "c1")
    for path in room.data.rglob("*"):
        if path.is_file():
            assert b"4711-0815" not in path.read_bytes(), path


def test_a_forgotten_customer_does_not_come_back_with_the_same_export(room: Room) -> None:
    file = room.csv(ticket(1, text="My card 4711"), ticket(2, text="Hello"))
    room.load(file)
    with DataFolder.open(room.data) as folder:
        folder.forget("default", "c1")
    assert room.load(file).already_there == 2
    with DataFolder.open(room.data) as folder:
        assert folder.content.of_customer("default", "c1") == []
        assert len(folder.content.of_customer("default", "c2")) == 1


def test_the_workflow_option_fills_rows_that_name_none(room: Room) -> None:
    summary = room.load(room.csv(ticket(1, workflow=""), ticket(2, workflow="own")))
    assert summary.workflows == {"w": 1, "own": 1}
    assert summary.next_steps == ["ridealong gate own", "ridealong gate w"]


def test_without_any_workflow_the_import_is_refused(room: Room) -> None:
    with pytest.raises(UsageError, match="give --workflow NAME"):
        room.load(room.csv(ticket(1)), workflow=None)
    with pytest.raises(UsageError, match="is no workflow name"):
        room.load(room.csv(ticket(1)), workflow="a b")
    assert room.load(room.csv(ticket(1, workflow="own")), workflow=None).workflows == {"own": 1}


def test_two_workflows_may_hold_the_same_ticket(room: Room) -> None:
    file = room.csv(ticket(1))
    room.load(file, workflow="a")
    room.load(file, workflow="b")
    assert [row["workflow"] for row in room.query("SELECT workflow FROM facts ORDER BY 1")] == ["a", "b"]


def test_tenants_are_apart(room: Room) -> None:
    file = room.csv(ticket(1))
    room.load(file, tenant="a")
    assert room.load(file, tenant="b").imported == 1
    assert [row["tenant"] for row in room.query("SELECT tenant FROM facts ORDER BY 1")] == ["a", "b"]


def test_a_header_without_rows_is_refused(room: Room) -> None:
    with pytest.raises(UsageError, match="a header and no rows"):
        room.load(room.text("ticket_id,customer_id,opened_at\n"))


def test_a_folder_in_use_is_refused(room: Room) -> None:
    with DataFolder.open(room.data), pytest.raises(FolderInUse):
        room.load(room.csv(ticket(1)))


def test_the_summary_says_what_the_file_is_about(room: Room) -> None:
    summary = room.load(
        room.csv(
            ticket(1, arm="agent", step="ten", opened_at="2026-03-05T00:00Z"),
            ticket(2, arm="human", step="ten", opened_at="2026-03-01T00:00Z"),
            ticket(3, arm="", step="", opened_at="2026-03-09T00:00Z"),
        )
    )
    assert summary.arms == {"agent": 1, "human": 1}
    assert summary.steps == {"ten": 2}
    assert summary.first_opened_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert summary.last_opened_at == datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rollout.importer.csv_file.CHUNK", 10)


def stopped_after(chunks: int) -> Callable[[Progress], None]:
    seen = 0

    def report(progress: Progress) -> None:
        nonlocal seen
        seen += progress.stage == "import"
        if seen == chunks:
            raise KeyboardInterrupt

    return report


def test_an_interrupted_import_keeps_what_was_acknowledged_and_goes_on(
    room: Room, small_chunks: None
) -> None:
    file = room.csv(*(ticket(n, text=f"text {n}") for n in range(1, 36)))
    with pytest.raises(KeyboardInterrupt):
        room.load(file, progress=stopped_after(2))
    assert len(room.ids()) == 20
    summary = room.load(file)
    assert (summary.imported, summary.already_there) == (15, 20)
    assert len(room.ids()) == 35


def test_lines_are_right_in_later_chunks(room: Room, small_chunks: None) -> None:
    summary = room.load(room.csv(*(ticket(n, csat="9" if n == 25 else "4") for n in range(1, 31))))
    assert summary.problems[0].startswith("line 26: csat")


def test_progress_goes_from_reading_to_applying_and_ends_at_all(room: Room, small_chunks: None) -> None:
    seen: list[Progress] = []
    room.load(room.csv(*(ticket(n) for n in range(1, 26))), progress=seen.append)
    reading = [progress for progress in seen if progress.stage == "import"]
    assert [progress.rows for progress in reading] == [10, 20, 25]
    assert reading[-1].share == 1.0
    assert seen[-1] == Progress(25, 1.0, "apply")


@pytest.mark.parametrize("name", ["tickets.csv", "tickets.jsonl"])
def test_a_ticket_that_looks_like_code_stays_text(room: Room, name: str) -> None:
    """Cells are values, whatever they hold: no SQL, no formula, no path."""
    hostile = "x'); DROP TABLE facts; --"
    rows: list[dict[str, Any]] = [ticket(1, customer_id=hostile, category="=1+1", tier="../../etc")]
    if name.endswith("csv"):
        file = room.csv(*rows)
    else:
        file = room.path / name
        pl.DataFrame(rows).write_ndjson(file)
    room.load(file)
    (fact,) = room.query("SELECT customer_id, category, tier FROM facts")
    assert list(fact.values()) == [hostile, "=1+1", "../../etc"]


@pytest.mark.slow
def test_fifty_thousand_rows(room: Room) -> None:
    frame = pl.DataFrame({"n": range(50_000)}).select(
        ticket_id=pl.format("t{}", "n"),
        customer_id=pl.format("c{}", pl.col("n") % 17_000),
        opened_at=pl.format("2026-03-{}T09:30:00Z", (pl.col("n") % 28 + 1).cast(pl.String).str.zfill(2)),
        csat=pl.when(pl.col("n") % 8 == 0).then(pl.col("n") % 5 + 1),
        arm=pl.when(pl.col("n") % 10 == 0).then(pl.lit("agent")).otherwise(pl.lit("human")),
    )
    frame.write_csv(room.path / "big.csv")
    summary = room.load(room.path / "big.csv")
    assert (summary.imported, summary.rejected) == (50_000, 0)
    assert summary.arms == {"agent": 5_000, "human": 45_000}
    (counts,) = room.query(
        "SELECT count(*) AS n, count(csat) AS rated, count(DISTINCT customer_id) AS c FROM facts"
    )
    assert counts == {"n": 50_000, "rated": 6_250, "c": 17_000}
