"""Everything one gate is judged on, counted as of one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rollout.evidence import GateEvidence, MetricEvidence
from rollout.measure import kept
from rollout.measure.day_sums import day_sums
from rollout.measure.gate_query import gate_query, histogram_query
from rollout.measure.gate_rows import evidence_of
from rollout.measure.history_query import exposed_from
from rollout.measure.integrity import integrity_query
from rollout.measure.level_query import band_query, level_of, level_query, sample_of
from rollout.measure.query import Source
from rollout.measure.scope import Scope
from rollout.measure.wanted import Wanted


def collect(
    source: Source,
    scope: Scope,
    wanted: Sequence[Wanted],
    *,
    bands: Mapping[str, Iterable[str]] | None = None,
    wage: float | None = None,
    keep: bool = False,
) -> GateEvidence:
    """Count what a gate needs.

    Args:
        source: who answers SQL over the facts.
        scope: which tickets.
        wanted: the metrics, each named once.
        bands: metric to the categories whose rate has a band.
        wage: USD per hour of a person; without it costs that hold people's time are unknown.
        keep: whether to keep the sums of closed days for the next look, which is for who looks again
            and again at later moments; the counts are the same.

    """
    scope = replace(scope, exposed_at=exposed_from(source, scope))
    on_facts = [_with_history(want, scope) for want in wanted if want.definition.table == "facts"]
    beside = [want for want in wanted if want.definition.table != "facts"]
    query = gate_query(scope, on_facts, wage)
    row = day_sums(source).row(scope, on_facts, wage) if keep else query.one(source)
    queries = {"gate": query.sql, "integrity": integrity_query(scope).sql}
    ratings: list[dict[str, Any]] = []
    if any(want.metric == "csat" for want in on_facts):
        queries["ratings"] = histogram_query(scope).sql
        ratings = kept.ratings(source, scope)
    metrics = evidence_of(row, on_facts, ratings)
    for want in beside:
        level = level_query(scope, want.metric)
        queries[want.metric] = level.sql
        metrics[want.metric] = level_of(level.one(source), want.metric)
    for metric, categories in (bands or {}).items():
        band = band_query(scope, metric, categories)
        queries[f"{metric} by category"] = band.sql
        metrics[metric] = _with_bands(metrics[metric], band.rows(source))
    return GateEvidence(
        workflow=scope.workflow,
        track=scope.track,
        step=scope.step,
        mode=scope.mode,
        version=scope.version,
        as_of=scope.as_of,
        metrics=metrics,
        integrity=kept.integrity_of(source, scope),
        steps=scope.steps,
        tickets=int(row["tickets"] or 0),
        tickets_per_day=scope.tickets_per_day,
        treated_share=scope.treated_share,
        queries=queries,
    )


def _with_history(want: Wanted, scope: Scope) -> Wanted:
    """A margin relative to the control mean has its companion already, and a level no contrast."""
    compared = want.against == "control" and not want.relative
    return replace(want, history=compared and scope.exposed_at is not None)


def _with_bands(evidence: MetricEvidence, rows: Sequence[Mapping[str, Any]]) -> MetricEvidence:
    return replace(evidence, by_category={row["category"]: sample_of(row) for row in rows})
