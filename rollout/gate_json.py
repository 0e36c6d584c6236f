"""The public form of a gate, for ``--json``, the API and the record of a transition."""

from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from experiments.integrity import ALPHA as SRM_ALPHA
from experiments.srm import check_ratio
from experiments.verdict import Reason
from policies.vocabulary import METRICS
from rollout.control_json import control_to_json
from rollout.cuped_json import cuped_to_json
from rollout.ladder.categories import fallback_of
from rollout.ladder.findings import split_counts
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.scope import ARMS

if TYPE_CHECKING:
    from rollout.gate_report import GateReport
    from rollout.ladder.judge import Row


def gate_to_json(report: "GateReport") -> dict[str, Any]:
    """Differences are agent minus human in the metric's own unit, whichever direction is better."""
    evidence = report.evidence
    treated, control = ARMS[report.track]
    return {
        "workflow": report.workflow,
        "track": report.track,
        "step": report.step,
        "as_of": report.as_of.isoformat(),
        "decision": report.decision.value,
        "reason": report.judgement.code,
        "reasons": list(report.judgement.reasons),
        "metrics": [
            _metric(row) | _survival(report, row) | _forecast(report, row)
            for row in report.rows
            if row.category is None
        ],
        "bands": [
            _metric(row) | {"category": row.category, "band": row.band}
            for row in report.rows
            if row.category is not None
        ],
        "category_fallback": fallback_of(report.categories),
        "categories": [asdict(row) for row in report.categories],
        "valid": not report.findings,
        "integrity": _integrity(report),
        "arms": {"agent": treated, "human": control},
        "version": evidence.version,
        "mode": evidence.mode,
        "margin_scale": report.margin_scale,
        "evidence_steps": list(evidence.steps),
        "tickets": evidence.tickets,
        "tickets_per_day": evidence.tickets_per_day,
        "agent_share": evidence.treated_share,
        "shadow": None if report.shadow is None else report.shadow.to_json(),
        "plan": dict(report.plan),
        "queries": {**evidence.queries, **report.control.queries},
    }


def _metric(row: "Row") -> dict[str, Any]:
    verdict, found, known = row.verdict, row.evidence, METRICS[row.metric]
    return {
        "metric": row.metric,
        "title": known.title,
        "unit": known.unit,
        "better": known.better,
        "role": row.role,
        "estimator": row.estimator,
        "required": row.required,
        "verdict": verdict.state.value,
        "reason": verdict.reason.value,
        "comparative": found.difference is not None and row.category is None,
        "estimate": verdict.estimate,
        "se": verdict.se,
        "lower": verdict.lower,
        "upper": verdict.upper,
        "margin": verdict.margin,
        "mde": verdict.mde,
        "n_agent": verdict.n_treated,
        "n_human": verdict.n_control,
        "units": verdict.clusters,
        "mean_agent": verdict.mean_treated,
        "mean_human": verdict.mean_control,
        "immature": verdict.immature,
        "mature_from": verdict.mature_from,
        "provisional_until": verdict.provisional_until,
        "unknown": found.unknown,
        "response_rate_agent": verdict.response_treated,
        "response_rate_human": verdict.response_control,
        "needed_tickets": 0 if verdict.passed else _whole(verdict.needed_tickets),
        "needed_days": 0.0 if verdict.passed else _finite(verdict.needed_days),
        "needed_reason": _needed(row),
        "largest_pull": verdict.largest_pull,
        "cuped": cuped_to_json(found),
        "causes": list(verdict.causes),
        "excludes": CATALOGUE[row.metric].exclusions,
        "sentence": verdict.sentence,
    }


def _survival(report: "GateReport", row: "Row") -> dict[str, float | None]:
    """Only on re-contact: the same question answered with the windows that are still open."""
    found = report.survival.get(row.metric)
    if found is None:
        return {}
    values = {"estimate": found.estimate, "se": found.se, "agent": found.agent, "human": found.human}
    return {f"km_{name}": value if isfinite(value) else None for name, value in values.items()}


def _forecast(report: "GateReport", row: "Row") -> dict[str, Any]:
    """Only where it was asked for: when an open metric will be decided."""
    found = report.forecasts.get(row.metric)
    return {} if found is None else {"forecast": found.to_json(report.as_of)}


def _integrity(report: "GateReport") -> dict[str, Any]:
    """One entry per check, each with a verdict, a sentence and its counts."""
    counts = report.evidence.integrity
    check = check_ratio(split_counts(counts.new_units), alpha=SRM_ALPHA)
    excluded = sum(each.total for each in counts.excluded_units)
    excluded_treated = sum(each.treated for each in counts.excluded_units)
    return {
        "srm": _check(
            report,
            Reason.SRM,
            f"{check.observed:,} of {check.n:,} new customers are in the agent's arm, "
            f"{check.expected:,.0f} were expected."
            if check.n
            else "No weights were recorded, so the split cannot be checked.",
            alarm=check.alarm,
            p_value=check.p_value,
            observed=check.observed,
            expected=check.expected,
            new_units=check.n,
            alpha=SRM_ALPHA,
        ),
        "crossover": _check(
            report,
            Reason.CROSSOVER,
            f"{counts.crossed:,} of {counts.units:,} customers were in both arms while the weights stood "
            f"still; the agent answered {counts.served_across:,} of {counts.control_tickets:,} tickets of "
            "the human arm.",
            crossed=counts.crossed,
            units=counts.units,
            served_across=counts.served_across,
            control_tickets=counts.control_tickets,
        ),
        "double_assignment": _check(
            report,
            Reason.DOUBLE_ASSIGNMENT,
            f"{counts.double_assigned:,} of {counts.tickets:,} tickets were assigned to more than one arm.",
            double_assigned=counts.double_assigned,
            tickets=counts.tickets,
        ),
        "exclusion": _check(
            report,
            Reason.UNEQUAL_ELIGIBILITY,
            f"{excluded:,} customers had tickets excluded by rule, {excluded_treated:,} of them the agent's.",
            excluded_units=excluded,
            excluded_units_agent=excluded_treated,
        ),
        **control_to_json(report.control),
    }


def _check(report: "GateReport", reason: Reason, sentence: str, **counts: Any) -> dict[str, Any]:
    """A check as people read it: the finding where there is one, the counts otherwise."""
    found = next((each for each in report.findings if each.reason is reason), None)
    if found is not None:
        sentence = f"{found.detail[:1].upper()}{found.detail[1:]}. Likely: {'; '.join(found.causes)}."
    return {"verdict": "PASS" if found is None else "INVALID", "sentence": sentence, **counts}


def _needed(row: "Row") -> str | None:
    """Why there is no number of tickets or days to wait for."""
    verdict = row.verdict
    if verdict.passed or verdict.failed:
        return "decided"
    if verdict.needed_days is not None and _finite(verdict.needed_days) is not None:
        return None
    if row.evidence.difference is None or row.category is not None:
        return "a level has no planned information"
    if verdict.needed_days is not None:
        return "at this rate and weight it never comes"
    return "no evidence yet to plan with"


def _finite(value: float | None) -> float | None:
    return None if value is None or value == float("inf") else value


def _whole(value: float | None) -> int | None:
    found = _finite(value)
    return None if found is None else round(found)
