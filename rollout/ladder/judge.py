"""A step's gate: evidence and plan in, one row per metric and one decision out. Pure.

Promotion needs every metric of the gate to pass (intersection-union: no correction). A single
proven harm among gate, guardrails in force and monitors is enough to roll back (union: the level is
shared). Everything else holds; a broken comparison never promotes, and never rolls back either,
because what it says cannot be read – limits on the agent's own conduct are judged all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from experiments.goals import judge_goal
from experiments.integrity import Finding
from experiments.judge import judge_difference
from experiments.limits import judge_band, judge_limit
from experiments.nonresponse import check_response, lee_bounds, response_tolerance
from experiments.samples import NO_COMPARISON, NO_SAMPLE
from experiments.verdict import Circumstances, Limit, Looks, Method, Question, Rules, State, Traffic, Verdict
from policies.plan import Margin, MetricRule, Plan, Step
from policies.vocabulary import LARGE_HARM, METRICS, Role
from rollout.evidence import GateEvidence, Histogram, MetricEvidence
from rollout.ladder.transition import Decision, Ruling

MONITOR: Final = "monitor"
RESPONSE_ALPHA: Final = 0.01
"""Chance that equal response rates are ever taken for different ones."""
SHADOW_NAMES: Final = {"violations": "shadow_violations"}
"""In a shadow step a plan's ``violations`` are those of shadow replies."""


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of a gate."""

    metric: str
    role: str
    """``guardrail``, ``goal`` or ``monitor``."""
    required: bool
    """Whether leaving the step needs it to pass."""
    verdict: Verdict
    evidence: MetricEvidence
    category: str | None = None
    """Set on the rows of a band, which can block but never count as the metric itself."""
    band: tuple[float, float] | None = None
    estimator: str = "plain"
    """How it was estimated: ``plain``, or ``kaplan_meier`` where open windows count too."""


@dataclass(frozen=True, slots=True)
class Judgement:
    rows: tuple[Row, ...]
    decision: Decision
    code: str
    """Machine code of the weightiest reason, e.g. ``UNDERPOWERED``."""
    reasons: tuple[str, ...]
    """Why, most important first, in plain words."""

    def ruling(self, evidence: Mapping[str, Any]) -> Ruling:
        """What the ladder is told; ``evidence`` is the gate as it is printed."""
        looks = {row.metric: row.verdict.look for row in self.rows if row.verdict.look is not None}
        return Ruling(self.decision, self.code, self.reasons[0].rstrip("."), evidence, looks)


@dataclass(frozen=True, slots=True)
class Task:
    """One metric as a step asks for it: what is compared with what, in which role."""

    metric: str
    role: str
    required: bool
    margin: Margin | None
    """Of differences."""
    limit: float | None
    """Of levels; exactly one of ``margin`` and ``limit`` is set."""
    scale: float
    cap: float | None
    bands: Mapping[str, tuple[float, float]]
    open_windows: bool = False
    """Whether windows that are still open count too, by Kaplan-Meier."""


def tasks_of(plan: Plan, step: Step) -> list[Task]:
    """What has to be counted to judge ``step``: its gate first, then goals, then monitors."""
    shadow = step.mode != "live"
    gate = [_name(step, metric) for metric in plan.gate_of(step)]
    goals = [name for name, rule in plan.metrics.items() if rule.role is Role.GOAL and not shadow]
    monitors = [] if step.mode == "shadow" else [_name(step, metric) for metric in plan.monitors]
    tasks = {metric: _task(plan, step, metric, required=True, monitor=False) for metric in gate}
    for metric in goals:
        tasks.setdefault(metric, _task(plan, step, metric, required=False, monitor=False))
    for metric in monitors:
        tasks.setdefault(metric, _task(plan, step, metric, required=False, monitor=True))
    return list(tasks.values())


def judge(
    plan: Plan,
    step: Step,
    evidence: GateEvidence,
    findings: Sequence[Finding] = (),
    looks: Mapping[str, Looks] | None = None,
) -> Judgement:
    """The rows and the decision of one look at ``step``.

    ``looks`` are the planned looks taken before, by metric, for methods that plan them; None where
    nobody remembers.
    """
    tasks = tasks_of(plan, step)
    rules = rules_of(plan, tasks)
    rows: list[Row] = []
    for task in tasks:
        found = evidence.metrics.get(task.metric, MetricEvidence(task.metric))
        known = None if looks is None else looks.get(task.metric, Looks())
        rows.append(_row(task, found, evidence, replace(rules, looks=known), findings))
        rows += _bands(task, found, rules)
    decision, code, reasons = decide(rows)
    return Judgement(tuple(rows), decision, code, tuple(reasons))


def rules_of(plan: Plan, tasks: Sequence[Task]) -> Rules:
    """The plan's error rates; every metric that could roll back shares ``harm_alpha``."""
    harmful = sum(task.role != Role.GOAL for task in tasks)
    return Rules(
        alpha=plan.inference.alpha,
        power=plan.inference.power,
        guardrails=max(harmful, 1),
        harm_alpha=plan.inference.harm_alpha,
        method=Method(plan.inference.method),
    )


