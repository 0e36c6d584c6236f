"""How each comparison of a gate came to stand where it stands: its interval, look by look.

Points are judged at fixed moments, so a moment once judged need not be judged again; one request judges
only as many as its share of time allows, and says how many are left.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

from policies.plan import Plan, Step
from policies.vocabulary import METRICS
from rollout.ladder.findings import findings_of
from rollout.ladder.judge import Task, judge, tasks_of
from rollout.ladder.state import LadderState, TrackName, steps_of
from rollout.measure.gate_query import Wanted
from rollout.measure.gate_samples import collect
from rollout.measure.query import Source
from rollout.measure.scope import Scope

MOST_POINTS: Final = 24
SHARE_SECONDS: Final = 1.5
"""How long one request goes on judging; at least one moment is judged each time."""

Points = list[dict[str, Any]]
_FIELDS: Final = (
    "metric",
    "role",
    "verdict",
    "estimate",
    "lower",
    "upper",
    "margin",
    "n_agent",
    "n_human",
)
Known = MutableMapping[Any, Points]


@dataclass(frozen=True, slots=True)
class Path:
    """The comparing metrics of one gate over time; newest moment last."""

    track: str
    step: str
    since: datetime
    pending: int
    """Moments not judged yet: ask again."""
    metrics: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return {
            "track": self.track,
            "step": self.step,
            "since": self.since.isoformat(),
            "pending": self.pending,
            "metrics": self.metrics,
        }


def gate_path(
    source: Source,
    plan: Plan,
    state: LadderState,
    now: datetime,
    *,
    track: TrackName = TrackName.LADDER,
    known: Known,
    clock: Callable[[], float] = monotonic,
) -> Path:
    """The path of the step in force, since its evidence began.

    Args:
        source: the view, or anything that answers its SQL.
        plan: what is promised.
        state: where the rollout stands; it runs ``track``.
        now: aware; nothing later is looked at.
        track: ``ladder`` or ``canary``.
        known: moments judged before, by key; new ones are added to it.
        clock: seconds, for the request's share of time.

    """
    standing = state.track(track)
    assert standing is not None
    step = steps_of(plan, track)[standing.index]
    moments = moments_of(standing.since, now)
    begun, pending = clock(), 0
    rows: Points = []
    for moment in reversed(moments):  # the newest say most, so they come first
        key = (state.tenant, state.workflow, track.value, step.name, standing.since, moment)
        if key not in known:
            if rows and clock() - begun > SHARE_SECONDS:
                pending += 1
                continue
            known[key] = _judged(source, plan, step, state, track, moment)
        rows += known[key]
    return Path(track.value, step.name, standing.since, pending, _by_metric(rows))


def recorded_path(state: LadderState, track: TrackName, reports: Iterable[Mapping[str, Any]]) -> Path:
    """The same from gates as they were reported (``GateReport.to_json``): for desks too large to judge anew.

    Reports of other steps or of before the evidence began are passed over.
    """
    standing = state.track(track)
    assert standing is not None
    rows: Points = []
    for report in reports:
        moment = datetime.fromisoformat(report["as_of"])
        if report["step"] != standing.step or moment < standing.since:
            continue
        for metric in report["metrics"]:
            if metric["comparative"]:
                rows.append({name: metric[name] for name in _FIELDS} | {"at": moment.isoformat()})
    return Path(track.value, standing.step, standing.since, 0, _by_metric(rows))


def moments_of(since: datetime, now: datetime) -> list[datetime]:
    """Midnights (UTC) from ``since`` to ``now``, thinned to ``MOST_POINTS``, the newest among them.

    The distance is a power of two of days, counted from a fixed day: moments stay the same from one day to
    the next, and half of them when the distance doubles.
    """
    day = timedelta(days=1)
    first = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + day
    days = [first + n * day for n in range(max((now - first) // day + 1, 0))]
    every = 1
    while len(days) > (MOST_POINTS - 1) * every:
        every *= 2
    return [moment for moment in days if moment.toordinal() % every == 0 or moment == days[-1]]


def _judged(
    source: Source, plan: Plan, step: Step, state: LadderState, track: TrackName, moment: datetime
) -> Points:
    standing = state.track(track)
    assert standing is not None
    scope = Scope.find(
        source,
        tenant=state.tenant,
        workflow=state.workflow,
        track=track.value,
        as_of=moment,
        step=step.name if track is TrackName.LADDER else None,
        mode=step.mode.value,
        version=standing.version,
        strict=True,
        since=standing.since,
    )
    tasks = [task for task in tasks_of(plan, step) if task.limit is None]
    wage = plan.cost.human_usd_per_hour if plan.cost is not None else None
    evidence = collect(source, scope, [_wanted(task) for task in tasks], wage=wage)
    rows = judge(plan, step, evidence, findings_of(evidence.integrity)).rows
    return [
        {
            "metric": row.metric,
            "role": row.role,
            "at": moment.isoformat(),
            "verdict": row.verdict.state.value,
            "estimate": row.verdict.estimate,
            "lower": row.verdict.lower,
            "upper": row.verdict.upper,
            "margin": row.verdict.margin,
            "n_agent": row.verdict.n_treated,
            "n_human": row.verdict.n_control,
        }
        for row in rows
        if row.category is None and row.metric in {task.metric for task in tasks}
    ]


def _wanted(task: Task) -> Wanted:
    margin = task.margin
    return Wanted(task.metric, relative=margin is not None and margin.relative, cap=task.cap)


def _by_metric(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["at"]):
        known = METRICS[row["metric"]]
        entry = found.setdefault(
            row["metric"],
            {
                "metric": row["metric"],
                "title": known.title,
                "unit": known.unit,
                "better": known.better,
                "role": row["role"],
                "points": [],
            },
        )
        entry["points"].append({name: row[name] for name in row if name not in ("metric", "role")})
    return list(found.values())
