"""Spending on disk: a file per day, a line per call, shared by the processes that call models.

So a restart does not refill a budget, and the agents that only watch spend from the same one.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import orjson

from agents.models.budget import Account, Scope, Spent, day_accounts

_log = logging.getLogger(__name__)


class SpendBook:
    """Appends to ``spent-DAY.jsonl`` in a folder and reads what others appended since it last looked.

    Lines are not forced to the disk: what a power failure loses is a few calls' worth, on the generous
    side. What is under way in another process is not seen, only what it has come to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._day = ""
        self._read = 0
        self._totals: dict[Account, Spent] = {}

    def totals(self, day: str) -> Mapping[Account, Spent]:
        """What was spent on a day, by account. A torn or foreign line is left out."""
        if day != self._day:
            self._day, self._read, self._totals = day, 0, {}
        path = self._path(day)
        try:
            if path.stat().st_size > self._read:
                with path.open("rb") as file:
                    file.seek(self._read)
                    whole, newline, _ = file.read().rpartition(b"\n")
                self._read += len(whole) + len(newline)
                for line in filter(None, whole.split(b"\n")):
                    self._enter(line)
        except OSError as error:
            _log.warning("%s cannot be read (%s): budgets go by what is known", path, error.strerror)
        return self._totals

    def add(self, day: str, scope: Scope, spent: Spent) -> None:
        line = orjson.dumps(
            {"tenant": scope.tenant, "version": scope.version, "tokens": spent.tokens, "usd": spent.usd}
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._path(day).open("ab", buffering=0) as file:
                file.write(b"\n" + line + b"\n")  # the first ends a line that a crash has torn
        except OSError as error:
            _log.warning("spending of %s is not on disk: %s", scope.version, error.strerror)
            if day == self._day:
                self._enter(line)

    def _enter(self, line: bytes) -> None:
        try:
            entry = orjson.loads(line)
            scope = Scope(str(entry["tenant"]), str(entry["version"]), "")
            spent = Spent(int(entry["tokens"]), float(entry["usd"]))
        except (ValueError, KeyError, TypeError):
            _log.warning("%s: a line that cannot be read is left out", self._path(self._day))
            return
        for account in day_accounts(scope):
            self._totals[account] = self._totals.get(account, Spent()).plus(spent)

    def _path(self, day: str) -> Path:
        return self._folder / f"spent-{day}.jsonl"
