"""Which tickets a headline is about, and how its points look."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final

from rollout.measure.query import Query

MINIMUM: Final = 30
"""A cell with fewer tickets is shown as too few: its share would say more about chance than the desk."""
DAILY_UP_TO: Final = timedelta(days=21)
"""Trends of longer periods are drawn per week."""
RANDOMISED_LIVE: Final = (
    "arm IS NOT NULL AND coalesce(mode, 'live') = 'live' AND eligible IS NOT FALSE AND "
    "(assignment_reason IS NULL OR assignment_reason IN ('SPLIT', 'CANARY_SPLIT', 'HOLDOUT'))"
)
"""Tickets that chance gave to their arm; only these may be compared by arm."""
ARM_GROUP: Final = (
    f"CASE WHEN {RANDOMISED_LIVE} THEN arm "
    "WHEN arm IS NOT NULL AND coalesce(mode, 'live') = 'live' THEN 'not eligible' ELSE 'unassigned' END"
)
"""The arm as a group to compare by. Tickets that no chance dealt stand apart: they are harder, or older."""
_NOT_DEALT: Final = "not eligible"
_BEFORE: Final = "unassigned"
_DIMENSIONS: Final = ("version", "category", "channel", "language", "region", "tier")


@dataclass(frozen=True, slots=True)
class Slice:
    """Tickets of one workflow opened in a period; every dimension left out admits all values."""

    workflow: str
    as_of: datetime
    since: datetime | None = None
    tenant: str = "default"
    version: str | None = None
    category: str | None = None
    channel: str | None = None
    language: str | None = None
    region: str | None = None
    tier: str | None = None

    @property
    def grain(self) -> str:
        """``day`` or ``week``: the unit of trends."""
        short = self.since is not None and self.as_of - self.since <= DAILY_UP_TO
        return "day" if short else "week"

    @property
    def tickets(self) -> str:
        """The slice as a subquery; exclusion rules applied."""
        parts = ["tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of", "excluded IS NULL"]
        if self.since is not None:
            parts.append("opened_at > $since")
        parts += [f"{name} = ${name}" for name in _DIMENSIONS if getattr(self, name) is not None]
        return f"(SELECT * FROM facts WHERE {' AND '.join(parts)})"

    def query(self, sql: str, **more: Any) -> Query:
        """A query over the slice; ``$grain`` may not be bound, so write it with ``self.grain``."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return Query(sql.strip(), own | more)


@dataclass(frozen=True, slots=True)
class Point:
    """One mark of a chart, one row of a table. ``value`` is None where there is too little to say."""

    group: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        own = {"group": self.group, "value": self.value, "lower": self.lower, "upper": self.upper}
        return {**own, "n": self.n, **self.more}


@dataclass(frozen=True, slots=True)
class Headline:
    """One number of the report with its parts."""

    sentence: str
    sql: str
    rows: tuple[Point, ...]
    trend: tuple[Point, ...] = ()
    by: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    """Other cuts of the same number, by name."""

    def to_json(self) -> dict[str, Any]:
        cuts = {name: [point.to_json() for point in points] for name, points in self.by.items()}
        return {
            "sentence": self.sentence,
            "sql": self.sql,
            "rows": [point.to_json() for point in self.rows],
            "trend": [point.to_json() for point in self.trend],
            **cuts,
        }


def where(group: str) -> str:
    """An arm as a place in a sentence."""
    return "before any rollout" if group == _BEFORE else f"in the {group} arm"


def comparable(group: str) -> bool:
    """Whether a sentence may set the group beside another: not what no chance dealt."""
    return group != _NOT_DEALT
