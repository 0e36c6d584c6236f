"""Shadow and assist: an agent beside a human on the same ticket. No customer outcome exists here."""

from typing import Final

from rollout.measure.definition import Definition

COMPARED: Final = "(dropped IS NULL)"
JUDGED: Final = f"({COMPARED} AND starts_with(rater, 'human:'))"
"""Labels that may carry a gate. A heuristic sorts comparisons for reading; it is no evidence of quality."""
BOTH_KNOWN: Final = "agent_escalated IS NOT NULL AND human_escalated IS NOT NULL"

METRICS_HERE: Final = (
    Definition(
        "agreement",
        counts=f"({JUDGED} AND agreement IS NOT NULL)",
        value="agreement",
        unknown=f"({COMPARED} AND NOT ({JUDGED} AND agreement IS NOT NULL))",
        exclusions="dropped comparisons; those no person has rated, a heuristic's guess included",
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
        counts=f"({JUDGED} AND {BOTH_KNOWN})",
        value="(human_escalated AND NOT agent_escalated)",
        unknown=f"({COMPARED} AND NOT ({JUDGED} AND {BOTH_KNOWN}))",
        exclusions="dropped comparisons; those where no person judged whether a human was needed",
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
