"""What every kind of file is read as: chunks of text cells with their line numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import polars as pl

CHUNK: Final = 10_000
"""Rows per chunk: what bounds the memory of an import."""


class Spoiled(NamedTuple):
    """A row that could not be read as cells."""

    line: int
    cells: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class Chunk:
    """Consecutive rows: ``frame`` has one text column per column of the file, null where empty."""

    frame: pl.DataFrame
    lines: list[int]
    """Where each row of the frame begins, counted from 1 with the header."""
    spoiled: list[Spoiled] = field(default_factory=list)
    done: int = 0
    """Bytes of the file (of Parquet: rows) that have been read up to here."""


class Source(Protocol):
    """An opened file."""

    names: list[str]
    total: int
    """What ``Chunk.done`` will be at the end."""

    def chunks(self) -> Iterator[Chunk]: ...
