"""Assist: the agent drafts, a person sends. What they did to the draft is the evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Literal

from agents.checks import validator
from agents.contract import Action, Agent, Packet, Reply, Source, Ticket, Toolset, Triage
from rollout.handle.attempt import attempt
from rollout.records import Handled

Decision = Literal["accept", "edit", "reject"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft for a person to look at. Nothing is sent."""

    ticket_id: str
    version: str
    text: str
    """Empty when the agent would hand off, failed or was late: the person writes it themselves."""
    sources: tuple[Source, ...]
    violations: tuple[str, ...]
    """Shown beside the draft; a draft with violations can be edited or rejected, not accepted."""
    packet: Packet | None
    reply: Reply | None
    seconds: float
    error: str | None = None


async def propose(
    agent: Agent,
    ticket: Ticket,
    triage: Triage,
    tools: Toolset,
    *,
    deadline: float,
    timer: Callable[[], float] = monotonic,
) -> Proposal:
    """A draft within the deadline (seconds), or an empty one. Its tools should be read-only ones."""
    run = await attempt(agent, ticket, triage, tools, deadline=deadline, timer=timer)
    reply = run.reply
    text = reply.text if reply is not None and reply.action is Action.REPLY else ""
    found = (*reply.violations, *validator.prohibited(text)) if reply is not None else ()
    return Proposal(
        ticket_id=ticket.ticket_id,
        version=agent.version,
        text=text,
        sources=reply.sources if reply is not None else (),
        violations=tuple(dict.fromkeys(found)),
        packet=reply.packet if reply is not None else None,
        reply=reply,
        seconds=run.seconds,
        error=f"{run.failure}: {run.detail}" if run.failure else None,
    )


def decided(
    proposal: Proposal, decision: Decision, *, at: datetime, human_seconds: float, text: str = ""
) -> tuple[str, Handled]:
    """What goes to the customer and what is recorded, once a person has decided.

    Args:
        proposal: the draft they saw.
        decision: ``accept`` sends the draft, ``edit`` and ``reject`` send ``text``.
        at: when.
        human_seconds: how long they worked on it.
        text: their own words.

    Raises:
        ValueError: an empty draft or one with violations is accepted, or there is no text to send.

    """
    if decision == "accept" and (not proposal.text or proposal.violations):
        what = ", ".join(proposal.violations) or "it is empty"
        raise ValueError(f"the draft for {proposal.ticket_id} cannot be accepted ({what}); edit or reject it")
    sent = proposal.text if decision == "accept" else text
    if not sent.strip():
        raise ValueError(f"nothing to send for {proposal.ticket_id}; write the reply")
    outcome = {"accept": "draft_sent", "edit": "draft_edited", "reject": "draft_rejected"}[decision]
    usage = proposal.reply.usage if proposal.reply is not None else None
    return sent, Handled(
        ticket_id=proposal.ticket_id,
        handler="human",
        version=proposal.version,
        outcome=outcome,
        first_response_at=at,
        finished_at=at,
        turns=1,
        human_seconds=human_seconds,
        latency_seconds=proposal.seconds,
        cost_usd=usage.cost_usd if usage is not None else None,
        model=usage.model if usage is not None else None,
        confidence=proposal.reply.confidence if proposal.reply is not None else None,
        sources=tuple(source.source_id for source in proposal.sources),
        violations=proposal.violations,
        error=proposal.error,
    )
