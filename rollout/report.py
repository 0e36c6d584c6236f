"""The read model: typed answers for the command line, the API and the dashboard."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from policies.plan import Plan, ShadowSettings
from rollout.errors import UsageError
from rollout.gate_report import GateReport
from rollout.gating import gate
from rollout.measure.headlines.costs import costs
from rollout.measure.headlines.escalations import escalations
from rollout.measure.headlines.flow import flow
from rollout.measure.headlines.ratings import ratings
from rollout.measure.headlines.returns import returns
from rollout.measure.headlines.shadowing import Shadow, shadowing
from rollout.measure.headlines.slice import Headline, Slice
from rollout.measure.headlines.spending import spending
from rollout.measure.query import Query, Source, aware_utc
from rollout.shadow_reading import ShadowReading, cost_of, read_shadow

__all__ = ["GateReport", "Overview", "choices", "gate", "overview", "period_of", "require_values"]

DIMENSIONS: Final = ("version", "category", "channel", "language", "region", "tier")
MOST_CHOICES: Final = 50
_NAMED: Final = 12
_FACTS: Final = "FROM facts WHERE tenant = $tenant AND workflow = $workflow AND {name} "
_CHOICES: Final = (
    f"SELECT {{name}} AS value {_FACTS} IS NOT NULL GROUP BY {{name}} ORDER BY count(*) DESC, value"
    f" LIMIT {MOST_CHOICES}"
)
_HAS: Final = f"SELECT count(*) > 0 AS found {_FACTS} = $value"
"""Formatted with the name of a dimension, never with anything a caller said."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The headlines of one workflow over one period."""

    workflow: str
    as_of: datetime
    since: datetime | None
    filters: Mapping[str, str]
    tickets: int
    newest: datetime | None
    """When the newest ticket known then was opened, in or before the period."""
    excluded: Mapping[str, int]
    """Tickets left out by rule, by reason."""
    csat: Headline
    recontact: Headline
    escalation: Headline
    cost: Headline
    flow: Headline
    shadow: Shadow | None
    reading: ShadowReading | None
    """Of the shadow's newest version: what reviewers' labels teach."""
    spending: Mapping[str, Any] | None = None
    """What the shadow took per day, and what it may; None where nothing was watched."""

    def to_json(self) -> dict[str, Any]:
        reading = None if self.reading is None else self.reading.to_json()
        return {
            "workflow": self.workflow,
            "as_of": self.as_of.isoformat(),
            "since": None if self.since is None else self.since.isoformat(),
            "filters": dict(self.filters),
            "tickets": self.tickets,
            "newest": None if self.newest is None else self.newest.isoformat(),
            "excluded": dict(self.excluded),
            "csat": self.csat.to_json(),
            "recontact": self.recontact.to_json(),
            "escalation": self.escalation.to_json(),
            "cost": self.cost.to_json(),
            "flow": self.flow.to_json(),
            "shadow": None
            if self.shadow is None
            else self.shadow.to_json() | {"reading": reading, "spending": self.spending},
        }


def overview(
    source: Source,
    workflow: str,
    as_of: datetime,
    *,
    period: str = "28d",
    tenant: str = "default",
    plan: Plan | None = None,
    filters: Mapping[str, str] | None = None,
) -> Overview:
    """The headlines as of a moment.

    Args:
        source: the view, or anything that answers its SQL.
        workflow: whose tickets.
        as_of: aware; nothing later is looked at.
        period: ``7d``, ``12w`` or ``all``; by when tickets were opened.
        tenant: whose workflow.
        plan: gives bands and the wage; without one, neither is applied.
        filters: dimension to the one value admitted.

    Raises:
        UsageError: the period or a dimension makes no sense.

    """
    filters = filters or {}
    unknown = sorted(set(filters) - set(DIMENSIONS))
    if unknown:
        raise UsageError(f"cannot filter by {unknown[0]!r}; choose from: {', '.join(DIMENSIONS)}")
    length = period_of(period)
    since = None if length is None else as_of - length
    these = Slice(workflow, as_of, since, tenant, **filters)
    counts = these.query(f"SELECT count(*) AS n FROM {these.tickets}").one(source)
    rule = plan.metrics.get("escalation") if plan is not None else None
    bands = {name: (band.low, band.high) for name, band in ((rule and rule.band) or {}).items()}
    watched = shadowing(source, these)
    wage = plan.cost.human_usd_per_hour if plan is not None and plan.cost is not None else None
    return Overview(
        workflow=workflow,
        as_of=as_of,
        since=since,
        filters=dict(filters),
        tickets=counts["n"],
        newest=_newest(source, these),
        excluded=_excluded(source, these),
        csat=ratings(source, these),
        recontact=returns(source, these),
        escalation=escalations(source, these, bands),
        cost=costs(source, these, wage),
        flow=flow(source, these),
        shadow=watched,
        reading=_reading(source, these, plan),
        spending=None if watched is None else spending(source, these, _shadow_of(plan)),
    )


