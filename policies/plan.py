"""The traffic split: one YAML file per workflow, as strict models.

Percentages are of *eligible* units. Margins have no default: who sets none has not said what
worsening is tolerable.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final, Literal, Self

import re2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from policies.vocabulary import METRICS, Category, Complexity, Mode, Role, Urgency

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION: Final = re2.compile(r"^(\d+(?:\.\d+)?)(s|m|h|d|w)$")
_MARGIN: Final = re2.compile(r"^(\d+(?:\.\d+)?)(pp|%)?$")


class Strict(BaseModel):
    """Base of everything read from YAML: unknown keys, coerced types and NaN are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def parse_duration(value: Any) -> Any:
    """``90s``, ``15m``, ``48h``, ``14d`` or ``2w`` as a timedelta."""
    if not isinstance(value, str):
        return value
    found = _DURATION.match(value.strip())
    if not found:
        raise ValueError(f"{value!r} is not a duration; write a number and a unit, e.g. 48h or 14d")
    return timedelta(seconds=float(found.group(1)) * _UNITS[found.group(2)])


def parse_percent(value: Any) -> Any:
    """A percentage as an exact Decimal; ``5``, ``2.5`` and ``"5%"`` are one form each of it."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is a boolean, a percentage is a number from 0 to 100")  # noqa: TRY004
    if isinstance(value, str) and value.endswith("%"):
        value = value[:-1].strip()
    if isinstance(value, int | float | str):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{value!r} is not a percentage; write a number from 0 to 100") from None
        if not number.is_finite() or not 0 <= number <= 100:
            raise ValueError(f"{value} is not between 0 and 100 percent")
        if number != round(number, 4):
            raise ValueError(f"{value} is finer than 0.0001 percent")
        return number
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Percent = Annotated[Decimal, BeforeValidator(parse_percent)]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AgentRef = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*@[0-9A-Za-z][0-9A-Za-z.+-]*$")]
"""``NAME@VERSION`` of a manifest in ``policies/agents``."""


class Margin(Strict):
    """The largest tolerated worsening. ``relative`` is a share of the human arm's mean."""

    value: float
    relative: bool = False


def parse_margin(value: Any) -> Any:
    """``0.15`` in the metric's own unit, ``2pp`` of a rate, ``10%`` of the human arm's mean."""
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is a boolean; write a margin such as 0.15, 2pp or 10%")  # noqa: TRY004
    if isinstance(value, int | float | str):
        found = _MARGIN.match(str(value).strip())
        if not found:
            raise ValueError(f"{value!r} is not a margin; write e.g. 0.15, 2pp or 10%")
        number, unit = float(found.group(1)), found.group(2)
        if not 0 < number < float("inf"):
            raise ValueError(f"a margin of {value} can never be met; it must be larger than 0")
        return Margin(value=number / 100 if unit else number, relative=unit == "%")
    return value


class Owners(Strict):
    """The people a gate needs: without them nobody answers for the rollout."""

    workflow: str = Field(min_length=1)
    technical: str = Field(min_length=1)
    escalation: str = Field(min_length=1)


class Eligibility(Strict):
    """Which tickets may be randomised. A key left out admits every value, unknown ones included."""

    complexity: list[Complexity] | None = None
    urgency: list[Urgency] | None = None
    category: list[str] | None = None
    channel: list[str] | None = None
    language: list[str] | None = None
    region: list[str] | None = None
    tier: list[str] | None = None

    @field_validator("*")
    @classmethod
    def _not_empty(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and not value:
            raise ValueError("an empty list admits nobody; leave the key out to admit everybody")
        return value

    def narrowed(self, other: "Eligibility | None") -> "Eligibility":
        """The same eligibility, with the keys that ``other`` sets put in their place."""
        return self if other is None else self.model_copy(update=other.model_dump(exclude_none=True))


class ShadowSettings(Strict):
    """What a shadow run may take: the share of tickets it sees, its money, its time."""

    percentage: Percent = Decimal(100)
    budget_usd_per_day: float = Field(gt=0)
    concurrency: int = Field(ge=1, le=1024)
    deadline: Duration


class Step(Strict):
    """One rung of the ladder."""

    name: Slug
    mode: Mode = Field(default=Mode.LIVE, strict=False)
    set_weight: Percent | None = None
    min_duration: Duration = timedelta(0)
    max_duration: Duration | None = None
    gate: list[str] | None = None
    """Metrics that must pass to leave the step; left out means all guardrails."""
    margin_scale: float = Field(default=1.0, ge=1)
    """The plan's margins times this apply in the step; later steps may not be looser."""
    eligible: Eligibility | None = None
    approval: bool = False
    consecutive_passes: int = Field(default=1, ge=1)
    shadow: ShadowSettings | None = None

    @field_validator("mode", mode="before")
    @classmethod
    def _mode(cls, value: Any) -> Any:
        return value

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode is Mode.SHADOW:
            if self.set_weight is not None:
                raise ValueError("a shadow step serves nobody: remove set_weight")
            if self.shadow is None:
                raise ValueError(
                    "a shadow step needs 'shadow' with budget_usd_per_day, concurrency and deadline"
                )
        else:
            if self.set_weight is None:
                raise ValueError(f"a {self.mode} step needs set_weight, the percent of eligible units")
            if self.shadow is not None:
                raise ValueError(f"'shadow' settings have no meaning in a {self.mode} step; remove them")
        if self.max_duration is not None and self.max_duration < self.min_duration:
            raise ValueError("max_duration is shorter than min_duration")
        return self

    @property
    def weight(self) -> Decimal:
        return self.set_weight or Decimal(0)


class Canary(Strict):
    """An update of the agent: it splits the agent's own share, the humans keep theirs."""

    agent: AgentRef
    steps: list[Step] = Field(min_length=1)


class Band(Strict):
    """The range a rate must stay in, as shares (0 to 1); below it fails as well as above."""

    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)


