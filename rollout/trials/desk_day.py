"""What a simulated day leaves behind: the world's outcomes as the events a real desk would record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from agents.contract import Ticket
from policies.manifest import AgentVersion
from policies.vocabulary import Arm, Path
from rollout.records import Assigned, Compared, Escalated, Event, Handled, Kind, Rated, Resolved
from rollout.router import Routed
from rollout.trials.world import Served, Service, Visit, World

ACTOR: Final = "demo-desk"
_REASONS: Final = (
    *("low-confidence",) * 6,
    *("low-retrieval-confidence",) * 2,
    *("asked-for-human", "sentiment-degradation"),
)
"""Why agents hand off, in turns."""
PEOPLE: Final = Service()


@dataclass(frozen=True, slots=True)
class Appeal:
    """What the world's customers make of a version; a manifest cannot know it."""

    satisfaction: float
    unhelped: float


def service_of(manifest: AgentVersion, appeal: Appeal) -> Service:
    """A scripted version as the world feels it: its script's shares, and its appeal.

    Raises:
        ValueError: the version is not scripted.

    """
    script = manifest.script
    if script is None:
        raise ValueError(
            f"{manifest.name}@{manifest.version} has no script; the demo plays scripted versions"
        )
    return Service(
        hands_off=float(script.hands_off) / 100,
        satisfaction=appeal.satisfaction,
        unhelped=appeal.unhelped,
        latency_seconds=script.latency.total_seconds(),
        cost_usd=script.cost_usd,
        violates=float(script.violates) / 100,
        fails=float(script.fails) / 100,
        confidence=script.confidence,
    )


def events_of(
    world: World, visits: Sequence[Visit], routed: Sequence[Routed], services: Mapping[str, Service]
) -> list[Event]:
    """Everything that will happen to a batch of routed tickets, each event at its own time."""
    serving = [_service(each.assigned, services) for each in routed]
    served = world.serve(visits, serving)
    events = [
        event
        for n, (each, service) in enumerate(zip(routed, serving, strict=True))
        for event in _events(each, service, _row(served, n), cited(visits[n], world))
    ]
    watched = [each for each in routed if each.assigned.reason == "SHADOW"]
    return events + list(_comparisons(world, watched, services))


def _service(assigned: Assigned, services: Mapping[str, Service]) -> Service:
    if assigned.arm == Arm.HUMAN or assigned.version is None:
        return PEOPLE
    return services[assigned.version]


def _row(served: Served, n: int) -> dict[str, Any]:
    return {name: getattr(served, name)[n].item() for name in served.__slots__}


def cited(visit: Visit, world: World) -> dict[str, Any]:
    """What an agent's answer to the visit rests on."""
    article = visit.words.article
    return {
        "sources": (article.source_id,),
        "retrieval_age_days": article.age_days + world.days_since_opening(visit.ticket.opened_at),
        "retrieval_confidence": round(0.9 - 0.5 * visit.hardship, 2),
    }


