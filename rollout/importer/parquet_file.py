"""Parquet as chunks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from rollout.errors import UsageError
from rollout.importer.chunk import CHUNK, Chunk


class ParquetSource:
    """Typed columns, read in batches; "line" is the number of the row, counted from 1."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise UsageError(f"{path}: the Parquet file is damaged ({error}); export it again") from error
        self.names = list(self._file.schema_arrow.names)
        self.total = self._file.metadata.num_rows

    def chunks(self) -> Iterator[Chunk]:
        done = 0
        for batch in self._file.iter_batches(batch_size=CHUNK):
            frame = pl.DataFrame(pl.from_arrow(batch)).select(_as_text(column) for column in _columns(batch))
            lines = list(range(done + 1, done + 1 + frame.height))
            done += frame.height
            yield Chunk(frame, lines, [], done)


def _columns(batch: Any) -> Iterator[tuple[str, Any]]:
    schema = pl.DataFrame(pl.from_arrow(batch.slice(0, 0))).schema
    return iter(schema.items())


def _as_text(column: tuple[str, Any]) -> pl.Expr:
    """A typed column as the text that a CSV would hold."""
    name, kind = column
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            return pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
        return pl.col(name).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
    if isinstance(kind, pl.List | pl.Array | pl.Struct):
        wrapped = pl.struct(pl.col(name).alias("value"))
        return wrapped.struct.json_encode().str.strip_prefix('{"value":').str.strip_suffix("}").alias(name)
    if kind == pl.Binary:
        return pl.col(name).bin.encode("base64")
    return pl.col(name).cast(pl.String)
