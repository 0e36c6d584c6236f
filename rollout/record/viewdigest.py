"""A digest of the view's content, so that "rebuilt identically" can be checked."""

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


def digest(connection: "duckdb.DuckDBPyConnection") -> str:
    """SHA-256, hex, over every table's name, row count and sum of row hashes.

    Revisions of days are left out: they count how often facts were recomputed, not what they say.

    Sums do not depend on the order of rows and, unlike XOR, do not cancel a row stored twice.
    """
    content = sha256()
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
        " AND database_name = current_database() AND table_name <> 'fact_days' ORDER BY table_name"
    ).fetchall()
    for (name,) in tables:
        rows = connection.execute(
            "SELECT count(*), coalesce(sum(CAST(md5_number_lower(CAST(row_ AS VARCHAR)) AS HUGEINT)), 0), "
            f"coalesce(sum(CAST(md5_number_upper(CAST(row_ AS VARCHAR)) AS HUGEINT)), 0) FROM {name} row_"
        ).fetchall()
        content.update(f"{name} {rows[0]}\n".encode())
    return content.hexdigest()
