"""From integrity counts to findings: what forbids reading a comparison, and what likely caused it."""

from typing import Final

from experiments.integrity import (
    CROSSED,
    Finding,
    crossover_finding,
    double_assignment_finding,
    eligibility_finding,
    ratio_finding,
)
from experiments.rates import rate_lower
from experiments.srm import SplitCount
from experiments.verdict import Reason
from rollout.evidence import IntegrityCounts, NewUnits

ALPHA: Final = 0.01
"""Chance that one check ever cries wolf."""


def findings_of(counts: IntegrityCounts) -> tuple[Finding, ...]:
    """Everything that makes the comparison unreadable, most severe first; empty where it is sound."""
    treated = any(units.treated for units in counts.new_units)
    # History without a treated arm has nothing to cross into, whoever answered its tickets.
    across = counts.served_across if treated else 0
    found = (
        ratio_finding(split_counts(counts.new_units), alpha=ALPHA),
        double_assignment_finding(counts.double_assigned, counts.tickets, alpha=ALPHA),
        _switched(counts),
        crossover_finding(across, counts.control_tickets, alpha=ALPHA),
        eligibility_finding(split_counts(counts.excluded_units), alpha=ALPHA),
    )
    return tuple(finding for finding in found if finding is not None)


def split_counts(units: tuple[NewUnits, ...]) -> list[SplitCount]:
    """The regimes in which chance decided: one recorded weight, and both arms possible."""
    return [
        SplitCount(each.treated, each.total, each.share)
        for each in units
        if each.share is not None and 0 < each.share < 1
    ]


def _switched(counts: IntegrityCounts) -> Finding | None:
    """Customers in both arms while the weights stood still: the unit was not the customer."""
    if counts.units <= 0 or rate_lower(counts.crossed, counts.units, alpha=ALPHA) <= CROSSED:
        return None
    return Finding(
        Reason.CROSSOVER,
        f"{counts.crossed:,} of {counts.units:,} customers were in both arms while the weights stood "
        f"still ({counts.crossed / counts.units:.1%})",
        ("arms were drawn per ticket instead of per customer", "the salt changed inside a step"),
    )
