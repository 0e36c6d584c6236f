"""Outcomes as events: what became of a ticket, reported by the desk. Idempotent by the sender's id."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from rollout.api.inputs import Csat, Escalation, Handling, Resolution
from rollout.api.problems import Refused
from rollout.records import Escalated, Event, Handled, Kind, Rated, Resolved

RESERVED: Final = (
    *("ticket:", "triage:", "assignment:", "comparison:"),
    *("transition:", "history:", "config:", "plan:", "erasure:", "webhook:", "incident:", "access:"),
    *("review:", "handling:", "escalation:", "draft:", "draft-", "turn:", "claim:", "correction:", "label:"),
)
"""Beginnings of event ids that only the server gives, so that nobody can take a ticket's place."""

Reported = Resolution | Csat | Escalation | Handling


def event_of(outcome: Reported, workflow: str | None, tenant: str, actor: str = "api") -> Event:
    """The event that records ``outcome``.

    Raises:
        Refused: its id begins like one of the server's own.

    """
    if outcome.event_id.startswith(RESERVED):
        own = outcome.event_id.split(":", 1)[0]
        raise Refused(
            "invalid",
            f"event_id {outcome.event_id!r}: ids beginning with '{own}:' are the server's; choose another",
        )
    kind, payload = _payload(outcome)
    return Event(
        event_id=outcome.event_id,
        kind=kind,
        occurred_at=outcome.occurred_at,
        payload=payload,
        tenant=tenant,
        workflow=outcome.workflow or workflow,
        actor=actor,
    )


def _payload(outcome: Reported) -> tuple[Kind, Any]:
    match outcome:
        case Resolution():
            closed = Resolved(
                ticket_id=outcome.ticket_id,
                resolved_at=outcome.occurred_at,
                kind=outcome.kind,
                path=outcome.path,
                closed_reason=outcome.closed_reason,
            )
            return Kind.RESOLUTION, closed
        case Csat():
            return Kind.CSAT, Rated(outcome.ticket_id, outcome.score, outcome.occurred_at)
        case Escalation():
            return Kind.ESCALATION, Escalated(**_same(outcome, Escalated))
        case Handling():
            return Kind.HANDLING, Handled(**_same(outcome, Handled), finished_at=outcome.occurred_at)


def _same(outcome: Reported, payload: type[Escalated | Handled]) -> Mapping[str, Any]:
    """The fields that the request and the record have in common."""
    names = {field.name for field in fields(payload)}
    return {name: value for name, value in outcome if name in names}
