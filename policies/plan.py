"""The traffic split: one YAML file per workflow, as strict models.

Percentages are of *eligible* units. Margins have no default: who sets none has not said what
worsening is tolerable. What can be seen in one value is refused here; what takes the whole plan
(and the agent versions beside it) is refused by ``policies.checks``.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from policies.nearest import did_you_mean
from policies.values import (
    OWNER_PATTERN,
    AgentRef,
    Band,
    BandValue,
    Duration,
    FreezeWindow,
    Limit,
    Margin,
    MarginValue,
    Percent,
    Slug,
    Strict,
    Unique,
    Window,
    parse_duration,
    parse_margin,
    parse_percent,
    refusal,
)
from policies.vocabulary import METRICS, Category, Complexity, Mode, Role, Urgency

__all__ = [
    "AgentRef",
    "Band",
    "Canary",
    "Cost",
    "Duration",
    "Eligibility",
    "FreezeWindow",
    "Inference",
    "Margin",
    "MetricRule",
    "Owners",
    "Percent",
    "Plan",
    "ShadowSettings",
    "Slug",
    "Step",
    "Strict",
    "Volume",
    "parse_duration",
    "parse_margin",
    "parse_percent",
    "plan_from_json",
    "plan_to_json",
]


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise refusal(f"unknown metric {name!r}", suggestion=did_you_mean(name, METRICS) or _all_metrics())
    return name


def _all_metrics() -> str:
    return f"known are {', '.join(sorted(METRICS))}"


MetricName = Annotated[
    str, AfterValidator(_known_metric), WithJsonSchema({"type": "string", "enum": sorted(METRICS)})
]
Owner = Annotated[str, Field(pattern=OWNER_PATTERN)]
"""A role or a group rather than one person: people are on leave when it matters."""
Values = Annotated[list[str], Field(min_length=1), Unique] | None


class Owners(Strict):
    """The people a gate needs: without them nobody answers for the rollout."""

    workflow: Owner
    """Who answers for the customers' experience."""
    technical: Owner
    """Who answers for the agent and its integrations."""
    escalation: Owner
    """Who takes what the agent hands off."""


class Eligibility(Strict):
    """Which tickets may be randomised. A key left out admits every value, unknown ones included."""

    complexity: (
        Annotated[list[Annotated[Complexity, Field(strict=False)]], Field(min_length=1), Unique] | None
    ) = None
    """As the common triage judges it."""
    urgency: Annotated[list[Annotated[Urgency, Field(strict=False)]], Field(min_length=1), Unique] | None = (
        None
    )
    """As the common triage judges it."""
    category: Values = None
    """Of the plan's ``categories``."""
    channel: Values = None
    """Where the ticket came from, in the desk's own words."""
    language: Values = None
    """In the desk's own words, usually ISO 639-1 codes (quote ``"no"``)."""
    region: Values = None
    """In the desk's own words."""
    tier: Values = None
    """The customer's contract, in the desk's own words."""

    def narrowed(self, other: "Eligibility | None") -> "Eligibility":
        """The same eligibility, with the keys that ``other`` sets put in their place."""
        return self if other is None else self.model_copy(update=other.model_dump(exclude_none=True))


class ShadowSettings(Strict):
    """What a shadow run may take: the share of tickets it sees, its money, its time."""

    percentage: Percent = Decimal(100)
    """Percent of eligible tickets the agent answers in shadow."""
    budget_usd_per_day: float = Field(gt=0)
    """Model cost per day; beyond it tickets are skipped and counted."""
    concurrency: int = Field(ge=1, le=1024)
    """Shadow runs at a time."""
    deadline: Duration
    """An answer later than this is dropped and counted."""
    missed_cost: float | None = Field(default=None, gt=0, le=1000)
    """What a missed escalation costs, in needless ones; 5 is assumed, and said, where left out."""


