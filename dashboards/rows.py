"""The rows that the API serves, as the dashboard reads them.

Shares are 0 to 1, weights percentages, times ISO 8601 in UTC. ``None`` is unknown, never zero.
"""

from typing import Any, Literal, NotRequired, TypedDict

VerdictState = Literal["PASS", "FAIL", "INCONCLUSIVE", "INVALID"]


class StepRow(TypedDict):
    """One rung of a ladder."""

    name: str
    mode: str
    weight: float
    gate: list[str]
    min_days: float
    approval: bool


class RequestRow(TypedDict):
    """A promotion that another person has to approve."""

    by: str
    at: str
    override: bool


class TrackRow(TypedDict):
    """Where a ladder or a canary stands."""

    step: str
    index: int
    status: Literal["running", "paused", "aborted", "completed"]
    entered_at: str | None
    version: str | None
    requested: NotRequired[RequestRow | None]
    decision: NotRequired[str]
    sentence: NotRequired[str]


class SplitRow(TypedDict):
    step: str
    mode: str
    weight: float
    canary_weight: float
    holdout: float
    stable: str | None
    canary: str | None


class TransitionRow(TypedDict):
    seq: int
    at: str
    action: str
    track: str
    from_step: str | None
    to_step: str | None
    reason: str
    sentence: str
    actor: str


class SharesRow(TypedDict):
    """Percent of eligible customers with the agent, ``canary_weight`` of those; and tickets a day."""

    mode: str
    weight: float
    canary_weight: float
    agent_per_day: float
    canary_per_day: float


class OrderRow(TypedDict):
    """What one order would do now; ``why`` is the ladder's own refusal."""

    allowed: bool
    why: str | None
    needs_override: NotRequired[bool]
    takes_two: NotRequired[bool]


Order = TypedDict("Order", {"from": SharesRow, "to": SharesRow})
"""The shares before and after an order."""


class PossibleOrder(OrderRow, Order):
    """An order tried on paper."""


class OrdersRow(TypedDict):
    """By track and action."""

    eligible_per_day: float
    tracks: dict[str, dict[str, PossibleOrder]]


class MeRow(TypedDict):
    """Who the viewer is to the server."""

    id: str
    name: str | None
    actor: NotRequired[str]
    method: Literal["key", "oidc", "local"]
    tenant: str | None
    roles: list[str]
    permissions: list[str]
    one_person: bool


class IncidentRow(TypedDict):
    incident_id: str
    workflow: str
    version: NotRequired[str | None]
    severity: int
    title: str
    status: str
    blocks: bool
    opened_at: str
    opened_by: str
    acknowledged_by: NotRequired[str | None]
    closed_at: NotRequired[str | None]
    closed_by: NotRequired[str | None]
    reason: NotRequired[str | None]


class DeskRow(TypedDict):
    """Any workflow with records. ``status`` is ``not_started`` where no rollout ever began."""

    workflow: str
    tenant: str
    status: str
    sentence: str


class WorkflowRow(DeskRow):
    """A rollout: its ladder, its position, the weights in force, what was decided last."""

    step: str
    steps: list[StepRow]
    canary_steps: list[StepRow]
    ladder: TrackRow
    canary: TrackRow | None
    split: SplitRow
    quarantined: list[str]
    decision: str
    next_step: str | None
    until: str | None
    plan_digest: str
    position: int
    transitions: list[TransitionRow]
    owners: NotRequired[dict[str, str] | None]
    orders: NotRequired[OrdersRow]


class ForecastWait(TypedDict):
    """How long until a gate is decided."""

    tickets: int
    days: float
    date: str


class ForecastDates(TypedDict):
    """At one weight; None where it never comes."""

    weight: float
    even: ForecastWait | None
    planned: ForecastWait | None
    late: ForecastWait | None


class Forecast(TypedDict):
    """When an open metric will be decided, were there no difference."""

    assumes: str
    assurance: dict[str, float]
    here: ForecastDates
    next: ForecastDates | None


class MetricVerdict(TypedDict):
    """A gate's answer about one metric. Differences are agent minus human in the metric's unit."""

    metric: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    role: str
    verdict: VerdictState
    reason: str
    estimate: float | None
    se: float | None
    lower: float | None
    upper: float | None
    margin: float | None
    mde: float | None
    n_agent: int
    n_human: int
    units: int
    immature: int
    response_rate_agent: float | None
    response_rate_human: float | None
    needed_tickets: float | None
    needed_days: float | None
    sentence: str
    provisional_until: NotRequired[str | None]
    forecast: NotRequired[Forecast]
    comparative: bool
    """False where the metric is one arm's level against a fixed limit, with nothing to compare."""


class IntegrityCheck(TypedDict):
    """Whether one thing that could make the comparison worthless was found."""

    verdict: VerdictState
    sentence: str


class GateRow(TypedDict):
    workflow: str
    step: str | None
    as_of: str
    decision: str
    metrics: list[MetricVerdict]
    integrity: dict[str, IntegrityCheck]
    queries: NotRequired[dict[str, str]]


class PathPoint(TypedDict):
    """One look at one comparison; the interval holds however often one looks."""

    at: str
    verdict: VerdictState
    estimate: float | None
    lower: float | None
    upper: float | None
    margin: float | None
    n_agent: int
    n_human: int


class MetricPath(TypedDict):
    metric: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    role: str
    points: list[PathPoint]


class PathRow(TypedDict):
    """How a gate's comparisons came about; ``pending`` moments are still to be judged."""

    track: str
    step: str
    since: str
    pending: int
    metrics: list[MetricPath]


class When(TypedDict):
    """A number of days and the date it ends at; None where it never comes."""

    days: float | None
    date: str | None


