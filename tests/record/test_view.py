"""The view applies every record exactly once, whatever happens in between."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from rollout.errors import RecordError
from rollout.record.migrations import MIGRATIONS
from rollout.record.projection import TARGETS
from rollout.record.view import BATCH, View
from rollout.record.viewfile import memory_limit
from rollout.records import Kind, Record

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def record(seq: int, kind: str, payload: dict[str, Any], **envelope: Any) -> Record:
    given: dict[str, Any] = {
        "event_id": f"{kind}:{seq}",
        "occurred_at": DAY + timedelta(seconds=seq),
        "tenant": "default",
        "workflow": "w",
        "region": None,
        "actor": "test",
    } | envelope
    return Record(seq=seq, kind=kind, recorded_at=DAY, payload=payload, digest="", hash="", **given)


def tickets(first: int, last: int) -> list[Record]:
    return [
        record(
            seq,
            Kind.TICKET,
            {
                "ticket_id": f"t{seq}",
                "customer_id": f"c{seq % 7}",
                "opened_at": (DAY + timedelta(seq)).isoformat(),
            },
        )
        for seq in range(first, last + 1)
    ]


NOON = "2026-03-01T12:00:00+00:00"
EVERY_KIND = [
    record(1, Kind.TICKET, {"ticket_id": "t", "customer_id": "c", "opened_at": NOON}),
    record(2, Kind.TRIAGE, {"ticket_id": "t", "category": "billing", "signals": ["legal-language"]}),
    record(3, Kind.ASSIGNMENT, {"ticket_id": "t", "unit": "c", "arm": "agent", "bucket": str(2**64 - 1)}),
    record(4, Kind.HANDLING, {"ticket_id": "t", "handler": "agent", "violations": ["x"]}),
    record(5, Kind.COMPARISON, {"ticket_id": "t", "version": "a", "sources": ["k"], "violations": ["x"] * 2}),
    record(6, Kind.ESCALATION, {"ticket_id": "t", "reason": "angry", "at_triage": False}),
    record(7, Kind.RESOLUTION, {"ticket_id": "t", "resolved_at": NOON, "kind": "assumed"}),
    record(8, Kind.CSAT, {"ticket_id": "t", "score": 4.0, "at": NOON}),
    record(9, Kind.HISTORY, {"ticket_id": "h", "customer_id": "c", "opened_at": NOON}),
    record(10, Kind.TRANSITION, {"action": "start", "track": "ladder", "state": {"split": {"weight": 10}}}),
    record(11, Kind.CONFIG, {"digest": "d", "plan": {"workflow": "w"}, "source": "plan.yaml"}),
    record(12, Kind.REVIEW, {"ticket_id": "t", "verdict": "wrong"}),
    record(13, "a-kind-of-tomorrow", {"any": ["thing"]}),
]  # fmt: skip


@pytest.fixture
def view() -> Iterator[View]:
    with View() as view:
        yield view


def count(view: View, table: str) -> int:
    return int(view.query(f"SELECT count(*) AS n FROM {table}")[0]["n"])


def test_every_kind_of_record_finds_its_table(view: View) -> None:
    assert view.apply(EVERY_KIND) == 13
    for target in TARGETS.values():
        assert count(view, target.name) == 1, target.name
    assert [row["kind"] for row in view.query("SELECT kind FROM others ORDER BY seq")] == [
        "review",
        "a-kind-of-tomorrow",
    ]
    assert count(view, "misfits") == 0
    assert view.query("SELECT bucket FROM assignments") == [{"bucket": 2**64 - 1}]


def test_the_tables_have_the_columns_that_are_projected(view: View) -> None:
    for target in TARGETS.values():
        columns = {row["name"] for row in view.query("SELECT name FROM pragma_table_info(?)", [target.name])}
        assert set(target.columns) <= columns, target.name


def test_applying_twice_changes_nothing(view: View) -> None:
    view.apply(EVERY_KIND)
    view.refresh()
    before = view.digest()
    assert view.apply(EVERY_KIND) == 0
    assert view.refresh() == 0
    assert view.digest() == before
    assert view.position == 13


def test_a_missing_record_is_refused_and_leaves_no_trace(view: View) -> None:
    view.apply(tickets(1, 3))
    with pytest.raises(RecordError, match=r"at 3 and was given record 5 where 4 belongs"):
        view.apply(tickets(5, 6))
    assert view.position == 3
    assert count(view, "tickets") == 3


def test_batches_are_bounded_and_the_position_follows_each(view: View) -> None:
    assert view.apply(iter(tickets(1, BATCH + 5))) == BATCH + 5
    assert view.position == BATCH + 5
    assert count(view, "tickets") == BATCH + 5


def test_position_and_rows_are_one_transaction(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    view.apply(tickets(1, 2))

    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rollout.record.view._insert", fails)
        with pytest.raises(OSError, match="no space"):
            view.apply(tickets(3, 4))
    assert (view.position, count(view, "tickets")) == (2, 2)
    assert view.apply(tickets(1, 4)) == 2


class _GivesUp:
    """A cursor whose first COMMIT raises FatalException, before or after it took effect."""

    def __init__(self, cursor: Any, faults: list[str]) -> None:
        self._cursor = cursor
        self._faults = faults

    def execute(self, sql: str, *parameters: Any) -> Any:
        if sql == "COMMIT" and self._faults:
            if self._faults.pop() == "after":
                self._cursor.execute(sql)
            raise duckdb.FatalException("the autocheckpoint failed; reopen the database instance")
        return self._cursor.execute(sql, *parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_of_unknown_fate_is_settled_by_the_position(tmp_path: Path, moment: str) -> None:
    with View(tmp_path / "view.duckdb") as view:
        view.apply(tickets(1, 2))
        faults = [moment]
        real = view._connection

        class Connection:
            def cursor(self) -> Any:
                return _GivesUp(real.cursor(), faults)

            def close(self) -> None:
                real.close()

        view._connection = Connection()  # type: ignore[assignment]
        assert view.apply(tickets(3, 5)) == 3
        assert not faults
        assert (view.position, count(view, "tickets")) == (5, 5)


def test_a_view_survives_being_closed(tmp_path: Path) -> None:
    with View(tmp_path / "view.duckdb") as view:
        view.apply(EVERY_KIND[:5])
        view.refresh()
    with View(tmp_path / "view.duckdb") as view:
        assert view.position == 5
        assert view.apply(EVERY_KIND) == 8
        view.refresh()
        reopened = view.digest()
    with View() as fresh:
        fresh.apply(EVERY_KIND)
        fresh.refresh()
        assert fresh.digest() == reopened


def test_what_was_applied_and_not_refreshed_is_refreshed_after_a_restart(tmp_path: Path) -> None:
    with View(tmp_path / "view.duckdb") as view:
        view.apply(EVERY_KIND)
    with View(tmp_path / "view.duckdb") as view:
        assert count(view, "facts") == 0
        assert view.refresh() == 2
        assert count(view, "facts") == 2


def test_a_file_of_an_older_release_learns_the_new_columns_from_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "view.duckdb"
    with View(path) as view:
        view.apply(EVERY_KIND)
        view.refresh()
        before = view.digest()
    with duckdb.connect(str(path)) as connection:  # as version 1 left it
        connection.execute("ALTER TABLE facts DROP COLUMN escalated_at")
        connection.execute("DELETE FROM schema_version WHERE version > 1")
    with View(path) as view:
        assert view.query("SELECT escalated_at FROM facts WHERE ticket_id = 't'") == [{"escalated_at": None}]
        assert view.refresh() == 2
        assert view.query("SELECT escalated_at FROM facts WHERE ticket_id = 't'") == [
            {"escalated_at": DAY + timedelta(seconds=6)}
        ]
        assert view.digest() == before


@pytest.mark.parametrize(
    ("gib", "asked", "limit"), [(1, None, 512), (4, None, 1024), (64, None, 2048), (64, "700MiB", 700)]
)
def test_the_view_takes_a_share_of_the_machine_and_no_more_than_it_can_use(
    monkeypatch: pytest.MonkeyPatch, gib: int, asked: str | None, limit: int
) -> None:
    names = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gib * 2**30 // 4096}
    monkeypatch.setattr("os.sysconf", names.__getitem__)
    monkeypatch.delenv("RIDEALONG_VIEW_MEMORY", raising=False)
    if asked:
        monkeypatch.setenv("RIDEALONG_VIEW_MEMORY", asked)
    assert memory_limit() == f"{limit}MiB"
    with View() as view:
        said = view.query("SELECT current_setting('memory_limit') AS it")[0]["it"]
    assert float(said.split()[0]) * (1024 if "GiB" in said else 1) == pytest.approx(limit, abs=1)


def test_a_file_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "view.duckdb"
    View(path).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT INTO schema_version VALUES (?)", [len(MIGRATIONS) + 1])
    with pytest.raises(RecordError, match="ridealong rebuild"):
        View(path)


def test_the_file_can_be_opened_by_the_oldest_supported_duckdb(tmp_path: Path) -> None:
    with View(tmp_path / "view.duckdb") as view:
        tags = view.query("SELECT tags FROM duckdb_databases() WHERE NOT internal")[0]["tags"]
    assert tags["storage_version"].startswith("v1.5.0")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Kind.TICKET, "opened_at", "2026-03-01T10:00:00"),
        (Kind.TICKET, "tier", 5),
        (Kind.HANDLING, "cost_usd", float("nan")),
        (Kind.HANDLING, "cost_usd", "cheap"),
        (Kind.HANDLING, "turns", 10**30),
        (Kind.HANDLING, "violations", "not a list"),
        (Kind.ASSIGNMENT, "bucket", "-1"),
        (Kind.RESOLUTION, "resolved_at", datetime(2026, 3, 1)),  # noqa: DTZ001 - that is the fault
    ],
)
def test_a_value_of_the_wrong_type_becomes_null_and_is_listed(
    view: View, kind: str, field: str, value: Any
) -> None:
    """One poisonous record must not keep the records behind it out of the view."""
    fine = {"ticket_id": "t1", "customer_id": "c1"}
    view.apply([record(1, kind, fine | {field: value}), record(2, kind, fine)])
    table = TARGETS[kind].name
    assert view.query(f"SELECT {field} FROM {table} ORDER BY seq") == [{field: None}, {field: None}]
    assert view.query("SELECT seq, event_id, field FROM misfits") == [
        {"seq": 1, "event_id": f"{kind}:1", "field": field}
    ]


def test_times_are_kept_as_instants_whatever_their_offset(view: View) -> None:
    written = ["2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)]
    view.apply(
        record(seq, Kind.TICKET, {"ticket_id": f"t{seq}", "customer_id": "c", "opened_at": opened})
        for seq, opened in enumerate(written, start=1)
    )
    assert view.query("SELECT DISTINCT opened_at FROM tickets") == [
        {"opened_at": datetime(2026, 3, 1, 10, tzinfo=UTC)}
    ]
    assert view.arrow("SELECT opened_at FROM tickets").schema.field("opened_at").type == pa.timestamp("us")


def test_aware_parameters_mean_the_instant(view: View) -> None:
    view.apply(tickets(1, 3))
    rows = view.query(
        "SELECT ticket_id FROM tickets WHERE opened_at <= $until ORDER BY seq", {"until": DAY + timedelta(2)}
    )
    assert [row["ticket_id"] for row in rows] == ["t1", "t2"]


def test_transitions_come_newest_last_with_their_state(view: View) -> None:
    states = [{"split": {"weight": weight}} for weight in (0, 10)]
    view.apply(
        record(
            seq,
            Kind.TRANSITION,
            {"action": "promote", "track": "ladder", "state": state, "evidence": {"csat": "PASS"}},
            workflow=workflow,
        )
        for seq, (state, workflow) in enumerate([(states[0], "w"), ({}, "other"), (states[1], "w")], start=1)
    )
    rows = view.transitions("default", "w")
    assert [row["state"] for row in rows] == states
    assert rows[-1]["evidence"] == {"csat": "PASS"}
    assert rows[-1]["at"] == DAY + timedelta(seconds=3)
    assert rows[-1]["actor"] == "test"


def test_comparisons_carry_customer_and_category(view: View) -> None:
    view.apply(EVERY_KIND)
    view.refresh()
    (row,) = view.query("SELECT * FROM comparisons")
    assert (row["customer_id"], row["category"], row["violations"], row["sources"]) == (
        "c",
        "billing",
        2,
        ["k"],
    )


def test_the_digest_ignores_the_order_of_rows_and_sees_every_cell(tmp_path: Path) -> None:
    with View() as one, View() as other:
        one.apply(EVERY_KIND)
        for entry in EVERY_KIND:
            other.apply([entry])
        one.refresh()
        other.refresh()
        assert one.digest() == other.digest()
        other._connection.execute("UPDATE csats SET score = 5")
        assert one.digest() != other.digest()
        other._connection.execute("UPDATE csats SET score = 4")
        other._connection.execute("INSERT INTO csats SELECT * FROM csats")
        other._connection.execute("INSERT INTO csats SELECT * FROM csats LIMIT 1")
        assert one.digest() != other.digest()


def everything(view: View) -> str:
    names = view.query(
        "SELECT table_name AS name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
        " AND table_name <> 'fact_days'"  # revisions say only that something changed
    )
    return "\n".join(str(view.query(f"SELECT * FROM {row['name']}")) for row in names)


def test_forgetting_leaves_the_customer_in_no_table(tmp_path: Path) -> None:
    records = [
        record(1, Kind.TICKET, {"ticket_id": "t", "customer_id": "anna@example.org", "opened_at": DAY}),
        record(2, Kind.ASSIGNMENT, {"ticket_id": "t", "unit": "anna@example.org", "arm": "human"}),
        record(3, Kind.HISTORY, {"ticket_id": "h", "customer_id": "anna@example.org", "opened_at": DAY}),
        record(
            4,
            Kind.TICKET,
            {"ticket_id": "t", "customer_id": "anna@example.org", "opened_at": DAY},
            tenant="b",
        ),
    ]
    path = tmp_path / "view.duckdb"
    with View(path) as view:
        view.apply(records[:3])
        view.refresh()
        assert view.forget("default", "anna@example.org", "forgotten-1") == 5
        assert "anna" not in everything(view)
        assert count(view, "facts WHERE customer_id = 'forgotten-1'") == 2
        assert view.forget("default", "anna@example.org", "forgotten-2") == 0
        view.apply(records[3:])
        view.forget("default", "anna@example.org", "forgotten-3")
        assert count(view, "tickets WHERE customer_id = 'anna@example.org'") == 1, "another tenant's customer"


def test_forgotten_values_leave_the_bytes_of_the_file(tmp_path: Path) -> None:
    """An UPDATE and a checkpoint are not enough: DuckDB keeps the old value in free blocks."""
    path = tmp_path / "it's a view.duckdb"
    opened = {"ticket_id": "t", "customer_id": "anna@example.org", "opened_at": DAY}
    with View(path) as view:
        view.apply([*EVERY_KIND, record(14, Kind.TICKET, opened)])
        view.refresh()
    assert b"anna@example.org" in path.read_bytes()
    with View(path) as view:
        rest = everything(view).replace("anna@example.org", "forgotten-1")
        view.forget("default", "anna@example.org", "forgotten-1")
        assert everything(view) == rest
        assert view.apply([record(15, Kind.TICKET, opened | {"customer_id": "b"})]) == 1
    assert {file.name for file in tmp_path.iterdir()} == {path.name}
    assert b"anna@example.org" not in path.read_bytes()


def test_readers_wait_while_the_file_is_written_anew(tmp_path: Path) -> None:
    with View(tmp_path / "view.duckdb") as view:
        view.apply(tickets(1, 50))
        stop = threading.Event()
        seen: set[int] = set()

        def read() -> None:
            while not stop.is_set():
                seen.add(count(view, "tickets"))

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(3):
            assert view.forget("default", f"c{number}", f"forgotten-{number}")
        stop.set()
        reader.join()
        assert seen == {50}


def test_a_query_that_takes_too_long_is_stopped_and_the_view_stays_usable(view: View) -> None:
    view.apply(tickets(1, 2))
    with pytest.raises(RecordError, match=r"longer than 0.05 s"):
        view.query("SELECT count(*) FROM range(10000000) a, range(10000000) b", timeout=0.05)
    assert count(view, "tickets") == 2


def test_reading_never_sees_half_a_batch(view: View) -> None:
    """A ticket and its triage are applied together; no reader may find one without the other."""
    stop = threading.Event()
    torn: list[object] = []

    def read() -> None:
        while not stop.is_set():
            row = view.query(
                "SELECT (SELECT count(*) FROM tickets) AS a, (SELECT count(*) FROM triages) AS b"
            )[0]
            if row["a"] != row["b"]:
                torn.append(row)

    reader = threading.Thread(target=read)
    reader.start()
    for seq in range(1, 121, 2):
        pair = [
            *tickets(seq, seq),
            record(seq + 1, Kind.TRIAGE, {"ticket_id": f"t{seq}", "category": "billing"}),
        ]
        view.apply(pair)
    stop.set()
    reader.join()
    assert count(view, "triages") == 60
    assert torn == []


def in_halves(records: Sequence[Record], at: int) -> Iterator[Sequence[Record]]:
    yield records[:at]
    yield records[at:]


def test_a_generator_of_records_is_enough(view: View) -> None:
    for part in in_halves(EVERY_KIND, 6):
        view.apply(iter(part))
    assert view.position == 13
