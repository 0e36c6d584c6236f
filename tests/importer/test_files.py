"""A file is read as what it holds, row by row, with the line where each row begins."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from rollout.errors import UsageError
from rollout.importer import chunk as chunks
from rollout.importer.files import open_source

HEADER = "ticket_id,customer_id,opened_at"


def written(path: Path, content: str | bytes, name: str = "f.csv") -> Path:
    file = path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def lines_and_ids(file: Path) -> list[tuple[int, str | None]]:
    return [
        (line, cell)
        for chunk in open_source(file).chunks()
        for line, cell in zip(chunk.lines, chunk.frame["ticket_id"], strict=True)
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(tmp_path: Path, separator: str) -> None:
    file = written(tmp_path, f"{HEADER}\n1,a,2026\n".replace(",", separator))
    (chunk,) = open_source(file).chunks()
    assert chunk.frame.rows() == [("1", "a", "2026")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    file = written(tmp_path, f"{HEADER}\n1,Jörg,2026\n".encode(encoding))
    source = open_source(file)
    assert source.names == HEADER.split(",")
    assert next(source.chunks()).frame["customer_id"].to_list() == ["Jörg"]


def test_lines_are_counted_through_line_breaks_in_cells_and_empty_lines(tmp_path: Path) -> None:
    file = written(tmp_path, f'{HEADER}\r\n1,"a\r\nb",x\r\n\r\n2,"c ""d""",y\r\n3,e,z')
    assert lines_and_ids(file) == [(2, "1"), (5, "2"), (6, "3")]


def test_a_row_of_another_width_is_handed_over_apart(tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEADER}\n1,a\n2,b,c,d\n3,e,f\n")
    (chunk,) = open_source(file).chunks()
    assert [(row.line, len(row.cells)) for row in chunk.spoiled] == [(2, 2), (3, 4)]
    assert "has 2 cells, the header 3" in chunk.spoiled[0].reason
    assert chunk.lines == [4]


def test_a_quotation_mark_that_is_never_closed_is_reported_with_the_lines_it_swallowed(
    tmp_path: Path,
) -> None:
    file = written(tmp_path, f'{HEADER}\n1,a,b\n2,"open,c\n3,d,e\n')
    (chunk,) = open_source(file).chunks()
    assert chunk.lines == [2]
    (spoiled,) = chunk.spoiled
    assert spoiled.line == 3
    assert "lines 3 to 4" in spoiled.reason


def test_bytes_that_are_not_utf_8_spoil_their_row_only(tmp_path: Path) -> None:
    file = written(tmp_path, f"{HEADER}\n1,a,b\n2,J\xf6rg,c\n3,d,e\n".encode("latin-1"))
    (chunk,) = open_source(file).chunks()
    assert chunk.lines == [2, 4]
    assert chunk.spoiled[0].line == 3
    assert "not UTF-8" in chunk.spoiled[0].reason
    assert "iconv" in chunk.spoiled[0].reason


def test_json_lines_may_have_different_keys(tmp_path: Path) -> None:
    rows = [{"ticket_id": 1, "escalated": True}, {"ticket_id": "2", "csat": 4.5, "tags": ["a"]}]
    file = written(tmp_path, "\n".join(json.dumps(row) for row in rows), "f.jsonl")
    (chunk,) = open_source(file).chunks()
    assert chunk.frame.to_dicts() == [
        {"ticket_id": "1", "escalated": "true", "csat": None, "tags": None},
        {"ticket_id": "2", "escalated": None, "csat": "4.5", "tags": '["a"]'},
    ]


def test_a_line_that_is_no_json_object_is_handed_over_apart(tmp_path: Path) -> None:
    file = written(tmp_path, '\ufeff{"ticket_id": 1}\n{"ticket_id": \n\n[1]\n{"ticket_id": 2}\n', "f.ndjson")
    (chunk,) = open_source(file).chunks()
    assert chunk.lines == [1, 5]
    assert [row.line for row in chunk.spoiled] == [2, 4]


def test_parquet_types_become_the_cells_of_a_csv(tmp_path: Path) -> None:
    moment = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
    frame = pl.DataFrame(
        {
            "ticket_id": [7, None],
            "opened_at": pl.Series([moment, None]).dt.convert_time_zone("Europe/Berlin"),
            "naive": [moment.replace(tzinfo=None), None],
            "escalated": [True, None],
            "csat": [4.0, None],
            "tags": [["a", "b"], None],
            "tier": pl.Series(["gold", None], dtype=pl.Categorical),
        }
    )
    frame.write_parquet(tmp_path / "f.parquet")
    (chunk,) = open_source(tmp_path / "f.parquet").chunks()
    assert chunk.frame.row(0) == (
        "7", "2026-03-01T09:30:00.000000+00:00", "2026-03-01T09:30:00.000000", "true", "4.0",
        '["a","b"]', "gold",
    )  # fmt: skip
    assert set(chunk.frame.row(1)) <= {None, "null"}
    assert chunk.lines == [1, 2]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_chunks_are_bounded_and_tell_how_far_they_are(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("csv_file", "json_file", "parquet_file"):
        monkeypatch.setattr(f"rollout.importer.{module}.CHUNK", 10)
    frame = pl.DataFrame({"ticket_id": [str(n) for n in range(25)]})
    file = tmp_path / f"f.{kind}"
    {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[kind](file)
    source = open_source(file)
    read = list(source.chunks())
    assert [chunk.frame.height for chunk in read] == [10, 10, 5]
    assert read[-1].done == source.total
    assert chunks.CHUNK >= 1000


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("", "f.csv", "the file is empty"),
        ("\ufeff \n", "f.csv", "the file is empty"),
        ("a,b", "f.parquet", "not a Parquet file"),
        (b"PAR1 and then nothing", "f.parquet", "damaged"),
        (b"\x1f\x8b\x08", "f.csv.gz", "compressed"),
        ('[{"ticket_id": 1}]', "f.json", "jq -c"),
        ('"a', "f.csv", "line 1"),
        ("J\xf6rg,b\n1,2".encode("latin-1"), "f.csv", "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_remedy(
    tmp_path: Path, content: str | bytes, name: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_source(written(tmp_path, content, name))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        open_source(tmp_path / "missing.csv")
    with pytest.raises(UsageError, match="directory"):
        open_source(tmp_path)
