"""Spending on disk: a file per day, a line per call, so that a restart does not refill a budget."""

import logging
from collections.abc import Mapping
from pathlib import Path

import orjson

from agents.models.budget import Scope, Spent

_log = logging.getLogger(__name__)


class SpendBook:
    """Appends to ``spent-DAY.jsonl`` in a folder. A torn last line is left out when it is read.

    One process writes. A line is in the file when the call's ticket goes on, though not forced to the
    disk: what a power failure loses is a few calls' worth, on the generous side.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def today(self, day: str) -> Mapping[tuple[str, ...], Spent]:
        total: dict[tuple[str, ...], Spent] = {}
        path = self._path(day)
        if not path.exists():
            return total
        for line in filter(None, path.read_bytes().split(b"\n")):
            try:
                entry = orjson.loads(line)
                spent = Spent(int(entry["tokens"]), float(entry["usd"]))
                accounts = (("version", str(entry["version"])), ("tenant", str(entry["tenant"])))
            except (ValueError, KeyError, TypeError):
                _log.warning("%s: a line that cannot be read is left out", path)
                continue
            for account in accounts:
                total[account] = total.get(account, Spent()).plus(spent)
        return total

    def add(self, day: str, scope: Scope, spent: Spent) -> None:
        line = orjson.dumps(
            {"tenant": scope.tenant, "version": scope.version, "tokens": spent.tokens, "usd": spent.usd}
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path(day).open("ab") as file:
                file.write(b"\n" + line)
        except OSError as error:
            # The memory of this process still holds it; the ticket does not wait for a disk.
            _log.warning("spending of %s is not on disk: %s", scope.version, error.strerror)

    def _path(self, day: str) -> Path:
        return self._folder / f"spent-{day}.jsonl"
