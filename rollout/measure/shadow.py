"""Shadow and assist: an agent beside a human on the same ticket. No customer outcome exists here."""

from typing import Final

from rollout.measure.definition import Definition

COMPARED: Final = "(dropped IS NULL)"

METRICS_HERE: Final = (
    Definition(
        "agreement",
        counts=f"({COMPARED} AND agreement IS NOT NULL)",
        value="agreement",
        unknown=f"({COMPARED} AND agreement IS NULL)",
        exclusions="dropped or unrated comparisons",
        table="comparisons",
    ),
    Definition(
        "shadow_violations",
        counts=f"({COMPARED} AND violations IS NOT NULL)",
        value="(violations > 0)",
        exclusions="dropped comparisons",
        table="comparisons",
    ),
    Definition(
        "missed_escalation",
        counts=f"({COMPARED} AND agent_escalated IS NOT NULL AND human_escalated IS NOT NULL)",
        value="(human_escalated AND NOT agent_escalated)",
        unknown=f"({COMPARED} AND (agent_escalated IS NULL OR human_escalated IS NULL))",
        exclusions="dropped comparisons; tickets where nobody judged whether a person was needed",
        table="comparisons",
    ),
    Definition(
        "accepted_drafts",
        counts="(outcome IN ('draft_sent', 'draft_edited', 'draft_rejected'))",
        value="(outcome = 'draft_sent')",
        exclusions="assisted tickets without a decision on the draft",
        table="handlings",
    ),
)
