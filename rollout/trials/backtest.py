"""A plan against a desk's past: what each look would have decided, and how far it would have come.

The evidence is what the history holds. Its arms followed another plan, with other weights and other
eligibility, so the walk answers "what would these gates have said of this evidence", not "what would
have happened": a rollout that climbs faster would have seen more of the agent, and sooner.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from policies.plan import Plan, Step
from policies.vocabulary import Mode
from rollout.errors import UsageError
from rollout.gate_report import GateReport
from rollout.gating import judge_scope, require_workflow
from rollout.ladder.actions import start
from rollout.ladder.state import LadderState, TrackName
from rollout.ladder.steps import advance, consider, promoted
from rollout.ladder.transition import Decision, Order, Ruling, Transition
from rollout.measure.query import Query, Source, aware_utc
from rollout.measure.scope import Scope

ACTOR: Final = "backtest"
CAVEAT: Final = (
    "The arms in this history were drawn under another plan. The gates judge the evidence there is; a "
    "rollout under this plan would have had other weights, so its own evidence would have come sooner "
    "or later. Approvals are assumed given, and shadow or assist steps are passed over where the history "
    "holds no evidence of their kind."
)


@dataclass(frozen=True, slots=True)
class Look:
    """One moment at which the gates were asked."""

    as_of: datetime
    data_step: str | None
    """The step the history itself was in."""
    tickets: int
    walked_step: str
    """Where a rollout under this plan would have stood before this look."""
    status: str
    decision: str
    """What the walked step's gate said."""
    reason: str
    sentence: str
    moved_to: str | None
    """The step entered at this look, or None."""
    outlook: str
    """What the ladder made of it: dwell, passes, freeze, approval."""
    metrics: tuple[dict[str, Any], ...]
    """Verdict, reason, estimate, interval, margin and n of each metric at the walked step."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """A whole replay of gates."""

    workflow: str
    plan: str
    every: timedelta
    looks: tuple[Look, ...]
    notes: tuple[str, ...]
    final_step: str
    final_status: str

    def to_json(self) -> dict[str, Any]:
        return {
            "workflow": self.workflow,
            "plan": self.plan,
            "every_seconds": self.every.total_seconds(),
            "looks": [_look_to_json(look) for look in self.looks],
            "moves": [_look_to_json(look) for look in self.looks if look.moved_to is not None],
            "final": {"step": self.final_step, "status": self.final_status},
            "notes": list(self.notes),
            "caveat": CAVEAT,
        }


@dataclass(slots=True)
class _Walk:
    """The rollout that would have been."""

    plan: Plan
    state: LadderState
    notes: list[str] = field(default_factory=list)

    @property
    def step(self) -> Step:
        return self.plan.steps[self.state.ladder.index]

    def skip_silent(self, at: datetime, kinds: frozenset[str]) -> None:
        """Pass over steps whose kind of evidence the history does not hold."""
        while self.step.mode.value not in kinds and self.state.ladder.index + 1 < len(self.plan.steps):
            self.notes.append(
                f"{self.step.name} ({self.step.mode}) was passed over at {at:%F}: "
                "the history holds no such evidence"
            )
            ruling = Ruling(Decision.PROMOTE, "PASSED_OVER", "the history holds no evidence for this step")
            self.state = promoted(self.plan, self.state, TrackName.LADDER, ruling, at).state

    def look(self, ruling: Ruling, at: datetime) -> tuple[str | None, str]:
        """Advance by one look; the step entered, and the ladder's own words."""
        outlook = consider(self.plan, self.state, TrackName.LADDER, ruling, at)
        before = self.state.ladder
        change: Transition | None
        if outlook.reason == "AWAITING_APPROVAL":
            self.notes.append(f"approval to leave {before.step} was assumed at {at:%F}")
            change = promoted(self.plan, self.state, TrackName.LADDER, ruling, at)
        else:
            change = advance(self.plan, self.state, {TrackName.LADDER: ruling}, at)
        if change is None:
            return None, outlook.sentence
        self.state = change.state
        moved = change.action in ("promote", "roll_back", "pause")
        if not moved:
            return None, change.sentence
        after = self.state.ladder
        return (after.step if change.action == "promote" else after.status.value), change.sentence


