"""What a check-up finds, and in whom."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from rollout.clock import Clock, SystemClock

LAG: Final = 10_000
"""Records that what follows the journal may be behind before that is worth a word."""


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """The result of one check."""

    check: str
    level: Level
    sentence: str
    remedy: str | None = None
    """The next step; None where nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined."""

    data: Path
    clock: Clock = field(default_factory=SystemClock)
    progress: Callable[[int], None] = field(default=lambda _: None)

    @property
    def journal(self) -> Path:
        return self.data / "journal"


Told = tuple[Level, str, str | None]
"""A finding without the name of its check."""
