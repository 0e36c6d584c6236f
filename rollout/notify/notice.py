"""A record of the journal as what others are told of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rollout.records import Kind, Record

KINDS: Final = (Kind.ESCALATION.value, Kind.TRANSITION.value, Kind.INCIDENT.value)
"""The kinds of record that anybody is told of."""
_BOOKKEEPING: Final = ("count", "look")
"""Transitions that move nothing."""
_SUBJECT: Final = 200


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell, before it has a form."""

    event: str
    """``handoff``, ``verdict``, ``transition``, ``incident``, or ``ping`` for a test."""
    record: Record
    data: dict[str, Any]
    """What it says, in values that JSON knows."""

    def to_json(self, delivery_id: str) -> dict[str, Any]:
        """The whole message."""
        record = self.record
        return {
            "id": delivery_id,
            "event": self.event,
            "occurred_at": record.occurred_at.isoformat(),
            "seq": record.seq,
            "tenant": record.tenant,
            "workflow": record.workflow,
            "actor": record.actor,
            "data": self.data,
        }


def events_in(record: Record) -> Iterator[str]:
    """The events of a record, by name."""
    if record.kind == Kind.ESCALATION:
        yield "handoff"
    elif record.kind == Kind.INCIDENT:
        yield "incident"
    elif record.kind == Kind.TRANSITION:
        if "decision" in (record.payload.get("evidence") or {}):
            yield "verdict"
        if record.payload.get("action") not in _BOOKKEEPING:
            yield "transition"


def notice(event: str, record: Record, subject: str | None = None) -> Notice:
    """The notice of one event. ``subject`` is the ticket's, where its text is still there."""
    payload = record.payload
    if event == "handoff":
        data = _picked(payload, "ticket_id", "reason", "reasons", "queue", "at_triage")
        data["subject"] = None if subject is None else subject[:_SUBJECT]
    elif event == "verdict":
        evidence = payload["evidence"]
        data = _picked(evidence, "track", "step", "version", "mode", "decision", "reason", "reasons")
        data["metrics"] = [_metric(row) for row in evidence.get("metrics", ())]
    elif event == "transition":
        names = ("action", "track", "from_step", "to_step", "reason", "sentence", "plan_digest")
        data = _picked(payload, *names)
    else:
        data = dict(payload)
    return Notice(event, record, data)


def ping(at: datetime, tenant: str) -> Notice:
    """A message that says nothing but that messages arrive."""
    record = Record(0, "ping", "ping", at, at, tenant, None, None, "ridealong webhooks test", {}, "", "")
    return Notice("ping", record, {"message": "messages of this server arrive here"})


def _metric(row: Any) -> dict[str, Any]:
    names = ("metric", "role", "verdict", "reason", "estimate", "lower", "upper", "margin", "sentence")
    return _picked(row, *names)


def _picked(source: Any, *names: str) -> dict[str, Any]:
    return {name: source.get(name) for name in names}
