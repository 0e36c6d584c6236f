"""Shadow and assist: an agent beside a human on the same ticket. No customer outcome exists here.

The rows are replies (``rollout.measure.comparisons``): labels are people's, averaged over raters.
"""

from typing import Final

from rollout.measure.definition import Definition

METRICS_HERE: Final = (
    Definition(
        "agreement",
        counts="(compared AND agreement IS NOT NULL)",
        value="agreement",
        unknown="(compared AND agreement IS NULL)",
        exclusions="dropped comparisons; those no person has rated, a heuristic's guess included",
        table="comparisons",
    ),
    Definition(
        "shadow_violations",
        counts="(compared AND violations IS NOT NULL)",
        value="(violations > 0)",
        exclusions="dropped comparisons",
        table="comparisons",
        chance="chance_seen",
    ),
    Definition(
        "missed_escalation",
        counts="(compared AND missed IS NOT NULL)",
        value="missed",
        unknown="(compared AND missed IS NULL)",
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
"""One arm's level: shadow comparisons, assisted drafts, and per-category rates for bands."""
