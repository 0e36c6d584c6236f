"""What is asked of a metric, and what a gate may answer. Types only; ``judge.py`` decides."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Better = Literal["higher", "lower"]
Unit = Literal["points", "rate", "usd", "seconds", "count"]

RESERVE = 0.06
"""Share of alpha kept for what the normal approximation owes: looked at after every answer, the
e-process spends all it is given, and for all that 6,000 simulated gates at the margin can tell, skewed,
clustered sums may take six percent more than a normal score would."""


class State(StrEnum):
    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class Reason(StrEnum):
    """Why a verdict is what it is. One state never borrows another state's reason."""

    # PASS
    NON_INFERIOR = "NON_INFERIOR"
    WITHIN_LIMIT = "WITHIN_LIMIT"
    WITHIN_BAND = "WITHIN_BAND"
    GOAL_MET = "GOAL_MET"
    # FAIL
    INFERIOR = "INFERIOR"
    BEYOND_LIMIT = "BEYOND_LIMIT"
    OUTSIDE_BAND = "OUTSIDE_BAND"
    GOAL_MISSED = "GOAL_MISSED"
    # INCONCLUSIVE
    UNDERPOWERED = "UNDERPOWERED"
    IMMATURE = "IMMATURE"
    NO_DATA = "NO_DATA"
    FEW_CLUSTERS = "FEW_CLUSTERS"
    """Too few customers, or a few of them dominate: a variance from so few says nothing."""
    NO_VARIATION = "NO_VARIATION"
    """Every observation equal: no information, whatever the difference looks like."""
    NO_BASELINE = "NO_BASELINE"
    """The margin is a share of a human mean that is not above zero."""
    NOT_IDENTIFIED = "NOT_IDENTIFIED"
    """Non-response alone could explain a difference across the margin (Lee bounds straddle it)."""
    NOT_YET = "NOT_YET"
    """A fixed-horizon or group-sequential plan whose look has not come."""
    LOOKS_SPENT = "LOOKS_SPENT"
    """Every planned look was taken and none passed: more data cannot be asked for, a person decides."""
    # INVALID
    NOT_A_NUMBER = "NOT_A_NUMBER"
    SRM = "SRM"
    CROSSOVER = "CROSSOVER"
    DOUBLE_ASSIGNMENT = "DOUBLE_ASSIGNMENT"
    UNEQUAL_ELIGIBILITY = "UNEQUAL_ELIGIBILITY"
    CONTROL_DRIFT = "CONTROL_DRIFT"
    CONTAMINATION = "CONTAMINATION"
    RESPONSE_RATE = "RESPONSE_RATE"


class Method(StrEnum):
    """How often one may look. Values equal those of a plan's ``inference.method``."""

    SEQUENTIAL = "sequential"
    GROUP_SEQUENTIAL = "group_sequential"
    FIXED_HORIZON = "fixed_horizon"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one metric that compares the arms."""

    metric: str
    title: str
    unit: Unit
    better: Better
    margin: float
    """Largest tolerated worsening, > 0: in the metric's own unit (rates as shares, 0.02 is 2 pp),
    or a share of the control mean where ``relative``."""
    relative: bool = False
    scale: float = 1.0
    """κ ≥ 1: the gate of an early step tests scale·margin."""
    treated: str = "the agent"
    control: str = "humans"
    """What people call the two arms."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A fixed floor (better: higher) or ceiling (better: lower) for one arm's metric."""

    metric: str
    title: str
    unit: Unit
    better: Better
    limit: float


@dataclass(frozen=True, slots=True)
class Looks:
    """The planned looks a rollout has taken at one metric since its step began."""

    at: tuple[float, ...] = ()
    """Information at each, ascending."""
    passed: bool = False
    """Whether one of them cleared the margin: between looks nothing is judged anew."""

    def taken(self, information: float, *, passed: bool) -> "Looks":
        """With one look more."""
        return Looks((*self.at, information), self.passed or passed)


