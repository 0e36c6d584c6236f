"""One look at a gate: measure, then judge. Shared by the controller, the CLI, the API and backtests."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from experiments.verdict import Looks
from policies.plan import Plan, Step
from policies.vocabulary import Mode
from rollout.errors import UnknownWorkflow, UsageError
from rollout.evidence import GateEvidence
from rollout.gate_report import GateReport
from rollout.gate_words import explained
from rollout.human_arm import human_arm
from rollout.incidents.blocking import held, incidents_as_of
from rollout.ladder.categories import CategoryRow, asked_of, held_by, judge_categories
from rollout.ladder.control import guarded
from rollout.ladder.findings import findings_of
from rollout.ladder.forecast import forecasts
from rollout.ladder.judge import Task, judge, tasks_of
from rollout.measure.category_query import METRICS as FELT
from rollout.measure.gate_query import Wanted
from rollout.measure.gate_samples import collect
from rollout.measure.kept import by_category, survival_of
from rollout.measure.kept_days import LEAST
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.risk_query import risks
from rollout.measure.scope import ARMS, Scope, expected_share
from rollout.measure.survival_query import DAYS
from rollout.shadow_reading import cost_of, read_shadow


def known_workflows(source: Source, tenant: str = "default") -> list[str]:
    rows = source.query(
        "SELECT DISTINCT workflow FROM facts WHERE tenant = $tenant AND workflow IS NOT NULL"
        " UNION SELECT DISTINCT workflow FROM plans WHERE tenant = $tenant AND workflow IS NOT NULL"
        " ORDER BY workflow",
        {"tenant": tenant},
    )
    return [row["workflow"] for row in rows]


def require_workflow(source: Source, workflow: str, tenant: str = "default") -> None:
    """Refuse a name nobody has recorded anything about.

    Raises:
        UnknownWorkflow: it names the ones there are.

    """
    known = known_workflows(source, tenant)
    if workflow not in known:
        names = ", ".join(known) if known else "none; import tickets or run the demo first"
        raise UnknownWorkflow(f"there is no workflow {workflow!r} in this data; known: {names}")


def gate(  # noqa: PLR0913 - each is a question the caller has answered or left open
    source: Source,
    plan: Plan,
    workflow: str,
    as_of: datetime,
    *,
    state: Any = None,
    step: str | None = None,
    track: str = "ladder",
    tenant: str | None = None,
    forecast: bool = False,
) -> GateReport:
    """What the gate of a step says as of a moment.

    Args:
        source: the view, or anything that answers its SQL.
        plan: what is promised.
        workflow: whose tickets.
        as_of: aware; nothing that happened later is looked at.
        state: the ladder state (``LadderState``), which says the step in force.
        step: the step to judge; else the state's, else the newest in the data.
        track: ``ladder`` (agent against humans) or ``canary`` (update against the stable agent).
        tenant: the plan's tenant where left out.
        forecast: whether to say when open metrics will be decided, which takes longer than judging.

    Raises:
        UsageError: the step is neither in the plan nor in the data; the track is unknown.

    """
    if track not in ARMS:
        raise UsageError(f"there is no track {track!r}; choose one of: {', '.join(ARMS)}")
    position = getattr(state, track, None)
    named = step or (position.step if position is not None else None)
    steps = _steps(plan, track)
    planned = next((rung for rung in steps if rung.name == named), None)
    tenant = tenant or plan.tenant
    scope = Scope.find(
        source,
        tenant=tenant,
        workflow=workflow,
        track=track,
        as_of=as_of,
        step=named if track == "ladder" else None,
        mode=planned.mode.value if planned is not None else None,
        version=_version(plan, track, position),
        strict=position is not None,
        since=position.since
        if position is not None
        else _evidence_from(source, tenant, workflow, track, as_of),
    )
    if planned is None:
        planned, named = _rung(steps, scope, track, named)
    knows = any(rung.name == named for rung in steps)
    looks = position.looks if position is not None and position.step == planned.name else None
    report = judge_scope(source, plan, planned, scope, keep=True, looks=looks)
    report = replace(
        report, judgement=held(report.judgement, incidents_as_of(source, tenant, workflow, as_of))
    )
    if forecast:
        following = _next_share(steps, planned, scope)
        dates = forecasts(plan, planned, report.evidence, report.judgement, following)
        report = replace(report, forecasts=dates)
    return replace(report, step=named, plan={**report.plan, "knows_step": knows})


def judge_scope(
    source: Source,
    plan: Plan,
    step: Step,
    scope: Scope,
    *,
    keep: bool = False,
    looks: Mapping[str, Looks] | None = None,
) -> GateReport:
    """What the gate of ``step`` says of the tickets in ``scope``, whatever steps they are from.

    With ``keep`` the sums of days that are over are kept for the next look (see ``collect``);
    ``looks`` are the planned ones a running rollout remembers.
    """
    tasks = tasks_of(plan, step)
    evidence = collect(
        source,
        scope,
        [_wanted(task) for task in tasks],
        bands={task.metric: task.bands for task in tasks if task.bands},
        wage=plan.cost.human_usd_per_hour if plan.cost is not None else None,
        keep=keep,
    )
    evidence = _with_open_windows(source, scope, tasks, evidence)
    broken = findings_of(evidence.integrity)
    watched = [_wanted(task) for task in guarded(plan, tasks)]
    control = human_arm(source, scope, plan, tasks, watched, daily=keep and evidence.tickets >= LEAST)
    findings = (*broken, *control.findings)
    sound = [task for task in tasks if not any(each.metric in (None, task.metric) for each in findings)]
    categories = _categories(source, scope, sound)
    judgement = explained(held_by(judge(plan, step, evidence, findings, looks), categories), evidence)
    return GateReport(
        workflow=scope.workflow,
        track=scope.track,
        step=step.name,
        as_of=scope.as_of,
        judgement=judgement,
        evidence=evidence,
        findings=findings,
        margin_scale=step.margin_scale,
        plan={
            "source": "given",
            "workflow": plan.workflow,
            "agent": plan.agent,
        },
        categories=categories,
        survival={
            task.metric: survival_of(source, scope, task.metric) for task in tasks if task.metric in DAYS
        },
        control=control,
        shadow=read_shadow(source, scope.params, cost_of(plan, step)) if scope.mode == "shadow" else None,
    )


def _categories(source: Source, scope: Scope, tasks: Sequence[Task]) -> tuple[CategoryRow, ...]:
    asked = asked_of(tasks, FELT) if scope.mode == "live" else []
    return judge_categories(asked, {task.metric: by_category(source, scope, task.metric) for task in asked})


def _with_open_windows(
    source: Source, scope: Scope, tasks: Sequence[Task], evidence: GateEvidence
) -> GateEvidence:
    """The evidence with Kaplan-Meier in place of matured-only where the plan asks for it."""
    metrics, queries = dict(evidence.metrics), dict(evidence.queries)
    for task in tasks:
        if task.open_windows and task.limit is None:
            found, queries[task.metric] = risks(source, scope, task.metric)
            metrics[task.metric] = replace(metrics[task.metric], difference=found)
    return replace(evidence, metrics=metrics, queries=queries)


def _next_share(steps: Sequence[Step], step: Step, scope: Scope) -> float | None:
    """Chance of the treated arm at the next step's weight; None on the last one."""
    names = [rung.name for rung in steps]
    if step.name not in names or names.index(step.name) + 1 == len(steps):
        return None
    following = steps[names.index(step.name) + 1]
    canary = scope.regimes[-1].canary_weight if scope.regimes else None
    weight = float(following.weight)
    return expected_share(scope.track, weight, weight if scope.track == "canary" else canary)


