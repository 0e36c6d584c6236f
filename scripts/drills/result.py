"""What a drill found."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any

Say = Callable[[str], None]
"""Told of progress."""
Fault = Callable[[], AbstractContextManager[Any]]
"""Breaks the product on purpose for as long as the block runs."""

_MOST_TOLD = 10


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Result:
    """One promise under one fault."""

    drill: str
    promise: str
    fault: str
    """What was done to it."""
    rounds: int
    checked: int
    """Single facts that were looked at: answers, records, ids."""
    violations: tuple[str, ...] = ()
    """What broke the promise; the first few in words."""
    broken: int = 0
    """How many in all."""
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        """Whether the promise was kept; a drill that looked at nothing has kept none."""
        return self.broken == 0 and self.checked > 0

    @property
    def upper(self) -> float | None:
        """Upper 95% limit of the share of rounds that break it, where none of them did.

        1 - 0.05^(1/n), the exact binomial limit for 0 of n (Clopper & Pearson 1934, one-sided).
        """
        return 1 - 0.05 ** (1 / self.rounds) if self.kept else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"kept": self.kept, "upper95": self.upper}


class Findings:
    """Collects what breaks a promise while a drill runs."""

    def __init__(self) -> None:
        self.checked = 0
        self.broken = 0
        self.words: list[str] = []

    def check(self, holds: bool, words: str) -> None:
        self.checked += 1
        if not holds:
            self.broken += 1
            if len(self.words) < _MOST_TOLD:
                self.words.append(words)

    def result(self, drill: str, promise: str, fault: str, rounds: int, **figures: Any) -> Result:
        return Result(drill, promise, fault, rounds, self.checked, tuple(self.words), self.broken, figures)
