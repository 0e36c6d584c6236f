"""What an import tells: while it runs, and at its end."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl


@dataclass(frozen=True, slots=True)
class Progress:
    rows: int
    """Rows read so far."""
    share: float
    """0 to 1."""
    stage: str = "import"
    """``import``, then ``apply`` while the view catches up."""


@dataclass(slots=True)
class ImportSummary:
    """The account of one import. ``rows == imported + already_there + rejected``."""

    file: Path
    dry_run: bool = False
    rows: int = 0
    imported: int = 0
    already_there: int = 0
    revisions: int = 0
    """Of the imported: rows about a ticket that was known in another wording."""
    rejected: int = 0
    rejects_file: Path | None = None
    problems: list[str] = field(default_factory=list)
    """The first rejections, with line and remedy."""
    warnings: list[str] = field(default_factory=list)
    workflows: Counter[str] = field(default_factory=Counter)
    arms: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    first_opened_at: datetime | None = None
    last_opened_at: datetime | None = None
    seconds: float = 0.0

    def count(self, good: pl.DataFrame) -> None:
        """Add a checked chunk to the counts of what the file is about."""
        for name, counter in (("workflow", self.workflows), ("arm", self.arms), ("step", self.steps)):
            if name in good.columns:
                values = good[name].drop_nulls().value_counts()
                counter.update(dict(values.iter_rows()))
        if good.height:
            first, last = good["opened_at"].min(), good["opened_at"].max()
            assert isinstance(first, datetime)
            assert isinstance(last, datetime)
            self.first_opened_at = min(first, self.first_opened_at or first)
            self.last_opened_at = max(last, self.last_opened_at or last)

    @property
    def next_steps(self) -> list[str]:
        return [f"ridealong gate {workflow}" for workflow in sorted(self.workflows)]
