"""Opens a file by what it holds, whatever its name says."""

from pathlib import Path
from typing import Final

from rollout.errors import UsageError
from rollout.importer.chunk import Source
from rollout.importer.csv_file import CsvSource
from rollout.importer.json_file import JsonSource
from rollout.importer.parquet_file import ParquetSource

_BOM: Final = b"\xef\xbb\xbf"
_COMPRESSED: Final = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd")


def open_source(path: Path) -> Source:
    """Open a file.

    Raises:
        UsageError: it cannot be read, is empty, or is of another format.

    """
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; name a CSV, JSONL or Parquet file") from error
    begin = start.removeprefix(_BOM).lstrip()
    suffix = path.suffix.lower()
    if not begin:
        raise UsageError(f"{path}: the file is empty; export it again, with a header and one row per ticket")
    if start.startswith(_COMPRESSED):
        raise UsageError(f"{path}: the file is compressed; unpack it first")
    if start.startswith(b"PAR1"):
        return ParquetSource(path)
    if suffix in (".parquet", ".pq"):
        raise UsageError(f"{path}: this is not a Parquet file; it does not begin with PAR1")
    if suffix == ".json" and begin.startswith(b"["):
        raise UsageError(f"{path}: JSON is read as one object per line; convert the array with: jq -c '.[]'")
    if suffix in (".jsonl", ".ndjson") or begin.startswith(b"{"):
        return JsonSource(path)
    return CsvSource(path)
