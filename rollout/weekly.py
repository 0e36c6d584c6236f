"""What a week comes to, for people who never open a dashboard."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from policies.plan import Plan
from rollout.gating import gate
from rollout.incidents.blocking import incidents_as_of
from rollout.ladder.state import LadderState, Status
from rollout.measure.query import Query, Source, aware_utc, naive_utc
from rollout.report import overview as read_overview
from rollout.yardstick import Yardstick, state_as_of

MATURING: Final = ("recontact", "cost")
"""Headlines that need tickets whose seven days are over: a week's own have none."""
WINDOW: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    name: str
    weight: float
    here: bool


@dataclass(frozen=True, slots=True)
class Weekly:
    """One workflow's report. Mappings are in the public forms of overview, gate and incident."""

    overview: Mapping[str, Any]
    matured: Mapping[str, Any]
    """The overview of a period that begins seven days earlier, for the headlines of ``MATURING``."""
    gate: Mapping[str, Any] | None
    """None where no rollout has begun."""
    rungs: tuple[Rung, ...]
    standing: str
    moves: tuple[Mapping[str, Any], ...]
    """Transitions in the period, oldest first: ``at``, ``sentence`` and ``actor``."""
    incidents: tuple[Mapping[str, Any], ...]
    """Those open now, and those opened or closed in the period."""
    decide: tuple[str, ...]
    """What waits for a person, most urgent first."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `ridealong report` tells of one workflow: its headlines, and what the week comes to."""

    headlines: Mapping[str, Any]
    week: Weekly | None = None
    """None where only the headlines were asked for."""
    notes: tuple[str, ...] = ()
    """For whoever asked, not for the report: why it may not be what they expect."""

    def to_json(self) -> dict[str, Any]:
        week = None if self.week is None else asdict(self.week)
        return {"headlines": self.headlines, "week": week, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """What ``to_json`` gave, as a server sent it."""
        week = None if told["week"] is None else _week_from(told["week"])
        return cls(told["headlines"], week, tuple(told["notes"]))


def _week_from(told: Mapping[str, Any]) -> Weekly:
    listed = {name: tuple(told[name]) for name in ("moves", "incidents", "decide")}
    return Weekly(**{**told, **listed, "rungs": tuple(Rung(**each) for each in told["rungs"])})


def report_of(
    source: Source,
    workflow: str,
    found: Yardstick,
    as_of: datetime,
    *,
    period: str = "30d",
    filters: Mapping[str, str] | None = None,
    tenant: str = "default",
    week: bool = True,
) -> Report:
    """The report of one workflow.

    Args:
        source: the view.
        workflow: whose tickets.
        found: by which plan it is judged, and where that is from.
        as_of: aware.
        period: ``30d``, ``12w``, ``48h`` or ``all``.
        filters: values that tickets must have, by name.
        tenant: whose workflow.
        week: whether to look at gate, ladder and incidents, too, which takes longer.

    Raises:
        UsageError: the period is none, or a filter is unknown.

    """
    read = read_overview(
        source, workflow, as_of, period=period, tenant=tenant, plan=found.plan, filters=dict(filters or {})
    )
    headlines = {**read.to_json(), "plan": {"source": found.source}}
    notes = [] if found.warning is None else [found.warning]
    if not read.tickets and read.newest is not None:
        notes.append(
            f"no ticket of {workflow!r} in this period; its newest is of {read.newest:%F}. "
            "Look there with --as-of, or at everything with --period all"
        )
    looked = weekly(source, found.plan, headlines, as_of, tenant) if week else None
    return Report(headlines, looked, tuple(notes))


def weekly(
    source: Source, plan: Plan, overview: Mapping[str, Any], as_of: datetime, tenant: str = "default"
) -> Weekly:
    """The report of one workflow, as of a moment.

    Args:
        source: the view.
        plan: by which it is judged.
        overview: ``report.overview`` as JSON, of the period that is reported.
        as_of: aware.
        tenant: whose workflow.

    """
    workflow, since = str(overview["workflow"]), overview["since"]
    state = state_as_of(source, workflow, as_of, tenant=tenant)
    judged = (
        gate(source, plan, workflow, as_of, state=state, tenant=tenant, forecast=True).to_json()
        if state is not None
        else None
    )
    first = None if since is None else datetime.fromisoformat(since)
    told = [each.to_json() for each in incidents_as_of(source, tenant, workflow, naive_utc(as_of))]
    return Weekly(
        overview=overview,
        matured=_matured(source, plan, overview, as_of, tenant),
        gate=judged,
        rungs=_rungs(plan, state),
        standing=_standing(state),
        moves=tuple(_moves(source, workflow, tenant, first, as_of)),
        incidents=tuple(each for each in told if _recent(each, since)),
        decide=_decide(state, judged, told),
    )


def _matured(
    source: Source, plan: Plan, told: Mapping[str, Any], as_of: datetime, tenant: str
) -> Mapping[str, Any]:
    if told["since"] is None:
        return told
    length = as_of - datetime.fromisoformat(told["since"]) + WINDOW
    period = f"{round(length / timedelta(hours=1))}h"
    filters = told["filters"]
    return read_overview(
        source, str(told["workflow"]), as_of, period=period, tenant=tenant, plan=plan, filters=filters
    ).to_json()


def _rungs(plan: Plan, state: LadderState | None) -> tuple[Rung, ...]:
    here = None if state is None else state.ladder.step
    return tuple(
        Rung(step.name, 0.0 if step.mode == "shadow" else float(step.set_weight or 0), step.name == here)
        for step in plan.steps
    )


def _standing(state: LadderState | None) -> str:
    if state is None:
        return "No rollout has begun."
    shares = state.shares
    told = f"{shares.stable} is at {state.ladder.step}, {state.ladder.status.value}: "
    if shares.mode.value == "shadow":
        return told + "it answers in shadow, humans serve everybody."
    return told + f"{float(shares.weight):g} % of eligible customers."


def _moves(
    source: Source, workflow: str, tenant: str, since: datetime | None, as_of: datetime
) -> list[dict[str, Any]]:
    rows = Query(
        'SELECT "at", sentence, actor FROM transitions WHERE tenant = $tenant AND workflow = $workflow'
        ' AND "at" <= $as_of AND ($since IS NULL OR "at" > $since) ORDER BY seq',
        {"tenant": tenant, "workflow": workflow, "since": since, "as_of": as_of},
    ).rows(source)
    return [row | {"at": f"{aware_utc(row['at']):%d %b %Y}"} for row in rows]


def _recent(incident: Mapping[str, Any], since: str | None) -> bool:
    if since is None or incident["status"] != "closed":
        return True
    begin = datetime.fromisoformat(since)
    moments = (aware_utc(datetime.fromisoformat(incident[name])) for name in ("opened_at", "closed_at"))
    return any(moment is not None and moment > begin for moment in moments)


def _decide(
    state: LadderState | None, judged: Mapping[str, Any] | None, incidents: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    found = [
        f"Severity {each['severity']} incident {each['incident_id']} is {each['status']}"
        f"{' and holds every promotion' if each['blocks'] else ''}: {str(each['title']).rstrip('.')}."
        for each in incidents
        if each["status"] != "closed"
    ]
    if state is None or judged is None:
        return (*found, "Whether to start a rollout: check a plan, then start it.")
    request, status, decision = state.ladder.requested, state.ladder.status, judged["decision"]
    if request is not None:
        found.append(f"{request.by} asked for the next step; another person approves or lets it be.")
    if status is Status.PAUSED:
        found.append("The ladder is paused: resume it, or abort.")
    elif status is Status.ABORTED:
        found.append(f"{state.ladder.version} was aborted: readmit it, or start another version.")
    elif decision == "PROMOTE" and status is not Status.COMPLETED:
        found.append(f"The gate of {state.ladder.step} has passed: the next step may be taken.")
    elif decision == "ROLL_BACK":
        found.append(f"The gate of {state.ladder.step} says to roll back.")
    if state.quarantined:
        found.append(f"Kept out until a person lets them back: {', '.join(state.quarantined)}.")
    return tuple(found)
