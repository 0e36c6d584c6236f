"""Every cell is checked against its column; what is wrong is said with value and remedy."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.importer.header import COLUMNS, resolve
from rollout.importer.rows import Checked, check


def checked(option: str | None = "w", /, **cells: str | None) -> Checked:
    row = {"ticket_id": "t", "customer_id": "c", "opened_at": "2026-03-01T09:30:00Z"} | cells
    frame = pl.DataFrame({name: pl.Series([value], dtype=pl.String) for name, value in row.items()})
    return check(frame, resolve(list(row), [], "f"), option)


def value_of(column: str, cell: str | None) -> Any:
    result = checked(**{column: cell})
    assert result.bad == [], result.bad
    return result.good[column][0]


def reason_for(column: str, cell: str | None, **others: str) -> str:
    result = checked(**{column: cell}, **others)
    assert result.good.height == 0
    ((row, reason),) = result.bad
    assert row == 0
    return reason


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-01T09:30:00Z",
        "2026-03-01T10:30:00+01:00",
        "2026-03-01T10:30:00+0100",
        "2026-03-01T10:30:00+01",
        "2026-03-01 10:30+01:00",
        "2026-03-01 09:30:00.000 z",
        "2026-03-01t09:30:00,000Z",
        " 2026-03-01T00:30:00.000000000-09:00 ",
    ],
)
def test_times_are_read_in_every_form_of_iso_8601_with_offset(cell: str) -> None:
    assert value_of("resolved_at", cell) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone is drawn below
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
    st.sampled_from(["auto", "minutes", "milliseconds"]),
)
def test_times_mean_what_the_standard_library_reads(
    moment: datetime, offset: int, separator: str, precision: str
) -> None:
    text = moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat(separator, precision)
    assert value_of("opened_at", text) == datetime.fromisoformat(text)


@pytest.mark.parametrize("cell", ["2026-03-01T09:30:00", "2026-03-01 09:30", "2026-03-01"])
def test_a_time_without_offset_is_refused_with_the_remedy(cell: str) -> None:
    assert reason_for("opened_at", cell) == (
        f"opened_at: {cell!r} has no offset from UTC; add Z or an offset, e.g. 2026-03-01T09:30:00+01:00"
    )


@pytest.mark.parametrize(
    "cell", ["yesterday", "1772357400", "2026-02-30T09:30:00Z", "2026-03-01T25:00:00Z", "Z"]
)
def test_what_is_no_time_is_refused(cell: str) -> None:
    assert "is not a time; write ISO 8601 with offset" in reason_for("csat_at", cell)


@pytest.mark.parametrize("column", [name for name, column in COLUMNS.items() if column.kind == "choice"])
def test_choices_are_read_in_any_case_and_nothing_else(column: str) -> None:
    for choice in COLUMNS[column].choices:
        assert value_of(column, choice.upper()) == choice
    assert reason_for(column, "whatever").endswith(f"is none of {', '.join(COLUMNS[column].choices)}")


@pytest.mark.parametrize(
    ("cell", "value"), [("true", True), ("YES", True), ("1", True), ("0", False), ("No", False)]
)
def test_flags(cell: str, value: bool) -> None:
    assert value_of("escalated", cell) is value


def test_an_empty_flag_is_not_false() -> None:
    assert value_of("escalated", "") is None
    assert value_of("escalated", "  ") is None
    assert "neither true nor false" in reason_for("escalated", "maybe")


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [("csat", "1", 1.0), ("csat", "5", 5.0), ("csat", "4.5", 4.5), ("weight", "0", 0.0),
     ("weight", "100", 100.0), ("cost_usd", "1e-4", 0.0001), ("turns", "3", 3), ("turns", "3.0", 3),
     ("violations", "0", 0)],
)  # fmt: skip
def test_numbers(column: str, cell: str, value: float) -> None:
    assert value_of(column, cell) == value


@pytest.mark.parametrize(
    ("column", "cell"),
    [("csat", "0.9"), ("csat", "5.1"), ("csat", "nan"), ("csat", "inf"), ("csat", "good"), ("csat", "4,5"),
     ("weight", "-1"), ("weight", "100.5"), ("handle_seconds", "-1"), ("human_seconds", "-inf"),
     ("cost_usd", "-0.01"), ("cost_usd", "NaN"), ("turns", "1.5"), ("turns", "-1"), ("turns", "9999999999"),
     ("violations", "many")],
)  # fmt: skip
def test_numbers_out_of_range_or_not_finite_are_refused(column: str, cell: str) -> None:
    assert reason_for(column, cell).startswith(f"{column}: {cell!r} is not a")


@pytest.mark.parametrize("column", ["ticket_id", "customer_id", "opened_at"])
def test_a_required_cell_may_not_be_empty(column: str) -> None:
    assert reason_for(column, " ") == f"{column}: is empty; every ticket needs one"


def test_an_id_that_is_too_long_is_refused_and_not_repeated_in_full() -> None:
    reason = reason_for("ticket_id", "x" * 300)
    assert "longer than 256 characters" in reason
    assert len(reason) < 150


@pytest.mark.parametrize("column", ["resolved_at", "csat_at"])
def test_nothing_happens_before_the_ticket_was_opened(column: str) -> None:
    reason = reason_for(column, "2026-03-01T09:29:59Z")
    assert f"{column}: '2026-03-01T09:29:59Z' is before opened_at '2026-03-01T09:30:00Z'" in reason
    assert value_of(column, "2026-03-01T09:30:00Z") is not None


def test_every_problem_of_a_row_is_told() -> None:
    reason = reason_for("csat", "9", urgency="urgent", escalated="maybe")
    for problem in ("csat: '9'", "urgency: 'urgent'", "escalated: 'maybe'"):
        assert problem in reason


def test_a_mapped_column_is_named_with_its_source() -> None:
    frame = pl.DataFrame(
        {"ticket_id": ["t"], "customer_id": ["c"], "opened_at": ["2026-03-01T09:30Z"], "score": ["7"]}
    )
    ((_, reason),) = check(frame, resolve(frame.columns, [("csat", "score")], "f"), "w").bad
    assert reason.startswith("csat (from 'score'): '7'")


@pytest.mark.parametrize(
    ("option", "cell", "workflow"),
    [("w", None, "w"), ("w", "", "w"), ("w", "own", "own"), (None, "own", "own")],
)
def test_the_option_fills_rows_that_name_no_workflow(
    option: str | None, cell: str | None, workflow: str
) -> None:
    result = checked(option, workflow=cell)
    assert result.good["workflow"].to_list() == [workflow]


def test_a_row_without_workflow_or_with_a_wrong_name_is_refused() -> None:
    ((_, empty),) = checked(None, workflow="").bad
    assert empty == "workflow: is empty; fill it, or give --workflow for rows that name none"
    ((_, wrong),) = checked(None, workflow="a b").bad
    assert "is no workflow name" in wrong


def test_good_rows_keep_their_place_among_bad_ones() -> None:
    opened = ["2026-03-01T09:30Z", "never", "2026-03-02T09:30Z"]
    frame = pl.DataFrame({"ticket_id": ["a", "b", "c"], "customer_id": ["x"] * 3, "opened_at": opened})
    result = check(frame, resolve(frame.columns, [], "f"), "w")
    assert result.good["ticket_id"].to_list() == ["a", "c"]
    assert result.good_rows.to_list() == [0, 2]
    assert [row for row, _ in result.bad] == [1]
