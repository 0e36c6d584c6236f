"""CSV as chunks. The standard reader is used for its exact line numbers and its strictness."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from rollout.errors import UsageError
from rollout.importer.chunk import CHUNK, Chunk, Spoiled

_DELIMITERS: Final = ",;\t|"
_CELL_BYTES: Final = 1 << 20
_BOMS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_NOT_UTF8: Final = (
    "there are bytes that are not UTF-8; save the file as UTF-8, e.g. iconv -f windows-1252 -t utf-8"
)


class CsvSource:
    """Comma, semicolon, tab or bar separated; UTF-8 with or without BOM, UTF-16 with BOM."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.total = path.stat().st_size
        csv.field_size_limit(_CELL_BYTES)
        with path.open("rb") as raw:
            mark = raw.read(2)
        self._encoding = _BOMS.get(mark, "utf-8-sig")
        with self._text() as text:
            first = text.readline()
            self._delimiter = _delimiter(first)
        with self._text() as text:
            try:
                self.names = [name.strip() for name in next(self._reader(text))]
            except csv.Error as error:
                raise UsageError(f"{path}: line 1: {error}; the first line must name the columns") from error
        if _undecodable(self.names):
            raise UsageError(f"{path}: line 1: {_NOT_UTF8}")

    def _text(self) -> IO[str]:
        return self._path.open(encoding=self._encoding, errors="surrogateescape", newline="")

    def _reader(self, text: IO[str]) -> Any:
        return csv.reader(text, delimiter=self._delimiter, strict=True)

    def chunks(self) -> Iterator[Chunk]:
        with self._text() as text:
            reader = self._reader(text)
            next(reader)
            while True:
                rows, lines, spoiled, ended = self._read(reader)
                if rows or spoiled:
                    done = text.buffer.tell()  # type: ignore[attr-defined]
                    yield self._chunk(rows, lines, spoiled, done)
                if ended:
                    return

    def _read(self, reader: Any) -> tuple[list[list[str]], list[int], list[Spoiled], bool]:
        rows: list[list[str]] = []
        lines: list[int] = []
        spoiled: list[Spoiled] = []
        width = len(self.names)
        while len(rows) + len(spoiled) < CHUNK:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                return rows, lines, spoiled, True
            except csv.Error as error:
                spoiled.append(Spoiled(line, (), _broken(error, line, reader.line_num)))
                continue
            if len(row) == width:
                rows.append(row)
                lines.append(line)
            elif row:
                reason = (
                    f"the row has {len(row)} cells, the header {width}; quote cells that hold a separator"
                )
                spoiled.append(Spoiled(line, tuple(row), reason))
        return rows, lines, spoiled, False

    def _chunk(self, rows: list[list[str]], lines: list[int], spoiled: list[Spoiled], done: int) -> Chunk:
        try:
            frame = _frame(self.names, rows)
        except UnicodeEncodeError:
            bad = [number for number, row in enumerate(rows) if _undecodable(row)]
            spoiled += [Spoiled(lines[number], _escaped(rows[number]), _NOT_UTF8) for number in bad]
            dropped = frozenset(bad)
            rows = [row for number, row in enumerate(rows) if number not in dropped]
            lines = [line for number, line in enumerate(lines) if number not in dropped]
            frame = _frame(self.names, rows)
        spoiled = [entry._replace(cells=_escaped(entry.cells)) for entry in spoiled]
        return Chunk(frame, lines, spoiled, done)


def _frame(names: Sequence[str], rows: list[list[str]]) -> pl.DataFrame:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pl.DataFrame(
        [pl.Series(str(at), list(column), dtype=pl.String) for at, column in enumerate(columns)]
    ).rename({str(at): name for at, name in enumerate(names)})


def _delimiter(header: str) -> str:
    """The separator that cuts the header into most names; a comma where none does."""
    widths = {sign: len(next(csv.reader([header], delimiter=sign), [])) for sign in _DELIMITERS}
    return max(_DELIMITERS, key=lambda sign: widths[sign])


def _broken(error: csv.Error, first: int, last: int) -> str:
    where = f"lines {first} to {last}" if last > first else f"line {first}"
    return f"{where}: {error}; close every quotation mark, and double those inside of a cell"


def _undecodable(cells: Sequence[str]) -> bool:
    return any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell)


def _escaped(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cell.encode("utf-8", "backslashreplace").decode() for cell in cells)
