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
    # Numbers compare several times as fast as a time with a time plus an interval.
    return f"coalesce(epoch_us(recontact_at) - epoch_us(resolved_at) <= {days * 86_400_000_000}, FALSE)"


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
