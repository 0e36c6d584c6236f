"""Re-contact: the customer came back on the same issue after the ticket was said to be resolved.

The clock starts at resolution. A ticket whose window is still open is immature: it is neither good
nor bad, even when the customer is back already, because counting only the early returns would
overstate the rate.
"""

from typing import Final

from rollout.measure.definition import Definition

CLAIMED: Final = "(resolution IN ('confirmed', 'assumed') AND resolved_at <= $as_of)"
"""Resolutions somebody claimed; an abandoned ticket claims nothing."""


def matured(days: int) -> str:
    return f"(resolution IN ('confirmed', 'assumed') AND resolved_at <= $as_of - INTERVAL {days} DAY)"


def returned(days: int) -> str:
    return f"(recontact_at IS NOT NULL AND recontact_at <= resolved_at + INTERVAL {days} DAY)"


def _within(days: int) -> Definition:
    return Definition(
        f"recontact_{days}d",
        counts=matured(days),
        value=returned(days),
        immature=f"({CLAIMED} AND NOT {matured(days)})",
        matures_at=f"resolved_at + INTERVAL {days} DAY",
        exclusions=f"tickets nobody claimed to have resolved; resolutions younger than {days} days",
    )


RECONTACT_7D: Final = _within(7)
METRICS_HERE: Final = (RECONTACT_7D, _within(2))
