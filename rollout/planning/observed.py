"""The desk's own figures, counted in the facts: volume, eligibility, responses, variances.

Outcomes are taken from tickets people handled, levels against a limit from tickets the agent had.
Customers keep their arm, so for a customer's residuals e the variance of a difference of arms is
Σ_c(Σe)² where independent tickets would have Σe²: their ratio is the design effect, measurable
before anything was randomised.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from experiments.estimate import estimate_level
from experiments.limits import effective_n
from policies.plan import Eligibility, Plan
from policies.vocabulary import METRICS
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.csat import REPEATED
from rollout.measure.level_query import level_of, level_query
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.scope import Scope
from rollout.planning.figures import Figure, MetricFacts, Origin, rate_sd

WINDOW: Final = timedelta(days=28)
"""Looked back so far: four weeks hold every weekday alike."""
RIPENING: Final = timedelta(days=7)
"""The newest days are left out, because their outcomes are not known yet."""
FEWEST: Final = 100
"""Observations below which a variance is not believed."""

_HERE: Final = "tenant = $tenant AND workflow = $workflow AND excluded IS NULL AND opened_at <= $as_of"
_PEOPLE: Final = "coalesce(arm, 'human') = 'human'"
_AGENTS: Final = "arm IN ('agent', 'canary')"


@dataclass(frozen=True, slots=True)
class Observed:
    volume: Mapping[str, Figure] = field(default_factory=dict)
    """Eligible tickets a day, by step of the ladder."""
    metrics: Mapping[str, MetricFacts] = field(default_factory=dict)
    """Those with enough observations."""
    eligible_share: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def observe(
    source: Source, plan: Plan, metrics: Sequence[str], *, workflow: str, as_of: datetime
) -> Observed | None:
    """Figures of the newest four weeks whose outcomes are known; None where there are no tickets."""
    base = {"tenant": plan.tenant, "workflow": workflow, "as_of": as_of}
    ends = Query(f"SELECT min(opened_at) AS first, max(opened_at) AS last FROM facts WHERE {_HERE}", base)
    first, last = (aware_utc(moment) for moment in ends.one(source).values())
    if first is None or last is None or last <= first:
        return None
    end = last - RIPENING if last - first > 2 * RIPENING else last
    window = {**base, "start": max(first, end - WINDOW), "end": end}
    span = f"{window['start']:%F} to {end:%F}"
    volume, share, notes = _volume(source, plan, window, span)
    notes.append(f"observed {span} in workflow {workflow!r}")
    found = {metric: _metric(source, plan, metric, window) for metric in metrics}
    few = [metric for metric, facts in found.items() if facts is None]
    if few:
        notes.append(f"fewer than {FEWEST} observations, so assumed or declared: {', '.join(few)}")
    known = {metric: facts for metric, facts in found.items() if facts is not None}
    return Observed(volume, known, share, tuple(notes))


def _volume(
    source: Source, plan: Plan, window: Mapping[str, Any], span: str
) -> tuple[dict[str, Figure], dict[str, float], list[str]]:
    keys = list(Eligibility.model_fields)
    counted = ", ".join(f"count({key}) AS {key}" for key in keys)
    where = f"{_HERE} AND opened_at >= $start AND opened_at <= $end"
    row = Query(f"SELECT count(*) AS tickets, {counted} FROM facts WHERE {where}", window).one(source)
    days = max((window["end"] - window["start"]) / timedelta(days=1), 1.0)
    unseen = [key for key in keys if not row[key]]
    volume: dict[str, Figure] = {}
    share: dict[str, float] = {}
    blind: set[str] = set()
    for step in plan.steps:
        allowed = {key: list(values) for key, values in plan.eligibility_of(step) if values is not None}
        blind |= {key for key in allowed if key in unseen}
        named = [key for key in allowed if key not in unseen]
        clauses = "".join(f" AND list_contains(CAST(${key} AS VARCHAR[]), {key})" for key in named)
        values = {key: [str(value) for value in allowed[key]] for key in named}
        query = Query(f"SELECT count(*) AS n FROM facts WHERE {where}{clauses}", {**window, **values})
        n = query.one(source)["n"]
        volume[step.name] = Figure(n / days, Origin.OBSERVED, span)
        share[step.name] = n / row["tickets"] if row["tickets"] else 0.0
    notes = [
        f"no ticket records its {key}, so every ticket counts as eligible by it" for key in sorted(blind)
    ]
    return volume, share, notes


def _metric(source: Source, plan: Plan, metric: str, window: Mapping[str, Any]) -> MetricFacts | None:
    if CATALOGUE[metric].table != "facts":
        return _beside(source, metric, window)
    wage = plan.cost.human_usd_per_hour if plan.cost is not None else None
    cap = plan.metrics[metric].cap if metric in plan.metrics else None
    row = _spread_query(metric, cap, {**window, "wage": wage, "cap": cap}).one(source)
    n, strata = row["n"] or 0, row["strata"]
    if n < FEWEST or n <= strata or row["squares"] is None:
        return None
    mean = float(row["mean"])
    spread = float(row["squares"]) / (n - strata)
    rate = METRICS[metric].unit == "rate"
    if spread <= 0 and not rate:
        return None
    effect = max(float(row["by_customer"]) / float(row["squares"]), 1.0) if row["squares"] > 0 else 1.0
    return MetricFacts(
        metric,
        mean=_seen(mean, n),
        sd=_seen(spread**0.5, n),
        carried=_seen(min(n / row["tickets"], 1.0), n),
        design_effect=_seen(effect, n),
    )


def _spread_query(metric: str, cap: float | None, params: Mapping[str, Any]) -> Query:
    """Mean, Σe² and Σ_c(Σe)² with e the distance from the day's mean."""
    definition = CATALOGUE[metric]
    value = f"CAST({definition.value} AS DOUBLE)"
    value = f"least({value}, $cap)" if cap is not None else value
    who = _AGENTS if METRICS[metric].limit is not None else _PEOPLE
    rating = metric == "csat"
    repeats = f", repeats AS ({REPEATED})" if rating else ""
    flag = "t.ticket_id IN (SELECT ticket_id FROM repeats)" if rating else "FALSE"
    sql = f"""
WITH tickets AS (
    SELECT * FROM facts WHERE {_HERE} AND opened_at >= $start AND opened_at <= $end AND {who}
){repeats}, seen AS (
    SELECT customer_id, day, {value} AS y FROM (SELECT t.*, {flag} AS repeated FROM tickets AS t)
    WHERE {definition.counts}
), apart AS (
    SELECT customer_id, y, y - avg(y) OVER (PARTITION BY day) AS e FROM seen
), customers AS (
    SELECT sum(e) AS e FROM apart GROUP BY customer_id
)
SELECT (SELECT count(*) FROM tickets) AS tickets, (SELECT count(DISTINCT day) FROM seen) AS strata,
    count(*) AS n, avg(y) AS mean, sum(e * e) AS squares, (SELECT sum(e * e) FROM customers) AS by_customer
FROM apart"""
    return Query(sql.strip(), params)


def _beside(source: Source, metric: str, window: Mapping[str, Any]) -> MetricFacts | None:
    """Of shadow comparisons and drafts: the level so far, whatever the version."""
    scope = Scope(
        tenant=window["tenant"],
        workflow=window["workflow"],
        track="ladder",
        as_of=window["as_of"],
        step=None,
        mode="shadow",
        version=None,
        steps=(),
        every_step=True,
    )
    found = level_of(level_query(scope, metric).one(source), metric)
    sample = found.level
    if sample is None or sample.n < FEWEST:
        return None
    estimate = estimate_level(sample)
    effective = effective_n(sample, estimate)
    n = round(sample.n)
    return MetricFacts(
        metric,
        mean=_seen(estimate.effect, n),
        sd=_seen(rate_sd(estimate.effect), n),
        carried=_seen(found.carried or 1.0, n),
        design_effect=_seen(max(sample.n / effective, 1.0), n),
    )


def _seen(value: float, n: int) -> Figure:
    return Figure(value, Origin.OBSERVED, f"{n:,} observations")
