"""An account of use and cost, for whoever pays or is paid for it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rollout.errors import UsageError
from rollout.measure.query import Source
from rollout.measure.usage import BY, By, usage_rows

_COUNTED: Final = ("tickets", "agent_replies", "tokens", "model_unknown", "shadow_replies", "shadow_unknown")
_MONEY: Final = ("model_usd", "shadow_usd")


def period_of(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The period asked for; from the first of the month (UTC) until now where nothing is said.

    Raises:
        UsageError: it ends before it begins, or a time has no offset.

    """
    for name, moment in (("from", since), ("to", until)):
        if moment is not None and moment.tzinfo is None:
            raise UsageError(
                f"{name}={moment.isoformat()}: give an offset, e.g. {moment.isoformat()}Z; days begin at "
                "midnight UTC"
            )
    until = until or now
    since = since or until.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if since >= until:
        raise UsageError(f"from={since.isoformat()} is not before to={until.isoformat()}")
    return since, until


def account(source: Source, since: datetime, until: datetime, by: By, tenant: str | None) -> dict[str, Any]:
    """The rows of ``measure.usage`` with their total. A sum of money is null where no part of it is known.

    Raises:
        UsageError: ``by`` is none of those there are.

    """
    if by not in BY:
        raise UsageError(f"by={by}: one of {', '.join(BY)}")
    rows = [
        {by: row["group"], **{name: value for name, value in row.items() if name != "group"}}
        for row in usage_rows(source, since, until, by, tenant)
    ]
    return {
        "from": since.isoformat(),
        "to": until.isoformat(),
        "by": by,
        "tenant": tenant,
        "rows": rows,
        "total": _total(rows),
    }


def _total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = {name: [row[name] for row in rows if row[name] is not None] for name in _MONEY}
    return {
        **{name: sum(row[name] for row in rows) for name in _COUNTED},
        **{name: sum(values) if values else None for name, values in known.items()},
        "human_minutes": sum(row["human_minutes"] for row in rows),
    }
