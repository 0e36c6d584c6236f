"""The public form of a gate, for ``--json``, the API and the record of a transition."""

from typing import TYPE_CHECKING, Any

from experiments.integrity import ALPHA as SRM_ALPHA
from experiments.srm import check_ratio
from policies.vocabulary import METRICS
from rollout.ladder.findings import split_counts
from rollout.measure.catalogue import CATALOGUE
from rollout.measure.scope import ARMS

if TYPE_CHECKING:
    from rollout.gating import GateReport
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
        "metrics": [_metric(row) for row in report.rows if row.category is None],
        "bands": [
            _metric(row) | {"category": row.category, "band": row.band}
            for row in report.rows
            if row.category is not None
        ],
        "integrity": _integrity(report),
        "arms": {"agent": treated, "human": control},
        "version": evidence.version,
        "mode": evidence.mode,
        "margin_scale": report.margin_scale,
        "evidence_steps": list(evidence.steps),
        "tickets": evidence.tickets,
        "tickets_per_day": evidence.tickets_per_day,
        "agent_share": evidence.treated_share,
        "plan": dict(report.plan),
        "queries": dict(evidence.queries),
    }


def _metric(row: "Row") -> dict[str, Any]:
    verdict, found = row.verdict, row.evidence
    return {
        "metric": row.metric,
        "title": METRICS[row.metric].title,
        "unit": METRICS[row.metric].unit,
        "better": METRICS[row.metric].better,
        "role": row.role,
        "required": row.required,
        "verdict": verdict.state.value,
        "reason": verdict.reason.value,
        "compared_with": "arm" if found.difference is not None and row.category is None else "limit",
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
        "unknown": found.unknown,
        "response_rate_agent": verdict.response_treated,
        "response_rate_human": verdict.response_control,
        "needed_tickets": _whole(verdict.needed_tickets),
        "needed_days": _finite(verdict.needed_days),
        "needed_reason": _needed(row),
        "largest_pull": verdict.largest_pull,
        "causes": list(verdict.causes),
        "excludes": CATALOGUE[row.metric].exclusions,
        "sentence": verdict.sentence,
    }


def _integrity(report: "GateReport") -> dict[str, Any]:
    counts = report.evidence.integrity
    check = check_ratio(split_counts(counts.new_units), alpha=SRM_ALPHA)
    return {
        "valid": not report.findings,
        "srm": {
            "alarm": check.alarm,
            "p_value": check.p_value,
            "observed": check.observed,
            "expected": check.expected,
            "new_units": check.n,
            "alpha": SRM_ALPHA,
        },
        "crossover": {"crossed": counts.crossed, "units": counts.units},
        "served_across": {"tickets": counts.served_across, "of": counts.control_tickets},
        "double_assignment": {"tickets": counts.double_assigned, "of": counts.tickets},
        "excluded_units": {
            "agent": sum(each.treated for each in counts.excluded_units),
            "all": sum(each.total for each in counts.excluded_units),
        },
        "findings": [
            {"reason": each.reason.value, "detail": each.detail, "causes": list(each.causes)}
            for each in report.findings
        ],
    }


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
