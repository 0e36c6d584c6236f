"""Small files, and an import into a folder of the test's own."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rollout.importer import ImportSummary, import_file
from rollout.record.folder import DataFolder

Rows = Sequence[Mapping[str, Any]]


def ticket(number: int = 1, **cells: Any) -> dict[str, Any]:
    return {
        "ticket_id": f"t{number}",
        "customer_id": f"c{number}",
        "opened_at": f"2026-03-{number % 28 + 1:02d}T09:30:00+01:00",
    } | cells


def write_csv(path: Path, rows: Rows, **options: Any) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    encoding = options.pop("encoding", "utf-8")
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, names, **options)
        writer.writeheader()
        writer.writerows(rows)
    return path


class Room:
    """A data folder with the files that are imported into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"

    def csv(self, *rows: Mapping[str, Any], name: str = "tickets.csv", **options: Any) -> Path:
        return write_csv(self.path / name, rows, **options)

    def text(self, content: str | bytes, name: str = "tickets.csv") -> Path:
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(self, file: Path, **options: Any) -> ImportSummary:
        return import_file(file, self.data, **{"workflow": "w"} | options)

    def query(self, sql: str) -> list[dict[str, Any]]:
        with DataFolder.open(self.data) as folder:
            folder.catch_up()
            return folder.view.query(sql)

    def ids(self) -> list[str]:
        return [row["ticket_id"] for row in self.query("SELECT ticket_id FROM facts ORDER BY ticket_id")]

    def rejects(self, name: str = "tickets.csv") -> list[dict[str, str]]:
        with (self.data / "imports" / f"{name}.rejects.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def a_ticket() -> Callable[..., dict[str, Any]]:
    return ticket