class Step(Strict):
    """One rung of the ladder."""

    name: Slug
    """Unique in the plan, the canary's steps included."""
    mode: Mode = Field(default=Mode.LIVE, strict=False)
    """``shadow`` (answers nobody sees), ``assist`` (drafts a person sends) or ``live``."""
    set_weight: Percent | None = None
    """Percent of eligible units that go to the agent; of a canary step, percent of the agent's units."""
    min_duration: Duration = timedelta(0)
    """No promotion before this time in the step."""
    max_duration: Duration | None = None
    """Undecided for so long, the step holds and asks a person; time alone never moves it."""
    gate: Annotated[list[MetricName], Field(min_length=1), Unique] | None = None
    """Metrics that must pass to leave the step; left out means all guardrails."""
    margin_scale: float = Field(default=1.0, ge=1)
    """The plan's margins times this apply in the step; later steps may not be looser."""
    eligible: Eligibility | None = None
    """Replaces the plan's lists key by key for this step; keys left out keep the plan's."""
    approval: bool = False
    """A person must approve leaving the step, the passed gate notwithstanding."""
    consecutive_passes: int = Field(default=1, ge=1)
    """Looks in a row at which the gate must pass."""
    shadow: ShadowSettings | None = None
    """Required of a shadow step, refused in any other."""
    tools: Literal["read", "write"] | None = None
    """``write`` lets the version use the write tools its manifest grants; left out, it only reads."""

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode is Mode.SHADOW:
            if self.set_weight is not None:
                raise refusal("a shadow step serves nobody: remove set_weight", "set_weight")
            if self.shadow is None:
                raise refusal(
                    "a shadow step needs 'shadow' with budget_usd_per_day, concurrency and deadline"
                )
        else:
            if self.set_weight is None:
                raise refusal(f"a {self.mode} step needs set_weight, the percent of eligible units")
            if self.shadow is not None:
                raise refusal(
                    f"'shadow' settings have no meaning in a {self.mode} step; remove them", "shadow"
                )
        if self.tools == "write" and self.mode is not Mode.LIVE:
            raise refusal(
                f"a {self.mode} step cannot grant write tools: nobody would see what they do", "tools"
            )
        if self.max_duration is not None and self.max_duration < self.min_duration:
            raise refusal("max_duration is shorter than min_duration", "max_duration")
        return self

    @property
    def weight(self) -> Decimal:
        return self.set_weight or Decimal(0)


class Canary(Strict):
    """An update of the agent: it splits the agent's own share, the humans keep theirs."""

    agent: AgentRef
    """The new version."""
    steps: list[Step] = Field(min_length=1)
    """Live steps; weights are percent of the agent's units."""


class MetricRule(Strict):
    """What the plan asks of one metric."""

    role: Role = Field(default=Role.GUARDRAIL, strict=False)
    """``guardrail`` (may not get worse than its margin) or ``goal`` (should improve)."""
    margin: MarginValue | None = None
    """Required of a guardrail that compares arms: ``0.15`` points, ``2pp`` of a rate, ``10%`` of the
    human arm's mean."""
    floor: Limit | None = None
    """Of metrics with no human arm beside them and better when higher: what must at least be reached."""
    ceiling: Limit | None = None
    """Of metrics with no human arm beside them and better when lower: what may at most be reached;
    a percentage, or a duration for ``latency``."""
    improve: MarginValue | None = None
    """Of a goal: the improvement it is for."""
    by: Literal["category"] | None = None
    """Also judge each category of the plan."""
    band: dict[str, BandValue] | None = None
    """Of a rate, per category: the range it must stay in; too low fails as well as too high."""
    cap: float | None = Field(default=None, gt=0)
    """Winsorising cap for costs and times, in the metric's unit, fixed before the start."""
    estimator: Literal["kaplan_meier"] | None = None
    """Of re-contact: use the windows that are still open too. Left out, only closed ones count."""


class Inference(Strict):
    """The error rates people accept. No defaults: they are a decision."""

    alpha: float = Field(gt=0, lt=0.5)
    """Chance of promoting an agent that is worse by exactly the margin."""
    power: float = Field(gt=0.5, lt=1)
    """Chance of promoting an agent that is as good as the humans, for planning."""
    method: Literal["sequential", "group_sequential", "fixed_horizon"] = "sequential"
    """``sequential`` may be looked at any time; the others only at their planned looks."""
    harm_alpha: float | None = Field(default=None, gt=0, lt=0.5)
    """For rollbacks, shared among the guardrails; alpha where left out."""


