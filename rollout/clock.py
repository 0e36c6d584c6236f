"""Time, injected: the demo and the tests run the same loops on a simulated clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


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
