"""What is recorded of a decision, made ready for the journal without the detour over payload objects.

The hot loop writes three records per ticket. Filling a frozen data class for each, and having it taken
apart again, costs more than the decision. Here the payloads are written as the mappings they become, with
their names in order; a test holds every byte to what ``prepare`` makes of ``events_of``.
"""

from collections.abc import Mapping
from typing import Any, Final

from rollout.record.line import Prepared, bundled
from rollout.records import Kind
from rollout.router import ACTOR, Routed

_TICKET: Final = Kind.TICKET.value
_TRIAGE: Final = Kind.TRIAGE.value
_ASSIGNMENT: Final = Kind.ASSIGNMENT.value


def prepared_of(routed: Routed, content: Mapping[str, str]) -> Prepared:
    """The ticket, its triage and its assignment, to be written as one line.

    Args:
        routed: the decision; its times are in UTC.
        content: references of the ticket's texts by part.

    Raises:
        InvalidEvent: a record is too large.

    """
    arrival, triage, assigned = routed.arrival, routed.triage, routed.assigned
    ticket = arrival.ticket
    ticket_id, opened_at, region = ticket.ticket_id, ticket.opened_at, ticket.region
    decided_at = assigned.assigned_at
    about = (ticket.tenant, ticket.workflow, region, ACTOR)
    opened: dict[str, Any] = {
        "channel": ticket.channel,
        "content": content,
        "customer_id": ticket.customer_id,
        "excluded": arrival.excluded,
        "issue_key": ticket.issue_key,
        "language": ticket.language,
        "opened_at": opened_at,
        "region": region,
        "source": arrival.source,
        "ticket_id": ticket_id,
        "tier": ticket.tier,
    }
    triaged: dict[str, Any] = {
        "category": triage.category,
        "complexity": triage.complexity,
        "sentiment": triage.sentiment,
        "signals": triage.signals,
        "ticket_id": ticket_id,
        "urgency": triage.urgency,
        "version": triage.version,
    }
    decided: dict[str, Any] = {
        "arm": assigned.arm,
        "assigned_at": decided_at,
        "bucket": str(assigned.bucket),
        "canary_weight": assigned.canary_weight,
        "detail": assigned.detail,
        "eligible": assigned.eligible,
        "holdout": assigned.holdout,
        "mode": assigned.mode,
        "plan_digest": assigned.plan_digest,
        "position": assigned.position,
        "reason": assigned.reason,
        "step": assigned.step,
        "ticket_id": ticket_id,
        "unit": assigned.unit,
        "version": assigned.version,
        "weight": assigned.weight,
    }
    return bundled(
        [
            {"at": opened_at, "id": f"ticket:{ticket_id}", "kind": _TICKET, "payload": opened},
            {"at": opened_at, "id": f"triage:{ticket_id}", "kind": _TRIAGE, "payload": triaged},
            {"at": decided_at, "id": f"assignment:{ticket_id}", "kind": _ASSIGNMENT, "payload": decided},
        ],
        about,
    )
