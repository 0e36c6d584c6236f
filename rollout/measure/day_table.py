"""Tables held in memory beside the view, of which parts are replaced again and again."""

from collections.abc import Mapping
from typing import Any, Final

from rollout.measure.query import Query, Source

ATTACHED: Final = "day_sums"
_SPARE: Final = 100_000
"""Rows that are gone and may stay: DuckDB gives room in memory back only with the whole table."""


class Table:
    """A table that is made with its first rows."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self.name = name
        self._made = False
        self._rows = self._gone = 0

    def replace(self, gone: str, sql: str, params: Mapping[str, Any]) -> None:
        """Put the rows of a query in the place of those for which ``gone`` holds."""
        if not self._made:
            self._rows = _count(Query(f"CREATE OR REPLACE TABLE {self.name} AS {sql}", params), self._source)
            self._made = True
            return
        gone_now = _count(Query(f"DELETE FROM {self.name} WHERE {gone}", params), self._source)
        self._rows -= gone_now
        self._gone += gone_now
        self._rows += _count(Query(f"INSERT INTO {self.name} BY NAME ({sql})", params), self._source)
        if self._gone > self._rows + _SPARE:
            self._write_anew()

    def _write_anew(self) -> None:
        short = self.name.rpartition(".")[2]
        for sql in (
            f"CREATE TABLE {self.name}_anew AS FROM {self.name}",
            f"DROP TABLE {self.name}",
            f"ALTER TABLE {self.name}_anew RENAME TO {short}",
        ):
            self._source.query(sql)
        self._gone = 0


def _count(query: Query, source: Source) -> int:
    rows = query.rows(source)
    return int(rows[0]["Count"]) if rows else 0


def drop(source: Source, prefix: str) -> None:
    """Every table of a prefix."""
    for name in there(source):
        if name.startswith(f"{prefix}_"):
            source.query(f"DROP TABLE IF EXISTS {name}")


def there(source: Source) -> set[str]:
    """The tables there are; a view that had to be opened again has forgotten them."""
    rows = source.query(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = $name", {"name": ATTACHED}
    )
    return {f"{ATTACHED}.{row['table_name']}" for row in rows}
