"""Answers about large desks: counted once, behind whoever reads, and kept for as long as that is worth.

What takes a second to count is not counted at every look. A kept answer says as of when it was counted;
once it is older than ``WORTH`` times the time it took, or too old for what it is about, whoever reads it
sets off the next one and has the kept one at once. The processor is thereby busy with one answer for a
twentieth of the time.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from rollout.errors import BeingCounted

WORTH: Final = 20.0
LEAST_SECONDS: Final = 5.0
"""How long an answer is kept at least."""
LONGEST_SECONDS: Final = 900.0
"""And at most: the first count after a start may take far longer than the ones after it."""
MOVING_SECONDS: Final = 60.0
"""At most, for what people decide by."""
PATIENCE: Final = 8.0
"""Seconds for which the first to ask waits before it is told to come back."""
_AT_ONCE: Final = 2
_MOST: Final = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    at: float
    took: float

    def holds(self, now: float, longest: float) -> bool:
        return now - self.at < min(max(LEAST_SECONDS, WORTH * self.took), longest)


class Prepared:
    """Kept answers by key. Thread-safe; what makes an answer has to be, too."""

    def __init__(self, *, patience: float = PATIENCE, now: Callable[[], float] = monotonic) -> None:
        self._patience, self._now = patience, now
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, tuple[Future[Any], float]] = {}
        """With the moment at which it was begun: of one that takes long nobody waits for long again."""
        self._workers: ThreadPoolExecutor | None = None

    def get(
        self,
        key: Hashable,
        make: Callable[[], Any],
        *,
        patience: float | None = None,
        longest: float = LONGEST_SECONDS,
    ) -> Any:
        """The kept answer, or the first one if it is there in time; made anew once it is ``longest`` old.

        Raises:
            BeingCounted: it is not; it goes on being made, and a later call finds it.

        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if not kept.holds(self._now(), longest):
                    self._begin(key, make)
                return kept.answer
            making, begun = self._begin(key, make)
        left = begun + (self._patience if patience is None else patience) - self._now()
        try:
            return making.result(max(left, 0.0))
        except TooLong:
            if making.done():  # the making itself ran into a time limit
                raise
            raise BeingCounted(
                "there are so many tickets that this has to be counted first; it goes on meanwhile, "
                "and the answer is then kept: ask again in a few seconds"
            ) from None

    def begin(self, key: Hashable, make: Callable[[], Any]) -> None:
        """Have an answer made before anybody asks, unless there is one."""
        with self._lock:
            if key not in self._kept:
                self._begin(key, make)

    def _begin(self, key: Hashable, make: Callable[[], Any]) -> tuple[Future[Any], float]:
        """The making in progress, or a new one; called with the lock held."""
        if key not in self._making:
            if self._workers is None:
                self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="prepared")
            self._making[key] = self._workers.submit(self._make, key, make), self._now()
        return self._making[key]

    def _make(self, key: Hashable, make: Callable[[], Any]) -> Any:
        begun = self._now()
        try:
            answer = make()
        except Exception as error:
            with self._lock:
                self._making.pop(key, None)
                if key in self._kept:  # nobody waits for this one
                    _log.warning("%s could not be counted anew: %s", key, error)
            raise
        with self._lock:
            self._making.pop(key, None)
            ended = self._now()
            self._kept[key] = _Kept(answer, ended, ended - begun)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return answer

    def close(self) -> None:
        """Let go of the workers; what is half made is not waited for."""
        with self._lock:
            workers, self._workers = self._workers, None
        if workers is not None:
            workers.shutdown(wait=True, cancel_futures=True)
