"""How the analyst keeps what it answered: as long as nothing was recorded, or as long as counting is worth.

One lock around the view: an answer is made once for all who ask, so that looking never queues up behind
looking. On large desks nobody waits behind a count either: see ``prepared``.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, NamedTuple

from rollout.measure.kept_days import LEAST
from rollout.prepared import LONGEST_SECONDS, MOVING_SECONDS, Prepared
from rollout.record.folder import DataFolder

FRESH_SECONDS: Final = 60.0
"""How long an answer holds while nothing is recorded: maturity moves with the clock alone."""
BUSY_SECONDS: Final = 2.0
"""How long it holds while tickets come in, as long as no rollout has moved."""
_MOST_ANSWERS: Final = 256


class _Known(NamedTuple):
    """An answer and what was recorded when it was given."""

    position: int
    moves: int
    at: float
    answer: dict[str, Any]


class Reading:
    """Answers from one view, made when they are needed. Thread-safe."""

    def __init__(self, folder: DataFolder, large: int = LEAST) -> None:
        """``large``: tickets from which on answers are prepared instead of counted while somebody waits."""
        self._folder = folder
        self._large = large
        self._answers: dict[tuple[Any, ...], _Known] = {}
        self.alone = threading.RLock()
        """Held by whoever changes the view, or reads what must belong together."""
        self.prepared = Prepared()

    @property
    def position(self) -> int:
        """Number of the newest record that the view knows."""
        return int(self._folder.view.position)

    def catch_up(self) -> int:
        """Apply what was recorded since; how many events."""
        with self.alone:
            return self._folder.catch_up()

    def forget(self) -> None:
        """Make every answer anew."""
        self._answers.clear()

    def counted(
        self, key: tuple[Any, ...], answer: Callable[[], dict[str, Any]], *, moving: bool = False
    ) -> dict[str, Any]:
        """As ``cached``; on a large desk a prepared answer.

        ``moving``: the answer is another one as soon as a rollout has moved or an incident was told.

        Raises:
            BeingCounted: there is none yet.

        """
        if not self.is_large():
            return self.cached(key, answer)
        at = (self.newest_transition(), self.newest_incident()) if moving else ()
        longest = MOVING_SECONDS if moving else LONGEST_SECONDS
        found: dict[str, Any] = self.prepared.get((*key, *at), answer, longest=longest)
        return found

    def is_large(self) -> bool:
        return int(self._folder.view.query("SELECT count(*) AS n FROM facts")[0]["n"]) >= self._large

    def cached(self, key: tuple[Any, ...], answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The answer, newly made unless nothing that matters has happened since the last one."""
        with self.alone:
            self.catch_up()
            now, moves = monotonic(), self.newest_transition()
            known = self._answers.get(key)
            if known is not None and known.moves == moves:
                hold = FRESH_SECONDS if known.position == self.position else BUSY_SECONDS
                if now - known.at < hold:
                    return known.answer
            found = _Known(self.position, moves, now, answer())
            if len(self._answers) > _MOST_ANSWERS:
                self._answers.clear()
            self._answers[key] = found
            return found.answer

    def newest_incident(self) -> int:
        rows = self._folder.view.query(
            "SELECT coalesce(max(seq), 0) AS seq FROM others WHERE kind = 'incident'"
        )
        return int(rows[0]["seq"])

    def newest_transition(self) -> int:
        return int(self._folder.view.query("SELECT coalesce(max(seq), 0) AS seq FROM transitions")[0]["seq"])
