"""What measuring hands to judging: sums and counts as of one moment, for one track of one workflow.

Both stages use these values and neither knows the other; only the conductors bring them together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from experiments.samples import Comparison, OneSample


@dataclass(frozen=True, slots=True)
class Histogram:
    """Answered ratings by score in one arm, and how many were asked."""

    scores: tuple[int, int, int, int, int]
    """How many gave 1, 2, 3, 4 and 5."""
    offered: int
    """Surveys offered long enough ago to have been answered."""
    answered: int
    """Of those, answered."""

    @property
    def response_rate(self) -> float | None:
        return self.answered / self.offered if self.offered else None


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """Everything counted about one metric. Exactly one of ``difference`` and ``level`` is set."""

    metric: str
    difference: Comparison | None = None
    """Treated against control."""
    level: OneSample | None = None
    """The treated arm alone, against a fixed limit."""
    by_category: Mapping[str, OneSample] = field(default_factory=dict)
    """The treated arm's level per category, where the plan has a band for it."""
    immature: int = 0
    """Tickets whose outcome window was still open: counted apart, never as good."""
    matures_at: datetime | None = None
    """When the next of them closes."""
    mature_by: datetime | None = None
    """When the last of them closes: until then the verdict is provisional."""
    unknown: int = 0
    """Tickets that ended without a recorded value: counted apart, never as zero."""
    unknown_treated: int = 0
    """Those of them in the treated arm."""
    carried: float | None = None
    """Share of the tickets that carry the metric, once mature."""
    treated: Histogram | None = None
    """Of CSAT only."""
    control: Histogram | None = None
    response: Comparison | None = None
    """Of CSAT only: y = answered, d = offered long enough ago."""
    remembered: int = 0
    """Customers of the comparison whose earlier mean is its covariate."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A stretch of the rollout in which the chances of assignment did not change."""

    step: str
    mode: str
    weight: float | None
    """Percent of eligible units for the agent, stable and canary together; None if not recorded."""
    canary_weight: float | None
    first_at: datetime
    last_at: datetime
    tickets: int
    treated: int
    """Of them assigned to the treated arm."""


@dataclass(frozen=True, slots=True)
class NewUnits:
    """Customers first seen in one regime, for the sample-ratio check."""

    step: str
    share: float | None
    """Of them expected in the treated arm; None where no weight was recorded."""
    treated: int
    total: int


@dataclass(frozen=True, slots=True)
class IntegrityCounts:
    """What could make a comparison worthless, as counts."""

    new_units: tuple[NewUnits, ...] = ()
    units: int = 0
    """Customers of the comparison."""
    crossed: int = 0
    """Customers met in both arms while the weights stood still."""
    tickets: int = 0
    double_assigned: int = 0
    """Tickets that were assigned to more than one arm."""
    control_tickets: int = 0
    served_across: int = 0
    """Tickets of the human arm that an agent answered all the same; counted on the ladder only."""
    excluded_units: tuple[NewUnits, ...] = ()
    """Customers with an excluded ticket, by arm: exclusion must not depend on the arm."""


@dataclass(frozen=True, slots=True)
class Erosion:
    """The human arm of a comparison beside the same people earlier."""

    since: str = ""
    """What it is held against, in words: ``before the rollout``."""
    periods: Mapping[str, Comparison] = field(default_factory=dict)
    """Metric to control tickets: those a verdict rests on ("treated") against the earlier ones."""
    missing: str | None = None
    """Why there is nothing to hold it against."""
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """How long the human arm waits, after many and after few escalations of the agent."""

    hours: Comparison | None = None
    """y = ln(60 s + wait); "treated" are hours after more escalations than usual, clusters are days."""
    escalations: int = 0
    missing: str | None = None
    """Why the two cannot be told apart."""
    sql: str = ""


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """Everything one gate is judged on."""

    workflow: str
    track: str
    step: str | None
    """The step judged; None where no ticket was ever assigned."""
    mode: str
    version: str | None
    """The treated version the evidence is about."""
    as_of: datetime
    metrics: Mapping[str, MetricEvidence]
    integrity: IntegrityCounts = IntegrityCounts()
    steps: tuple[str, ...] = ()
    """Steps whose tickets are in the sums."""
    tickets: int = 0
    tickets_per_day: float | None = None
    """Tickets of the comparison per day, over the last weeks before ``as_of``."""
    treated_share: float | None = None
    """Share of them assigned to the treated arm at the weights now in force, 0 to 1."""
    queries: Mapping[str, str] = field(default_factory=dict)
    """The SQL behind it, by what it counted."""