def decide(rows: Sequence[Row]) -> tuple[Decision, str, list[str]]:
    """Harm first, then what is broken, then what is missing; with a machine code and sentences."""
    harm = [row for row in rows if row.verdict.failed and row.role != Role.GOAL and row.category is None]
    if harm:
        return Decision.ROLL_BACK, harm[0].verdict.reason.value, [row.verdict.sentence for row in harm]
    blocking = [row for row in rows if _blocks(row)]
    if blocking:
        blocking.sort(key=lambda row: row.verdict.state is not State.INVALID)
        return Decision.HOLD, blocking[0].verdict.reason.value, [row.verdict.sentence for row in blocking]
    if not any(row.required for row in rows):
        return Decision.HOLD, "NO_GATE", ["The step's gate names no metric, so nothing can be shown."]
    return Decision.PROMOTE, "GATES_PASSED", ["Every metric of the gate passed."]


def _blocks(row: Row) -> bool:
    if row.category is not None:
        return row.verdict.failed
    if row.required:
        return not row.verdict.passed
    return row.verdict.state is State.INVALID and row.role != Role.GOAL


def _name(step: Step, metric: str) -> str:
    return SHADOW_NAMES.get(metric, metric) if step.mode == "shadow" else metric


def _task(plan: Plan, step: Step, metric: str, *, required: bool, monitor: bool) -> Task:
    rule, known = plan.metrics.get(metric, MetricRule()), METRICS[metric]
    role = MONITOR if monitor else rule.role.value
    margin = rule.improve if rule.role is Role.GOAL and rule.improve is not None else rule.margin
    limit = None
    if margin is None:
        limit = plan.limit_of(metric)
        if limit is None:
            margin = Margin(value=LARGE_HARM, relative=True)
    bands = {name: (band.low, band.high) for name, band in (rule.band or {}).items()}
    return Task(
        metric=metric,
        role=role,
        required=required,
        margin=margin,
        limit=limit,
        scale=step.margin_scale if rule.role is not Role.GOAL else 1.0,
        cap=rule.cap,
        bands={} if known.evidence != "outcome" else bands,
        open_windows=rule.estimator == "kaplan_meier",
    )


