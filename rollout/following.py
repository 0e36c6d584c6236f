"""Follows the journal beside whoever answers: a round now and then, and a rest after each.

A round costs its share of the processor however little was recorded: a few dozen statements over the
view. Rounds without rest would take a whole processor at twenty tickets a second, and who decides would
wait for it. What rests here is how fresh the view is, by no more than ``LONGEST``.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, Protocol

from rollout.errors import RidealongError

SHARE: Final = 0.2
"""Of one processor, that rounds may take at most as long as they are short."""
LONGEST: Final = 1.0
"""Seconds between rounds at most, however long they take."""

_log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who is kept up to date."""

    def keep_up(self) -> None:
        """Take in what was recorded, and the plans that changed."""

    def tick(self) -> None:
        """Let the rollouts take what steps are due."""


def rest(took: float, poll: float) -> float:
    """Seconds until the next round, after one that took so many; at least ``poll``."""
    return max(poll, min(took * (1 / SHARE - 1), LONGEST))


@contextmanager
def following(follower: Follower, *, poll: float, tick: float) -> Iterator[None]:
    """Follow in a thread of its own for as long as the block runs.

    Args:
        follower: who does.
        poll: seconds between two rounds at least.
        tick: seconds between two ticks.

    """
    done = threading.Event()
    thread = threading.Thread(target=_follow, args=(follower, poll, tick, done), name="follower")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _follow(follower: Follower, poll: float, tick: float, done: threading.Event) -> None:
    due, pause = monotonic(), poll
    while not done.wait(pause):
        began = monotonic()
        try:
            follower.keep_up()
            if began >= due:
                due = began + tick
                follower.tick()
        except (RidealongError, OSError) as error:
            # The router may be away for a moment; whatever it is, the next round tries again.
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001 - whatever it is
            # A follower that ended would leave a server that looks well and neither counts nor ticks.
            _log.exception("following the journal failed; it is tried again")
        pause = rest(monotonic() - began, poll)
