"""CSAT: the mean of answered surveys, 1 to 5.

One rating per ticket (the newest), one per customer and week (the first): answering often buys
nothing. Who answered is decided after treatment, so the response rate stands beside every mean.
"""

from typing import Final

from policies.vocabulary import METRICS
from rollout.measure.definition import Definition

RATING_WINDOW_DAYS: Final = 7
"""A customer has one voice per calendar window of so many days."""
_LAG: Final = f"INTERVAL {METRICS['csat'].lag_hours:.0f} HOUR"
OFFERED: Final = "(csat_offered_at <= $as_of OR csat_at <= $as_of)"
ANSWERED: Final = "(csat IS NOT NULL AND csat_at <= $as_of)"
RIPE: Final = f"(coalesce(csat_offered_at, csat_at) <= $as_of - {_LAG})"
"""Offered long enough ago that an answer may be expected to be there."""


def repeated(named_by: str) -> str:
    """Tickets whose rating is a customer's second or later within a week, by the column named."""
    return f"""
    SELECT {named_by} FROM tickets WHERE {ANSWERED}
    QUALIFY row_number() OVER (
        PARTITION BY customer_id, epoch_us(csat_at) // {RATING_WINDOW_DAYS * 86_400_000_000}
        ORDER BY csat_at, ticket_id) > 1"""


REPEATED: Final = repeated("ticket_id")
"""Tickets whose rating does not count, because the customer has rated before in the same week."""

CSAT: Final = Definition(
    "csat",
    counts=f"({ANSWERED} AND NOT repeated)",
    value="csat",
    immature=f"({OFFERED} AND NOT {ANSWERED} AND NOT {RIPE})",
    matures_at=f"csat_offered_at + {_LAG}",
    exclusions="unanswered surveys; a customer's second and later ratings within one week",
)
RESPONSE: Final = Definition(
    "csat_response",
    counts=f"({OFFERED} AND {RIPE})",
    value=ANSWERED,
    exclusions="surveys offered less than three days ago",
)
"""Not a metric of plans: it says whether CSAT can be read at all."""
METRICS_HERE: Final = (CSAT,)
