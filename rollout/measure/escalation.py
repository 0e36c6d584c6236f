"""Escalation: the agent's side decided that a person is needed, at triage or later.

As of then: what was escalated afterwards had not been. Where nobody recorded when, it counts at once.
"""

from typing import Final

from rollout.measure.definition import Definition

ESCALATION: Final = Definition(
    "escalation",
    counts="(escalated IS NOT NULL)",
    value="(escalated AND coalesce(escalated_at <= $as_of, TRUE))",
    unknown="(escalated IS NULL)",
    exclusions="none: every assigned ticket counts in its own arm",
)
METRICS_HERE: Final = (ESCALATION,)
