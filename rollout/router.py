"""The hot loop, once per ticket: triage, assign, record. It obeys the newest transition, nothing else.

Fails static: a transition that cannot be read leaves the last good split in force. Without any split
a ticket goes to a human.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from agents.contract import Ticket, Triage
from agents.roles.triage import triage as common_triage
from policies.vocabulary import Arm
from rollout.assign.assigner import Assigner
from rollout.assign.bucket import bucket
from rollout.assign.split import Split
from rollout.clock import Clock, SystemClock
from rollout.errors import ConflictingEvent
from rollout.ladder.state import shares_from_json
from rollout.record.content import Text
from rollout.records import Assigned, Event, Kind, Record, TicketOpened, Triaged

NO_SAFE_STATE: Final = "NO_SAFE_STATE"
ACTOR: Final = "router"

_log = logging.getLogger(__name__)


class Ledger(Protocol):
    """What the router needs of a journal."""

    def append(self, events: Sequence[Event]) -> Any: ...

    def find(self, event_id: str, tenant: str = "default") -> Record | None: ...


class Texts(Protocol):
    """What the router needs of a content store."""

    def put(self, texts: Sequence[Text]) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Arrival:
    """A ticket as it comes in, with what the desk knows of it beyond the ticket itself."""

    ticket: Ticket
    excluded: str | None = None
    source: str = "live"


@dataclass(frozen=True, slots=True)
class Routed:
    """An arrival with the decision on it."""

    arrival: Arrival
    triage: Triage
    assigned: Assigned


@dataclass(frozen=True, slots=True)
class _Position:
    """What the newest transition of a workflow put in force."""

    assigner: Assigner
    released: frozenset[str]
    """Versions that may not even finish the conversations they have."""


class Router:
    """Decides and records. Thread-safe: a decision reads one reference, a transition replaces it."""

    def __init__(
        self,
        ledger: Ledger,
        texts: Texts | None = None,
        *,
        clock: Clock | None = None,
        triage: Callable[[Ticket], Triage] = common_triage,
    ) -> None:
        self._ledger = ledger
        self._texts = texts
        self._clock = clock or SystemClock()
        self._triage = triage
        self._positions: dict[tuple[str, str], _Position] = {}

    def obey(self, tenant: str, workflow: str, transition: Mapping[str, Any], seq: int) -> bool:
        """Put a transition's split in force; False, and the last good one stays, if it is unreadable."""
        try:
            split = split_of(workflow, transition, seq)
            quarantined = frozenset(transition["state"]["quarantined"])
            keeps = transition["state"]["split"]["open_conversations"] == "keep"
            position = _Position(Assigner(split), frozenset() if keeps else quarantined)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
            _log.exception("transition %s of %s/%s is unreadable; the split stays", seq, tenant, workflow)
            return False
        self._positions[tenant, workflow] = position
        return True

    def follow(self, records: Iterable[Record]) -> None:
        """Obey every transition among ``records``, in order."""
        for record in records:
            if record.kind == Kind.TRANSITION and record.workflow is not None:
                self.obey(record.tenant, record.workflow, record.payload, record.seq)

    def split(self, tenant: str, workflow: str) -> Split | None:
        """The split in force."""
        position = self._positions.get((tenant, workflow))
        return None if position is None else position.assigner.split

    def decide(self, arrival: Arrival) -> Routed:
        """Where a new ticket goes. Records nothing."""
        ticket = arrival.ticket
        triage = self._triage(ticket)
        position = self._positions.get((ticket.tenant, ticket.workflow))
        if position is None:
            return Routed(arrival, triage, self._to_a_human(ticket))
        attributes = {
            "complexity": triage.complexity,
            "urgency": triage.urgency,
            "category": triage.category,
            "channel": ticket.channel,
            "language": ticket.language,
            "region": ticket.region,
            "tier": ticket.tier,
        }
        assigned = position.assigner.assign(
            ticket.ticket_id, ticket.customer_id, attributes, self._clock.now()
        )
        return Routed(arrival, triage, assigned)

    def route(self, ticket: Ticket, *, excluded: str | None = None, source: str = "live") -> Assigned:
        """Decide and record; durable on return.

        A ticket that was routed before keeps its arm, whatever the split is now.

        Raises:
            QueueFull: more is offered than can be made durable.
            RecordError: the disk refuses.

        """
        return self.record([self.decide(Arrival(ticket, excluded, source))])[0].assigned

    def record(self, decisions: Sequence[Routed]) -> list[Routed]:
        """Make decisions durable with one write; a ticket known before comes back as first decided.

        Raises:
            QueueFull: more is offered than can be made durable.
            RecordError: the disk refuses.

        """
        references = self._store([routed.arrival.ticket for routed in decisions])
        batch = list(zip(decisions, references, strict=True))
        try:
            self._ledger.append([event for each in batch for event in events_of(*each)])
        except ConflictingEvent:
            return [self._known_or_recorded(*each) for each in batch]
        return list(decisions)

    def keep(self, ticket: Ticket) -> Mapping[str, str]:
        """Store the ticket's texts durably; their references by part."""
        return self._store([ticket])[0]

    def keep_all(self, tickets: Sequence[Ticket]) -> list[Mapping[str, str]]:
        """``keep`` for many, with one write."""
        return self._store(tickets)

    def may_serve(self, tenant: str, workflow: str, assigned: Assigned) -> bool:
        """Whether the agent may go on with a conversation it was given; False after a release."""
        position = self._positions.get((tenant, workflow))
        return position is not None and assigned.version not in position.released

    def _known_or_recorded(self, routed: Routed, content: Mapping[str, str]) -> Routed:
        ticket = routed.arrival.ticket
        try:
            self._ledger.append(events_of(routed, content))
        except ConflictingEvent:
            known = self._ledger.find(f"assignment:{ticket.ticket_id}", ticket.tenant)
            if known is None:
                raise
            return replace(routed, assigned=assigned_from(known.payload))
        return routed

    def _store(self, tickets: Sequence[Ticket]) -> list[Mapping[str, str]]:
        """The references of each ticket's texts, by part."""
        if self._texts is None or not any(ticket.subject or ticket.text for ticket in tickets):
            return [{} for _ in tickets]
        texts = [
            Text(ticket.tenant, ticket.customer_id, ticket.ticket_id, part, body)
            for ticket in tickets
            for part, body in (("subject", ticket.subject), ("text", ticket.text))
            if body
        ]
        references: dict[str, dict[str, str]] = {}
        for text, reference in zip(texts, self._texts.put(texts), strict=True):
            references.setdefault(text.ticket_id, {})[text.part] = reference
        return [references.get(ticket.ticket_id, {}) for ticket in tickets]

    def _to_a_human(self, ticket: Ticket) -> Assigned:
        return Assigned(
            ticket_id=ticket.ticket_id,
            unit=ticket.customer_id,
            arm=Arm.HUMAN,
            mode="",
            version=None,
            step="",
            bucket=bucket("", ticket.customer_id),
            weight=0.0,
            canary_weight=0.0,
            holdout=0.0,
            eligible=False,
            reason=NO_SAFE_STATE,
            detail=f"no rollout of {ticket.workflow} has been started",
            plan_digest="",
            position=0,
            assigned_at=self._clock.now(),
        )


