"""Checks and types a chunk of rows at once, column by column; only bad rows are looked at singly."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import polars as pl

from rollout.importer.header import COLUMNS, REQUIRED, Column, Header

SLUG: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_ID_CHARACTERS: Final = 256
_TIME: Final = "%Y-%m-%dT%H:%M:%S%.f%#z"
_LOOSE: Final = (
    r"^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2})(:\d{2})?(?:[.,](\d{1,9}))?\s?([Zz]|[+-]\d{2}(?::?\d{2})?)$"
)
_ZONELESS: Final = r"^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?$"
_TRUE: Final = ("true", "1", "yes", "1.0")
_FALSE: Final = ("false", "0", "no", "0.0")
_LARGEST_WHOLE: Final = 2**31 - 1


class Checked(NamedTuple):
    """``good`` has one typed column per known column of the file; ``bad`` says what is wrong where."""

    good: pl.DataFrame
    good_rows: pl.Series
    """Positions of the good rows in the chunk."""
    bad: list[tuple[int, str]]
    """Position in the chunk, and every problem of the row."""


def check(frame: pl.DataFrame, header: Header, workflow: str | None) -> Checked:
    """Type the known columns of a chunk; ``workflow`` fills the rows that name none."""
    raw = frame.select(
        pl.col(source).str.strip_chars().replace("", None).alias(name)
        for name, source in header.sources.items()
    )
    if "workflow" not in raw.columns:
        raw = raw.with_columns(pl.lit(None, dtype=pl.String).alias("workflow"))
    raw = raw.with_columns(pl.col("workflow").fill_null(workflow) if workflow else pl.col("workflow"))
    typed = pl.DataFrame([_typed(raw[name], COLUMNS[name]) for name in raw.columns])
    faults = pl.DataFrame([*_cell_faults(raw, typed), *_row_faults(typed)])
    is_bad = faults.select(pl.any_horizontal(pl.all())).to_series()
    rows = pl.int_range(raw.height, eager=True)
    bad_rows = rows.filter(is_bad)
    return Checked(
        typed.filter(~is_bad),
        rows.filter(~is_bad),
        list(zip(bad_rows, _reasons(raw[bad_rows], faults[bad_rows], header), strict=True)),
    )


def _typed(raw: pl.Series, column: Column) -> pl.Series:
    """The column's values; null where the text is none or does not fit."""
    if column.kind == "time":
        return _times(raw)
    if column.kind == "choice":
        lower = raw.str.to_lowercase()
        return lower.set(~lower.is_in(column.choices), None)
    if column.kind == "flag":
        lower = raw.str.to_lowercase()
        return pl.select(
            pl.when(lower.is_in(_TRUE)).then(True).when(lower.is_in(_FALSE)).then(False).alias(raw.name)  # noqa: FBT003
        ).to_series()
    if column.kind in ("number", "whole"):
        number = raw.cast(pl.Float64, strict=False)
        fits = number.is_finite() & (number >= column.low) & (number <= column.high)
        if column.kind == "whole":
            fits &= (number == number.floor()) & (number <= _LARGEST_WHOLE)
        number = number.set(~fits, None)
        return number.cast(pl.Int64) if column.kind == "whole" else number
    return raw


def _times(raw: pl.Series) -> pl.Series:
    """Instants, in UTC. The usual form is read fast, its variants in a second pass."""
    times = raw.str.to_datetime(_TIME, strict=False, time_unit="us", time_zone="UTC")
    missed = times.is_null() & raw.is_not_null()
    if not missed.any():
        return times
    parts = raw.str.extract_groups(_LOOSE).struct.unnest()
    zone = parts["5"].str.to_uppercase().str.replace("^Z$", "+00:00").str.replace(r"^(.\d\d)$", "${1}:00")
    seconds = parts["3"].fill_null(":00") + "." + parts["4"].fill_null("0")
    loose = parts["1"] + "T" + parts["2"] + seconds + zone
    return times.fill_null(loose.str.to_datetime(_TIME, strict=False, time_unit="us", time_zone="UTC"))


def _cell_faults(raw: pl.DataFrame, typed: pl.DataFrame) -> Iterator[pl.Series]:
    for name in raw.columns:
        fault = raw[name].is_not_null() & typed[name].is_null()
        if name in (*REQUIRED, "workflow"):
            fault |= raw[name].is_null()
        if name == "workflow":
            fault |= ~raw[name].str.contains(SLUG).fill_null(value=False)
        if name in ("ticket_id", "customer_id"):
            fault |= (raw[name].str.len_chars() > _ID_CHARACTERS).fill_null(value=False)
        yield fault.alias(name)


def _row_faults(typed: pl.DataFrame) -> Iterator[pl.Series]:
    for later in ("resolved_at", "csat_at"):
        if later in typed.columns:
            early = (typed[later] < typed["opened_at"]).fill_null(value=False)
            yield early.alias(f"{later} before opened_at")


def _reasons(raw: pl.DataFrame, faults: pl.DataFrame, header: Header) -> list[str]:
    reasons = []
    for cells, flags in zip(raw.iter_rows(named=True), faults.iter_rows(named=True), strict=True):
        found = [_reason(name, cells, header) for name, wrong in flags.items() if wrong]
        reasons.append("; ".join(found))
    return reasons


def _reason(fault: str, cells: dict[str, str | None], header: Header) -> str:
    if fault not in COLUMNS:
        later = fault.split(" ", 1)[0]
        return (
            f"{_named(later, header)}: {cells[later]!r} is before opened_at {cells['opened_at']!r}; "
            "correct one of them"
        )
    value = cells[fault]
    if value is None:
        return f"{_named(fault, header)}: is empty; {_WHEN_EMPTY.get(fault, 'every ticket needs one')}"
    shown = repr(value if len(value) <= 80 else value[:77] + "…")
    return f"{_named(fault, header)}: {shown} {_remedy(fault, value, COLUMNS[fault])}"


_WHEN_EMPTY: Final = {"workflow": "fill it, or give --workflow for rows that name none"}


def _named(column: str, header: Header) -> str:
    source = header.sources.get(column, column)
    return column if source == column else f"{column} (from {source!r})"


def _remedy(name: str, value: str, column: Column) -> str:
    upper = "" if column.high == float("inf") else f" to {column.high:g}"
    text = f"is longer than {_ID_CHARACTERS} characters"
    if name == "workflow":
        text = "is no workflow name; use 1 to 64 letters, digits, dots, dashes and underscores"
    return {
        "text": text,
        "time": _time_remedy(value),
        "choice": f"is none of {', '.join(column.choices)}",
        "flag": "is neither true nor false; write true, false, 1, 0, yes, no or nothing",
        "whole": "is not a whole number from 0",
        "number": f"is not a number from {column.low:g}{upper}; write it like 3.5",
    }[column.kind]


def _time_remedy(value: str) -> str:
    if pl.Series([value]).str.contains(_ZONELESS)[0]:
        return "has no offset from UTC; add Z or an offset, e.g. 2026-03-01T09:30:00+01:00"
    return "is not a time; write ISO 8601 with offset, e.g. 2026-03-01T09:30:00+01:00"


def extras_as_json(frame: pl.DataFrame, names: Sequence[str]) -> list[str | None]:
    """Each row's unknown columns as one JSON object, empty cells left out; None where all are empty."""
    import orjson

    if not names:
        return [None] * frame.height
    return [
        orjson.dumps(given).decode() if (given := {k: v for k, v in row.items() if v}) else None
        for row in frame.select(names).iter_rows(named=True)
    ]