def _shadow_of(plan: Plan | None) -> ShadowSettings | None:
    steps = [] if plan is None else plan.steps
    return next((step.shadow for step in steps if step.shadow is not None), None)


def choices(source: Source, workflow: str, tenant: str = "default") -> dict[str, list[str]]:
    """What may be filtered by: the values of each dimension, frequent ones first, ``MOST_CHOICES`` each."""
    params = {"tenant": tenant, "workflow": workflow}
    return {
        name: [row["value"] for row in Query(_CHOICES.format(name=name), params).rows(source)]
        for name in DIMENSIONS
    }


def require_values(
    source: Source, workflow: str, filters: Mapping[str, str], tenant: str = "default"
) -> None:
    """Refuse to filter by what no ticket has.

    Raises:
        UsageError: it names the values there are.

    """
    for name, value in filters.items():
        if name not in DIMENSIONS:
            raise UsageError(f"cannot filter by {name!r}; choose from: {', '.join(DIMENSIONS)}")
        asked = Query(_HAS.format(name=name), {"tenant": tenant, "workflow": workflow, "value": value})
        if not asked.one(source)["found"]:
            known = ", ".join(choices(source, workflow, tenant)[name][:_NAMED]) or "none is recorded"
            raise UsageError(f"{name}={value!r}: no ticket of {workflow} has it; known: {known}")


def period_of(text: str) -> timedelta | None:
    """``30d``, ``12w``, ``48h``; None for ``all``.

    Raises:
        UsageError: it is none of these.

    """
    if text == "all":
        return None
    units = {"h": "hours", "d": "days", "w": "weeks"}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isascii() and number.isdigit()) or not 0 < int(number) <= 100_000:
        raise UsageError(f"{text!r} is no period; write e.g. 7d, 12w, 48h or all")
    return timedelta(**{units[unit]: int(number)})


def _reading(source: Source, these: Slice, plan: Plan | None) -> ShadowReading | None:
    """None where nothing was watched, or one category is asked for: thresholds know none."""
    if these.category is not None:
        return None
    query = these.query(
        "SELECT max_by(version, occurred_at) AS version FROM comparisons WHERE tenant = $tenant"
        " AND workflow = $workflow AND occurred_at <= $as_of AND ($since IS NULL OR occurred_at >= $since)"
        " AND ($version IS NULL OR version = $version)"
    )
    version = query.one(source)["version"]
    if version is None:
        return None
    return read_shadow(source, {**query.params, "version": version}, cost_of(plan))


def _newest(source: Source, these: Slice) -> datetime | None:
    sql = (
        "SELECT max(opened_at) AS newest FROM facts"
        " WHERE tenant = $tenant AND workflow = $workflow AND opened_at <= $as_of"
    )
    return aware_utc(these.query(sql).one(source)["newest"])


def _excluded(source: Source, these: Slice) -> dict[str, int]:
    rows = these.query(
        "SELECT excluded, count(*) AS n FROM facts WHERE tenant = $tenant AND workflow = $workflow"
        " AND opened_at <= $as_of AND ($since IS NULL OR opened_at > $since) AND excluded IS NOT NULL"
        " GROUP BY excluded ORDER BY excluded"
    ).rows(source)
    return {row["excluded"]: row["n"] for row in rows}