class PlannedMetric(TypedDict):
    metric: str
    against: str
    margin: float
    needed_days: float | None
    needed_tickets: float | None
    needed: dict[str, When]


class PlannedStep(TypedDict):
    name: str
    mode: str
    weight: float
    compared_per_day: float
    min_days: float
    entered_day: float
    gate_days: float | None
    left: dict[str, When]
    slowest: str | None
    metrics: list[PlannedMetric]
    sentence: str | None


class PlannedTrack(TypedDict):
    track: str
    beside: str | None
    steps: list[PlannedStep]
    total: dict[str, When]


class ForecastRow(TypedDict):
    """A plan's forecast, as `ridealong plan --json` prints it."""

    start: str
    assurance: float
    figures: dict[str, Any]
    notes: list[str]
    tracks: list[PlannedTrack]
    undecidable: list[dict[str, Any]]


class PlanStep(TypedDict):
    name: str
    mode: str
    weight: float
    min_days: float
    margin_scale: float


class PlanRow(TypedDict):
    """What a plan says of itself, as far as it can be changed on paper."""

    steps: list[PlanStep]
    margins: dict[str, dict[str, Any]]


class WhatIfRow(TypedDict):
    """A plan as it stands and with changes."""

    workflow: str
    plan: PlanRow
    now: ForecastRow
    then: ForecastRow


class Point(TypedDict):
    """One mark of a trend or a breakdown: ``group`` is a path, an arm or a category."""

    group: str
    at: NotRequired[str]
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    immature: NotRequired[int]
    arm: NotRequired[str]
    band_low: NotRequired[float | None]
    band_high: NotRequired[float | None]
    enough: NotRequired[bool]
    offered: NotRequired[int]
    response_rate: NotRequired[float | None]
    gross: NotRequired[float | None]
    net: NotRequired[float | None]
    model: NotRequired[float | None]
    human: NotRequired[float | None]
    confirmed: NotRequired[int]
    assumed: NotRequired[int]
    reversed: NotRequired[int]
    abandoned: NotRequired[int]
    at_triage: NotRequired[float | None]
    band: NotRequired[str | None]
    first_response_median: NotRequired[float | None]
    handle_time_median: NotRequired[float | None]


class Headline(TypedDict):
    """One of the four numbers, with everything that keeps it honest."""

    sentence: str
    sql: str
    rows: list[Point]
    trend: list[Point]
    by_arm: NotRequired[list[Point]]


class ShareRow(TypedDict):
    """A weighted share with its 95 % interval; ``n`` counts reviews. None where too few customers."""

    value: float | None
    lower: float | None
    upper: float | None
    n: int


class EscalationCell(TypedDict):
    """Reviewed tickets of one kind, and the share of all tickets they stand for."""

    agent_escalated: bool
    human_needed: bool
    n: float
    share: float | None


class EscalationRow(TypedDict):
    n: int
    cells: list[EscalationCell]
    sensitivity: ShareRow
    specificity: ShareRow
    precision: ShareRow
    missed_of_answered: ShareRow
    sentence: str


class ReliabilityBin(ShareRow):
    """Answers whose stated confidence lies between two edges, and the share of them that was good."""

    low: float
    high: float
    confidence: float


class ReliabilityRow(TypedDict):
    n: int
    bins: list[ReliabilityBin]
    error: float | None
    error_by_chance: float | None
    brier: dict[str, float | None]
    sentence: str


class ThresholdRow(TypedDict):
    """What one threshold of confidence would have done; the cost is in needless hand-overs per ticket."""

    threshold: float
    answered: float | None
    good: float | None
    good_lower: float | None
    missed: float | None
    needless: float | None
    missed_of_answered: float | None
    cost: float | None
    tied: bool


class ThresholdsRow(TypedDict):
    n: int
    rows: list[ThresholdRow]
    best: float | None
    low: float | None
    high: float | None
    undecided: str | None
    sentence: str


class ShadowReadingRow(TypedDict):
    """What reviewers' labels teach about one version's escalations and confidence."""

    version: str | None
    basis: Literal["people", "heuristic", "none"]
    missed_cost: float
    missed_cost_declared: bool
    sentence: str
    escalation: EscalationRow
    reliability: ReliabilityRow
    thresholds: ThresholdsRow
    agreement: list[dict[str, Any]]
    sql: str


class ShadowDayRow(TypedDict):
    """What a shadow took on one day."""

    at: str
    replies: int
    usd: float | None
    unknown: int
    over_budget: int
    shed: int
    late: int
    failed: int


class AllowedRow(TypedDict):
    """What a plan lets a shadow take."""

    budget_usd_per_day: float
    concurrency: int
    deadline_seconds: float
    percentage: float


class SpendingRow(TypedDict):
    days: list[ShadowDayRow]
    allowed: AllowedRow | None
    sentence: str
    sql: str


class ShadowRow(TypedDict):
    """Agent replies beside the humans' on the same tickets; no customer saw them."""

    comparisons: int
    sentence: str
    by_category: list[Point]
    escalation: list[dict[str, Any]]
    abstained: int
    dropped: dict[str, int]
    gaps: list[dict[str, Any]]
    sql: NotRequired[str]
    reading: NotRequired[ShadowReadingRow | None]
    spending: NotRequired[SpendingRow | None]


class Overview(TypedDict):
    workflow: str
    as_of: str
    tickets: int
    csat: Headline
    recontact: Headline
    escalation: Headline
    cost: Headline
    flow: NotRequired[Headline]
    shadow: ShadowRow | None
    filters: NotRequired[dict[str, str]]
    choices: NotRequired[dict[str, list[str]]]
    excluded: NotRequired[dict[str, int]]
    newest: NotRequired[str | None]