@dataclass(frozen=True, slots=True)
class Rules:
    """The error rates people accepted, and how often one looks. No defaults for the rates."""

    alpha: float
    """Chance of promoting past a margin that is exactly met, per gate, one-sided."""
    power: float
    """Chance to pass when there is no difference, planned for all guardrails together."""
    guardrails: int = 1
    """How many metrics can roll back: they share ``harm_alpha``, and 1−power in planning."""
    harm_alpha: float | None = None
    """Chance of any false rollback; alpha where left out."""
    method: Method = Method.SEQUENTIAL
    looks: Looks | None = None
    """Group-sequential and fixed-horizon only: the looks taken so far; these methods have a memory. Where
    nobody kept it, looks at every twentieth of the horizon are assumed, and this one is taken."""

    @property
    def harm_share(self) -> float:
        """The level of one metric's harm test: harm_alpha shared among the guardrails."""
        return (self.alpha if self.harm_alpha is None else self.harm_alpha) / max(self.guardrails, 1)

    @property
    def pass_alpha(self) -> float:
        """The level a pass is tested at: the sequential test keeps ``RESERVE`` of alpha back."""
        return self.alpha * (1 - RESERVE) if self.method is Method.SEQUENTIAL else self.alpha

    @property
    def metric_power(self) -> float:
        """Power to plan one metric for, so that all pass together with ``power``."""
        return 1 - (1 - self.power) / max(self.guardrails, 1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is expected to arrive, so that a wait can be put into days."""

    tickets_per_day: float
    """Eligible tickets."""
    weight: float
    """Share assigned to the treated arm, 0 to 1, of those compared."""
    carried: float = 1.0
    """Share of tickets that carry the metric: 0.12 where 12 % answer the survey."""
    lag_days: float = 0.0
    """Days until a ticket's metric is known for sure."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else is known when a metric is judged. Everything may be left out."""

    immature: int = 0
    """Tickets whose outcome window is still open: counted apart, never as good."""
    mature_from: str | None = None
    """When the next of them matures, as people should read it."""
    mature_by: str | None = None
    """When the last of them does."""
    response_treated: float | None = None
    response_control: float | None = None
    """Shares of offered surveys that were answered."""
    bounds: tuple[float, float] | None = None
    """Lee bounds on treated minus control in the metric's unit, where response rates differ."""
    invalid: tuple[Reason, ...] = ()
    """What the integrity checks found, most severe first."""
    causes: tuple[str, ...] = ()
    """Likely causes of what they found, in plain words."""
    traffic: Traffic | None = None


NOTHING_ELSE = Circumstances()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's answer about one metric, with everything needed to check and to explain it.

    Differences are treated minus control in the metric's own unit and direction (of a limit: the
    arm's own level). ``margin`` is positive, whichever direction is better.
    """

    metric: str
    state: State
    reason: Reason
    sentence: str
    """For a support leader; true for a statistician."""
    estimate: float | None
    se: float | None
    lower: float | None
    upper: float | None
    """Anytime-valid, each end one-sided: the end facing the margin at alpha, the end facing zero at
    the metric's share of harm_alpha."""
    margin: float | None
    """The margin tested at this step (scale·margin), or the limit, in the metric's unit."""
    mde: float | None
    """The smallest margin this much information could clear with the planned power, were there no
    difference."""
    information: float
    """1/variance of the estimate: the clock of the test."""
    needed_information: float | None
    """Where a pass is expected with the planned power, were there no difference."""
    needed_tickets: float | None
    """Further tickets until then; None without a forecast of traffic."""
    needed_days: float | None
    """Days until then, maturity included; infinite where it can never come."""
    n_treated: int
    n_control: int
    clusters: int
    """Customers behind the numbers."""
    mean_treated: float | None
    mean_control: float | None
    design_effect: float | None
    """How much clustering inflates the variance (≥ 1 once floored)."""
    effective_clusters: float
    """As many equal customers would carry the same information."""
    largest_pull: float | None
    """The weightiest customer's share of the estimate; None where it was not counted."""
    immature: int
    mature_from: str | None
    provisional_until: str | None
    """When the last outcome still open at this look is known; None where none is."""
    response_treated: float | None
    response_control: float | None
    causes: tuple[str, ...] = ()
    look: Looks | None = None
    """The looks taken, this one included, where it was a planned one; None where none was taken."""

    @property
    def passed(self) -> bool:
        return self.state is State.PASS

    @property
    def failed(self) -> bool:
        return self.state is State.FAIL
