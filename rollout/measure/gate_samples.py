"""Everything one gate is judged on, counted as of one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from rollout.evidence import GateEvidence, MetricEvidence
from rollout.measure.gate_query import Wanted, gate_query
from rollout.measure.gate_rows import evidence_of
from rollout.measure.integrity import integrity_of, integrity_query
from rollout.measure.level_query import band_query, level_of, level_query, sample_of
from rollout.measure.query import Source, aware_utc
from rollout.measure.scope import Scope

_DAY: Final = timedelta(days=1)


def collect(
    source: Source,
    scope: Scope,
    wanted: Sequence[Wanted],
    *,
    bands: Mapping[str, Iterable[str]] | None = None,
    wage: float | None = None,
) -> GateEvidence:
    """Count what a gate needs.

    Args:
        source: who answers SQL over the facts.
        scope: which tickets.
        wanted: the metrics, each named once.
        bands: metric to the categories whose rate has a band.
        wage: USD per hour of a person; without it costs that hold people's time are unknown.

    """
    on_facts = [want for want in wanted if want.definition.table == "facts"]
    beside = [want for want in wanted if want.definition.table != "facts"]
    query = gate_query(scope, on_facts, wage)
    row = query.one(source)
    metrics = evidence_of(row, on_facts)
    queries = {"gate": query.sql, "integrity": integrity_query(scope).sql}
    for want in beside:
        level = level_query(scope, want.metric)
        queries[want.metric] = level.sql
        metrics[want.metric] = level_of(level.one(source), want.metric)
    for metric, categories in (bands or {}).items():
        band = band_query(scope, metric, categories)
        queries[f"{metric} by category"] = band.sql
        metrics[metric] = _with_bands(metrics[metric], band.rows(source))
    per_day, share = _traffic(row)
    return GateEvidence(
        workflow=scope.workflow,
        track=scope.track,
        step=scope.step,
        mode=scope.mode,
        version=scope.version,
        as_of=scope.as_of,
        metrics=metrics,
        integrity=integrity_of(source, scope),
        steps=scope.steps,
        tickets=row["tickets"],
        tickets_per_day=per_day,
        treated_share=scope.treated_share if scope.treated_share is not None else share,
        queries=queries,
    )


def _with_bands(evidence: MetricEvidence, rows: Sequence[Mapping[str, Any]]) -> MetricEvidence:
    return replace(evidence, by_category={row["category"]: sample_of(row) for row in rows})


def _traffic(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Tickets per day and treated share of the judged step, from its first ticket to the newest."""
    first: datetime | None = aware_utc(row["recent_from"])
    newest: datetime | None = aware_utc(row["newest"])
    if first is None or newest is None or not row["recent"]:
        return None, None
    days = max((newest - first) / _DAY, 1.0)
    return row["recent"] / days, (row["recent_treated"] or 0) / row["recent"]
