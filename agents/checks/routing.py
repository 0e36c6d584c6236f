"""A ticket put to the route table: which lane of agents, or which queue of people."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from agents.checks.escalation import (
    BILLING_SPECIALIST,
    CONDUCT_BREACH,
    HARD_REASONS,
    SENSITIVE_TOPIC,
    TIER_POLICY,
)
from agents.contract import Ticket, Triage
from policies.route_table import Routed, RouteTable, Trigger, decide, facts_of, in_force, queue_for
from policies.vocabulary import Complexity, Urgency

KEPT_BY_ROUTES: Final = "kept-by-routes"
"""Reason of a hand-off that the route table alone asks for."""
_GRAVEST_FIRST: Final[tuple[tuple[frozenset[str], Trigger], ...]] = (
    (frozenset(HARD_REASONS), "hard"),
    (frozenset({SENSITIVE_TOPIC, CONDUCT_BREACH}), "sensitive"),
    (frozenset({BILLING_SPECIALIST}), "billing_specialist"),
    (frozenset({TIER_POLICY}), "kept"),
)


def trigger_of(reasons: Collection[str]) -> Trigger:
    """What a table calls the gravest of some reasons to hand off; ``none`` where there are none."""
    for codes, trigger in _GRAVEST_FIRST:
        if codes & set(reasons):
            return trigger
    return "doubt" if reasons else "none"


def route(
    ticket: Ticket, triage: Triage, reasons: Collection[str] = (), table: RouteTable | None = None
) -> Routed:
    """Where a ticket goes.

    Args:
        ticket: as it stands.
        triage: of the ticket.
        reasons: why it is handed off; none asks where it would go otherwise.
        table: the one in force where left out.

    """
    table = table or in_force()
    facts = facts_of(
        table,
        trigger=trigger_of(reasons),
        urgency=triage.urgency,
        complexity=triage.complexity,
        category=triage.category,
        tier=ticket.tier,
        identity=bool(triage.entities.get("order_numbers")),
    )
    return decide(table, facts)


def queue(
    *,
    tier: str | None,
    reasons: Collection[str],
    urgency: Urgency | None = None,
    complexity: Complexity | None = None,
    category: str | None = None,
    table: RouteTable | None = None,
) -> str:
    """The queue of a hand-off, apart from those of other tiers.

    A hand-off is one whatever the reasons: without any it counts as a doubt, and never reaches a lane.
    """
    table = table or in_force()
    facts = facts_of(
        table,
        trigger=trigger_of(reasons) if reasons else "doubt",
        urgency=urgency,
        complexity=complexity,
        category=category,
        tier=tier,
        identity=False,
    )
    return queue_for(decide(table, facts).to, tier)


def traced(routed: Routed) -> Mapping[str, Any]:
    """For a decision's trace."""
    authenticated = None if routed.lane is None else routed.lane.authenticated
    return {"step": "route", "row": routed.row, "to": routed.to, "authenticated": authenticated}
