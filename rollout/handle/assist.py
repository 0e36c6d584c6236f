"""Assist: the agent drafts, a person sends. What they did to the draft is the evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from agents.checks import validator
from agents.contract import Action, Agent, Packet, Reply, Source, Ticket, Toolset, Triage
from rollout.handle.attempt import attempt

Decision = Literal["approve", "edit", "reject"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft for a person to look at. Nothing is sent."""

    ticket_id: str
    version: str
    text: str
    """Empty when the agent would hand off, failed or was late: the person writes it themselves."""
    sources: tuple[Source, ...]
    violations: tuple[str, ...]
    """Shown beside the draft; a draft with violations can be edited or rejected, not approved."""
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


def decided(draft: str, violations: Sequence[str], decision: Decision, own: str = "") -> tuple[str, str]:
    """What goes to the customer, and what the decision is called on record.

    Args:
        draft: as they saw it; empty when the agent had none.
        violations: rules that it breaks.
        decision: ``approve`` sends the draft, ``edit`` and ``reject`` send ``own``.
        own: their own words; only a rejected draft may be left without, and the ticket then waits on.

    Raises:
        ValueError: an empty draft or one with violations is approved, or there is no text to send.

    """
    if decision == "approve":
        if not draft or violations:
            what = ", ".join(violations) or "it is empty"
            raise ValueError(f"this draft cannot be approved ({what}); edit or reject it")
        return draft, "draft_sent"
    if decision == "edit" and not draft:
        raise ValueError("there is no draft to edit; reject it and write the answer")
    if decision == "edit" and not own.strip():
        raise ValueError("nothing to send; give the edited text")
    return own if own.strip() else "", {"edit": "draft_edited", "reject": "draft_rejected"}[decision]