def _row(
    task: Task, found: MetricEvidence, evidence: GateEvidence, rules: Rules, findings: Sequence[Finding]
) -> Row:
    known = METRICS[task.metric]
    findings = [each for each in findings if each.metric in (None, task.metric)]
    circumstances = _circumstances(task, found, evidence, findings)
    if task.limit is not None:
        limit = Limit(task.metric, known.title, known.unit, known.better, task.limit)
        verdict = judge_limit(found.level or NO_SAMPLE, limit, rules, circumstances)
        return Row(task.metric, task.role, task.required, verdict, found)
    question = question_of(task, evidence)
    ask = judge_goal if task.role == Role.GOAL and not task.required else judge_difference
    sums = found.difference or NO_COMPARISON
    verdict = ask(sums, question, rules, circumstances)
    lasting = [each for each in findings if not each.flatters]
    if len(lasting) < len(findings):
        # What only flatters the agent forbids a pass; harm that shows all the same is harm.
        unflattered = ask(sums, question, rules, _circumstances(task, found, evidence, lasting))
        verdict = unflattered if unflattered.failed else verdict
    estimator = "kaplan_meier" if task.open_windows else "plain"
    return Row(task.metric, task.role, task.required, verdict, found, estimator=estimator)


def question_of(task: Task, evidence: GateEvidence) -> Question:
    """What a task that compares the arms asks."""
    assert task.margin is not None
    known = METRICS[task.metric]
    return Question(
        metric=task.metric,
        title=known.title,
        unit=known.unit,
        better=known.better,
        margin=task.margin.value,
        relative=task.margin.relative,
        scale=task.scale,
        treated="the update" if evidence.track == "canary" else "the agent",
        control="the stable agent" if evidence.track == "canary" else "humans",
    )


def _bands(task: Task, found: MetricEvidence, rules: Rules) -> list[Row]:
    known = METRICS[task.metric]
    rows = []
    for category, band in task.bands.items():
        limit = Limit(task.metric, f"{known.title}, {category}", known.unit, known.better, band[1])
        verdict = judge_band(found.by_category.get(category, NO_SAMPLE), limit, band, rules)
        rows.append(Row(task.metric, task.role, False, verdict, found, category, band))  # noqa: FBT003
    return rows


def _circumstances(
    task: Task, found: MetricEvidence, evidence: GateEvidence, findings: Sequence[Finding]
) -> Circumstances:
    compared = task.limit is None
    return Circumstances(
        immature=found.immature,
        mature_from=None if found.matures_at is None else f"{found.matures_at:%F %R} UTC",
        mature_by=None if found.mature_by is None else f"{found.mature_by:%F %R} UTC",
        response_treated=found.treated.response_rate if found.treated else None,
        response_control=found.control.response_rate if found.control else None,
        bounds=_bounds(task, found) if compared else None,
        invalid=tuple(finding.reason for finding in findings) if compared else (),
        causes=tuple(cause for finding in findings for cause in finding.causes) if compared else (),
        traffic=traffic_of(task, found, evidence) if compared else None,
    )


def traffic_of(task: Task, found: MetricEvidence, evidence: GateEvidence) -> Traffic | None:
    """What arrives per day at the weights in force; None where nobody knows."""
    if evidence.tickets_per_day is None or evidence.treated_share is None:
        return None
    return Traffic(
        tickets_per_day=evidence.tickets_per_day,
        weight=evidence.treated_share,
        carried=found.carried or 0.0,
        lag_days=METRICS[task.metric].lag_hours / 24,
    )


def _bounds(task: Task, found: MetricEvidence) -> tuple[float, float] | None:
    """Lee bounds on CSAT where the arms answer at different rates beyond chance and tolerance."""
    rated = found.difference
    if found.response is None or found.treated is None or found.control is None or rated is None:
        return None
    if task.margin is None or not (rated.n_treated > 0 and rated.n_control > 0):
        return None
    margin = task.margin.value * task.scale * (rated.mean_control if task.margin.relative else 1.0)
    tolerance = response_tolerance(rated.mean_control, margin)
    if not check_response(found.response, tolerance=tolerance, alpha=RESPONSE_ALPHA).alarm:
        return None
    bounds = lee_bounds(
        _scores(found.treated),
        _scores(found.control),
        rate_treated=found.treated.response_rate or 0.0,
        rate_control=found.control.response_rate or 0.0,
    )
    return bounds.low, bounds.high


def _scores(histogram: Histogram) -> dict[float, float]:
    return {float(score): float(count) for score, count in enumerate(histogram.scores, start=1)}
