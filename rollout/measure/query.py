"""A query as a value: text and named parameters together, so that every number can show its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

import re2

_NAME: Final = re2.compile(r"\$([a-z_][a-z0-9_]*)")


class Source(Protocol):
    """Whoever answers SQL over the facts; the view does."""

    def query(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Query:
    """SQL with ``$name`` parameters. Parameters the text does not name are left behind."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, source: Source) -> list[dict[str, Any]]:
        named = set(_NAME.findall(self.sql))
        return source.query(
            self.sql, {key: _bound(value) for key, value in self.params.items() if key in named}
        )

    def one(self, source: Source) -> dict[str, Any]:
        """The only row of an aggregate."""
        return self.rows(source)[0]


def day_if(wanted: bool) -> str:
    """The first column of a query that counts by day."""
    return '"day", ' if wanted else ""


def naive_utc(moment: datetime) -> datetime:
    """As the facts hold times: UTC without a zone, whatever the session's zone is.

    Raises:
        ValueError: ``moment`` has no zone, so nobody can say when it is.

    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset; write e.g. {moment.isoformat()}+00:00")
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware_utc(moment: datetime | None) -> datetime | None:
    """A time read from the facts, with its zone."""
    return None if moment is None else moment.replace(tzinfo=UTC)


def utc_day(moment: datetime) -> date:
    """The day of the facts an aware moment lies in."""
    return moment.astimezone(UTC).date()


def _bound(value: Any) -> Any:
    return naive_utc(value) if isinstance(value, datetime) else value