class Volume(Strict):
    """What the desk expects, for planning before there is history."""

    tickets_per_day: float = Field(gt=0)
    """Eligible tickets a day."""
    csat_response: Percent = Decimal(12)
    """Percent of offered surveys that are answered."""


class Cost(Strict):
    """What a minute of a person costs, so that hand-offs are counted at their price."""

    human_usd_per_hour: float = Field(gt=0)
    """Wage and overhead."""


class Plan(Strict):
    """One workflow's whole promise: who may be exposed, how far, on what evidence."""

    workflow: Slug
    """The workflow this plan is for; one plan per workflow and tenant."""
    tenant: Slug = "default"
    """The tenant whose workflow it is."""
    owners: Owners
    """Who answers for it; a gate fails without them."""
    unit: Literal["customer"]
    """What is randomised, so that a customer's contacts stay in one arm."""
    salt: Slug
    """Isolates this experiment: two workflows with one salt are refused."""
    holdout: Percent = Decimal(0)
    """Percent of units that stay with humans for good."""
    categories: Annotated[list[Slug], Unique] = Field(
        default=[category.value for category in Category], min_length=1
    )
    """The categories this desk knows; the six of the common triage unless stated."""
    eligible: Eligibility = Eligibility()
    """Which tickets may be randomised at all."""
    agent: AgentRef
    """The version that climbs the ladder beside the humans."""
    steps: list[Step] = Field(min_length=1)
    """The ladder, first rung first."""
    canary: Canary | None = None
    """The update that is tried inside the agent's share."""
    metrics: dict[MetricName, MetricRule] = Field(min_length=1)
    """What may not get worse, and what should improve."""
    monitors: Annotated[list[MetricName], Unique] = Field(default=[])
    """Judged in every state, paused included; large harm rolls back."""
    on_fail: Literal["roll_back", "pause"] = "roll_back"
    """What a failed gate leads to."""
    open_conversations: Literal["keep", "release"] = "keep"
    """After an abort: open conversations stay with the agent, or go to a human at once."""
    inference: Inference
    """The error rates people accept."""
    freeze: list[Window] = Field(default=[])
    """Whole days (UTC) without promotions; rolling back stays allowed."""
    volume: Volume | None = None
    """With it, gates that cannot be decided in time are refused."""
    cost: Cost | None = None
    """What hand-offs cost."""

    def margins(self) -> Mapping[str, Margin]:
        """The margin of every metric that has one, by name."""
        return {name: rule.margin for name, rule in self.metrics.items() if rule.margin is not None}

    def guardrails(self) -> list[str]:
        """Outcome metrics that may not get worse, in the order the plan gives them."""
        return [
            name
            for name, rule in self.metrics.items()
            if rule.role is Role.GUARDRAIL and METRICS[name].evidence == "outcome"
        ]

    def gate_of(self, step: Step) -> list[str]:
        """The metrics that must pass to leave ``step``."""
        return list(step.gate) if step.gate is not None else self.guardrails()

    def eligibility_of(self, step: Step) -> Eligibility:
        return self.eligible.narrowed(step.eligible)

    def limit_of(self, metric: str) -> float | None:
        """The floor or ceiling of a metric without a human arm, as a share or in seconds.

        The plan's own where it states one, the vocabulary's otherwise; None for metrics that compare arms.
        """
        rule = self.metrics.get(metric, MetricRule())
        stated = rule.floor if rule.floor is not None else rule.ceiling
        if stated is None:
            return METRICS[metric].limit
        return stated.total_seconds() if isinstance(stated, timedelta) else float(stated / 100)


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The whole plan, defaults included, in canonical spellings: what the journal pins."""
    return plan.model_dump(mode="json", exclude_none=True)


def plan_from_json(value: Mapping[str, Any]) -> Plan:
    """The plan of ``plan_to_json``, equal to the one that was written."""
    return Plan.model_validate(dict(value))