def _parse_band(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a band is a list of two percentages, e.g. [5%, 45%]")
    low, high = (float(parse_percent(part)) / 100 for part in value)
    if low >= high:
        raise ValueError(f"the band's lower end {value[0]} is not below its upper end {value[1]}")
    return Band(low=low, high=high)


class MetricRule(Strict):
    """What the plan asks of one metric."""

    role: Role = Field(default=Role.GUARDRAIL, strict=False)
    margin: Annotated[Margin | None, BeforeValidator(parse_margin)] = None
    """Required of a guardrail that compares arms."""
    floor: Percent | None = None
    """Shadow and assist rates are judged against a fixed floor (better: higher) …"""
    ceiling: Percent | None = None
    """… or a ceiling (better: lower), because they have no human arm beside them."""
    improve: Annotated[Margin | None, BeforeValidator(parse_margin)] = None
    """Of a goal: the improvement it is for."""
    by: Literal["category"] | None = None
    band: dict[str, Annotated[Band, BeforeValidator(_parse_band)]] | None = None
    cap: float | None = Field(default=None, gt=0)
    """Winsorising cap for costs and times, in the metric's unit, fixed before the start."""


class Inference(Strict):
    """The error rates people accept. No defaults: they are a decision."""

    alpha: float = Field(gt=0, lt=0.5)
    power: float = Field(gt=0.5, lt=1)
    method: Literal["sequential", "group_sequential", "fixed_horizon"] = "sequential"
    harm_alpha: float | None = Field(default=None, gt=0, lt=0.5)
    """For rollbacks, shared among the guardrails; alpha where left out."""


class FreezeWindow(Strict):
    """Whole days, both ends included, UTC: nothing is promoted, rolling back stays allowed."""

    first: date
    last: date

    def covers(self, moment: datetime) -> bool:
        start = datetime.combine(self.first, time.min, UTC)
        return start <= moment < datetime.combine(self.last, time.min, UTC) + timedelta(days=1)


def _parse_window(value: Any) -> Any:
    if not isinstance(value, str) or value.count("/") != 1:
        raise ValueError(f"{value!r} is not a window; write first/last day, e.g. 2026-12-18/2027-01-04")
    try:
        first, last = (date.fromisoformat(part.strip()) for part in value.split("/"))
    except ValueError as error:
        raise ValueError(f"{value!r}: {error}; write days as YYYY-MM-DD") from None
    if last < first:
        raise ValueError(f"{value!r} ends before it begins")
    return FreezeWindow(first=first, last=last)


class Volume(Strict):
    """What the desk expects, for planning before there is history."""

    tickets_per_day: float = Field(gt=0)
    csat_response: Percent = Decimal(12)


class Cost(Strict):
    """What a minute of a person costs, so that hand-offs are counted at their price."""

    human_usd_per_hour: float = Field(gt=0)


class Plan(Strict):
    """One workflow's whole promise: who may be exposed, how far, on what evidence."""

    workflow: Slug
    tenant: Slug = "default"
    owners: Owners
    unit: Literal["customer"]
    salt: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    holdout: Percent = Decimal(0)
    categories: list[Slug] = [category.value for category in Category]
    """The categories this desk knows; the six of the common triage unless stated."""
    eligible: Eligibility = Eligibility()
    agent: AgentRef
    steps: list[Step] = Field(min_length=1)
    canary: Canary | None = None
    metrics: dict[str, MetricRule] = Field(min_length=1)
    monitors: list[str] = []
    on_fail: Literal["roll_back", "pause"] = "roll_back"
    open_conversations: Literal["keep", "release"] = "keep"
    """After an abort: open conversations stay with the agent, or go to a human at once."""
    inference: Inference
    freeze: list[Annotated[FreezeWindow, BeforeValidator(_parse_window)]] = []
    volume: Volume | None = None
    cost: Cost | None = None

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