def _events(
    routed: Routed, service: Service, row: dict[str, Any], cited: Mapping[str, Any]
) -> Iterator[Event]:
    ticket, version = routed.arrival.ticket, routed.assigned.version
    closed = ticket.opened_at + timedelta(seconds=row["resolved"])
    by_agent = service.hands_off is not None
    by_person = not by_agent or row["escalated"]
    if by_agent:
        yield from _by_agent(ticket, version, service, row | ({} if row["failed"] else {"cited": cited}))
    if row["escalated"]:
        at = ticket.opened_at + timedelta(seconds=row["latency"] if by_agent else row["first_response"])
        reason = "agent-failed" if row["failed"] else _why(ticket) if by_agent else "specialist-needed"
        payload: Any = Escalated(ticket.ticket_id, reason, (reason,))
        yield _event(ticket, f"escalation:{ticket.ticket_id}:1", Kind.ESCALATION, at, payload)
    if by_person:
        first = row["first_response"] if not by_agent else row["resolved"] - row["human"]
        payload = Handled(
            ticket_id=ticket.ticket_id,
            handler="human",
            first_response_at=ticket.opened_at + timedelta(seconds=first),
            finished_at=closed,
            turns=2,
            handle_seconds=row["human"],
            human_seconds=row["human"],
        )
        yield _event(ticket, f"handling:{ticket.ticket_id}:human:1", Kind.HANDLING, closed, payload)
    path = Path.HUMAN if not by_agent else Path.AGENT_THEN_HUMAN if by_person else Path.AGENT
    kind = "abandoned" if row["abandoned"] else "assumed"
    payload = Resolved(ticket.ticket_id, closed, kind, Path.ABANDONED if row["abandoned"] else path)
    yield _event(ticket, f"resolution:{ticket.ticket_id}:1", Kind.RESOLUTION, closed, payload)
    if not np.isnan(row["score"]):
        at = ticket.opened_at + timedelta(seconds=row["rated"])
        rated = Rated(ticket.ticket_id, row["score"], at)
        yield _event(ticket, f"csat:{ticket.ticket_id}:1", Kind.CSAT, at, rated)


def _why(ticket: Ticket) -> str:
    return _REASONS[int(ticket.ticket_id.rpartition("-")[2]) % len(_REASONS)]


def _by_agent(
    ticket: Ticket, version: str | None, service: Service, row: Mapping[str, Any]
) -> Iterator[Event]:
    at = ticket.opened_at + timedelta(seconds=row["latency"])
    outcome = "failed" if row["failed"] else "handed_off" if row["escalated"] else "replied"
    payload = Handled(
        ticket_id=ticket.ticket_id,
        handler="agent",
        version=version,
        outcome=outcome,
        first_response_at=None if row["failed"] else at,
        finished_at=at,
        turns=1,
        handle_seconds=row["latency"],
        latency_seconds=row["latency"],
        cost_usd=service.cost_usd,
        model="scripted",
        confidence=0.0 if row["escalated"] else service.confidence,
        violations=("scripted-violation",) if row["violated"] else (),
        error="the script says so" if row["failed"] else None,
        **row.get("cited", {}),
    )
    yield _event(ticket, f"handling:{ticket.ticket_id}:agent:1", Kind.HANDLING, at, payload)


def _comparisons(world: World, watched: Sequence[Routed], services: Mapping[str, Service]) -> Iterator[Event]:
    """Shadow replies beside the humans'. A quarter is read by reviewers, the rest by rules."""
    if not watched:
        return
    version = watched[0].assigned.version
    assert version is not None
    service = services[version]
    columns = world.watch(len(watched), service)
    for n, each in enumerate(watched):
        row = {name: column[n].item() for name, column in columns.items()}
        ticket = each.arrival.ticket
        payload = Compared(
            ticket_id=ticket.ticket_id,
            version=version,
            rater="human:review-team" if row["reviewed"] else "heuristic",
            accuracy=None if row["agent_escalated"] else float(row["accuracy"]),
            tone=None if row["agent_escalated"] else float(row["tone"]),
            policy=float(row["policy"]),
            agent_escalated=row["agent_escalated"],
            human_escalated=row["human_escalated"],
            agreement=float(row["accuracy"] and row["tone"]),
            confidence=round(row["confidence"], 3),
            abstained=row["agent_escalated"],
            violations=() if row["policy"] else ("scripted-violation",),
            latency_seconds=service.latency_seconds,
            cost_usd=service.cost_usd,
        )
        at = ticket.opened_at + timedelta(hours=6)
        yield _event(ticket, f"comparison:{version}:{ticket.ticket_id}", Kind.COMPARISON, at, payload)


def _event(ticket: Ticket, event_id: str, kind: Kind, at: datetime, payload: Any) -> Event:
    return Event(event_id, kind, at, payload, ticket.tenant, ticket.workflow, ticket.region, ACTOR)
