"""Escalation: the agent's side decided that a person is needed, at triage or later."""

from typing import Final

from rollout.measure.definition import Definition

ESCALATION: Final = Definition(
    "escalation",
    counts="(escalated IS NOT NULL)",
    value="escalated",
    unknown="(escalated IS NULL)",
    exclusions="none: every assigned ticket counts in its own arm",
)
METRICS_HERE: Final = (ESCALATION,)