def _steps(plan: Plan, track: str) -> Sequence[Step]:
    if track == "canary":
        return plan.canary.steps if plan.canary is not None else []
    return plan.steps


def _version(plan: Plan, track: str, position: Any) -> str | None:
    if position is not None:
        return str(position.version)
    if track == "canary":
        return plan.canary.agent if plan.canary is not None else None
    return plan.agent


def _rung(steps: Sequence[Step], scope: Scope, track: str, named: str | None) -> tuple[Step, str | None]:
    """The plan's step that the data are in, or a stand-in under the plan's own, unscaled margins."""
    regime = scope.regimes[-1] if scope.regimes else None
    if track == "canary":
        weight = regime.canary_weight if regime is not None else None
        for rung in steps:
            if weight is not None and float(rung.weight) == weight:
                return rung, rung.name
    name = named or scope.step
    for rung in steps:
        if rung.name == name:
            return rung, name
    if named is not None and regime is None:
        known = sorted({*(rung.name for rung in steps), *scope.steps})
        raise UsageError(f"there is no step {named!r} in the plan or the data; known: {', '.join(known)}")
    weight = (regime.weight if regime is not None else None) or 0
    mode = Mode.LIVE if regime is None or regime.mode == "shadow" else Mode(regime.mode)
    return Step.model_construct(name=name or "none", mode=mode, set_weight=Decimal(str(weight))), name


def _wanted(task: Task) -> Wanted:
    return Wanted(
        task.metric,
        against="limit" if task.limit is not None else "control",
        relative=task.margin is not None and task.margin.relative,
        cap=task.cap,
    )


def _evidence_from(
    source: Source, tenant: str, workflow: str, track: str, as_of: datetime
) -> datetime | None:
    """When evidence began anew: the newest start of a rollout or readmission of its version."""
    query = Query(
        "SELECT max(occurred_at) AS at FROM transitions WHERE tenant = $tenant AND workflow = $workflow"
        " AND track = $track AND action IN ('start', 'readmit') AND occurred_at <= $as_of",
        {"tenant": tenant, "workflow": workflow, "track": track, "as_of": as_of},
    )
    return aware_utc(query.one(source)["at"])