def backtest(
    source: Source,
    plan: Plan,
    *,
    workflow: str | None = None,
    every: timedelta = timedelta(days=1),
    first: datetime | None = None,
    last: datetime | None = None,
    progress: Callable[[int], None] | None = None,
) -> Backtest:
    """Ask the plan's gates at regular moments of a history.

    Args:
        source: the view, or anything that answers its SQL.
        plan: whose gates.
        workflow: whose tickets; the plan's own where left out.
        every: distance of the looks.
        first: the first look; one distance after the first assigned ticket where left out.
        last: the last look; where left out, late enough for the last ticket's outcomes to mature.
        progress: told the number of looks done.

    Raises:
        UnknownWorkflow: nothing was ever recorded about the workflow.
        UsageError: there is no assigned ticket, or no look between first and last.

    """
    name = workflow or plan.workflow
    require_workflow(source, name, plan.tenant)
    moments = list(_moments(source, plan.tenant, name, every, first, last))
    alone = plan.model_copy(update={"canary": None, "workflow": name})
    began = moments[0] - every
    thawed = alone.model_copy(update={"freeze": []})  # the history has begun, whatever was frozen then
    opening = start(thawed, "", None, Order(ACTOR, "the history begins", began))
    walk = _Walk(alone, opening.state)
    kinds = _kinds(source, plan.tenant, name)
    walk.skip_silent(began, kinds)
    looks = []
    for number, moment in enumerate(moments, start=1):
        looks.append(_look(source, walk, name, moment))
        walk.skip_silent(moment, kinds)
        if progress is not None:
            progress(number)
    return Backtest(
        workflow=name,
        plan=plan.workflow,
        every=every,
        looks=tuple(looks),
        notes=tuple(walk.notes),
        final_step=walk.state.ladder.step,
        final_status=walk.state.ladder.status.value,
    )


def moments_between(
    source: Source,
    plan: Plan,
    *,
    workflow: str | None = None,
    every: timedelta = timedelta(days=1),
    first: datetime | None = None,
    last: datetime | None = None,
) -> int:
    """How many looks a backtest with these arguments takes; raises as ``backtest``."""
    return len(list(_moments(source, plan.tenant, workflow or plan.workflow, every, first, last)))


def _look(source: Source, walk: _Walk, workflow: str, moment: datetime) -> Look:
    standing = walk.state.ladder
    scope = Scope.find(
        source,
        tenant=walk.plan.tenant,
        workflow=workflow,
        track="ladder",
        as_of=moment,
        mode=walk.step.mode.value,
        version=walk.plan.agent,
    )
    report = judge_scope(source, walk.plan, walk.step, scope, looks=walk.state.ladder.looks)
    if standing.open:
        moved, outlook = walk.look(report.judgement.ruling({}), moment)
    else:
        moved, outlook = None, f"{standing.version} is {standing.status}; a person decides"
    return Look(
        as_of=moment,
        data_step=scope.step,
        tickets=report.evidence.tickets,
        walked_step=standing.step,
        status=standing.status.value,
        decision=report.decision.value,
        reason=report.judgement.code,
        sentence=report.judgement.reasons[0],
        moved_to=moved,
        outlook=outlook,
        metrics=_metrics(report),
    )


def _metrics(report: GateReport) -> tuple[dict[str, Any], ...]:
    wanted = (
        "metric",
        "role",
        "verdict",
        "reason",
        "estimate",
        "lower",
        "upper",
        "margin",
        "mde",
        "n_agent",
        "n_human",
        "immature",
        "sentence",
    )
    return tuple({key: row[key] for key in wanted} for row in report.to_json()["metrics"])


def _moments(
    source: Source,
    tenant: str,
    workflow: str,
    every: timedelta,
    first: datetime | None,
    last: datetime | None,
) -> Iterator[datetime]:
    if every < timedelta(minutes=1):
        raise UsageError(f"looks every {every} are closer than a minute; name a longer --every")
    row = Query(
        "SELECT min(opened_at) AS first, max(greatest(opened_at, resolved_at, csat_at)) AS last FROM facts"
        " WHERE tenant = $tenant AND workflow = $workflow AND arm IS NOT NULL",
        {"tenant": tenant, "workflow": workflow},
    ).one(source)
    opened, ended = aware_utc(row["first"]), aware_utc(row["last"])
    if opened is None or ended is None:
        raise UsageError(f"no ticket of {workflow!r} was assigned to an arm, so there is nothing to judge")
    moment, stop = first or opened + every, last or ended + timedelta(days=7)
    if moment > stop:
        raise UsageError(f"there is no look from {moment.isoformat()} to {stop.isoformat()}")
    while moment <= stop:
        yield moment
        moment += every


def _kinds(source: Source, tenant: str, workflow: str) -> frozenset[str]:
    """The modes the history holds evidence of."""
    params = {"tenant": tenant, "workflow": workflow}
    where = "WHERE tenant = $tenant AND workflow = $workflow"
    found = {Mode.LIVE.value}
    for mode, table, condition in (
        (Mode.SHADOW, "comparisons", "dropped IS NULL"),
        (Mode.ASSIST, "facts", "mode = 'assist'"),
    ):
        count = Query(f"SELECT count(*) AS n FROM {table} {where} AND {condition}", params).one(source)["n"]
        found |= {mode.value} if count else set()
    return frozenset(found)


def _look_to_json(look: Look) -> dict[str, Any]:
    return {
        "as_of": look.as_of.isoformat(),
        "data_step": look.data_step,
        "tickets": look.tickets,
        "step": look.walked_step,
        "status": look.status,
        "decision": look.decision,
        "reason": look.reason,
        "sentence": look.sentence,
        "moved_to": look.moved_to,
        "outlook": look.outlook,
        "metrics": list(look.metrics),
    }
