"""Time, injected: the demo and the tests run the same loops on a simulated clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

STEP_TOLERANCE: Final = timedelta(minutes=5)
"""What a clock may be put right by at once; more than that is a clock that was set."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(slots=True)
class SimulatedClock:
    """A clock that moves only when told to."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move forward.

        Raises:
            ValueError: ``by`` is negative; time never runs backwards in a simulation.

        """
        if by < timedelta(0):
            raise ValueError(f"by == {by}, must be >= 0")
        self.at += by

    def advance_to(self, moment: datetime) -> None:
        self.advance(max(moment - self.at, timedelta(0)))


def since_boot() -> float:
    """Seconds that nobody can set; time asleep counts where the system says it."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class ClockWatch:
    """Notices a wall clock that is set while we run, by hours or by years, forwards or backwards.

    It holds the wall clock against a count of seconds that nobody can set. Small corrections are taken
    in, as time servers make them all day; a large one stays noticed until the clock is put back, or
    until the process starts anew under a clock that somebody has looked at.
    """

    def __init__(self, clock: Clock, elapsed: Callable[[], float] = since_boot) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._wall = clock.now()
        self._count = elapsed()

    def jump(self) -> timedelta | None:
        """By how much the clock is off what has passed; None while it is not."""
        wall, count = self._clock.now(), self._elapsed()
        off = wall - self._wall - timedelta(seconds=count - self._count)
        if abs(off) > STEP_TOLERANCE:
            return off
        self._wall, self._count = wall, count
        return None
