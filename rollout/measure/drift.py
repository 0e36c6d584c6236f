"""Has the desk changed, or the agent? A period beside the one before it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from experiments.mix import Cell, decompose, stability
from rollout.measure.headlines.slice import ARM_GROUP, MINIMUM, Slice
from rollout.measure.query import Query, Source

DIMENSIONS: Final = ("category", "urgency", "channel", "language", "region", "tier")
_PERIOD: Final = (
    "FROM facts WHERE tenant = $tenant AND workflow = $workflow AND excluded IS NULL"
    " AND opened_at > $before AND opened_at <= $as_of"
)
_MIX: Final = (
    "SELECT coalesce({name}, 'unknown') AS value, count(*) FILTER (opened_at <= $since) AS before,"
    f" count(*) FILTER (opened_at > $since) AS now {_PERIOD} GROUP BY value ORDER BY before + now DESC, value"
)
_RATES: Final = f"""
SELECT {ARM_GROUP} AS arm, coalesce(category, 'unknown') AS category, opened_at > $since AS now,
    count(value) AS n, sum(value) AS total, sum(value * value) AS squares
FROM (SELECT *, {{value}} AS value {_PERIOD}) WHERE value IS NOT NULL GROUP BY ALL"""
_METRICS: Final = {
    "escalation": ("Escalation", "rate", "CAST(escalated AS DOUBLE)"),
    "csat": ("CSAT", "points", "csat"),
    "violations": ("Violations", "rate", "CAST(coalesce(violations, 0) > 0 AS DOUBLE)"),
}
_ARMS: Final = ("agent", "canary", "human")
_BY_AGENTS: Final = frozenset({"violations"})
"""What only an agent's replies are checked for."""
_SMALL: Final = 0.1
"""A PSI below it is customarily called small, whatever chance would do."""


def drift(source: Source, these: Slice) -> dict[str, Any] | None:
    """How mix and quality differ from the equally long period before; None where all time is asked for.

    Returns:
        ``since``, ``before``; ``mix``: per dimension ``psi``, what chance alone would reach (``by_chance``)
        and the shares; ``quality``: per metric and arm the change taken apart by category.

    """
    if these.since is None:
        return None
    since = these.since
    before = since - (these.as_of - since)
    mix = [each for name in DIMENSIONS if (each := _mix(source, these, name, before)) is not None]
    quality = [row for metric in _METRICS for row in _decomposed(source, these, metric, before)]
    return {
        "before": before.isoformat(),
        "since": since.isoformat(),
        "mix": mix,
        "quality": quality,
        "sentence": _sentence(mix, quality),
        "sql": _asked(these, _MIX.format(name="category"), before).sql,
    }


def _asked(these: Slice, sql: str, before: datetime) -> Query:
    return these.query(sql, before=before)


def _mix(source: Source, these: Slice, name: str, before: datetime) -> dict[str, Any] | None:
    rows = _asked(these, _MIX.format(name=name), before).rows(source)
    then = {row["value"]: row["before"] for row in rows}
    now = {row["value"]: row["now"] for row in rows}
    found = stability(then, now)
    if found is None or set(then) == {"unknown"}:
        return None
    n, m = sum(then.values()), sum(now.values())
    shares = [{"value": row["value"], "then": row["before"] / n, "now": row["now"] / m} for row in rows[:20]]
    return {"dimension": name, **asdict(found), "drifted": found.drifted, "shares": shares}


def _decomposed(source: Source, these: Slice, metric: str, before: datetime) -> list[dict[str, Any]]:
    title, unit, value = _METRICS[metric]
    rows = _asked(these, _RATES.format(value=value), before).rows(source)
    found = []
    for arm in _ARMS:
        if arm == "human" and metric in _BY_AGENTS:
            continue
        then, now = (
            {
                row["category"]: Cell(row["n"], row["total"], row["squares"])
                for row in rows
                if row["arm"] == arm and row["now"] is is_now
            }
            for is_now in (False, True)
        )
        least = min(sum(cell.n for cell in cells.values()) for cells in (then, now))
        apart = decompose(then, now) if least >= MINIMUM else None
        if apart is not None:
            told = {"metric": metric, "title": title, "unit": unit, "arm": arm, "n": least}
            found.append(told | asdict(apart))
    return found


def _sentence(mix: list[dict[str, Any]], quality: list[dict[str, Any]]) -> str:
    if not mix:
        return "There is no period before this one to compare with."
    drifted = [each["dimension"] for each in mix if each["drifted"]]
    little = all(each["psi"] < _SMALL for each in mix)
    told = (
        f"More tickets than chance would move have moved between values of {', '.join(drifted)}"
        f"{', though not many (PSI below 0.1)' if little else ''}."
        if drifted
        else "The tickets are the same as before, within chance."
    )
    moved = [f"{row['title']} ({row['arm']})" for row in quality if row["lower"] > 0 or row["upper"] < 0]
    if moved:
        return f"{told} At the same mix these changed too: {', '.join(moved)}."
    return f"{told} At the same mix, no change of quality is beyond chance." if quality else told