def assigned_from(payload: Mapping[str, Any]) -> Assigned:
    """The assignment of a journal record."""
    at = payload["assigned_at"]
    return Assigned(
        **{
            **payload,
            "bucket": int(payload["bucket"]),
            "assigned_at": datetime.fromisoformat(at) if isinstance(at, str) else at,
        }
    )


def split_of(workflow: str, transition: Mapping[str, Any], seq: int) -> Split:
    """The split that a recorded transition put in force.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, ArithmeticError: it is no transition.

    """
    shares = shares_from_json(transition["state"]["split"])
    return Split(
        workflow=workflow,
        step=shares.step,
        mode=shares.mode,
        weight=shares.weight,
        canary_weight=shares.canary_weight,
        holdout=shares.holdout,
        stable=shares.stable,
        salt=shares.salt,
        canary=shares.canary,
        eligibility={key: frozenset(values) for key, values in shares.eligibility.items()},
        plan_digest=transition["plan_digest"],
        position=seq,
    )


def events_of(routed: Routed, content: Mapping[str, str]) -> list[Event]:
    """What is recorded of a decision: the ticket, its triage, its assignment."""
    ticket, triage, assigned = routed.arrival.ticket, routed.triage, routed.assigned
    opened = TicketOpened(
        ticket_id=ticket.ticket_id,
        customer_id=ticket.customer_id,
        opened_at=ticket.opened_at,
        tier=ticket.tier,
        channel=ticket.channel,
        language=ticket.language,
        region=ticket.region,
        issue_key=ticket.issue_key,
        excluded=routed.arrival.excluded,
        content=content,
        source=routed.arrival.source,
    )
    triaged = Triaged(
        ticket_id=ticket.ticket_id,
        category=triage.category,
        urgency=triage.urgency,
        sentiment=triage.sentiment,
        complexity=triage.complexity,
        signals=triage.signals,
        version=triage.version,
    )
    return [
        Event(
            event_id=f"{name}:{ticket.ticket_id}",
            kind=kind,
            occurred_at=at,
            payload=payload,
            tenant=ticket.tenant,
            workflow=ticket.workflow,
            region=ticket.region,
            actor=ACTOR,
        )
        for name, kind, at, payload in (
            ("ticket", Kind.TICKET, ticket.opened_at, opened),
            ("triage", Kind.TRIAGE, ticket.opened_at, triaged),
            ("assignment", Kind.ASSIGNMENT, assigned.assigned_at, assigned),
        )
    ]
