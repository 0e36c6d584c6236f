"""JSON lines as chunks."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from rollout.importer.chunk import CHUNK, Chunk, Spoiled


class JsonSource:
    """One JSON object per line. Keys may differ from line to line; their union is the header."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.total = path.stat().st_size
        names: dict[str, None] = {}
        with path.open("rb") as file:
            for line in file:
                names |= dict.fromkeys(_object(line)[0] or ())
        self.names = list(names)

    def chunks(self) -> Iterator[Chunk]:
        with self._path.open("rb") as file:
            numbered = enumerate(file, start=1)
            done = 0
            while batch := list(islice(numbered, CHUNK)):
                done += sum(len(line) for _, line in batch)
                yield self._chunk(batch, done)

    def _chunk(self, batch: list[tuple[int, bytes]], done: int) -> Chunk:
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        spoiled: list[Spoiled] = []
        for number, line in batch:
            row, reason = _object(line)
            if row is not None:
                rows.append(row)
                lines.append(number)
            elif reason:
                text = line.decode("utf-8", "backslashreplace").strip()
                spoiled.append(Spoiled(number, (text,), reason))
        frame = pl.DataFrame(
            [pl.Series(name, [_cell(row.get(name)) for row in rows], dtype=pl.String) for name in self.names]
        )
        return Chunk(frame, lines, spoiled, done)


def _object(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """A line's object, or why it is none; a blank line is neither."""
    line = line.strip().removeprefix(b"\xef\xbb\xbf")
    if not line:
        return None, None
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return None, f"this is not JSON: {error}; write one object per line"
    if not isinstance(value, dict):
        return None, 'this is not an object; write one object per line, e.g. {"ticket_id": "1", …}'
    return value, None


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
