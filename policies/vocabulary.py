"""The closed vocabularies that plans, agents, records and reports share."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class Category(StrEnum):
    """What a ticket is about. A plan may declare further categories of its own."""

    BILLING = "billing"
    TECHNICAL = "technical"
    ACCOUNT = "account"
    SHIPPING = "shipping"
    RETURNS = "returns"
    GENERAL = "general"


class Urgency(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Sentiment(StrEnum):
    ANGRY = "angry"
    FRUSTRATED = "frustrated"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Complexity(StrEnum):
    SIMPLE = "simple"
    MODERATE = "moderate"
    COMPLEX = "complex"
    UNKNOWN = "unknown"


class Arm(StrEnum):
    """The treatment a ticket was randomised to; never changed by who ended up handling it."""

    HUMAN = "human"
    AGENT = "agent"
    CANARY = "canary"


class Mode(StrEnum):
    SHADOW = "shadow"
    ASSIST = "assist"
    LIVE = "live"


class Path(StrEnum):
    """Who served the customer in the end: descriptive, decided after treatment, never a gate."""

    AGENT = "agent"
    HUMAN = "human"
    AGENT_THEN_HUMAN = "agent_then_human"
    ABANDONED = "abandoned"


class Role(StrEnum):
    """A guardrail may not get worse than its margin; a goal is what the rollout is for."""

    GUARDRAIL = "guardrail"
    GOAL = "goal"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric name means to a plan; how it is computed lives in ``rollout/measure``."""

    name: str
    unit: Literal["points", "rate", "usd", "seconds", "count"]
    better: Literal["higher", "lower"]
    evidence: Literal["outcome", "shadow", "assist"]
    """Which mode produces it: outcomes of live arms, shadow comparisons, or assisted drafts."""
    lag_hours: float
    """Hours from the ticket until the metric is known for sure (its maturity)."""
    title: str
    limit: float | None = None
    """Of metrics with no human arm to compare with: the floor (better: higher) or ceiling (better:
    lower) that holds where a plan states none. Metrics that compare arms have a margin instead,
    and that has no default."""


LARGE_HARM: Final = 0.5
"""A monitor on a metric for which the plan states no margin screens for this relative worsening."""

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric("csat", "points", "higher", "outcome", 72, "CSAT (1 to 5)"),
        Metric("recontact_7d", "rate", "lower", "outcome", 7 * 24, "Re-contact within 7 days"),
        Metric("recontact_2d", "rate", "lower", "outcome", 2 * 24, "Re-contact within 2 days"),
        Metric("escalation", "rate", "lower", "outcome", 0, "Escalation to a human"),
        Metric("cost", "usd", "lower", "outcome", 0, "Cost per ticket"),
        Metric("handle_time", "seconds", "lower", "outcome", 0, "Handle time"),
        Metric("first_response", "seconds", "lower", "outcome", 0, "First response time"),
        Metric("violations", "rate", "lower", "outcome", 0, "Tickets with a policy violation", 0.01),
        Metric("errors", "rate", "lower", "outcome", 0, "Tickets where the agent failed", 0.02),
        Metric("latency", "seconds", "lower", "outcome", 0, "Agent reply latency", 30.0),
        Metric("agreement", "rate", "higher", "shadow", 0, "Shadow replies that agree with the human", 0.8),
        Metric("shadow_violations", "rate", "lower", "shadow", 0, "Shadow replies that break a policy", 0.01),
        Metric(
            "missed_escalation", "rate", "lower", "shadow", 0, "Escalations the agent would have missed", 0.02
        ),
        Metric("accepted_drafts", "rate", "higher", "assist", 0, "Drafts sent as they were", 0.6),
    )
}
"""Every metric a plan may name. In a shadow step ``violations`` means ``shadow_violations``."""
