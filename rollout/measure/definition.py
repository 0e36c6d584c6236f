"""How a metric is read off a ticket: conditions and values as SQL over the columns of ``facts``.

Parameters: ``$as_of`` (the moment of the analysis) and ``$wage`` (USD per hour of a person, or NULL).
A ratio metric is Σy/Σd: d says that the ticket carries the metric as of then, y what it carries.
"""

from dataclasses import dataclass
from typing import Final, Literal

CLOSED: Final = (
    "(coalesce(resolved_at, opened_at) <= $as_of"
    " AND (resolved_at IS NOT NULL OR path IS NOT NULL OR source = 'import'))"
)
"""Ended by then. An imported ticket has ended even where its export does not say when."""


NEVER: Final = "FALSE"


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric over one table."""

    metric: str
    counts: str
    """Condition: the ticket carries the metric as of then (d = 1)."""
    value: str
    """y where it does: a number, or a condition read as 0 or 1."""
    immature: str = NEVER
    """Condition: the outcome is still open as of then."""
    matures_at: str = "CAST(NULL AS TIMESTAMP)"
    """When an immature ticket will be known for sure."""
    unknown: str = NEVER
    """Condition: it has ended, and nobody recorded the value."""
    exclusions: str = ""
    """In words, for people: what is left out beyond the rules common to all metrics."""
    table: Literal["facts", "comparisons", "handlings"] = "facts"
    chance: str = "chance"
    """Of a table that is sampled: the column with a row's chance to be in it."""
