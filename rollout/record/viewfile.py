"""The view's database file: how it is opened, and how it is written anew without what was erased."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

_STORAGE: Final = "v1.5.0"
"""The oldest DuckDB that can open the file; newer ones keep writing this format."""


_LEAST, _MOST = 512, 2048
"""MiB. Below, small desks spill; above, ten million tickets gain nothing."""


def memory_limit() -> str:
    """``RIDEALONG_VIEW_MEMORY`` (such as ``4GB``), else a quarter of what the machine has.

    No less than 512 MiB and no more than 2 GiB by itself: a gate over ten million tickets then runs in
    memory, in half the processor time that spilling to disk costs it.
    """
    if asked := os.environ.get("RIDEALONG_VIEW_MEMORY"):
        return asked
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return f"{min(max(there // 4, _LEAST), _MOST)}MiB"


def connect(path: Path | None, memory_limit: str, threads: int | None) -> duckdb.DuckDBPyConnection:
    """Open the file, or a database in memory where there is no path."""
    connection = duckdb.connect(
        str(path or ":memory:"),
        config={
            "storage_compatibility_version": _STORAGE,
            "memory_limit": memory_limit,
            # One thread makes readers stall the writer for hundreds of milliseconds.
            "threads": max(2, threads or min(4, os.cpu_count() or 2)),
            "preserve_insertion_order": False,
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def write_anew(path: Path) -> None:
    """Replace a closed file by a copy of its content.

    An UPDATE leaves the old value in blocks that are merely free, where it stays for whoever reads
    the bytes of the file; nothing but another file is rid of it.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {_quoted(path)} AS erased (READ_ONLY)")
        connection.execute(f"ATTACH {_quoted(fresh)} AS fresh (STORAGE_VERSION '{_STORAGE}')")
        connection.execute("COPY FROM DATABASE erased TO fresh")
        connection.execute("CHECKPOINT fresh")
    fresh.replace(path)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


class Handles:
    """Readers side by side, or one who needs every handle on the file closed.

    DuckDB keeps one instance per path and process: a connection opened while another is still open
    gets the old instance, even if it was invalidated or the file has been replaced since.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._closing = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closing)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for the readers to finish; new ones wait meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._closing)
            self._closing = True
            self._changed.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closing = False
                self._changed.notify_all()
